/* outbound.c: what goes out of a chain, and what its outcome does to those who wait for it.
 *
 * An envelope's own send is part of the envelope; a batch, or a record that nobody waits for, has memory of
 * its own. A record that must not be refused for its own fault (WEIR_SEND_ALWAYS) is cured here, each fault
 * once: too large, its spare value goes instead, with nothing of the envelope but its timestamp: a sink's own
 * headers are small, and say where the original stands. A bad timestamp gives way to now. */
#include "chain/own_headers.h"
#include "chain/walk.h"

#include "config/config.h"

#include <stdio.h>
#include <stdlib.h>

static struct send_origin origin(const struct outbound *out)
{
    const struct envelope *env = out->waiting;
    uint32_t form = (uint32_t)out->reduced | (uint32_t)out->redated << 1 | (uint32_t)out->send.emitted << 2;

    return (struct send_origin){env ? env->partition : -1, env ? env->offset : -1, out->stage->index, form};
}

void outbound_go(struct chain *chain, struct outbound *out)
{
    out->send.origin = origin(out);
    out->send.next = NULL;
    out->send.io = NULL;
    chain->io.send(chain->io.self, &out->send);
}

void outbound_release(struct outbound *out)
{
    if (out->is_batch)
        free(out);
}

/* ---- cures */

/* The one who owns the memory for what a cure needs: a batch has no WEIR_SEND_ALWAYS, so there is one. */
static bool add_header(struct outbound *out, struct weir_str name, struct weir_str value)
{
    struct arena *arena = &out->waiting->arena;
    size_t n = out->send.n_headers;
    struct weir_header *headers = arena_alloc(arena, (n + 1) * sizeof *headers);

    if (!headers)
        return false;
    if (n)
        memcpy(headers, out->send.headers, n * sizeof *headers);
    headers[n] = (struct weir_header){name, value};
    out->send.headers = headers;
    out->send.n_headers = n + 1;
    return true;
}

static bool add_timestamp_header(struct outbound *out)
{
    struct weir_str original = arena_fmt(&out->waiting->arena, "%lld", (long long)out->send.timestamp_ms);

    return original.ptr && add_header(out, STR(TIMESTAMP_HEADER), original);
}

static bool reduce(struct outbound *out)
{
    if (out->reduced || !out->spare.ptr)
        return false;
    out->reduced = true;
    out->send.key = STR_ABSENT;
    out->send.headers = out->added;
    out->send.n_headers = out->n_added;
    out->send.value = out->spare;
    return add_header(out, STR(OMITTED_HEADER), STR("size")) && (!out->redated || add_timestamp_header(out));
}

static bool redate(struct outbound *out)
{
    if (out->redated || !out->send.has_timestamp)
        return false;
    out->redated = true;
    out->send.has_timestamp = false;
    return add_timestamp_header(out);
}

static bool cure(struct outbound *out, enum send_result result)
{
    if (!(out->flags & WEIR_SEND_ALWAYS) || !out->waiting)
        return false;
    if (result == SEND_TOO_LARGE)
        return reduce(out);
    return result == SEND_BAD_TIMESTAMP && redate(out);
}

/* ---- outcomes */

static void acknowledged(struct chain *chain, struct stage *stage, struct envelope *env,
                         const struct weir_topic *topic)
{
    env->ended = topic;
    env->state = ENVELOPE_WALKING;
    env->at = stage->index + 1;
    walk(chain, env);
}

static void refused(struct chain *chain, struct stage *stage, struct envelope *env, const char *why)
{
    struct weir_str reason = arena_fmt(&env->arena, "Publishing error: %s", why);

    if (!reason.ptr)
        reason = STR("Publishing error: out of memory");
    stage->counts.failed++;
    env->ended = NULL;
    env->state = ENVELOPE_WALKING;
    if (stage_first_time(stage, WEIR_FAIL, reason))
        log_at(chain_place(chain, stage), WEIR_LOG_WARN,
               "first record refused: reason=\"" STR_FMT "\" topic=" STR_FMT " partition=%d offset=%lld",
               STR_ARG(reason), STR_ARG(env->topic), env->partition, (long long)env->offset);
    if (stage->stop_on_error)
        chain_stop(chain, stage->conf->name.ptr, STR_FMT " (on_error = stop)", STR_ARG(reason));
    else
        walk_fail(chain, env, stage->conf->name, stage->index, reason);
    env->at = stage->index + 1;
    walk(chain, env);
}

#define FETCHED 384 /* bytes: the key, value and places of an ordinary record */

/* A batch is in no envelope. Then this asks for memory that nobody needs, or that is not there: the processor
 * does not mind. */
void chain_expect(const struct send *send)
{
    envelope_fetch((const char *)send - offsetof(struct envelope, out), offsetof(struct envelope, key));
}

/* What the chain made itself ends behind its sink, and nobody looks at it again. */
void chain_expect_record(const struct send *send)
{
    const size_t record = sizeof(struct envelope) - offsetof(struct envelope, out);

    if (!send->emitted)
        envelope_fetch((const char *)send + record, FETCHED);
}

static void answer(struct chain *chain, const struct outbound *out, struct envelope *env, bool good,
                   const char *why)
{
    if (good)
        acknowledged(chain, out->stage, env, out->send.topic);
    else
        refused(chain, out->stage, env, why);
}

#define AHEAD 4 /* envelopes of a batch that are fetched before their turn: nobody has expected them */

static void answer_all(struct chain *chain, const struct batch *batch, bool good, const char *why)
{
    size_t i, fetched = 0, n = batch->n;

    for (i = 0; i < n && !chain->stopped; i++) {
        for (; fetched < n && fetched <= i + AHEAD; fetched++)
            envelope_fetch((const char *)batch->held[fetched], offsetof(struct envelope, doc));
        batch->held[i]->next = NULL;
        answer(chain, &batch->out, batch->held[i], good, why);
    }
}

void chain_sent(struct chain *chain, struct send *send, enum send_result result, const char *why)
{
    struct outbound *out = (struct outbound *)send;

    if (result == SEND_BROKEN && !chain->stopped)
        chain_stop(chain, out->stage->conf->name.ptr, "cannot send to " STR_FMT ": %s",
                   STR_ARG(send->topic->name), why);
    if (chain->stopped || result == SEND_DROPPED) {
        outbound_release(out);
        return;
    }
    if (result != SEND_OK && cure(out, result)) {
        outbound_go(chain, out);
        return;
    }
    if (!out->is_batch) { /* it is part of the envelope, which goes on its way now */
        answer(chain, out, out->waiting, result == SEND_OK, why);
        return;
    }
    if (!out->waiting && result != SEND_OK)
        chain_stop(chain, out->stage->conf->name.ptr,
                   STR_FMT " refused a record that the chain itself made: %s", STR_ARG(send->topic->name),
                   why);
    answer_all(chain, (const struct batch *)out, result == SEND_OK, why);
    outbound_release(out);
}
