/* offer.h: adding the group's offsets to a transaction, without standing still for it.
 *
 * Thread: its own for the one call; the functions are for the task's.
 */
#ifndef WEIR_KAFKA_OFFER_H
#define WEIR_KAFKA_OFFER_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>

struct offer;

/** Begins. group is taken over, the rest copied. NULL: no memory, or no thread. */
struct offer *offer_new(rd_kafka_t *producer, const rd_kafka_topic_partition_list_t *offsets,
                        rd_kafka_consumer_group_metadata_t *group);

/** True where it has ended, within timeout_ms; *error (NULL: it is good) is then the caller's, once. */
bool offer_wait(struct offer *o, int timeout_ms, rd_kafka_error_t **error);

/** Waits for its end. Takes NULL. */
void offer_destroy(struct offer *o);

#endif
