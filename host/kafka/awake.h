/* awake.h: keeps an old librdkafka's fetcher from sleeping while a chain is busy.
 *
 * Thread: its own, which only asks the brokers for offsets; the functions are for the task's.
 */
#ifndef WEIR_KAFKA_AWAKE_H
#define WEIR_KAFKA_AWAKE_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>

struct awake;

/** NULL where this library needs none (or there is no memory: the chain is then slower, not wrong). limit:
 * bytes that the consumer may prefetch. topic is borrowed. All functions take NULL. */
struct awake *awake_new(rd_kafka_t *rk, const char *topic, size_t limit);

/** Ends the thread; waits for a question that is under way, at most half a second. Before the consumer goes.
 */
void awake_destroy(struct awake *awake);

/** So many partitions, their numbers in list, are read now. Copied. */
void awake_assigned(struct awake *awake, const rd_kafka_topic_partition_list_t *list);

/** So many bytes were taken from the queue. */
void awake_took(struct awake *awake, size_t bytes);

/** After some were taken: decides whether the fetcher is to be kept awake. */
void awake_look(struct awake *awake);

#endif
