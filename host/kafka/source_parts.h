/* source_parts.h: what the files of a source share: source.c (records), source_group.c (partitions, members).
 *
 * Thread: the task's.
 */
#ifndef WEIR_KAFKA_SOURCE_PARTS_H
#define WEIR_KAFKA_SOURCE_PARTS_H

#include "kafka/consumer.h"
#include "kafka/inbox.h"
#include "kafka/membership.h"
#include "kafka/record.h"
#include "kafka/source.h"

struct source {
    char *chain, *topic, *group;
    enum config_start start;
    enum config_lost_offset on_lost;
    int64_t drain_timeout_ms;
    int32_t old_partitions; /* as many as there were before the group read the topic; -1: not known yet */
    int64_t absent_since;   /* before the group is joined; monotonic milliseconds, -1: the topic is there */
    struct client asker;    /* open until old_partitions is known, with start = latest */
    struct source_events events;
    struct consumer consumer;
    struct membership membership;
    bool exactly_once;

    struct inbox inbox;
    int64_t received_at; /* monotonic milliseconds, coarse */
    uint64_t moves;      /* how often partitions came, went, or changed their place */
    bool lost;           /* the assignment: partitions that we have are no longer ours */
    bool rejoin;
    bool fenced;           /* by another process */
    bool spent;            /* fenced by itself, or not let in: it wants another client, */
    int64_t renew_at;      /* from then on; monotonic milliseconds */
    bool shut_out;         /* since the last assignment, and that is said */
    int64_t patient_until; /* monotonic milliseconds */
    int64_t idle_since;    /* monotonic milliseconds: since when none is taken, -1: they are */
    struct record_room room;
    uint64_t taken, rebalances;
    rd_kafka_resp_err_t last_error;
    char *failed;
    struct buf text;
};

struct log_place source_place(const struct source *s);

/** Nothing more comes of this client. */
bool source_is_over(const struct source *s);

/** The source is finished, and this is why. */
void source_fail(struct source *s, const char *why);

/** What an error of the brokers' means here. Borrowed until the next call. */
const char *source_phrase(struct source *s, rd_kafka_resp_err_t err);

/** True where partitions are about to be taken away, and nothing can be committed. librdkafka forgets it when
 * they are assigned once more, as at a rewind. */
bool source_is_lost(struct source *s);

/** For an offset that brokers do not tell: a minute from now, while the chain's sends go on. */
struct patience source_patience(struct source *s);

/* ---- source_group.c */

/** librdkafka's callbacks; opaque is the client. */
void source_on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *list,
                         void *opaque);
void source_on_committed(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *list,
                         void *opaque);

/** The place in that partition is gone: goes on or fails, as on_lost_offset says. */
void source_on_lost_offset(struct source *s, int32_t number);

/** librdkafka's client is finished. */
void source_on_fatal(struct source *s);

#endif
