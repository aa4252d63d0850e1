/* crew.c: see crew.h. Here is the life of the workers; what a death means is mourn.c's, what a reload does is
 * handover.c's.
 *
 * A worker that is told to go away while its chain is to run comes back with the current generation: that is
 * how those that could not change over get it, and how an old generation returns. */
#include "supervise/crew.h"

#include "base/clock.h"
#include "base/log.h"
#include "supervise/crew_parts.h"

#include <stdlib.h>

#define TEXT_MAX ((size_t)1 << 20)

const struct config_chain *crew_conf(const struct crew *crew)
{
    return snapshot_chain(crew->current.snapshot, str_of(crew->name));
}

struct log_place crew_place(const struct crew *crew)
{
    return (struct log_place){crew->name, NULL};
}

struct crew *crew_new(struct weir_str name)
{
    struct crew *crew = calloc(1, sizeof *crew);

    if (!crew)
        return NULL;
    buf_init(&crew->why, TEXT_MAX);
    buf_init(&crew->say, TEXT_MAX);
    crew->phase = CREW_OVER;
    crew->pause_ms = -1;
    crew->name = str_dup(name);
    if (crew->name)
        return crew;
    crew_destroy(crew);
    return NULL;
}

void edition_set(struct edition *to, struct edition from)
{
    struct snapshot *before = to->snapshot;

    *to = (struct edition){from.snapshot ? snapshot_keep(from.snapshot) : NULL, from.number};
    snapshot_release(before);
}

void crew_drop(struct child **children, size_t *count)
{
    for (size_t i = 0; i < *count; i++)
        child_fini(&(*children)[i]);
    free(*children);
    *children = NULL;
    *count = 0;
}

bool crew_make(struct crew *crew, struct child **children, size_t *count, size_t wanted)
{
    struct child *more = realloc(*children, (wanted > *count ? wanted : *count) * sizeof *more);

    if (!more)
        return false;
    *children = more;
    for (; *count < wanted; (*count)++)
        child_init(&more[*count], str_of(crew->name), (uint32_t)*count);
    return true;
}

void crew_destroy(struct crew *crew)
{
    static const struct edition none = {NULL, 0};

    if (!crew)
        return;
    crew_drop(&crew->tasks, &crew->n_tasks);
    crew_drop(&crew->next, &crew->n_next);
    edition_set(&crew->current, none);
    edition_set(&crew->fallback, none);
    edition_set(&crew->proposed, none);
    deaths_destroy(crew->deaths);
    free(crew->source);
    buf_fini(&crew->why);
    buf_fini(&crew->say);
    free(crew->name);
    free(crew);
}

/* ---- starting */

bool crew_start_child(struct crew *crew, struct child *child, const struct edition *edition, enum start how)
{
    struct buf lines;
    size_t n;
    const struct quarantined *items = deaths_quarantined(crew->deaths, &n);
    bool good;

    buf_init(&lines, MESSAGE_TEXT_MAX);
    for (size_t i = 0; i < n; i++)
        quarantined_write(&lines, &items[i]);
    good = child_start(child, edition->snapshot, edition->number, how, buf_str(&lines));
    buf_fini(&lines);
    return good;
}

/* Coordinates are of one topic: what is known of another's records says nothing of this one's. */
void crew_new_deaths(struct crew *crew)
{
    const struct config *config = snapshot_config(crew->current.snapshot);
    struct weir_str source = crew_conf(crew)->source;

    if (!str_is(source, crew->source ? crew->source : "")) {
        deaths_destroy(crew->deaths);
        free(crew->source);
        crew->source = str_dup(source);
        crew->deaths = deaths_new((size_t)config->host.crash_limit, config->host.crash_window);
        if (crew->deaths)
            crew_recall(crew);
    }
    if (!crew->deaths || !crew->source)
        abort(); /* a supervisor without memory for a few words can keep no promise */
    deaths_set_limits(crew->deaths, (size_t)config->host.crash_limit, config->host.crash_window);
    deaths_forgive(crew->deaths);
}

void crew_start(struct crew *crew, struct edition edition, enum start how)
{
    crew_drop(&crew->tasks, &crew->n_tasks);
    edition_set(&crew->current, edition);
    edition_set(&crew->fallback, (struct edition){NULL, 0});
    crew->phase = CREW_STARTING;
    crew->end = crew->verdict = CREW_NOT_ENDED;
    crew->trial_until = 0;
    crew->since_ms = clock_wall_ms();
    crew->deadline = clock_mono_ms() + CREW_READY_MS;
    buf_reset(&crew->why);
    buf_reset(&crew->say);
    crew_new_deaths(crew);
    if (!crew_make(crew, &crew->tasks, &crew->n_tasks, crew_wanted(crew))) {
        crew_give_up(crew, CREW_FAILED, "no memory");
        return;
    }
    for (size_t i = 0; i < crew->n_tasks; i++) {
        if (!crew_start_child(crew, &crew->tasks[i], &crew->current, how)) {
            crew_give_up(crew, CREW_FAILED, buf_text(&crew->tasks[i].why));
            return;
        }
    }
}

size_t crew_wanted(const struct crew *crew)
{
    return (size_t)crew_conf(crew)->tasks;
}

bool crew_all(const struct child *children, size_t count, enum child_state state)
{
    for (size_t i = 0; i < count; i++) {
        if (children[i].state != state)
            return false;
    }
    return true;
}

bool crew_is_ready(const struct crew *crew)
{
    return (crew->phase == CREW_STARTING && crew_all(crew->tasks, crew->n_tasks, CHILD_READY)) ||
           (crew->phase == CREW_PROBING && crew_all(crew->next, crew->n_next, CHILD_READY));
}

void crew_go(struct crew *crew)
{
    for (size_t i = 0; i < crew->n_tasks; i++)
        child_go(&crew->tasks[i], -1);
    crew->phase = CREW_RUNNING;
}

/* ---- ending */

void crew_give_up(struct crew *crew, enum crew_end verdict, const char *why)
{
    int64_t patience = snapshot_config(crew->current.snapshot)->host.stop_timeout;

    if (crew->phase == CREW_STOPPING || crew->phase == CREW_OVER)
        return;
    if (verdict == CREW_FAILED)
        log_at(crew_place(crew), WEIR_LOG_ERROR, "chain failed%s%s", *why ? ": " : "", why);
    if (crew->outcome == OUTCOME_PENDING)
        crew_refuse(crew, "the chain ended");
    buf_reset(&crew->why);
    buf_add_text(&crew->why, why);
    crew->verdict = verdict;
    crew->phase = CREW_STOPPING;
    crew->deadline = clock_mono_ms() + patience;
    crew_drop(&crew->next, &crew->n_next);
    for (size_t i = 0; i < crew->n_tasks; i++)
        child_stop(&crew->tasks[i], false);
}

void crew_stop(struct crew *crew)
{
    crew_give_up(crew, CREW_STOPPED, "");
}

void crew_kill(struct crew *crew)
{
    for (size_t i = 0; i < crew->n_tasks; i++) {
        if (child_lives(&crew->tasks[i]))
            child_kill(&crew->tasks[i]);
    }
    crew_drop(&crew->next, &crew->n_next);
}

/* ---- going on */

void crew_listen(struct crew *crew)
{
    for (size_t i = 0; i < crew->n_tasks; i++) {
        if (child_lives(&crew->tasks[i]))
            child_listen(&crew->tasks[i], &crew->say);
    }
    for (size_t i = 0; i < crew->n_next; i++) {
        if (child_lives(&crew->next[i]))
            child_listen(&crew->next[i], &crew->say);
    }
}

static int64_t limit_ms(const struct child *child, uint32_t stage)
{
    const struct config_chain *conf = snapshot_chain(child->snapshot, child->chain);

    return conf && stage < conf->stage_count ? conf->stages[stage].stage_timeout : CREW_READY_MS;
}

/* A call that hangs is asked where it hangs, and then ended; a process that is stopped cannot be asked. */
static void watch_call(struct child *child, int64_t now)
{
    if (child->killed)
        return;
    if (child->gone_at && now - child->gone_at >= snapshot_config(child->snapshot)->host.stop_timeout)
        child_kill(child);
    else if (child->aborted_at && now - child->aborted_at >= CREW_ABORT_MS)
        child_kill(child);
    else if (child->held && now - child->held_at >= CREW_HELD_MS)
        child_kill(child);
    else if (!child->aborted_at && child_hangs(child, now, limit_ms))
        child_abort(child, now);
}

static void watch_start(struct child *child, int64_t now)
{
    if (child->state != CHILD_LOADING || now - child->started_at < CREW_READY_MS || child->killed)
        return;
    child->hung = true;
    child->hung_ms = CREW_READY_MS;
    child_kill(child);
}

static void start_again(struct crew *crew, struct child *child, int64_t now)
{
    bool said = child->unstarted;

    child->unstarted = !crew_start_child(crew, child, &crew->current, START_AGAIN);
    if (!child->unstarted) {
        crew->restarts++;
        return;
    }
    child->again_at = now + CREW_AGAIN_MS;
    if (!said)
        log_at(crew_place(crew), WEIR_LOG_ERROR, "worker cannot be started, trying on: task=%u error=\"%s\"",
               child->task, buf_text(&child->why));
}

static bool runs(const struct crew *crew)
{
    return crew->phase == CREW_RUNNING || crew->phase == CREW_PROBING || crew->phase == CREW_SWAPPING;
}

/* A worker that died while it changed over waits for what is decided: till then that is its answer. */
static bool may_start(const struct crew *crew, const struct child *child)
{
    return child->state == CHILD_NONE && child->again_at >= 0 && runs(crew) && crew->phase != CREW_SWAPPING;
}

static void tend(struct crew *crew, struct child *child, int64_t now)
{
    rate_look(&child->rate, child->ledger, now);
    if (child->state == CHILD_RUNNING || child->state == CHILD_STOPPING)
        watch_call(child, now);
    else
        watch_start(child, now);
    if (!runs(crew))
        return;
    if (may_start(crew, child) && now >= child->again_at)
        start_again(crew, child, now);
    else if (child->state == CHILD_READY)
        child_go(child, -1);
}

static void end_when_gone(struct crew *crew, int64_t now)
{
    if (crew_all(crew->tasks, crew->n_tasks, CHILD_NONE)) {
        crew->phase = CREW_OVER;
        crew->end = crew->verdict;
    } else if (now >= crew->deadline) {
        crew->deadline = INT64_MAX;
        log_at(crew_place(crew), WEIR_LOG_ERROR,
               "stop_timeout is over: ending at once; what was in flight comes again");
        crew->verdict = crew->verdict == CREW_STOPPED ? CREW_CUT_SHORT : crew->verdict;
        crew_kill(crew);
    }
}

/* The pause of a change is over when the new workers have their partitions. */
static void measure_pause(struct crew *crew, int64_t now)
{
    if (!crew->handed_at || crew->phase != CREW_RUNNING)
        return;
    for (size_t i = 0; i < crew->n_tasks; i++) {
        if (!crew->tasks[i].assigned)
            return;
    }
    crew->pause_ms = now - crew->handed_at;
    crew->handed_at = 0;
    log_at(crew_place(crew), WEIR_LOG_INFO, "new workers took over: generation=%llu pause_ms=%lld",
           (unsigned long long)crew->current.number, (long long)crew->pause_ms);
}

/* Milliseconds until a worker is to be started again, where that is soon. */
static int64_t next_look(const struct crew *crew, int64_t now)
{
    int64_t wait = CREW_LOOK_MS;

    for (size_t i = 0; i < crew->n_tasks; i++) {
        const struct child *child = &crew->tasks[i];

        if (may_start(crew, child) && child->again_at - now < wait)
            wait = child->again_at > now ? child->again_at - now : 0;
    }
    return wait;
}

/* A call that began in the trial and has not come back is part of it. */
static bool is_undecided(const struct crew *crew, int64_t now)
{
    for (size_t i = 0; i < crew->n_tasks; i++) {
        const struct child *child = &crew->tasks[i];

        if (child->state == CHILD_LOADING || (child_lives(child) && child->aborted_at) ||
            (child->state == CHILD_RUNNING && child->seen_count % 2 && now - child->seen_at >= CREW_LOOK_MS))
            return true;
    }
    return false;
}

int64_t crew_tick(struct crew *crew, int64_t now)
{
    if (crew->phase == CREW_OVER)
        return -1;
    for (size_t i = 0; i < crew->n_tasks; i++)
        tend(crew, &crew->tasks[i], now);
    for (size_t i = 0; i < crew->n_next; i++)
        watch_start(&crew->next[i], now);
    if (crew->phase == CREW_STOPPING)
        end_when_gone(crew, now);
    else
        crew_hand_over(crew, now);
    measure_pause(crew, now);
    if (crew->trial_until && now >= crew->trial_until && !is_undecided(crew, now)) {
        crew->trial_until = 0;
        edition_set(&crew->fallback, (struct edition){NULL, 0});
    }
    return next_look(crew, now);
}
