/* placement.h: which partition of a topic a record goes to, where nobody says.
 *
 * The same partitions as librdkafka's partitioner of that name, and as long on one where there is no key
 * (sticky.partitioning.linger.ms), for less: see placement.c.
 *
 * Thread: placement_take_over() and placement_add() where the client is opened; librdkafka asks from any.
 */
#ifndef WEIR_KAFKA_PLACEMENT_H
#define WEIR_KAFKA_PLACEMENT_H

#include <librdkafka/rdkafka.h>
#include <stdint.h>

struct placement;

/** Keeps librdkafka's own stickiness out of it. Returns for how many milliseconds records without a key are
 *  to stay on one partition; 0: librdkafka goes on by itself, and placement_add() is not to be called. */
int64_t placement_take_over(rd_kafka_conf_t *conf);

/** Places the records of a topic that is opened with conf, where its partitioner is a sticky one. Returns a
 *  list of what it needs for it, with `others` behind. Owns: the caller, until the client is gone. */
struct placement *placement_add(rd_kafka_topic_conf_t *conf, int64_t sticky_ms, struct placement *others);

/** Frees a whole list. NULL is an empty one. */
void placement_free(struct placement *list);

#endif
