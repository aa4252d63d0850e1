/* source.c: see source.h.
 *
 * Messages come through an inbox, many at a time where librdkafka does that safely (see inbox.c). Callbacks
 * run in the same calls, and may move the partitions that messages were just gathered from: where that
 * happened, all of them are forgotten, and read again from where each partition stands. Consuming by callback
 * was rejected: it has no bound on memory.
 *
 * weir finds the starting offsets itself when partitions are assigned (see offsets.c), so librdkafka is never
 * left to reset one: auto.offset.reset is `error`, and that error means that a position was lost. */
#include "kafka/source.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "config/diag.h"
#include "kafka/errors.h"
#include "kafka/source_parts.h"

#define POLL_MAX 500      /* records of one source_poll(); */
#define POLL_MS 50        /* slow stages get fewer, so that commits, stops and reloads have their turn */
#define GROUP_MS 1000     /* and the group is served meanwhile, or librdkafka would take the task for stuck */
#define RECEIVE_MAX 64    /* messages taken in at once, below INBOX_ROOM: there is room to serve the group */
#define STALL_MS 1000     /* so long without taking, then pause */
#define PATIENCE_MS 60000 /* for an offset, when a partition is assigned; below max.poll.interval.ms */
#define UNMADE_MS 2000    /* so long before a topic counts as not made yet, and not as one a broker forgot */
#define RECORD_COST 64    /* bytes that a record adds to its key and value in the queue, roughly */

struct log_place source_place(const struct source *s)
{
    return (struct log_place){s->chain, NULL};
}

bool source_is_over(const struct source *s)
{
    return s->failed || s->spent;
}

void source_fail(struct source *s, const char *why)
{
    if (source_is_over(s))
        return;
    s->failed = str_dup(str_of(why));
    log_at(source_place(s), WEIR_LOG_DEBUG, "the source is finished: error=\"%s\"", why);
}

const char *source_phrase(struct source *s, rd_kafka_resp_err_t err)
{
    return errors_source_phrase(&s->text, err, s->topic, s->group);
}

bool source_is_lost(struct source *s)
{
    s->lost = s->lost || rd_kafka_assignment_lost(s->consumer.client.rk);
    return s->lost;
}

/** While brokers do not tell an offset: keeps the chain's sends going. */
static bool wait_on(void *self)
{
    struct source *s = self;

    return !source_is_over(s) && !source_is_lost(s) && clock_mono_ms() < s->patient_until &&
           s->events.serve(s->events.self, false);
}

struct patience source_patience(struct source *s)
{
    s->patient_until = clock_mono_ms() + PATIENCE_MS;
    return (struct patience){s, wait_on};
}

/* ---- what is no record */

static void on_trouble(struct source *s, const rd_kafka_message_t *m)
{
    bool news = m->err != s->last_error;

    s->last_error = m->err;
    if (m->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET)
        source_on_lost_offset(s, m->partition);
    else if (m->err == RD_KAFKA_RESP_ERR__FATAL || s->consumer.client.fatal)
        source_on_fatal(s);
    else if (errors_is_final(m->err))
        source_fail(s, source_phrase(s, m->err));
    else if (m->err == RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED)
        log_at(source_place(s), WEIR_LOG_WARN,
               "the group took the partitions away: a stage held the task for longer than "
               "max.poll.interval.ms");
    else if (news && !errors_is_away(m->err))
        log_at(source_place(s), WEIR_LOG_WARN, "cannot read for now, waiting: error=\"%s\"",
               source_phrase(s, m->err));
}

/* ---- records */

static void on_record(struct source *s, const rd_kafka_message_t *m)
{
    struct record record;

    if (!partitions_find(&s->consumer.partitions, m->partition))
        return; /* given up meanwhile: its next owner has it */
    if (!record_read(&s->room, m, str_of(s->topic), &record) ||
        !partitions_push(&s->consumer.partitions, m->partition, m->offset, &record.ticket)) {
        source_fail(s, "no memory");
        return;
    }
    s->taken++;
    s->last_error = RD_KAFKA_RESP_ERR_NO_ERROR;
    awake_took(s->consumer.awake, m->len + m->key_len + RECORD_COST);
    s->events.take(s->events.self, &record);
}

/** Serves the group's business and takes in what has come, up to `most`. */
static void receive(struct source *s, size_t most)
{
    uint64_t before = s->moves;

    inbox_fill(&s->inbox, most);
    if (s->moves == before || !inbox_forget(&s->inbox)) /* who knows from which place they are */
        return;
    if (s->consumer.partitions.assigned && !source_is_over(s) && !source_is_lost(s))
        positions_again(&s->consumer.positions);
    consumer_pause_all(&s->consumer);
}

static void refill(struct source *s, int64_t now)
{
    if (s->inbox.count && now - s->received_at < GROUP_MS)
        return;
    s->received_at = now;
    receive(s, s->inbox.count ? INBOX_ROOM : RECEIVE_MAX);
}

static bool take_some(struct source *s)
{
    int64_t now = clock_coarse_ms(), until = now + POLL_MS;
    size_t n;

    for (n = 0;
         n < POLL_MAX && now < until && !source_is_over(s) && !s->rejoin && s->events.ready(s->events.self);
         n++) {
        rd_kafka_message_t *m;

        refill(s, now);
        m = inbox_take(&s->inbox);
        if (!m)
            return false;
        if (m->err)
            on_trouble(s, m);
        else
            on_record(s, m);
        rd_kafka_message_destroy(m);
        now = clock_coarse_ms();
    }
    return true;
}

/* ---- when none is to be taken */

/** Serves the group without taking. Records that come all the same, before the pause, are kept for later. */
static void serve_group(struct source *s)
{
    rd_kafka_message_t *m;

    receive(s, INBOX_ROOM);
    while (!source_is_over(s) && (m = inbox_take_error(&s->inbox))) {
        on_trouble(s, m);
        rd_kafka_message_destroy(m);
    }
}

static void stay_idle(struct source *s)
{
    int64_t now = clock_mono_ms();

    if (s->idle_since < 0)
        s->idle_since = now;
    if (now - s->idle_since < STALL_MS && s->consumer.partitions.assigned)
        return;
    if (!s->consumer.paused && s->consumer.partitions.assigned)
        consumer_pause(&s->consumer, true);
    serve_group(s);
}

/** After an assignment without an answer about its offsets, or to the commit of them. */
static void join_again(struct source *s)
{
    log_at(source_place(s), WEIR_LOG_WARN, "no answer about offsets, joining the group again");
    s->rejoin = false;
    rd_kafka_unsubscribe(s->consumer.client.rk);
    source_subscribe(s);
}

bool source_poll(struct source *s, bool taking)
{
    bool more;

    if (s->consumer.client.fatal)
        source_on_fatal(s);
    if (source_is_over(s))
        return false;
    if (s->rejoin)
        join_again(s);
    if (!taking || !s->events.ready(s->events.self)) {
        stay_idle(s);
        return true;
    }
    s->idle_since = -1;
    if (s->consumer.paused)
        consumer_pause(&s->consumer, false);
    more = take_some(s);
    awake_look(s->consumer.awake);
    return more;
}

void source_done(struct source *s, void *ticket)
{
    partitions_done(&s->consumer.partitions, ticket);
}

void source_commit(struct source *s)
{
    commits_start(&s->consumer.commits);
}

/* ---- exactly-once */

bool source_uncommitted(const struct source *s)
{
    return commits_due(&s->consumer.commits);
}

enum transaction_next source_offer(struct source *s, struct lane *lane, int timeout_ms,
                                   struct transaction_fault *fault)
{
    return commits_offer(&s->consumer.commits, lane, timeout_ms, fault);
}

void source_settle(struct source *s, bool committed)
{
    commits_settle(&s->consumer.commits, committed);
}

int64_t source_committed(struct source *s, int32_t partition)
{
    const struct partition *part = partitions_find(&s->consumer.partitions, partition);

    return part ? part->committed : INT64_MAX;
}

void source_rewind(struct source *s)
{
    struct patience patient = source_patience(s);
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR__FAIL;

    s->moves++;
    inbox_forget(&s->inbox);
    if (!source_is_lost(s) && !source_is_over(s))
        err = positions_rewind(&s->consumer.positions, &patient);
    consumer_pause_all(&s->consumer);
    if (!err)
        return;
    partitions_revoke_all(&s->consumer.partitions); /* what still comes is not taken from the wrong place */
    if (source_is_lost(s))
        return;
    if (errors_is_away(err))
        s->rejoin = true;
    else
        source_fail(s, source_phrase(s, err));
}

const char *source_failed(const struct source *s)
{
    return s->failed;
}

bool source_fenced(const struct source *s)
{
    return s->fenced;
}

/* ---- start and end */

static void know_old(struct source *s, int32_t partitions)
{
    s->old_partitions = partitions;
    client_close(&s->asker);
}

/** Partitions are added behind the last one: what stands before one that the group has read was there then.
 * Asked once, before the group is joined: its members commit where they begin as soon as they are in. */
static rd_kafka_resp_err_t count_old(struct source *s, int32_t partitions, int timeout_ms)
{
    int32_t known = 0;
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;

    if (s->asker.rk)
        err = offsets_known(s->asker.rk, s->topic, partitions, timeout_ms, &known);
    if (!err)
        know_old(s, known ? known : partitions);
    return err;
}

/** A broker that has just started may not know a topic yet, so one answer is none. */
static void note_absence(struct source *s, bool is_absent)
{
    int64_t now = clock_mono_ms();

    if (!is_absent) {
        s->absent_since = -1;
    } else if (s->absent_since < 0) {
        s->absent_since = now;
    } else if (s->old_partitions < 0 && now - s->absent_since >= UNMADE_MS) {
        know_old(s, 0);
        if (s->start == CONFIG_LATEST)
            log_at(source_place(s), WEIR_LOG_INFO,
                   "if the source topic is made while weir waits, it is read from its first record: topic=%s",
                   s->topic);
    }
}

enum look source_look(struct source *s, int timeout_ms, const char **why)
{
    int32_t partitions;
    rd_kafka_resp_err_t err = client_look(&s->consumer.client, s->consumer.handle, timeout_ms, &partitions);

    note_absence(s, errors_look(err) == LOOK_ABSENT);
    if (!err && s->old_partitions < 0 && partitions > 0)
        err = count_old(s, partitions, timeout_ms);
    *why = err ? source_phrase(s, err) : NULL;
    return errors_look(err);
}

void source_subscribe(struct source *s)
{
    rd_kafka_resp_err_t err = consumer_subscribe(&s->consumer);

    if (err)
        source_fail(s, source_phrase(s, err));
}

void source_update(struct source *s, const struct settings *settings)
{
    s->start = settings->start;
    s->on_lost = settings->on_lost;
    s->drain_timeout_ms = settings->drain_timeout_ms;
}

static bool open_client(struct source *s, const struct settings *settings, struct diag *diag)
{
    static const struct client_callbacks callbacks = {.rebalance = source_on_rebalance,
                                                      .committed = source_on_committed};

    if (!consumer_open(&s->consumer, settings, &callbacks, diag))
        return false;
    inbox_open(&s->inbox, s->consumer.client.rk);
    return true;
}

/* The consumer itself would wait for the end of each open transaction, of a dead process, too. */
static bool open_asker(struct source *s, const struct settings *settings, struct diag *diag)
{
    static const struct client_callbacks none = {NULL, NULL, NULL};

    s->asker.chain = s->chain;
    s->asker.wake_fd = -1;
    s->asker.uncommitted = true;
    return s->start != CONFIG_LATEST || client_open(&s->asker, CLIENT_CONSUMER, settings, &none, diag);
}

struct source *source_new(const struct settings *settings, int wake_fd, const struct source_events *events,
                          struct diag *diag)
{
    struct source *s = calloc(1, sizeof *s);

    if (!s)
        goto no_memory;
    s->chain = str_dup(str_of(settings->chain));
    s->topic = str_dup(str_of(settings->source));
    s->group = str_dup(str_of(settings->group));
    if (!s->chain || !s->topic || !s->group)
        goto no_memory;
    source_update(s, settings);
    s->events = *events;
    s->exactly_once = settings->exactly_once;
    s->consumer.topic = s->topic;
    s->consumer.client.chain = s->chain;
    s->consumer.client.owner = s;
    s->consumer.client.wake_fd = wake_fd;
    s->idle_since = s->absent_since = -1;
    s->old_partitions = -1;
    buf_init(&s->text, 4096);
    if (open_client(s, settings, diag) && open_asker(s, settings, diag))
        return s;
    source_destroy(s);
    return NULL;

no_memory:
    diag_error(diag, settings->place, "no memory");
    source_destroy(s);
    return NULL;
}

bool source_spent(const struct source *s)
{
    return s->spent && clock_mono_ms() >= s->renew_at;
}

bool source_renew(struct source *s, const struct settings *settings, struct diag *diag)
{
    if (!s->events.settled(s->events.self))
        s->events.spoil(s->events.self);
    inbox_close(&s->inbox);
    partitions_revoke_all(&s->consumer.partitions);
    consumer_close(&s->consumer);
    s->rejoin = s->spent = s->lost = false;
    s->last_error = RD_KAFKA_RESP_ERR_NO_ERROR;
    if (!open_client(s, settings, diag))
        return false;
    source_subscribe(s);
    return true;
}

void source_destroy(struct source *s)
{
    if (!s)
        return;
    inbox_close(&s->inbox);
    client_close(&s->asker);
    consumer_close(&s->consumer); /* on_rebalance() commits what is safe */
    consumer_fini(&s->consumer);
    buf_fini(&s->text);
    record_room_fini(&s->room);
    free(s->failed);
    free(s->chain);
    free(s->topic);
    free(s->group);
    free(s);
}

void source_status(const struct source *s, struct source_status *out)
{
    *out = (struct source_status){
        .assigned = s->consumer.partitions.assigned,
        .under_way = partitions_open(&s->consumer.partitions, NULL),
        .taken = s->taken,
        .lag = consumer_lag(&s->consumer),
        .last_commit_ms = s->consumer.commits.last_at,
        .rebalances = s->rebalances,
        .paused = s->consumer.paused,
    };
}
