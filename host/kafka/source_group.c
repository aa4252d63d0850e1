/* source_group.c: what the group and the brokers do to a source: partitions come and go, places are lost,
 * members are turned away.
 *
 * A fenced client is finished, whoever fenced it. Where that was this member itself (see membership.h), the
 * source is `spent`: its owner has it open another client, and what was under way is void, as where
 * partitions are lost. It is not waited for: this client can commit no more, so all since the last commit
 * comes again. */
#include "base/clock.h"
#include "base/log.h"
#include "kafka/errors.h"
#include "kafka/source_parts.h"

#define COMMIT_WAIT_MS 5000
#define UNRELEASED_INSTANCE_ID 111 /* Kafka's number; librdkafka 2.0.2 has no name for it */
#define RELEASE_MS 2000

/* ---- the group */

/** With start = latest a partition begins at its end where it was there before the chain was: one that came
 * later begins at its first record, or what was written before it is seen would be skipped (Kafka calls that
 * safe_latest, in KIP-842, and has it not). The end of a partition is elsewhere a moment later: where one
 * begins is committed before a record is taken, or a crash before the first commit would skip what was. */
static rd_kafka_resp_err_t begin(struct source *s, rd_kafka_topic_partition_list_t *list)
{
    struct patience patient = source_patience(s);
    int32_t at_end = s->start == CONFIG_LATEST && s->old_partitions > 0 ? s->old_partitions : 0;
    rd_kafka_resp_err_t err = positions_begin(&s->consumer.positions, list, at_end, &patient);

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
            source_fail(s, source_phrase(s, err));
        return;
    }
    s->rebalances++;
    s->lost = s->shut_out = false;
    membership_assigned(&s->membership, clock_mono_ms());
    consumer_assign(&s->consumer, list);
    log_at(source_place(s), WEIR_LOG_INFO, "partitions assigned: added=%d now=%zu", list->cnt,
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
    bool lost = source_is_lost(s);
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
    log_at(source_place(s), lost || open ? WEIR_LOG_WARN : WEIR_LOG_INFO,
           "partitions %s: count=%d now=%zu repeated_elsewhere=%zu", lost ? "lost" : "given up", list->cnt,
           s->consumer.partitions.assigned, open);
}

void source_on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *list,
                         void *opaque)
{
    struct source *s = ((struct client *)opaque)->owner;

    s->moves++;
    if (err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS && source_is_over(s)) {
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
    if (source_is_over(s))
        return;
    s->spent = membership_forgives(&s->membership, clock_mono_ms());
    s->fenced = !s->spent;
    if (s->fenced)
        source_fail(s, source_phrase(s, RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID));
    else
        log_at(source_place(s), WEIR_LOG_WARN,
               "fenced by what was sent before the session was lost, not by another process: joining the "
               "group again: under_way=%zu",
               partitions_open(&s->consumer.partitions, NULL));
}

void source_on_committed(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *list,
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
        source_fail(s, source_phrase(s, err));
}

/* ---- a place that is gone, and a client that is finished */

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

void source_on_lost_offset(struct source *s, int32_t number)
{
    const struct partition *part = partitions_find(&s->consumer.partitions, number);
    struct patience patient = source_patience(s);
    rd_kafka_resp_err_t err;
    int64_t before;

    if (source_is_lost(s) || !part)
        return;
    before = part->position;
    buf_reset(&s->text);
    err = positions_lost(&s->consumer.positions, number, s->on_lost, &patient, &s->text);
    if (err && !source_is_lost(s))
        source_fail(s, source_phrase(s, err));
    else if (s->text.len)
        source_fail(s, buf_text(&s->text) ? buf_text(&s->text) : "no memory");
    else if (s->on_lost == CONFIG_LOST_LATEST && part->position != before && !keep_place(s, number))
        s->rejoin = true;
    inbox_forget(&s->inbox); /* all partitions are read again from where they stand */
    consumer_pause_all(&s->consumer);
}

/** In the consumer protocol a static member that has died keeps its name until its session is over, and who
 * comes under it is turned away, where the classic protocol would fence the old one. */
static void on_unreleased(struct source *s)
{
    if (source_is_over(s))
        return;
    if (!s->shut_out)
        log_at(source_place(s), WEIR_LOG_WARN,
               "waiting: the group has another member of this instance; a dead one is forgotten after the "
               "brokers' group.consumer.session.timeout.ms: group=%s",
               s->group);
    s->spent = s->shut_out = true;
    s->renew_at = clock_mono_ms() + RELEASE_MS;
}

void source_on_fatal(struct source *s)
{
    char text[512];
    rd_kafka_resp_err_t err = rd_kafka_fatal_error(s->consumer.client.rk, text, sizeof text);

    if (err == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID)
        on_fence(s);
    else if ((int)err == UNRELEASED_INSTANCE_ID)
        on_unreleased(s);
    else
        source_fail(s, text);
}
