/* source.c: see source.h.
 *
 * Messages come through an inbox, many at a time where librdkafka does that safely (see inbox.c). Callbacks
 * run in the same calls, and may move the partitions that messages were just gathered from: where that
 * happened, all of them are forgotten, and read again from where each partition stands. Consuming by callback
 * was rejected: it has no bound on memory.
 *
 * weir finds the starting offsets itself when partitions are assigned (see offsets.c), so librdkafka is never
 * left to reset one: auto.offset.reset is `error`, and that error means that a position was lost.
 *
 * A fenced client is finished, whoever fenced it. Where that was this member itself (see membership.h), the
 * source is `spent`: its owner has it open another client, and what was under way is void, as where
 * partitions are lost. It is not waited for: this client can commit no more, so all since the last commit
 * comes again. */
#include "kafka/source.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "config/diag.h"
#include "kafka/consumer.h"
#include "kafka/errors.h"
#include "kafka/inbox.h"
#include "kafka/membership.h"
#include "kafka/record.h"

#define POLL_MAX 500   /* records of one source_poll() */
#define RECEIVE_MAX 64 /* messages taken in at once, below INBOX_ROOM: there is room to serve the group */
#define STALL_MS 1000  /* so long without taking, then pause */
#define COMMIT_WAIT_MS 5000
#define PATIENCE_MS 60000 /* for an offset, when a partition is assigned; below max.poll.interval.ms */
#define RECORD_COST 64    /* bytes that a record adds to its key and value in the queue, roughly */

struct source {
    char *chain, *topic, *group;
    enum config_start start;
    enum config_lost_offset on_lost;
    int64_t drain_timeout_ms;
    struct source_events events;
    struct consumer consumer;
    struct membership membership;
    bool exactly_once;

    struct inbox inbox;
    uint64_t moves; /* how often partitions came, went, or changed their place */
    bool lost;      /* the assignment: partitions that we have are no longer ours */
    bool rejoin;
    bool fenced;           /* by another process */
    bool spent;            /* fenced by itself: it wants another client */
    int64_t patient_until; /* monotonic milliseconds */
    int64_t idle_since;    /* monotonic milliseconds: since when none is taken, -1: they are */
    struct record_room room;
    uint64_t taken, rebalances;
    rd_kafka_resp_err_t last_error;
    char *failed;
    struct buf text;
};

static struct log_place place(const struct source *s)
{
    return (struct log_place){s->chain, NULL};
}

/** Nothing more comes of this client. */
static bool is_over(const struct source *s)
{
    return s->failed || s->spent;
}

static void fail(struct source *s, const char *why)
{
    if (is_over(s))
        return;
    s->failed = str_dup(str_of(why));
    log_at(place(s), WEIR_LOG_DEBUG, "the source is finished: error=\"%s\"", why);
}

static const char *phrase(struct source *s, rd_kafka_resp_err_t err)
{
    return errors_source_phrase(&s->text, err, s->topic, s->group);
}

/** True where partitions are about to be taken away, and nothing can be committed. librdkafka forgets it when
 * they are assigned once more, as at a rewind. */
static bool is_lost(struct source *s)
{
    s->lost = s->lost || rd_kafka_assignment_lost(s->consumer.client.rk);
    return s->lost;
}

/** While brokers do not tell an offset: keeps the chain's sends going. */
static bool wait_on(void *self)
{
    struct source *s = self;

    return !is_over(s) && !is_lost(s) && clock_mono_ms() < s->patient_until &&
           s->events.serve(s->events.self, false);
}

static struct patience patience(struct source *s)
{
    s->patient_until = clock_mono_ms() + PATIENCE_MS;
    return (struct patience){s, wait_on};
}

/* ---- the group */

/** The end of a partition is elsewhere a moment later: where one begins there, that is committed before a
 * record is taken, or a crash before the first commit would skip what was. */
static rd_kafka_resp_err_t begin(struct source *s, rd_kafka_topic_partition_list_t *list)
{
    struct patience patient = patience(s);
    rd_kafka_resp_err_t err = positions_begin(&s->consumer.positions, list, s->start, &patient);

    if (!err && s->start == CONFIG_LATEST && !commits_begin(&s->consumer.commits, list, COMMIT_WAIT_MS))
        err = RD_KAFKA_RESP_ERR__TIMED_OUT;
    return err;
}

static void assign(struct source *s, rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_resp_err_t err = begin(s, list);
    int i;

    if (err) {
        for (i = 0; i < list->cnt; i++)
            partitions_revoke(&s->consumer.partitions, list->elems[i].partition);
        consumer_assign_none(&s->consumer);
        if (errors_is_away(err))
            s->rejoin = true; /* out of patience, or asked to stop */
        else
            fail(s, phrase(s, err));
        return;
    }
    s->rebalances++;
    s->lost = false;
    membership_assigned(&s->membership, clock_mono_ms());
    consumer_assign(&s->consumer, list);
    log_at(place(s), WEIR_LOG_INFO, "partitions assigned: added=%d now=%zu", list->cnt,
           s->consumer.partitions.assigned);
}

static bool is_drained(const struct source *s, const rd_kafka_topic_partition_list_t *list)
{
    return partitions_open(&s->consumer.partitions, list) == 0 && s->events.settled(s->events.self);
}

/** Waits for what is in flight of these partitions, up to drain_timeout. */
static bool drain(struct source *s, const rd_kafka_topic_partition_list_t *list)
{
    int64_t until = clock_mono_ms() + s->drain_timeout_ms;

    while (!is_drained(s, list) && clock_mono_ms() < until && s->events.serve(s->events.self, true))
        ;
    return is_drained(s, list);
}

/** Drains, then commits: the next owner begins there. False: without an answer. */
static bool settle(struct source *s, const rd_kafka_topic_partition_list_t *list)
{
    drain(s, list);
    return s->exactly_once || commits_now(&s->consumer.commits, COMMIT_WAIT_MS);
}

static void revoke(struct source *s, rd_kafka_topic_partition_list_t *list)
{
    bool lost = is_lost(s);
    size_t open;
    int i;

    if ((lost || !settle(s, list)) && !rd_kafka_fatal_error(s->consumer.client.rk, NULL, 0))
        membership_lost(&s->membership); /* by a fence it is lost, too: that excuses nothing */
    if (!s->events.settled(s->events.self))
        s->events.spoil(s->events.self);
    if (s->consumer.paused)
        consumer_pause(&s->consumer, false); /* librdkafka would remember it, and we would not */
    open = partitions_open(&s->consumer.partitions, list);
    for (i = 0; i < list->cnt; i++)
        partitions_revoke(&s->consumer.partitions, list->elems[i].partition);
    consumer_unassign(&s->consumer, list);
    s->lost = false;
    log_at(place(s), lost || open ? WEIR_LOG_WARN : WEIR_LOG_INFO,
           "partitions %s: count=%d now=%zu repeated_elsewhere=%zu", lost ? "lost" : "given up", list->cnt,
           s->consumer.partitions.assigned, open);
}

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *list,
                         void *opaque)
{
    struct source *s = ((struct client *)opaque)->owner;

    s->moves++;
    if (err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS && is_over(s)) {
        consumer_assign_none(&s->consumer);
    } else if (err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        assign(s, list);
    } else if (err == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS) {
        revoke(s, list);
    } else {
        rd_kafka_assign(rk, NULL);
    }
}

/** Brokers have refused this member for good: librdkafka's client is finished. */
static void on_fence(struct source *s)
{
    if (is_over(s))
        return;
    s->spent = membership_forgives(&s->membership, clock_mono_ms());
    s->fenced = !s->spent;
    if (s->fenced)
        fail(s, phrase(s, RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID));
}

static void on_committed(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *list,
                         void *opaque)
{
    struct source *s = ((struct client *)opaque)->owner;

    (void)rk;
    s->consumer.commits.pending = false;
    commits_result(&s->consumer.commits, err, list);
    if (!err)
        client_well(&s->consumer.client);
    else if (err == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID)
        on_fence(s);
    else if (err == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED)
        fail(s, phrase(s, err));
}

/* ---- what is no record */

/** At the end of a partition, see begin(). What lies before the gap must be safe first. */
static bool keep_place(struct source *s, int32_t number)
{
    const struct partition *part = partitions_find(&s->consumer.partitions, number);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    bool good;

    rd_kafka_topic_partition_list_add(list, s->topic, number);
    good = drain(s, list) && commits_place(&s->consumer.commits, number, part->position, COMMIT_WAIT_MS);
    rd_kafka_topic_partition_list_destroy(list);
    return good;
}

static void on_lost_offset(struct source *s, int32_t number)
{
    const struct partition *part = partitions_find(&s->consumer.partitions, number);
    struct patience patient = patience(s);
    rd_kafka_resp_err_t err;
    int64_t before;

    if (is_lost(s) || !part)
        return;
    before = part->position;
    buf_reset(&s->text);
    err = positions_lost(&s->consumer.positions, number, s->on_lost, &patient, &s->text);
    if (err && !is_lost(s))
        fail(s, phrase(s, err));
    else if (s->text.len)
        fail(s, buf_text(&s->text) ? buf_text(&s->text) : "no memory");
    else if (s->on_lost == CONFIG_LOST_LATEST && part->position != before && !keep_place(s, number))
        s->rejoin = true;
    inbox_forget(&s->inbox); /* all partitions are read again from where they stand */
    consumer_pause_all(&s->consumer);
}

static void on_fatal(struct source *s)
{
    char text[512];
    rd_kafka_resp_err_t err = rd_kafka_fatal_error(s->consumer.client.rk, text, sizeof text);

    if (err == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID)
        on_fence(s);
    else
        fail(s, text);
}

static void on_trouble(struct source *s, const rd_kafka_message_t *m)
{
    bool news = m->err != s->last_error;

    s->last_error = m->err;
    if (m->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET)
        on_lost_offset(s, m->partition);
    else if (m->err == RD_KAFKA_RESP_ERR__FATAL || s->consumer.client.fatal)
        on_fatal(s);
    else if (errors_is_final(m->err))
        fail(s, phrase(s, m->err));
    else if (m->err == RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED)
        log_at(place(s), WEIR_LOG_WARN,
               "the group took the partitions away: a stage held the task for longer than "
               "max.poll.interval.ms");
    else if (news && !errors_is_away(m->err))
        log_at(place(s), WEIR_LOG_WARN, "cannot read for now, waiting: error=\"%s\"", phrase(s, m->err));
}

/* ---- records */

static void on_record(struct source *s, const rd_kafka_message_t *m)
{
    struct record record;

    if (!partitions_find(&s->consumer.partitions, m->partition))
        return; /* given up meanwhile: its next owner has it */
    if (!record_read(&s->room, m, str_of(s->topic), &record) ||
        !partitions_push(&s->consumer.partitions, m->partition, m->offset, &record.ticket)) {
        fail(s, "no memory");
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
    if (s->consumer.partitions.assigned && !is_over(s) && !is_lost(s))
        positions_again(&s->consumer.positions);
    consumer_pause_all(&s->consumer);
}

static bool take_some(struct source *s)
{
    size_t n;

    for (n = 0; n < POLL_MAX && !is_over(s) && !s->rejoin && s->events.ready(s->events.self); n++) {
        rd_kafka_message_t *m;

        if (!s->inbox.count)
            receive(s, RECEIVE_MAX);
        m = inbox_take(&s->inbox);
        if (!m)
            return false;
        if (m->err)
            on_trouble(s, m);
        else
            on_record(s, m);
        rd_kafka_message_destroy(m);
    }
    return true;
}

/* ---- when none is to be taken */

/** Serves the group without taking. Records that come all the same, before the pause, are kept for later. */
static void serve_group(struct source *s)
{
    rd_kafka_message_t *m;

    receive(s, INBOX_ROOM);
    while (!is_over(s) && (m = inbox_take_error(&s->inbox))) {
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
    log_at(place(s), WEIR_LOG_WARN, "no answer about offsets, joining the group again");
    s->rejoin = false;
    rd_kafka_unsubscribe(s->consumer.client.rk);
    source_subscribe(s);
}

bool source_poll(struct source *s, bool taking)
{
    bool more;

    if (s->consumer.client.fatal)
        on_fatal(s);
    if (is_over(s))
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
    struct patience patient = patience(s);
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR__FAIL;

    s->moves++;
    inbox_forget(&s->inbox);
    if (!is_lost(s) && !is_over(s))
        err = positions_rewind(&s->consumer.positions, &patient);
    consumer_pause_all(&s->consumer);
    if (!err)
        return;
    partitions_revoke_all(&s->consumer.partitions); /* what still comes is not taken from the wrong place */
    if (is_lost(s))
        return;
    if (errors_is_away(err))
        s->rejoin = true;
    else
        fail(s, phrase(s, err));
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

enum look source_look(struct source *s, int timeout_ms, const char **why)
{
    rd_kafka_resp_err_t err = client_look(&s->consumer.client, s->consumer.handle, timeout_ms);

    *why = err ? phrase(s, err) : NULL;
    return errors_look(err);
}

void source_subscribe(struct source *s)
{
    rd_kafka_resp_err_t err = consumer_subscribe(&s->consumer);

    if (err)
        fail(s, phrase(s, err));
}

void source_update(struct source *s, const struct settings *settings)
{
    s->start = settings->start;
    s->on_lost = settings->on_lost;
    s->drain_timeout_ms = settings->drain_timeout_ms;
}

static bool open_client(struct source *s, const struct settings *settings, struct diag *diag)
{
    static const struct client_callbacks callbacks = {.rebalance = on_rebalance, .committed = on_committed};

    if (!consumer_open(&s->consumer, settings, &callbacks, diag))
        return false;
    inbox_open(&s->inbox, s->consumer.client.rk);
    return true;
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
    s->idle_since = -1;
    buf_init(&s->text, 4096);
    if (open_client(s, settings, diag))
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
    return s->spent;
}

bool source_renew(struct source *s, const struct settings *settings, struct diag *diag)
{
    log_at(place(s), WEIR_LOG_WARN,
           "fenced by what was sent before the session was lost, not by another process: joining the group "
           "again: under_way=%zu",
           partitions_open(&s->consumer.partitions, NULL));
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
