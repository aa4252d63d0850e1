/* commits.h: commits what is safe, and nothing else.
 *
 * Thread: the task's.
 */
#ifndef WEIR_KAFKA_COMMITS_H
#define WEIR_KAFKA_COMMITS_H

#include "base/log.h"
#include "kafka/partitions.h"

struct commits {
    rd_kafka_t *rk;
    const char *topic;
    struct partitions *partitions;
    struct log_place place;
    bool pending;    /* a commit is on its way */
    int64_t last_at; /* Unix milliseconds of the last good one, 0: none */
    bool said;       /* that commits fail */
};

/** Sends a commit of what is safe and new; commits_result() gets the answer. */
void commits_start(struct commits *c);

/** The same, and waits for the answer. False: not within timeout_ms, or refused. */
bool commits_now(struct commits *c, int timeout_ms);

/** What the brokers answered. */
void commits_result(struct commits *c, rd_kafka_resp_err_t err, const rd_kafka_topic_partition_list_t *list);

#endif
