/* task.c: see task.h.
 *
 * One thread, one loop: take records, serve reports, run timers, commit; then sleep on one eventfd that the
 * consumer's queue, the producer's queues and the controls (stop, reload) all write to.
 *
 * Stop and reload are modes of that loop, in which no record is taken: the group's business, reports and
 * timers go on as ever, until nothing is in flight or the time is up. Rejected: loops of their own for
 * draining, which would have to do all of this again. */
#include "kafka/task.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "config/diag.h"
#include "kafka/exactly.h"

#define NAP_MS 250     /* the longest sleep: watchdogs want a look now and then */
#define HURRY_MS 5     /* one wait for what librdkafka has */
#define SERVE_MS 10    /* one round of waiting while partitions are given up */
#define LOOK_MS 1000   /* one question about a topic */
#define ABSENT_MS 5000 /* a topic that is absent for so long at the start is not coming */
#define SWAP_LOOK_MS 10000
#define STATUS_MS 250
#define ABORT_MS 2000        /* for an open transaction, at the end */
#define LAST_REPORTS_MS 5000 /* for reports, after a chain stopped */

enum mode { RUNNING, SWAPPING, STOPPING };

/** A reload, from the caller's thread to the task's and back. */
struct swap {
    struct generation *next, *old;
    struct buf *why;
    bool answered, good;
};

struct task {
    struct generation *now;
    struct source *source;
    struct exactly exactly; /* where the delivery is exactly-once */
    struct task_watcher watcher;
    int wake_fd;
    atomic_bool stop;

    enum mode mode;
    int64_t deadline; /* of the mode; monotonic milliseconds */
    int64_t commit_at, status_at;
    bool given_up; /* waiting for what is in flight is over */
    bool waiting_for_brokers;
    enum task_end end;
    struct buf why;

    pthread_mutex_t lock; /* over what follows */
    pthread_cond_t answered;
    struct swap *swap;
    bool ended;
    struct task_status status;
};

static struct log_place place(const struct task *t)
{
    return (struct log_place){t->now->settings.chain, NULL};
}

static void finish(struct task *t, enum task_end end, const char *why)
{
    if (t->end != TASK_RUNS)
        return;
    t->end = end;
    buf_add_text(&t->why, why);
}

/* ---- sleeping and waking */

static void wake(struct task *t)
{
    static const uint64_t one = 1;
    ssize_t n = write(t->wake_fd, &one, sizeof one);

    (void)n; /* a full counter wakes just as well */
}

static void nap(struct task *t, int64_t ms)
{
    struct pollfd fd = {t->wake_fd, POLLIN, 0};
    uint64_t count;

    if (ms <= 0 || poll(&fd, 1, (int)(ms < NAP_MS ? ms : NAP_MS)) <= 0)
        return;
    while (read(t->wake_fd, &count, sizeof count) < 0 && errno == EINTR)
        ;
}

/* ---- exactly-once */

static bool is_exactly_once(const struct task *t)
{
    return t->now->settings.exactly_once;
}

static void run_transactions(struct task *t, bool hurry, bool inside)
{
    const struct exactly_call call = {&t->exactly, t->now, t->source, hurry, inside};

    if (is_exactly_once(t))
        exactly_step(&call);
}

static int64_t tick(struct task *t)
{
    return !is_exactly_once(t) || exactly_runs(&t->exactly) ? chain_tick(t->now->chain) : -1;
}

/** Nothing waits for company: in sinks, and, where all is to come to its end, in librdkafka. */
static void flush(struct task *t, bool final)
{
    if (!is_exactly_once(t) || exactly_runs(&t->exactly))
        chain_flush(t->now->chain);
    if (final && !is_exactly_once(t))
        producer_hurry(t->now->producer, HURRY_MS);
}

static bool is_settled(const struct task *t)
{
    return !is_exactly_once(t) || exactly_settled(&t->exactly, t->now, t->source);
}

/* ---- what the source asks of us */

static bool on_ready(void *self)
{
    struct task *t = self;

    return generation_ready(t->now) && (!is_exactly_once(t) || exactly_takes(&t->exactly, t->now));
}

static bool on_settled(void *self)
{
    return is_settled(self);
}

static void on_spoil(void *self)
{
    struct task *t = self;

    exactly_spoil(&t->exactly);
}

static bool on_take(void *self, const struct record *record)
{
    struct task *t = self;

    return chain_take(t->now->chain, record);
}

static bool on_serve(void *self, bool final)
{
    struct task *t = self;

    if (t->given_up || chain_stopped(t->now->chain) || exactly_failed(&t->exactly) ||
        (!final && atomic_load(&t->stop)))
        return false;
    if (final)
        flush(t, true);
    producer_poll(t->now->producer);
    tick(t);
    run_transactions(t, final, true);
    if (!final || !is_settled(t))
        nap(t, SERVE_MS);
    return true;
}

/* ---- status */

static void publish(struct task *t)
{
    struct task_status status = {
        .end = t->end,
        .in_flight = chain_in_flight(t->now->chain),
        .in_flight_bytes = chain_in_flight_bytes(t->now->chain),
        .sends = producer_waiting(t->now->producer),
        .waiting_for_brokers = t->waiting_for_brokers,
    };

    t->status_at = clock_mono_ms() + STATUS_MS;
    if (t->source)
        source_status(t->source, &status.source);
    else
        status.source = t->status.source;
    pthread_mutex_lock(&t->lock);
    t->status = status;
    pthread_mutex_unlock(&t->lock);
    if (t->watcher.see)
        t->watcher.see(t->watcher.self, t->now->chain, &status);
}

void task_status(struct task *t, struct task_status *out)
{
    pthread_mutex_lock(&t->lock);
    *out = t->status;
    pthread_mutex_unlock(&t->lock);
}

/* ---- the start: are the topics there */

/** One look at all topics. True: they are good, or it is over. */
static bool look_at_topics(struct task *t, int64_t *absent_since, bool *said)
{
    int64_t now = clock_mono_ms();
    const char *why;
    enum look found = source_look(t->source, LOOK_MS, &why);

    if (found == LOOK_GOOD)
        found = producer_look(t->now->producer, LOOK_MS, &why);
    if (found == LOOK_GOOD)
        return true;
    if (found == LOOK_BAD ||
        (found == LOOK_ABSENT && *absent_since >= 0 && now - *absent_since > ABSENT_MS)) {
        finish(t, TASK_SET_UP, why);
        return true;
    }
    if (found == LOOK_ABSENT && *absent_since < 0)
        *absent_since = now;
    if (found == LOOK_AWAY)
        *absent_since = -1;
    if (!*said)
        log_at(place(t), WEIR_LOG_INFO, "waiting: %s", why);
    *said = true;
    return false;
}

bool task_look(struct task *t, int64_t timeout_ms, struct buf *why)
{
    int64_t absent_since = -1, until = clock_mono_ms() + timeout_ms;
    bool said = true;

    while (!look_at_topics(t, &absent_since, &said)) {
        if (clock_mono_ms() >= until) {
            buf_add_text(why, "the brokers do not answer");
            return false;
        }
        source_poll(t->source, false);
        producer_poll(t->now->producer);
        nap(t, SERVE_MS);
    }
    buf_add(why, buf_str(&t->why));
    return t->end == TASK_RUNS;
}

static void wait_for_topics(struct task *t)
{
    int64_t absent_since = -1;
    bool said = false;

    while (!atomic_load(&t->stop) && !look_at_topics(t, &absent_since, &said)) {
        t->waiting_for_brokers = true;
        source_poll(t->source, false);
        producer_poll(t->now->producer);
        publish(t);
        nap(t, NAP_MS);
    }
    t->waiting_for_brokers = false;
}

/** A transaction that a process of this name left open is ended before offsets are asked for. */
static void wait_for_producer(struct task *t)
{
    while (is_exactly_once(t) && t->end == TASK_RUNS && t->exactly.state == EXACTLY_INIT &&
           !atomic_load(&t->stop)) {
        run_transactions(t, false, true);
        source_poll(t->source, false);
        producer_poll(t->now->producer);
        if (exactly_failed(&t->exactly))
            finish(t, t->exactly.fenced ? TASK_FENCED : TASK_SET_UP, exactly_failed(&t->exactly));
        nap(t, exactly_wait(&t->exactly, t->now));
    }
}

/* ---- reload, on the task's thread */

static void answer_swap(struct task *t, bool good, const char *why)
{
    struct swap *swap = t->swap;

    if (!good)
        buf_add_text(swap->why, why);
    pthread_mutex_lock(&t->lock);
    swap->good = good;
    swap->answered = true;
    t->swap = NULL;
    pthread_cond_broadcast(&t->answered);
    pthread_mutex_unlock(&t->lock);
    if (t->mode == SWAPPING)
        t->mode = RUNNING;
}

/** Carries the state over; NULL: done. */
static const char *carry_over(struct chain *from, struct chain *to)
{
    const char *why = "no memory";
    struct saved_state *state = chain_save(from, &why);
    bool good = state && chain_restore(to, state, &why);

    if (state)
        saved_state_destroy(state);
    return good ? NULL : why;
}

static void finish_swap(struct task *t)
{
    struct generation *next = t->swap->next;
    const char *why;

    generation_attach(next);
    why = carry_over(t->now->chain, next->chain);
    if (why) {
        answer_swap(t, false, why);
        return;
    }
    t->swap->old = t->now;
    t->now = next;
    exactly_restart(&t->exactly);
    source_update(t->source, &next->settings);
    publish(t);
    answer_swap(t, true, NULL);
}

static void go_on_swapping(struct task *t)
{
    if (generation_idle(t->now) && is_settled(t))
        finish_swap(t);
    else if (clock_mono_ms() >= t->deadline)
        answer_swap(t, false, "what is in flight did not finish within drain_timeout");
}

/* ---- the loop */

static void enter(struct task *t, enum mode mode)
{
    t->mode = mode;
    t->deadline = clock_mono_ms() + t->now->settings.drain_timeout_ms;
}

static bool has_swap(struct task *t)
{
    bool has;

    pthread_mutex_lock(&t->lock);
    has = t->swap != NULL;
    pthread_mutex_unlock(&t->lock);
    return has;
}

static void obey(struct task *t)
{
    if (atomic_load(&t->stop) && t->mode != STOPPING) {
        if (t->mode == SWAPPING)
            answer_swap(t, false, "the task is stopping");
        enter(t, STOPPING);
    } else if (t->mode == RUNNING && has_swap(t)) {
        enter(t, SWAPPING);
    }
}

static void go_on_stopping(struct task *t)
{
    if (generation_idle(t->now) && is_settled(t))
        finish(t, TASK_STOPPED, "");
    else if (clock_mono_ms() >= t->deadline)
        finish(t, TASK_CUT_SHORT,
               "what was in flight did not finish within drain_timeout: it will be repeated");
}

static void commit_when_due(struct task *t)
{
    int64_t now = clock_mono_ms();

    run_transactions(t, t->mode != RUNNING, false);
    if (is_exactly_once(t))
        t->commit_at = now + exactly_wait(&t->exactly, t->now);
    if (is_exactly_once(t) || now < t->commit_at)
        return;
    t->commit_at = now + t->now->settings.commit_interval_ms;
    source_commit(t->source);
}

static int64_t soonest(int64_t a, int64_t b)
{
    return a < 0 || b < a ? b : a;
}

/** The group refuses the consumer for what it sent under an earlier membership: another takes its place. */
static void renew_source(struct task *t)
{
    struct diag diag;

    diag_init(&diag);
    if (!source_renew(t->source, &t->now->settings, &diag))
        finish(t, TASK_FAILED, diag.count ? diag.items[0].text : "no memory");
    diag_fini(&diag);
}

static void step(struct task *t)
{
    bool more;
    int64_t wait;

    obey(t);
    more = source_poll(t->source, t->mode == RUNNING);
    if (source_spent(t->source))
        renew_source(t);
    producer_poll(t->now->producer);
    if (t->mode != RUNNING || (generation_full(t->now) && !producer_waiting(t->now->producer)))
        flush(t, t->mode != RUNNING); /* all that sinks could wait for is in flight, or will not come */
    wait = tick(t);
    commit_when_due(t);
    if (clock_mono_ms() >= t->status_at)
        publish(t);
    if (chain_stopped(t->now->chain))
        finish(t, TASK_CHAIN_STOPPED, chain_stopped(t->now->chain));
    else if (source_failed(t->source))
        finish(t, source_fenced(t->source) ? TASK_FENCED : TASK_FAILED, source_failed(t->source));
    else if (exactly_failed(&t->exactly))
        finish(t, t->exactly.fenced ? TASK_FENCED : TASK_FAILED, exactly_failed(&t->exactly));
    else if (t->mode == STOPPING)
        go_on_stopping(t);
    else if (t->mode == SWAPPING)
        go_on_swapping(t);
    if (t->end != TASK_RUNS || (more && t->mode == RUNNING && on_ready(t)))
        return;
    nap(t, soonest(wait, t->commit_at - clock_mono_ms()));
}

/** A chain that stopped still learns what became of its sends: the fewer are repeated. */
static void await_last_reports(struct task *t)
{
    int64_t until = clock_mono_ms() + LAST_REPORTS_MS;

    while (producer_waiting(t->now->producer) && clock_mono_ms() < until) {
        producer_poll(t->now->producer);
        nap(t, SERVE_MS);
    }
}

static void close_down(struct task *t)
{
    if (is_exactly_once(t))
        exactly_close(&t->exactly, t->now, ABORT_MS);
    else if (t->end != TASK_STOPPED && t->end != TASK_CUT_SHORT)
        await_last_reports(t);
    t->given_up = true;
    publish(t);
    source_destroy(t->source);
    t->source = NULL;
    pthread_mutex_lock(&t->lock);
    t->ended = true;
    pthread_mutex_unlock(&t->lock);
    if (has_swap(t))
        answer_swap(t, false, "the task has ended");
    publish(t);
}

enum task_end task_run(struct task *t)
{
    log_at(place(t), WEIR_LOG_INFO, "delivery: mode=%s commit_interval_ms=%lld",
           is_exactly_once(t) ? "exactly-once" : "at-least-once",
           (long long)t->now->settings.commit_interval_ms);
    wait_for_topics(t);
    wait_for_producer(t);
    if (t->end == TASK_RUNS)
        source_subscribe(t->source);
    while (t->end == TASK_RUNS)
        step(t);
    close_down(t);
    log_at(place(t), t->end == TASK_STOPPED ? WEIR_LOG_INFO : WEIR_LOG_ERROR, "task ended%s%s",
           t->why.len ? ": " : "", task_why(t));
    return t->end;
}

const char *task_why(struct task *t)
{
    const char *text = t->why.len ? buf_text(&t->why) : NULL;

    return text ? text : "";
}

void task_stop(struct task *t)
{
    atomic_store(&t->stop, true);
    wake(t);
}

/* ---- reload, on the caller's thread */

/** Looks until the topics are good. False: they are not. */
static bool look_ahead(struct generation *g, struct buf *why)
{
    int64_t until = clock_mono_ms() + SWAP_LOOK_MS;
    enum look found;
    const char *said;

    do {
        found = producer_look(g->producer, LOOK_MS, &said);
        if (found == LOOK_ABSENT)
            poll(NULL, 0, SERVE_MS);
    } while ((found == LOOK_AWAY || found == LOOK_ABSENT) && clock_mono_ms() < until);
    if (found != LOOK_GOOD)
        buf_add_text(why, said);
    return found == LOOK_GOOD;
}

static bool ask(struct task *t, struct swap *swap)
{
    pthread_mutex_lock(&t->lock);
    if (t->ended || t->swap) {
        buf_add_text(swap->why, t->ended ? "the task has ended" : "another reload is under way");
    } else {
        t->swap = swap;
        wake(t);
        while (!swap->answered)
            pthread_cond_wait(&t->answered, &t->lock);
    }
    pthread_mutex_unlock(&t->lock);
    return swap->good;
}

bool task_swap(struct task *t, const struct config *config, const struct config_chain *conf,
               struct chain *chain, struct chain **old, struct buf *why)
{
    struct swap swap = {.why = why};
    struct diag diag;
    bool good = false;

    diag_init(&diag);
    swap.next = generation_new(config, conf, chain, &t->source, t->wake_fd, &diag);
    if (!swap.next)
        buf_add_text(why, diag.count ? diag.items[0].text : "no memory");
    diag_fini(&diag);
    if (swap.next && look_ahead(swap.next, why))
        good = ask(t, &swap);
    if (good)
        *old = swap.old->chain;
    generation_destroy(good ? swap.old : swap.next);
    return good;
}

/* ---- making one */

struct task *task_new(const struct config *config, const struct config_chain *conf, struct chain *chain,
                      const struct task_watcher *watcher, struct diag *diag)
{
    struct task *t = calloc(1, sizeof *t);
    struct source_events events = {t, on_ready, on_take, on_serve, on_settled, on_spoil};

    if (!t) {
        diag_error(diag, conf->place, "no memory");
        return NULL;
    }
    if (watcher)
        t->watcher = *watcher;
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->answered, NULL);
    buf_init(&t->why, 8192);
    exactly_init(&t->exactly);
    t->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    t->now = generation_new(config, conf, chain, &t->source, t->wake_fd, diag);
    if (t->now)
        t->source = source_new(&t->now->settings, t->wake_fd, &events, diag);
    if (t->source) {
        generation_attach(t->now);
        return t;
    }
    task_destroy(t);
    return NULL;
}

void task_destroy(struct task *t)
{
    if (!t)
        return;
    t->given_up = true;
    source_destroy(t->source);
    generation_destroy(t->now);
    if (t->wake_fd >= 0)
        close(t->wake_fd);
    exactly_fini(&t->exactly);
    buf_fini(&t->why);
    pthread_cond_destroy(&t->answered);
    pthread_mutex_destroy(&t->lock);
    free(t);
}
