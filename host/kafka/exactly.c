/* exactly.c: see exactly.h.
 *
 *     INIT ──► IDLE ──► OPEN ──► OFFERING ──► COMMITTING ──► IDLE
 *       ▲               │          │              │
 *       │               └──────────┴──► ABORTING ◄┘──► REWINDING ──► IDLE
 *       └── any of them, where the producer is finished; REWINDING follows
 *
 * A transaction is opened by the first record, and committed when nothing begun in it is unfinished: at the
 * interval no more records are taken, sinks send what they hold, the producer sends without linger, and what
 * is in flight finishes. Stages keep state, so that is saved at each commit, and given back after an abort;
 * then the source goes back to the committed offsets, and all of it comes again.
 *
 * What cannot be answered by trying again: a record that brokers refuse. It spoils the transaction, and would
 * spoil the next in the same way. So after the abort the guilty are found (probe.h) and remembered by what
 * they were made for; when they come again they are answered as refused without being sent.
 *
 * Everything here is a step that returns soon, since the same thread serves the group. */
#include "kafka/exactly.h"

#include "base/clock.h"
#include "base/log.h"
#include "kafka/transaction.h"

#define CALL_MS 200     /* one call that waits for brokers */
#define HURRY_MS 5      /* one wait for acknowledgements */
#define JUDGE_MS 20000  /* to find out whom the brokers mean; below max.poll.interval.ms */
#define REPLACE_MS 1000 /* between two producers */
#define REPLACE_MAX 10  /* producers without one commit between them */
#define EXCUSE_MS 30000 /* after the abort of an overdue transaction */
#define PAUSE_MS 20     /* after an abort, more after each that follows it */
#define PAUSE_MAX_MS 1000
#define ODD_MAX 40 /* refusals without anyone at fault: by then every batch is one record */

static bool step(const struct exactly_call *c);

static struct log_place place(const struct exactly_call *c)
{
    return (struct log_place){c->g->settings.chain, NULL};
}

void exactly_init(struct exactly *x)
{
    *x = (struct exactly){.state = EXACTLY_INIT};
    buf_init(&x->why, 4096);
}

void exactly_fini(struct exactly *x)
{
    saved_state_destroy(x->saved);
    x->saved = NULL;
    buf_fini(&x->why);
}

void exactly_restart(struct exactly *x)
{
    saved_state_destroy(x->saved);
    x->saved = NULL;
    x->rewind = x->rewind || x->state == EXACTLY_REWINDING;
    x->state = EXACTLY_INIT;
    x->fresh = false;
}

static bool fail(struct exactly *x, const char *why)
{
    x->state = EXACTLY_FAILED;
    buf_add_text(&x->why, why);
    return false;
}

/* ---- the chain's state */

static bool save(const struct exactly_call *c)
{
    struct saved_state *state;
    const char *why;

    if (c->x->fresh && c->x->saved)
        return true;
    state = chain_save(c->g->chain, &why);
    if (!state)
        return fail(c->x, why);
    saved_state_destroy(c->x->saved);
    c->x->saved = state;
    c->x->fresh = true;
    return true;
}

static int64_t pause_ms(unsigned in_a_row)
{
    return in_a_row < PAUSE_MAX_MS / PAUSE_MS ? PAUSE_MS * (int64_t)in_a_row : PAUSE_MAX_MS;
}

/** The chain as it was at the last commit. librdkafka has nothing of it any more. */
static bool reset_chain(const struct exactly_call *c)
{
    const char *why;

    producer_drop(c->g->producer);
    chain_abandon(c->g->chain);
    source_settle(c->source, false);
    c->x->ending = c->x->spoilt = false;
    c->x->fresh = true;
    c->x->rewind_at = clock_mono_ms() + pause_ms(c->x->in_a_row++);
    if (c->x->saved && !chain_restore(c->g->chain, c->x->saved, &why))
        return fail(c->x, why);
    return true;
}

/* ---- what went wrong */

/** The brokers end a transaction that is too old, and its producer with it: that is no other process. */
static bool is_overdue(const struct exactly_call *c)
{
    return clock_mono_ms() - c->x->opened_at > c->g->settings.transaction_timeout_ms / 2;
}

/** True where a fence that is heard of now was the brokers' own doing. They may also say so only to the next
 * transaction, where the abort of the overdue one reached them first. */
static bool is_excused(const struct exactly_call *c)
{
    const struct exactly *x = c->x;

    if (x->state == EXACTLY_INIT)
        return false;
    return (x->state != EXACTLY_IDLE && is_overdue(c)) || clock_mono_ms() < x->excused_until;
}

/** A new producer, and from the last commit on; true: go on at once. */
static bool replace(const struct exactly_call *c, const struct transaction_fault *fault)
{
    struct exactly *x = c->x;
    const char *mend = fault ? transaction_mend(fault->err) : NULL;
    bool known = x->state != EXACTLY_INIT;

    if (mend)
        return fail(x, mend);
    if (fault && transaction_fenced(fault->err) && !is_excused(c)) {
        x->fenced = true;
        return fail(x,
                    "another process uses the same transactional id: give each process of the group its own "
                    "`instance` under [host]");
    }
    if (fault && ++x->replaced > REPLACE_MAX) {
        buf_add_text(&x->why, "the transactional producer fails again and again: ");
        return fail(x, fault->text);
    }
    if (fault)
        log_at(place(c), WEIR_LOG_WARN, "the transactional producer failed, opening a new one: error=\"%s\"",
               fault->text);
    if (!producer_replace(c->g->producer, &x->why))
        return fail(x, "");
    x->excused_until = 0;
    x->aborts += known;
    x->rewind = x->rewind || known;
    x->init_at = fault ? clock_mono_ms() + REPLACE_MS : 0;
    x->state = EXACTLY_INIT;
    return reset_chain(c);
}

static bool begin_abort(const struct exactly_call *c, const char *why)
{
    log_at(place(c), WEIR_LOG_DEBUG, "transaction is to be aborted: %s", why);
    c->x->state = EXACTLY_ABORTING;
    return true;
}

/** What follows a call: true where the state has changed. */
static bool follow(const struct exactly_call *c, enum transaction_next next, enum exactly_state then,
                   const struct transaction_fault *fault)
{
    switch (next) {
    case TRANSACTION_ON:
        c->x->state = then;
        return true;
    case TRANSACTION_AGAIN:
        return false;
    case TRANSACTION_ABORT:
        if (transaction_mend(fault->err))
            return fail(c->x, transaction_mend(fault->err));
        log_at(place(c), WEIR_LOG_WARN, "transaction aborted, its records come again: error=\"%s\"",
               fault->text);
        return begin_abort(c, fault->text);
    default:
        return replace(c, fault);
    }
}

/* ---- one step of each state */

static bool step_init(const struct exactly_call *c)
{
    struct transaction_fault fault;
    enum transaction_next next;

    if (clock_mono_ms() < c->x->init_at)
        return false;
    next = transaction_init(producer_lane(c->g->producer), CALL_MS, &fault);
    if (next == TRANSACTION_ABORT)
        next = TRANSACTION_REPLACE;
    if (!follow(c, next, c->x->rewind ? EXACTLY_REWINDING : EXACTLY_IDLE, &fault))
        return false;
    return c->x->state == EXACTLY_REWINDING || save(c);
}

static bool wants_one(const struct exactly_call *c)
{
    int64_t now = clock_mono_ms();

    if (chain_in_flight(c->g->chain) || producer_waiting(c->g->producer))
        return true;
    if (!c->hurry && now < c->x->look_at)
        return false;
    c->x->look_at = now + c->g->settings.commit_interval_ms;
    return source_uncommitted(c->source);
}

static bool step_idle(const struct exactly_call *c)
{
    struct lane *lane = producer_lane(c->g->producer);
    struct transaction_fault fault = {RD_KAFKA_RESP_ERR__FATAL, "the client is finished"};

    if (lane->failed)
        return replace(c, &fault);
    c->x->spoilt = false; /* nothing is open that could be */
    if (!wants_one(c))
        return false;
    c->x->opened_at = clock_mono_ms();
    c->x->ending = c->x->fresh = false;
    if (!follow(c, transaction_begin(lane, &fault), EXACTLY_OPEN, &fault))
        return false;
    producer_poll(c->g->producer); /* what waits for a transaction goes out */
    return true;
}

static bool step_open(const struct exactly_call *c)
{
    struct exactly *x = c->x;
    struct lane *lane = producer_lane(c->g->producer);
    struct transaction_fault fault;

    if ((lane->failed || lane->spoilt) && transaction_reason(lane, &fault) && transaction_mend(fault.err))
        return fail(x, transaction_mend(fault.err));
    if (lane->failed || lane->spoilt)
        return begin_abort(c, "a send was refused");
    if (x->spoilt)
        return begin_abort(c, "its partitions are given up");
    if (is_overdue(c)) {
        log_at(place(c), WEIR_LOG_WARN,
               "transaction aborted, its records come again: not finished within half of "
               "transaction.timeout.ms: in_flight=%zu sends=%zu",
               chain_in_flight(c->g->chain), producer_waiting(c->g->producer));
        return begin_abort(c, "overdue");
    }
    x->ending = x->ending || c->hurry || clock_mono_ms() - x->opened_at >= c->g->settings.commit_interval_ms;
    if (!x->ending)
        return false;
    chain_flush(c->g->chain);
    producer_hurry(c->g->producer, HURRY_MS);
    producer_poll(c->g->producer);
    if (!generation_idle(c->g) || lane->spoilt || lane->failed)
        return false;
    x->state = EXACTLY_OFFERING;
    return true;
}

static bool step_offering(const struct exactly_call *c)
{
    struct transaction_fault fault;
    struct lane *lane = producer_lane(c->g->producer);
    enum transaction_next next;

    if (c->x->spoilt || is_overdue(c))
        return begin_abort(c, "its offsets cannot be committed");
    next = source_offer(c->source, lane, CALL_MS, &fault);
    return follow(c, next, EXACTLY_COMMITTING, &fault);
}

static int64_t committed(void *self, int32_t partition)
{
    return source_committed(self, partition);
}

static bool step_committing(const struct exactly_call *c)
{
    struct transaction_fault fault;
    struct exactly *x = c->x;
    enum transaction_next next = transaction_commit(producer_lane(c->g->producer), CALL_MS, &fault);

    if (next != TRANSACTION_ON)
        return follow(c, next, EXACTLY_IDLE, &fault);
    x->state = EXACTLY_IDLE;
    x->commits++;
    x->replaced = x->odd = x->in_a_row = 0;
    x->ending = x->spoilt = false;
    x->look_at = clock_mono_ms() + c->g->settings.commit_interval_ms;
    source_settle(c->source, true);
    producer_forget(c->g->producer, committed, c->source);
    return save(c);
}

static bool step_aborting(const struct exactly_call *c)
{
    struct transaction_fault fault;
    struct exactly *x = c->x;
    enum transaction_next next = transaction_abort(producer_lane(c->g->producer), CALL_MS, &fault);
    bool judged;

    if (next == TRANSACTION_ABORT)
        next = TRANSACTION_REPLACE;
    if (next != TRANSACTION_ON)
        return follow(c, next, EXACTLY_REWINDING, &fault);
    x->aborts++;
    if (is_overdue(c))
        x->excused_until = clock_mono_ms() + EXCUSE_MS;
    judged = producer_judge(c->g->producer, JUDGE_MS);
    if (!judged && ++x->odd > ODD_MAX)
        return fail(x, "brokers refuse batches of one record whose records they take alone");
    if (!judged)
        return replace(c, NULL);
    x->state = EXACTLY_REWINDING;
    return reset_chain(c);
}

static bool step_rewinding(const struct exactly_call *c)
{
    if (c->inside || clock_mono_ms() < c->x->rewind_at)
        return false;
    c->x->rewind = false;
    c->x->state = EXACTLY_IDLE;
    source_rewind(c->source);
    return true;
}

static bool step(const struct exactly_call *c)
{
    switch (c->x->state) {
    case EXACTLY_INIT:
        return step_init(c);
    case EXACTLY_IDLE:
        return step_idle(c);
    case EXACTLY_OPEN:
        return step_open(c);
    case EXACTLY_OFFERING:
        return step_offering(c);
    case EXACTLY_COMMITTING:
        return step_committing(c);
    case EXACTLY_ABORTING:
        return step_aborting(c);
    case EXACTLY_REWINDING:
        return step_rewinding(c);
    default:
        return false;
    }
}

/* ---- in public */

void exactly_step(const struct exactly_call *c)
{
    int left = 8; /* states at once: more than one transaction, less than for ever */

    while (left-- && !chain_stopped(c->g->chain) && step(c))
        ;
}

bool exactly_takes(const struct exactly *x, const struct generation *g)
{
    const struct lane *lane = producer_lane(g->producer);

    if (x->ending || x->spoilt || lane->spoilt || lane->failed)
        return false;
    return x->state == EXACTLY_OPEN || x->state == EXACTLY_IDLE;
}

bool exactly_runs(const struct exactly *x)
{
    return x->state == EXACTLY_OPEN || x->state == EXACTLY_IDLE;
}

bool exactly_settled(const struct exactly *x, const struct generation *g, const struct source *source)
{
    switch (x->state) {
    case EXACTLY_INIT:
    case EXACTLY_REWINDING:
        return true;
    case EXACTLY_IDLE:
        return generation_idle(g) && !source_uncommitted(source);
    default:
        return false;
    }
}

void exactly_spoil(struct exactly *x)
{
    x->spoilt = true;
}

int64_t exactly_wait(const struct exactly *x, const struct generation *g)
{
    int64_t left, now = clock_mono_ms();

    switch (x->state) {
    case EXACTLY_IDLE:
        left = x->look_at - now;
        break;
    case EXACTLY_OPEN:
        left = x->ending ? 1 : x->opened_at + g->settings.commit_interval_ms - now;
        break;
    case EXACTLY_INIT:
        left = x->init_at - now;
        break;
    default:
        left = 1;
    }
    return left > 1 ? left : 1;
}

const char *exactly_failed(struct exactly *x)
{
    const char *text = x->state == EXACTLY_FAILED ? buf_text(&x->why) : NULL;

    return x->state != EXACTLY_FAILED ? NULL : text ? text : "no memory";
}

void exactly_close(struct exactly *x, struct generation *g, int timeout_ms)
{
    int64_t until = clock_mono_ms() + timeout_ms;
    struct transaction_fault fault;

    if (!producer_lane(g->producer)->in_transaction)
        return;
    while (x->state != EXACTLY_COMMITTING && clock_mono_ms() < until &&
           transaction_abort(producer_lane(g->producer), CALL_MS, &fault) == TRANSACTION_AGAIN)
        ;
}
