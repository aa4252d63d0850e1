/* walk.c: how an envelope moves.
 *
 * One direction, one pass. An envelope stands before a stage; if it is on a route that the stage sees, the
 * stage is called and its verdict decides: walk on, change the route, or wait. It waits in three places only:
 * at a sink until its send is answered, at a sink that holds it, and at a stage that wants it again later.
 * Whoever ends the waiting calls walk() again.
 *
 * Order: behind an envelope that waits for a retry at a stage, the others wait for that stage, too, and the
 * chain takes no new record; so no record overtakes another before a sink. A retry that is long in coming
 * stalls the chain, which is what order costs.
 *
 * What a call emits walks first, as soon as the call has returned, and then its parent goes on. */
#include "chain/walk.h"

#include "chain/when.h"
#include "config/config.h"

#include <stdio.h>
#include <stdlib.h>

#define RETRY_FIRST_MS 50
#define RETRY_MOST_MS 10000
#define RECORD_FMT "the record at " STR_FMT " partition %d offset %lld"
#define RECORD_ARG(env) STR_ARG((env)->topic), (env)->partition, (long long)(env)->offset

struct log_place chain_place(const struct chain *chain, const struct stage *stage)
{
    return (struct log_place){chain->conf->name.ptr, stage ? stage->conf->name.ptr : NULL};
}

void chain_stop(struct chain *chain, const char *stage, const char *fmt, ...)
{
    char text[2048];
    va_list ap;

    if (chain->stopped)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (stage && asprintf(&chain->stopped, "stage \"%s\": %s", stage, text) < 0)
        chain->stopped = NULL;
    if (!chain->stopped)
        chain->stopped = strdup(text);
    if (!chain->stopped)
        abort(); /* not even a sentence fits in memory; the watermark is safe */
}

void chain_stop_unless_passed(struct chain *chain, const struct stage *stage, const char *callback,
                              int32_t verdict)
{
    if (verdict == WEIR_STOP)
        chain_stop(chain, stage->conf->name.ptr, "its %s asked for the stop", callback);
    else if (verdict != WEIR_PASS)
        chain_stop(chain, stage->conf->name.ptr, "its %s gave the verdict %d, which is none for it", callback,
                   verdict);
}

/* ---- where an envelope's path ends */

/* Ended, and everything that it emitted, too: give it back. */
static void release(struct chain *chain, struct envelope *env)
{
    struct envelope *parent = env->parent;

    if (env->answers)
        chain->io.done(chain->io.self, env->ticket);
    envelope_give_back(&chain->envelopes, env);
    if (parent && --parent->children == 0 && parent->state == ENVELOPE_ENDED)
        release(chain, parent);
}

/* What still waits for its end waits for its only child's: its memory, the larger, is free for the next. */
static void bequeath(struct chain *chain, struct envelope *env)
{
    struct envelope *heir = env->heir;

    heir->parent = env->parent;
    heir->answers = env->answers;
    heir->ticket = env->ticket;
    if (env->parent && env->parent->heir == env)
        env->parent->heir = heir;
    envelope_give_back(&chain->envelopes, env);
}

static void ended(struct chain *chain, struct envelope *env)
{
    env->state = ENVELOPE_ENDED;
    if (env->children == 0)
        release(chain, env);
    else if (env->heir)
        bequeath(chain, env);
}

/* ---- verdicts */

static void log_first(struct stage *stage, int32_t verdict, const char *what, struct weir_str reason,
                      const struct envelope *env)
{
    if (stage_first_time(stage, verdict, reason))
        log_at(chain_place(stage->chain, stage), verdict == WEIR_FAIL ? WEIR_LOG_WARN : WEIR_LOG_INFO,
               "first record %s: reason=\"" STR_FMT "\" topic=" STR_FMT " partition=%d offset=%lld", what,
               STR_ARG(reason), STR_ARG(env->topic), env->partition, (long long)env->offset);
}

void walk_fail(struct chain *chain, struct envelope *env, struct weir_str stage, int64_t index,
               struct weir_str reason)
{
    if (env->emitted) {
        chain_stop(chain, stage.ptr, "a record that the chain itself made failed: " STR_FMT, STR_ARG(reason));
        return;
    }
    if (chain->last_failed_sink <= index) {
        chain_stop(chain, stage.ptr,
                   RECORD_FMT " failed, and no sink behind this stage takes "
                              "the route failed: " STR_FMT,
                   RECORD_ARG(env), STR_ARG(reason));
        return;
    }
    env->route = ROUTE_FAILED;
    env->untaken = true;
    env->reason = reason;
    env->failed_stage = stage;
}

static void fail(struct chain *chain, struct stage *stage, struct envelope *env, struct weir_str reason)
{
    stage->counts.failed++;
    log_first(stage, WEIR_FAIL, "failed", reason, env);
    if (stage->stop_on_error)
        chain_stop(chain, stage->conf->name.ptr, RECORD_FMT " failed: " STR_FMT " (on_error = stop)",
                   RECORD_ARG(env), STR_ARG(reason));
    else
        walk_fail(chain, env, stage->conf->name, stage->index, reason);
}

/* True: it walks on. */
static bool reject(struct chain *chain, struct stage *stage, struct envelope *env, struct weir_str reason)
{
    stage->counts.rejected++;
    log_first(stage, WEIR_REJECT, stage->to < 0 ? "dropped" : "rejected", reason, env);
    if (stage->to >= 0) {
        env->route = (uint8_t)stage->to;
        env->reason = reason;
        return true;
    }
    stage->counts.dropped++;
    ended(chain, env);
    return false;
}

/* ---- retries */

static int64_t backoff_ms(uint32_t attempts)
{
    int64_t ms = RETRY_FIRST_MS;

    while (--attempts && ms < RETRY_MOST_MS)
        ms *= 2;
    return ms < RETRY_MOST_MS ? ms : RETRY_MOST_MS;
}

/* One that was shown to the stage is the first of those that wait there, and stays it. */
static void park(struct chain *chain, struct stage *stage, struct envelope *env, bool first)
{
    env->state = ENVELOPE_PARKED;
    if (first)
        envelope_list_push(&stage->parked, env);
    else
        envelope_list_add(&stage->parked, env);
    chain->n_parked++;
}

/* True: time is up, the envelope failed and walks on. */
static bool retry(struct chain *chain, struct stage *stage, struct envelope *env, struct weir_str reason)
{
    int64_t now = chain->io.mono_ms(chain->io.self);

    if (env->attempts++ == 0)
        env->give_up_at = now + stage->retry_timeout_ms;
    if (now >= env->give_up_at) {
        env->attempts = 0;
        fail(chain, stage, env, reason);
        return true;
    }
    stage->counts.retried++;
    log_first(stage, WEIR_RETRY, "waits for a retry", reason, env);
    env->retry_at = now + backoff_ms(env->attempts);
    if (env->retry_at > env->give_up_at)
        env->retry_at = env->give_up_at;
    park(chain, stage, env, true);
    return false;
}

/* ---- one call */

static struct weir_str reason_of(struct envelope *env)
{
    return env->said.ptr ? env->said : STR("no reason given");
}

static int32_t call(struct chain *chain, struct stage *stage, struct envelope *env)
{
    int32_t verdict;

    env->said = STR_ABSENT;
    chain->refused = NULL;
    chain_enter(chain, stage, NOTE_PROCESS, env);
    verdict = stage->plugin->about.process(&stage->abi, stage->self, &env->abi);
    chain_leave(chain);
    return verdict;
}

__attribute__((format(printf, 4, 5))) static void stop_at(struct chain *chain, const struct stage *stage,
                                                          const struct envelope *env, const char *fmt, ...)
{
    char why[1536]; /* a reason, and some words */
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(why, sizeof why, fmt, ap);
    va_end(ap);
    chain_stop(chain, stage->conf->name.ptr, "%s (" RECORD_FMT ")", why, RECORD_ARG(env));
}

/* What process() asked to send goes out with its PASS, and not at all with any other verdict. */
static void settle_send(struct chain *chain, struct stage *stage, struct envelope *env, int32_t verdict)
{
    struct outbound *out = chain->ready;

    chain->ready = NULL;
    if (out && verdict == WEIR_PASS) {
        env->state = ENVELOPE_SENT;
        outbound_go(chain, out);
    } else if (!out && env->state != ENVELOPE_WALKING && verdict != WEIR_PASS) {
        stop_at(chain, stage, env,
                "the plugin gave a verdict other than PASS to a record that it holds; this is a fault of the "
                "plugin");
    } else if (chain->refused && env->state == ENVELOPE_WALKING && verdict == WEIR_PASS) {
        stop_at(chain, stage, env,
                "the plugin passed a record for which %s() was not WEIR_OK; this is a fault of the plugin",
                chain->refused);
    }
}

/* It counts as failed by the stage, which is not called. */
static void keep_from(struct chain *chain, struct stage *stage, struct envelope *env,
                      const struct quarantined *item)
{
    struct weir_str reason = arena_str(&env->arena, item->reason);

    if (stage->plugin->about.flags & WEIR_FAIL_CLOSED)
        envelope_withhold_all(env);
    env->attempts = 0;
    fail(chain, stage, env, reason.ptr ? reason : STR("Plugin crash"));
}

/* Calls the stage and applies its verdict. True: the envelope walks on. */
static bool visit(struct chain *chain, struct stage *stage, struct envelope *env)
{
    const struct quarantined *item = env->quarantined ? quarantine_find(chain, env, stage) : NULL;
    int32_t verdict;

    if (item) {
        keep_from(chain, stage, env, item);
        return true;
    }
    if (env->untaken && (stage->plugin->about.flags & WEIR_SINK))
        env->untaken = false;
    verdict = call(chain, stage, env);
    settle_send(chain, stage, env, verdict);
    if (chain->emitted.first)
        walk_emitted(chain);
    if (chain->stopped)
        return false;
    if (verdict != WEIR_RETRY)
        env->attempts = 0;
    switch (verdict) {
    case WEIR_PASS:
        stage->counts.passed++;
        return env->state == ENVELOPE_WALKING;
    case WEIR_REJECT:
        return reject(chain, stage, env, reason_of(env));
    case WEIR_FAIL:
        fail(chain, stage, env, reason_of(env));
        return true;
    case WEIR_RETRY:
        return retry(chain, stage, env, reason_of(env));
    case WEIR_STOP:
        stop_at(chain, stage, env, STR_FMT, STR_ARG(reason_of(env)));
        return false;
    default:
        stop_at(chain, stage, env, "the plugin gave the unknown verdict %d", verdict);
        return false;
    }
}

/* ---- the parse */

static void parse(struct chain *chain, struct envelope *env)
{
    struct json_error error = {0};
    struct weir_str reason;

    if (!env->value.ptr) {
        reason = STR("Message parsing error: the record has no value (a tombstone)");
    } else {
        int32_t status = doc_parse(&env->doc, &env->arena, env->value, &error);

        if (status == WEIR_OK) {
            env->parsed = true;
            return;
        }
        reason = status == WEIR_NOMEM
                     ? STR("Message parsing error: out of memory")
                     : arena_fmt(&env->arena, "Message parsing error: %s at byte %zu", error.what, error.at);
        if (!reason.ptr)
            reason = STR("Message parsing error");
    }
    env->withheld = true;
    if (chain->parse_failures++ == 0)
        log_at((struct log_place){chain->conf->name.ptr, "parse"}, WEIR_LOG_WARN,
               "first record failed: reason=\"" STR_FMT "\" topic=" STR_FMT " partition=%d offset=%lld",
               STR_ARG(reason), STR_ARG(env->topic), env->partition, (long long)env->offset);
    /* The parse stands between two stages: it is behind the one before parse_at. */
    walk_fail(chain, env, STR("parse"), (int64_t)chain->parse_at - 1, reason);
}

/* ---- the walk */

/* A failure must end on a topic. routes.c has seen to it, but for sinks with a predicate. */
static void end(struct chain *chain, struct envelope *env)
{
    if (env->untaken)
        chain_stop(chain, env->failed_stage.ptr,
                   RECORD_FMT " failed, and the `when` of each sink behind it "
                              "that takes the route failed leaves it out: " STR_FMT,
                   RECORD_ARG(env), STR_ARG(env->reason));
    else
        ended(chain, env);
}

static bool sees(const struct stage *stage, struct envelope *env)
{
    return (stage->from >> env->route & 1) && (!stage->when || when_holds(stage->when, env));
}

void walk(struct chain *chain, struct envelope *env)
{
    while (!chain->stopped && env->at < chain->n_stages) {
        struct stage *stage = &chain->stages[env->at];

        if (env->at == chain->parse_at && !env->parsed && !env->withheld && !env->emitted) {
            parse(chain, env);
            continue;
        }
        if (sees(stage, env)) {
            if (stage->parked.first) {
                park(chain, stage, env, false);
                return;
            }
            if (!visit(chain, stage, env))
                return;
        }
        env->at++;
    }
    if (!chain->stopped)
        end(chain, env);
}

void walk_emitted(struct chain *chain)
{
    struct envelope *env = chain->emitted.first, *next; /* by hand: a list just written is slow to read */

    chain->emitted = (struct envelope_list){0};
    for (; env; env = next) {
        next = env->next;
        env->next = NULL;
        if (chain->quarantine.count)
            quarantine_mark(chain, env);
        walk(chain, env);
    }
}

/* ---- time */

/* Shows the first parked envelope to its stage again, and lets those behind it follow. */
static void resume_parked(struct chain *chain, struct stage *stage, int64_t now)
{
    struct envelope *env;

    while (!chain->stopped && (env = stage->parked.first) && (env->attempts == 0 || env->retry_at <= now)) {
        envelope_list_take(&stage->parked);
        chain->n_parked--;
        env->state = ENVELOPE_WALKING;
        if (!visit(chain, stage, env))
            continue; /* parked anew, waiting at this sink, or ended */
        env->at++;
        walk(chain, env);
    }
}

static void run_timer(struct chain *chain, struct stage *stage)
{
    int32_t verdict;

    stage->timer_at = -1;
    chain_enter(chain, stage, NOTE_TIMER, NULL);
    verdict = stage->plugin->about.timer(&stage->abi, stage->self);
    chain_leave(chain);
    walk_emitted(chain);
    chain_stop_unless_passed(chain, stage, "timer", verdict);
}

static void sooner(int64_t *next, int64_t at)
{
    if (*next < 0 || at < *next)
        *next = at;
}

int64_t chain_tick(struct chain *chain)
{
    int64_t next = -1, now = chain->io.mono_ms(chain->io.self);

    for (uint32_t i = 0; i < chain->n_stages && !chain->stopped; i++) {
        struct stage *stage = &chain->stages[i];

        if (stage->timer_at >= 0 && stage->timer_at <= now)
            run_timer(chain, stage);
        if (stage->parked.first)
            resume_parked(chain, stage, now);
        if (stage->timer_at >= 0)
            sooner(&next, stage->timer_at);
        if (stage->parked.first)
            sooner(&next, stage->parked.first->retry_at);
    }
    if (chain->stopped || next < 0)
        return -1;
    now = chain->io.mono_ms(chain->io.self);
    return next > now ? next - now : 0;
}

void chain_flush(struct chain *chain)
{
    for (uint32_t i = 0; i < chain->n_stages && !chain->stopped; i++) {
        struct stage *stage = &chain->stages[i];
        int32_t verdict;

        if (!stage->plugin->about.flush || !stage->held.first)
            continue;
        chain_enter(chain, stage, NOTE_FLUSH, NULL);
        verdict = stage->plugin->about.flush(&stage->abi, stage->self);
        chain_leave(chain);
        walk_emitted(chain);
        chain_stop_unless_passed(chain, stage, "flush", verdict);
    }
}
