/* source.c: see source.h.
 *
 * rd_kafka_consumer_poll(), a record at a time: the batch call of librdkafka before 2.13.2 skips records
 * around a rebalance or a pause (measured), and consuming by callback has no bound on memory. The eager
 * assignor before 2.6.1 for the same reason.
 *
 * weir finds the starting offsets itself when partitions are assigned (see offsets.c), so librdkafka is never
 * left to reset one: auto.offset.reset is `error`, and that error means that a position was lost. */
#include "kafka/source.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "kafka/awake.h"
#include "kafka/client.h"
#include "kafka/commits.h"
#include "kafka/errors.h"
#include "kafka/offsets.h"
#include "kafka/positions.h"
#include "kafka/record.h"

#define POLL_MAX 500  /* records of one source_poll() */
#define STALL_MS 1000 /* so long without taking, then pause */
#define COMMIT_WAIT_MS 5000
#define PATIENCE_MS 60000 /* for an offset, when a partition is assigned; below max.poll.interval.ms */
#define RECORD_COST 64    /* bytes that a record adds to its key and value in the queue, roughly */

struct source {
    char *chain, *topic, *group;
    enum config_start start;
    enum config_lost_offset on_lost;
    int64_t drain_timeout_ms;
    struct source_events events;
    struct client client;
    rd_kafka_topic_t *handle; /* to ask about the topic */
    struct partitions partitions;
    struct positions positions;
    struct commits commits;
    bool exactly_once;
    struct awake *awake;

    rd_kafka_message_t *held; /* came while none was to be taken */
    bool paused, fenced, rejoin;
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

static void fail(struct source *s, const char *why)
{
    if (s->failed)
        return;
    s->failed = str_dup(str_of(why));
    log_at(place(s), WEIR_LOG_DEBUG, "the source is finished: error=\"%s\"", why);
}

static const char *phrase(struct source *s, rd_kafka_resp_err_t err)
{
    return errors_source_phrase(&s->text, err, s->topic, s->group);
}

/** While brokers do not tell an offset: keeps the chain's sends going. */
static bool wait_on(void *self)
{
    struct source *s = self;

    return !s->failed && clock_mono_ms() < s->patient_until && s->events.serve(s->events.self, false);
}

static struct patience patience(struct source *s)
{
    s->patient_until = clock_mono_ms() + PATIENCE_MS;
    return (struct patience){s, wait_on};
}

/* ---- the group */

static void tell_awake(struct source *s)
{
    rd_kafka_topic_partition_list_t *all = partitions_list(&s->partitions, s->topic);

    awake_assigned(s->awake, all);
    rd_kafka_topic_partition_list_destroy(all);
}

static void set_paused(struct source *s, bool paused)
{
    rd_kafka_topic_partition_list_t *all = partitions_list(&s->partitions, s->topic);

    if (paused)
        rd_kafka_pause_partitions(s->client.rk, all);
    else
        rd_kafka_resume_partitions(s->client.rk, all);
    rd_kafka_topic_partition_list_destroy(all);
    log_at(place(s), WEIR_LOG_DEBUG, "partitions %s", paused ? "paused" : "resumed");
    s->paused = paused;
}

static rd_kafka_resp_err_t begin(struct source *s, rd_kafka_topic_partition_list_t *list)
{
    struct patience patient = patience(s);

    return positions_begin(&s->positions, list, s->start, &patient);
}

static void assign(struct source *s, rd_kafka_t *rk, rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_resp_err_t err = begin(s, list);
    int i;

    if (err) {
        for (i = 0; i < list->cnt; i++)
            partitions_revoke(&s->partitions, list->elems[i].partition);
        rd_kafka_assign(rk, NULL);
        if (errors_is_away(err))
            s->rejoin = true; /* out of patience, or asked to stop */
        else
            fail(s, phrase(s, err));
        return;
    }
    s->rebalances++;
    if (positions_cooperative(rk))
        rd_kafka_error_destroy(rd_kafka_incremental_assign(rk, list));
    else
        rd_kafka_assign(rk, list);
    if (s->paused)
        set_paused(s, true); /* the new ones, too */
    client_well(&s->client);
    tell_awake(s);
    log_at(place(s), WEIR_LOG_INFO, "partitions assigned: added=%d now=%zu", list->cnt,
           s->partitions.assigned);
}

/** Waits for what is in flight of these partitions, then commits: the next owner begins there. */
static void settle(struct source *s, const rd_kafka_topic_partition_list_t *list)
{
    int64_t until = clock_mono_ms() + s->drain_timeout_ms;

    while ((partitions_open(&s->partitions, list) || !s->events.settled(s->events.self)) &&
           clock_mono_ms() < until) {
        if (!s->events.serve(s->events.self, true))
            break;
    }
    if (!s->exactly_once)
        commits_now(&s->commits, COMMIT_WAIT_MS);
}

static void revoke(struct source *s, rd_kafka_t *rk, rd_kafka_topic_partition_list_t *list)
{
    bool lost = rd_kafka_assignment_lost(rk);
    size_t open;
    int i;

    if (!lost)
        settle(s, list);
    if (!s->events.settled(s->events.self))
        s->events.spoil(s->events.self);
    if (s->paused)
        set_paused(s, false); /* librdkafka would remember it beyond this assignment, and we would not */
    open = partitions_open(&s->partitions, list);
    if (s->held)
        rd_kafka_message_destroy(s->held); /* it was never taken */
    s->held = NULL;
    for (i = 0; i < list->cnt; i++)
        partitions_revoke(&s->partitions, list->elems[i].partition);
    if (positions_cooperative(rk))
        rd_kafka_error_destroy(rd_kafka_incremental_unassign(rk, list));
    else
        rd_kafka_assign(rk, NULL);
    tell_awake(s);
    log_at(place(s), lost || open ? WEIR_LOG_WARN : WEIR_LOG_INFO,
           "partitions %s: count=%d now=%zu repeated_elsewhere=%zu", lost ? "lost" : "given up", list->cnt,
           s->partitions.assigned, open);
}

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *list,
                         void *opaque)
{
    struct source *s = ((struct client *)opaque)->owner;

    if (err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS && !s->failed) {
        assign(s, rk, list);
    } else if (err == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS) {
        revoke(s, rk, list);
    } else {
        rd_kafka_assign(rk, NULL);
    }
}

static void on_committed(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *list,
                         void *opaque)
{
    struct source *s = ((struct client *)opaque)->owner;

    (void)rk;
    s->commits.pending = false;
    commits_result(&s->commits, err, list);
    if (!err)
        client_well(&s->client);
    else if (err == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID ||
             err == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED)
        fail(s, phrase(s, err));
}

/* ---- what is no record */

/** From where each stands; number: the partition that lost its place, or all. */
static void assign_again(struct source *s, int32_t number)
{
    positions_again(&s->positions, number);
    if (s->paused)
        set_paused(s, true);
}

static void go_to(struct source *s, int32_t number, struct partition *part, int64_t to)
{
    void *ticket;

    /* A record that is done at once, just before: the watermark follows when all before the gap are safe. */
    if (partitions_push(&s->partitions, number, to - 1, &ticket))
        partitions_done(&s->partitions, ticket);
    part->position = to;
    assign_again(s, number);
}

static void on_lost_offset(struct source *s, int32_t number)
{
    struct partition *part = partitions_find(&s->partitions, number);
    struct patience patient = patience(s);
    int64_t low = 0, high = 0, to;
    rd_kafka_resp_err_t err;
    char why[512];

    if (!part)
        return;
    err = offsets_range(s->client.rk, s->topic, number, &low, &high, &patient);
    if (err) {
        fail(s, phrase(s, err));
        return;
    }
    if (part->position >= low && part->position <= high) { /* said of where it was before */
        assign_again(s, number);
        return;
    }
    if (s->on_lost == CONFIG_LOST_STOP) {
        snprintf(
            why, sizeof why,
            "offset %lld of topic %s, partition %d, is no longer there (it has %lld to %lld): records are "
            "lost; set on_lost_offset = earliest or latest to go on without them",
            (long long)part->position, s->topic, (int)number, (long long)low, (long long)high);
        fail(s, why);
        return;
    }
    to = s->on_lost == CONFIG_LOST_LATEST ? high : low;
    log_at(place(s), WEIR_LOG_WARN,
           "offset is no longer there, going on: topic=%s partition=%d from=%lld to=%lld", s->topic,
           (int)number, (long long)part->position, (long long)to);
    go_to(s, number, part, to);
}

static void on_fatal(struct source *s)
{
    char text[512];
    rd_kafka_resp_err_t err = rd_kafka_fatal_error(s->client.rk, text, sizeof text);

    s->fenced = err == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID;
    fail(s, s->fenced ? phrase(s, err) : text);
}

static void on_trouble(struct source *s, const rd_kafka_message_t *m)
{
    bool news = m->err != s->last_error;

    s->last_error = m->err;
    if (m->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET)
        on_lost_offset(s, m->partition);
    else if (m->err == RD_KAFKA_RESP_ERR__FATAL || s->client.fatal)
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

    if (!partitions_find(&s->partitions, m->partition))
        return; /* given up meanwhile: its next owner has it */
    if (!record_read(&s->room, m, str_of(s->topic), &record) ||
        !partitions_push(&s->partitions, m->partition, m->offset, &record.ticket)) {
        fail(s, "no memory");
        return;
    }
    s->taken++;
    s->last_error = RD_KAFKA_RESP_ERR_NO_ERROR;
    awake_took(s->awake, m->len + m->key_len + RECORD_COST);
    s->events.take(s->events.self, &record);
}

/** The next message; NULL: there is none now. */
static rd_kafka_message_t *next_message(struct source *s)
{
    rd_kafka_message_t *m = s->held;

    s->held = NULL;
    return m ? m : rd_kafka_consumer_poll(s->client.rk, 0);
}

static bool take_some(struct source *s)
{
    size_t n;

    for (n = 0; n < POLL_MAX && !s->failed && s->events.ready(s->events.self); n++) {
        rd_kafka_message_t *m = next_message(s);

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

/** Serves the group without taking. A record that comes all the same is kept for later. */
static void serve_group(struct source *s)
{
    rd_kafka_message_t *m;

    while (!s->held && !s->failed && (m = rd_kafka_consumer_poll(s->client.rk, 0))) {
        if (!m->err) {
            s->held = m;
            return;
        }
        on_trouble(s, m);
        rd_kafka_message_destroy(m);
    }
}

static void stay_idle(struct source *s)
{
    int64_t now = clock_mono_ms();

    if (s->idle_since < 0)
        s->idle_since = now;
    if (now - s->idle_since < STALL_MS && s->partitions.assigned)
        return;
    if (!s->paused && s->partitions.assigned)
        set_paused(s, true);
    serve_group(s);
}

/** After an assignment without an answer about its offsets. */
static void join_again(struct source *s)
{
    log_at(place(s), WEIR_LOG_WARN, "no answer about committed offsets, joining the group again");
    s->rejoin = false;
    rd_kafka_unsubscribe(s->client.rk);
    source_subscribe(s);
}

bool source_poll(struct source *s, bool taking)
{
    if (s->client.fatal)
        on_fatal(s);
    if (s->failed)
        return false;
    if (s->rejoin)
        join_again(s);
    if (!taking || !s->events.ready(s->events.self)) {
        stay_idle(s);
        return true;
    }
    s->idle_since = -1;
    if (s->paused)
        set_paused(s, false);
    return take_some(s);
}

void source_done(struct source *s, void *ticket)
{
    partitions_done(&s->partitions, ticket);
}

void source_commit(struct source *s)
{
    commits_start(&s->commits);
}

/* ---- exactly-once */

bool source_uncommitted(const struct source *s)
{
    return commits_due(&s->commits);
}

enum transaction_next source_offer(struct source *s, struct lane *lane, int timeout_ms,
                                   struct transaction_fault *fault)
{
    return commits_offer(&s->commits, lane, timeout_ms, fault);
}

void source_settle(struct source *s, bool committed)
{
    commits_settle(&s->commits, committed);
}

int64_t source_committed(struct source *s, int32_t partition)
{
    const struct partition *part = partitions_find(&s->partitions, partition);

    return part ? part->committed : INT64_MAX;
}

void source_rewind(struct source *s)
{
    struct patience patient = patience(s);
    rd_kafka_resp_err_t err;

    if (s->held)
        rd_kafka_message_destroy(s->held);
    s->held = NULL;
    err = positions_rewind(&s->positions, &patient);
    if (s->paused)
        set_paused(s, true);
    if (!err)
        return;
    partitions_revoke_all(&s->partitions); /* what still comes is not taken from the wrong place */
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
    rd_kafka_resp_err_t err = client_look(&s->client, s->handle, timeout_ms);

    *why = err ? phrase(s, err) : NULL;
    return errors_look(err);
}

void source_subscribe(struct source *s)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_resp_err_t err;

    rd_kafka_topic_partition_list_add(list, s->topic, RD_KAFKA_PARTITION_UA);
    err = rd_kafka_subscribe(s->client.rk, list);
    rd_kafka_topic_partition_list_destroy(list);
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

    s->client.chain = s->chain;
    s->client.owner = s;
    if (!client_open(&s->client, CLIENT_CONSUMER, settings, &callbacks, diag))
        return false;
    s->handle = rd_kafka_topic_new(s->client.rk, s->topic, NULL);
    s->positions = (struct positions){s->client.rk, s->topic, &s->partitions, place(s)};
    s->commits = (struct commits){
        .rk = s->client.rk, .topic = s->topic, .partitions = &s->partitions, .place = place(s)};
    s->awake = awake_new(s->client.rk, s->topic, (size_t)properties_prefetch(settings));
    return s->handle != NULL;
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
    s->client.wake_fd = wake_fd;
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

void source_destroy(struct source *s)
{
    if (!s)
        return;
    awake_destroy(s->awake);
    s->awake = NULL;
    if (s->held)
        rd_kafka_message_destroy(s->held);
    commits_settle(&s->commits, false);
    if (s->client.rk)
        rd_kafka_consumer_close(s->client.rk); /* on_rebalance() commits what is safe */
    if (s->handle)
        rd_kafka_topic_destroy(s->handle);
    client_close(&s->client);
    partitions_fini(&s->partitions);
    buf_fini(&s->text);
    record_room_fini(&s->room);
    free(s->failed);
    free(s->chain);
    free(s->topic);
    free(s->group);
    free(s);
}

static int64_t lag(const struct source *s)
{
    int64_t sum = 0;
    size_t i;

    for (i = 0; i < s->partitions.count; i++) {
        const struct partition *part = &s->partitions.items[i];
        int64_t low, high;

        if (!part->assigned)
            continue;
        if (rd_kafka_get_watermark_offsets(s->client.rk, s->topic, (int32_t)i, &low, &high) || high < 0)
            return -1;
        sum += high > part->mark.safe ? high - part->mark.safe : 0;
    }
    return sum;
}

void source_status(const struct source *s, struct source_status *out)
{
    *out = (struct source_status){
        .assigned = s->partitions.assigned,
        .under_way = partitions_open(&s->partitions, NULL),
        .taken = s->taken,
        .lag = lag(s),
        .last_commit_ms = s->commits.last_at,
        .rebalances = s->rebalances,
        .paused = s->paused,
    };
}
