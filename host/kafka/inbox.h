/* inbox.h: messages that librdkafka has handed over and the task has not taken yet.
 *
 * Thread: the task's.
 */
#ifndef WEIR_KAFKA_INBOX_H
#define WEIR_KAFKA_INBOX_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>

#define INBOX_ROOM 128

struct inbox {
    rd_kafka_queue_t *queue; /* the consumer's */
    bool batches;            /* librdkafka's call for many at a time is safe: see inbox.c */
    size_t first, count;     /* of what is left in items */
    rd_kafka_message_t *items[INBOX_ROOM];
};

/** For a consumer that is open. */
void inbox_open(struct inbox *in, rd_kafka_t *rk);

/** Before the consumer is closed: no message may be left then. */
void inbox_close(struct inbox *in);

/** Serves the consumer, its callbacks included, and takes what messages there are, up to `most` in all. */
void inbox_fill(struct inbox *in, size_t most);

/** The oldest message, for the caller to destroy. NULL: there is none. */
rd_kafka_message_t *inbox_take(struct inbox *in);

/** The oldest that is no record but an error, for the caller to destroy. NULL: there is none. */
rd_kafka_message_t *inbox_take_error(struct inbox *in);

/** Forgets the records in it, and keeps the errors. Returns how many: they must be read again, or are lost.
 */
size_t inbox_forget(struct inbox *in);

#endif
