/* dlq_queue.h: a dead letter queue that a command is looking at: the client, the topic's end as of now, and
 * what is said when that does not work. */
#ifndef WEIR_CLI_DLQ_QUEUE_H
#define WEIR_CLI_DLQ_QUEUE_H

#include "cli/brokers.h"
#include "cli/dlq_letter.h"
#include "cli/interrupt.h"
#include "kafka/lookup.h"

#define DLQ_GO_ON (-1) /* where an exit status is expected: none yet */

/* The options that every one of the commands has. */
#define DLQ_BROKER_ARGS(queue)                                                                               \
    {.letter = 'b',                                                                                          \
     .name = "bootstrap",                                                                                    \
     .value = "BROKERS",                                                                                     \
     .help = "host:port,… (default: $KAFKA_BOOTSTRAP_SERVERS, else localhost:9092)",                         \
     .text = &(queue)->brokers.bootstrap},                                                                   \
    {                                                                                                        \
        .letter = 'X', .name = "property", .value = "NAME=VALUE",                                            \
        .help = "a property of librdkafka: TLS, SASL, …", .take = brokers_property,                          \
        .take_arg = &(queue)->brokers                                                                        \
    }

struct queue {
    const char *command; /* for messages: "dlq ls" */
    const char *topic;
    struct brokers brokers;
    struct interrupt interrupt;
    struct lookup *lookup;
    struct lookup_patience patience;
    int64_t patient_until; /* monotonic milliseconds */
    int32_t partitions;
    int64_t strangers; /* records seen that are no dead letters */
    struct buf room;   /* of the letter that is being looked at */
};

/** Makes it ready; brokers, command and topic are set already. group: for the places, NULL: none is used.
 *  DLQ_GO_ON, else the exit status, all being said. queue_close() in any case. */
int queue_open(struct queue *q, const char *group);
void queue_close(struct queue *q);

/** Brokers have just answered: they get their time anew. */
void queue_well(struct queue *q);

/** Says what went wrong, and answers the exit status for it. */
int queue_failed(struct queue *q, enum look look, const struct lookup *lookup);

/** A message to standard error, with the command's name in front and a line end behind. */
void queue_say(const struct queue *q, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** Shows every letter of a partition from offset `from` on and before `high`, until see() answers something
 * else than DLQ_GO_ON; answers that, or the status of a failure. The letter is borrowed for the call. */
int queue_scan(struct queue *q, int32_t partition, int64_t from, int64_t high,
               int (*see)(void *arg, const struct record *record, const struct letter *letter), void *arg);

/** The same for all partitions from their beginning to their end as of now. */
int queue_scan_all(struct queue *q,
                   int (*see)(void *arg, const struct record *record, const struct letter *letter),
                   void *arg);

/** Says that there are no letters, and what the topic holds instead; answers the exit status. */
int queue_empty(const struct queue *q);

#endif
