/* errors.h: librdkafka's errors in our words: what a caller does next, and a phrase for people.
 */
#ifndef WEIR_KAFKA_ERRORS_H
#define WEIR_KAFKA_ERRORS_H

#include <librdkafka/rdkafka.h>

#include "base/buf.h"
#include "chain/io.h"
#include "kafka/look.h"

/** What a failed delivery means. */
enum fault {
    FAULT_NONE,
    FAULT_PASSING,   /* nothing wrong with record or set-up: send it again */
    FAULT_SIZE,      /* the record, or a batch that it was in, is too large */
    FAULT_TIMESTAMP, /* the same for its timestamp */
    FAULT_RECORD,    /* the same for anything else about it */
    FAULT_SETUP,     /* topic, rights, …: nothing that a record could help */
    FAULT_PRODUCER   /* this producer is finished; a new one may do */
};

enum fault errors_fault(rd_kafka_resp_err_t err);

/** The answer to a send whose record was refused alone. */
enum send_result errors_result(enum fault fault);

/** Why a record could not be sent to a topic and what to do about it. Borrowed from b. */
const char *errors_send_phrase(struct buf *b, rd_kafka_resp_err_t err, struct weir_str topic);

/** Why a topic or group cannot be read, and what to do. Borrowed from b. */
const char *errors_source_phrase(struct buf *b, rd_kafka_resp_err_t err, const char *topic,
                                 const char *group);

/** What an answer about a topic means. */
enum look errors_look(rd_kafka_resp_err_t err);

/** True where waiting does not help a consumer or a look at a topic: rights, a fatal state, a fenced member.
 */
bool errors_is_final(rd_kafka_resp_err_t err);

/** True where it only says that brokers cannot be reached (yet). */
bool errors_is_away(rd_kafka_resp_err_t err);

#endif
