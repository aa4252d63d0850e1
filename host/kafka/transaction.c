/* transaction.c: see transaction.h.
 *
 * librdkafka says of each error whether it is fatal, wants an abort, or a repetition of the call, and that
 * order is to be kept. An error of none of these kinds is a state that we do not know: a new producer is the
 * way out of all of them. */
#include "kafka/transaction.h"

#include <stdio.h>

#include "kafka/offer.h"

/** Judges the outcome of a call, and frees it. */
static enum transaction_next judge(rd_kafka_error_t *error, struct transaction_fault *fault)
{
    enum transaction_next next = TRANSACTION_REPLACE;

    if (!error)
        return TRANSACTION_ON;
    fault->err = rd_kafka_error_code(error);
    snprintf(fault->text, sizeof fault->text, "%s", rd_kafka_error_string(error));
    if (rd_kafka_error_is_fatal(error))
        next = TRANSACTION_REPLACE;
    else if (rd_kafka_error_txn_requires_abort(error))
        next = TRANSACTION_ABORT;
    else if (rd_kafka_error_is_retriable(error))
        next = TRANSACTION_AGAIN;
    rd_kafka_error_destroy(error);
    return next;
}

enum transaction_next transaction_init(struct lane *lane, int timeout_ms, struct transaction_fault *fault)
{
    return judge(rd_kafka_init_transactions(lane->client.rk, timeout_ms), fault);
}

enum transaction_next transaction_begin(struct lane *lane, struct transaction_fault *fault)
{
    enum transaction_next next = judge(rd_kafka_begin_transaction(lane->client.rk), fault);

    lane->in_transaction = next == TRANSACTION_ON;
    return next;
}

static bool begin_offer(struct lane *lane, rd_kafka_t *consumer,
                        const rd_kafka_topic_partition_list_t *offsets, struct transaction_fault *fault)
{
    rd_kafka_consumer_group_metadata_t *group = rd_kafka_consumer_group_metadata(consumer);

    if (!group) { /* it has just left the group */
        *fault = (struct transaction_fault){RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, "not a member of the group"};
        return false;
    }
    lane->offer = offer_new(lane->client.rk, offsets, group);
    if (!lane->offer)
        *fault = (struct transaction_fault){RD_KAFKA_RESP_ERR__FAIL, "no memory"};
    return lane->offer != NULL;
}

/** False: it is still under way, and librdkafka makes no other transactional call. */
static bool end_offer(struct lane *lane, int timeout_ms, rd_kafka_error_t **error)
{
    if (!offer_wait(lane->offer, timeout_ms, error))
        return false;
    offer_destroy(lane->offer);
    lane->offer = NULL;
    return true;
}

bool transaction_reason(struct lane *lane, struct transaction_fault *fault)
{
    /* Asked to begin another one, librdkafka refuses, and says what is wrong with this one. */
    return judge(rd_kafka_begin_transaction(lane->client.rk), fault) == TRANSACTION_ABORT;
}

enum transaction_next transaction_offer(struct lane *lane, rd_kafka_t *consumer,
                                        const rd_kafka_topic_partition_list_t *offsets, int timeout_ms,
                                        struct transaction_fault *fault)
{
    rd_kafka_error_t *error;

    if (!lane->offer && !begin_offer(lane, consumer, offsets, fault))
        return TRANSACTION_ABORT;
    return end_offer(lane, timeout_ms, &error) ? judge(error, fault) : TRANSACTION_AGAIN;
}

static enum transaction_next end(struct lane *lane, enum transaction_next next)
{
    if (next == TRANSACTION_ON)
        lane->in_transaction = lane->spoilt = false;
    return next;
}

enum transaction_next transaction_commit(struct lane *lane, int timeout_ms, struct transaction_fault *fault)
{
    return end(lane, judge(rd_kafka_commit_transaction(lane->client.rk, timeout_ms), fault));
}

enum transaction_next transaction_abort(struct lane *lane, int timeout_ms, struct transaction_fault *fault)
{
    enum transaction_next next;
    rd_kafka_error_t *error = NULL;

    lane->spoilt = true; /* nothing more goes out, whatever comes back */
    if (lane->offer && !end_offer(lane, timeout_ms, &error))
        return TRANSACTION_AGAIN;
    if (error)
        rd_kafka_error_destroy(error);
    next = judge(rd_kafka_abort_transaction(lane->client.rk, timeout_ms), fault);
    if (next == TRANSACTION_ON && lane->with_client)
        lane_hurry(lane, timeout_ms);
    if (next == TRANSACTION_ON && lane->with_client)
        return TRANSACTION_REPLACE; /* it keeps bytes of ours: only its end frees them */
    return end(lane, next);
}

bool transaction_fenced(int err)
{
    return err == RD_KAFKA_RESP_ERR__FENCED || err == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
           err == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;
}

const char *transaction_mend(int err)
{
    switch (err) {
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
        return "not authorized for transactions: grant Write and Describe on transactional ids that begin "
               "with "
               "the group's name and a slash";
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
        return "not authorized to commit offsets: grant Read on the group";
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        return "not authorized to write to a topic: grant Write and Describe on every sink's";
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
        return "not authorized: the brokers want IdempotentWrite on the cluster";
    case RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT:
        return "the producer's transaction.timeout.ms is above the brokers' transaction.max.timeout.ms: "
               "lower "
               "one, or raise the other";
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
        return "the brokers are too old for transactions (exactly-once needs Kafka 2.5)";
    default:
        return NULL;
    }
}
