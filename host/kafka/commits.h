/* commits.h: commits what is safe, and nothing else.
 *
 * Thread: the task's.
 */
#ifndef WEIR_KAFKA_COMMITS_H
#define WEIR_KAFKA_COMMITS_H

#include "base/log.h"
#include "kafka/next.h"
#include "kafka/partitions.h"

struct lane;

struct commits {
    rd_kafka_t *rk;
    const char *topic;
    struct partitions *partitions;
    struct log_place place;
    bool pending;                             /* a commit is on its way */
    int64_t last_at;                          /* Unix milliseconds of the last good one, 0: none */
    bool said;                                /* that commits fail */
    rd_kafka_topic_partition_list_t *offered; /* to a transaction; NULL: nothing */
};

/** Sends a commit of what is safe and new; commits_result() gets the answer. */
void commits_start(struct commits *c);

/** The same, and waits for the answer. False: not within timeout_ms, or refused. */
bool commits_now(struct commits *c, int timeout_ms);

/** Commits where partitions begin that have no committed offset, of these and of no others, and waits for the
 *  answer. Also in exactly-once: nothing was taken of them yet. False: as above. */
bool commits_begin(struct commits *c, const rd_kafka_topic_partition_list_t *begun, int timeout_ms);

/** Commits one place, and waits for the answer. Also in exactly-once: nothing of that partition is under way.
 * False: as above. */
bool commits_place(struct commits *c, int32_t number, int64_t offset, int timeout_ms);

/** What the brokers answered. */
void commits_result(struct commits *c, rd_kafka_resp_err_t err, const rd_kafka_topic_partition_list_t *list);

/** True where something is safe and not committed. */
bool commits_due(const struct commits *c);

/** In exactly-once: adds what is safe to the lane's transaction; the same offsets until commits_settle(). */
enum transaction_next commits_offer(struct commits *c, struct lane *lane, int timeout_ms,
                                    struct transaction_fault *fault);

/** Whether that transaction was committed. */
void commits_settle(struct commits *c, bool committed);

#endif
