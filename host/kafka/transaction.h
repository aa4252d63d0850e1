/* transaction.h: librdkafka's transactional calls, each with one answer that says what to do next.
 *
 * Thread: the task's. Each call blocks for at most its timeout_ms, and is made again where it says so; what
 * it has begun goes on meanwhile.
 */
#ifndef WEIR_KAFKA_TRANSACTION_H
#define WEIR_KAFKA_TRANSACTION_H

#include "kafka/lane.h"
#include "kafka/next.h"

/** Makes this producer the one of its transactional.id: what another left open is ended. Once, at first. */
enum transaction_next transaction_init(struct lane *lane, int timeout_ms, struct transaction_fault *fault);

enum transaction_next transaction_begin(struct lane *lane, struct transaction_fault *fault);

/** Adds the offsets of the consumer's group to it. */
enum transaction_next transaction_offer(struct lane *lane, rd_kafka_t *consumer,
                                        const rd_kafka_topic_partition_list_t *offsets, int timeout_ms,
                                        struct transaction_fault *fault);

/** Why the open transaction can only be aborted, where librdkafka knows it: what brokers said to a request of
 * its own, which no send is told. False: it knows nothing, or the transaction is well. */
bool transaction_reason(struct lane *lane, struct transaction_fault *fault);

/** Every report must have come. */
enum transaction_next transaction_commit(struct lane *lane, int timeout_ms, struct transaction_fault *fault);

/** Reports come back while it waits; TRANSACTION_ON: librdkafka has nothing more of it. */
enum transaction_next transaction_abort(struct lane *lane, int timeout_ms, struct transaction_fault *fault);

/** True where another producer has taken the transactional.id. */
bool transaction_fenced(int err);

/** What the operator must mend before it can work; NULL: nothing, a new producer may do. */
const char *transaction_mend(int err);

#endif
