/* errors.c: see errors.h. The one table of what each of librdkafka's errors means for weir.
 *
 * The rule behind it: only a fault of the record itself may send it to `failed`; what is wrong with the
 * set-up stops the chain with its offsets uncommitted, and what is not in the table is taken for the latter.
 * Transient errors hardly reach us: librdkafka repeats them itself, without end (message.timeout.ms = 0). */
#include "kafka/errors.h"

/* Not in the headers of 2.0.2, but what a later library may answer at run time. */
#define ERR_INVALID_DIFFERENT_RECORD (-138)
#define ERR_STALE_MEMBER_EPOCH 113

static const struct {
    int err;
    enum fault fault;
} faults[] = {
    {RD_KAFKA_RESP_ERR_NO_ERROR, FAULT_NONE},
    {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, FAULT_SIZE},
    {RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE, FAULT_SIZE},
    {RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE, FAULT_SIZE},
    {RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP, FAULT_TIMESTAMP},
    {RD_KAFKA_RESP_ERR_INVALID_RECORD, FAULT_RECORD},
    {RD_KAFKA_RESP_ERR_INVALID_MSG, FAULT_RECORD}, /* "corrupt": also how old brokers refuse a missing key */
    {RD_KAFKA_RESP_ERR_POLICY_VIOLATION, FAULT_RECORD},
    {RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT, FAULT_RECORD},
    {ERR_INVALID_DIFFERENT_RECORD, FAULT_RECORD},
    {RD_KAFKA_RESP_ERR__TRANSPORT, FAULT_PASSING},
    {RD_KAFKA_RESP_ERR__TIMED_OUT, FAULT_PASSING},
    {RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, FAULT_PASSING},
    {RD_KAFKA_RESP_ERR__RETRY, FAULT_PASSING},
    {RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, FAULT_PASSING},
    {RD_KAFKA_RESP_ERR__PURGE_QUEUE, FAULT_PASSING},
    {RD_KAFKA_RESP_ERR__PURGE_INFLIGHT, FAULT_PASSING},
    {RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, FAULT_PASSING},
    {RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, FAULT_PASSING},
    {RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, FAULT_PASSING},
    {RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE, FAULT_PASSING},
    {RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE, FAULT_PASSING},
    {RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION, FAULT_PASSING},
    {RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, FAULT_PASSING},
    {RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND, FAULT_PASSING},
    {RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR, FAULT_PASSING},
    {RD_KAFKA_RESP_ERR__FATAL, FAULT_PRODUCER},
    {RD_KAFKA_RESP_ERR__STATE, FAULT_PRODUCER},
    {RD_KAFKA_RESP_ERR__INCONSISTENT, FAULT_PRODUCER},
    {RD_KAFKA_RESP_ERR__GAPLESS_GUARANTEE, FAULT_PRODUCER},
    {RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, FAULT_PRODUCER},
    {RD_KAFKA_RESP_ERR_DUPLICATE_SEQUENCE_NUMBER, FAULT_PRODUCER},
    {RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, FAULT_PRODUCER},
    {RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID, FAULT_PRODUCER},
    {RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING, FAULT_PRODUCER},
    {RD_KAFKA_RESP_ERR_INVALID_TXN_STATE, FAULT_PRODUCER},
    {RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS, FAULT_PRODUCER},
    {RD_KAFKA_RESP_ERR_TRANSACTION_COORDINATOR_FENCED, FAULT_PRODUCER},
    {RD_KAFKA_RESP_ERR_PRODUCER_FENCED, FAULT_PRODUCER},
    {RD_KAFKA_RESP_ERR__FENCED, FAULT_PRODUCER},
};

enum fault errors_fault(rd_kafka_resp_err_t err)
{
    size_t i;

    for (i = 0; i < sizeof faults / sizeof *faults; i++) {
        if (faults[i].err == (int)err)
            return faults[i].fault;
    }
    return FAULT_SETUP;
}

enum send_result errors_result(enum fault fault)
{
    switch (fault) {
    case FAULT_NONE:
        return SEND_OK;
    case FAULT_SIZE:
        return SEND_TOO_LARGE;
    case FAULT_TIMESTAMP:
        return SEND_BAD_TIMESTAMP;
    case FAULT_RECORD:
        return SEND_REFUSED;
    default:
        return SEND_BROKEN;
    }
}

const char *errors_send_phrase(struct buf *b, rd_kafka_resp_err_t err, struct weir_str topic)
{
    const char *said = rd_kafka_err2str(err);

    buf_reset(b);
    switch ((int)err) {
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
        buf_add_fmt(b, "topic " STR_FMT " does not exist: create it, or mend the sink's `topic`",
                    STR_ARG(topic));
        break;
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
        buf_add_fmt(
            b,
            "topic " STR_FMT
            " does not have that partition: was it deleted, or made anew with fewer? With `partition = "
            "source` it needs as many as the source",
            STR_ARG(topic));
        break;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        buf_add_fmt(b, "not authorized to write to topic " STR_FMT ": grant Write and Describe on it",
                    STR_ARG(topic));
        break;
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
        buf_add_fmt(b,
                    "not authorized to write to topic " STR_FMT
                    ": the brokers want IdempotentWrite on the cluster",
                    STR_ARG(topic));
        break;
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
        buf_add_fmt(b, STR_FMT " is not a topic that can be written to: mend the sink's `topic`",
                    STR_ARG(topic));
        break;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
        buf_add_fmt(b, "record too large for topic " STR_FMT, STR_ARG(topic));
        break;
    case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
        buf_add_fmt(b, "timestamp out of the range that topic " STR_FMT " takes", STR_ARG(topic));
        break;
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
        buf_add_fmt(b, "topic " STR_FMT " refuses the record (no key for a compacted topic?): %s",
                    STR_ARG(topic), said);
        break;
    default:
        buf_add_fmt(b, "cannot write to topic " STR_FMT ": %s", STR_ARG(topic), said);
    }
    return buf_text(b) ? buf_text(b) : said;
}

const char *errors_source_phrase(struct buf *b, rd_kafka_resp_err_t err, const char *topic, const char *group)
{
    const char *said = rd_kafka_err2str(err);

    buf_reset(b);
    switch ((int)err) {
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
        buf_add_fmt(b, "source topic %s does not exist: create it, or mend `source`", topic);
        break;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        buf_add_fmt(b, "not authorized to read source topic %s: grant Read and Describe on it", topic);
        break;
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
        buf_add_fmt(b, "not authorized to use consumer group %s: grant Read on it", group);
        break;
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
        buf_add_fmt(b, "another process has joined group %s under the same `instance`: give each its own",
                    group);
        break;
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
        buf_add_fmt(b, "source topic %s is not a topic that can be read: mend `source`", topic);
        break;
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
        buf_add_fmt(
            b,
            "group %s still shares out partitions that source topic %s does not have (was it made anew with "
            "fewer?): stop all processes of the group for a session (session.timeout.ms), then start them",
            group, topic);
        break;
    case RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL:
        buf_add_fmt(
            b,
            "group %s is in use with another partition.assignment.strategy: stop the others, or use theirs",
            group);
        break;
    default:
        buf_add_fmt(b, "cannot read topic %s in group %s: %s", topic, group, said);
    }
    return buf_text(b) ? buf_text(b) : said;
}

bool errors_is_final(rd_kafka_resp_err_t err)
{
    switch ((int)err) {
    case RD_KAFKA_RESP_ERR__FATAL:
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL:
    case RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT:
        return true;
    default:
        return false;
    }
}

bool errors_is_away(rd_kafka_resp_err_t err)
{
    switch ((int)err) {
    case RD_KAFKA_RESP_ERR__WAIT_COORD:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
    case RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE: /* a leader was just elected, as with the next two */
    case RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH:
    case RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH:
    case ERR_STALE_MEMBER_EPOCH: /* an assignment has changed meanwhile */
        return true;
    default:
        return errors_fault(err) == FAULT_PASSING;
    }
}

enum look errors_look(rd_kafka_resp_err_t err)
{
    if (!err)
        return LOOK_GOOD;
    if (err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC)
        return LOOK_ABSENT;
    return errors_is_away(err) ? LOOK_AWAY : LOOK_BAD;
}
