/* record.h: a message of librdkafka's as a record of ours.
 *
 * Thread: one.
 */
#ifndef WEIR_KAFKA_RECORD_H
#define WEIR_KAFKA_RECORD_H

#include <librdkafka/rdkafka.h>

#include "chain/io.h"

/** Room for the headers of one record, used again for the next. */
struct record_room {
    struct weir_header *headers;
    size_t room;
};

void record_room_fini(struct record_room *room);

/** Borrows from the message, and from room until its next use. Errors: false: no memory. */
bool record_read(struct record_room *room, const rd_kafka_message_t *m, struct weir_str topic,
                 struct record *out);

#endif
