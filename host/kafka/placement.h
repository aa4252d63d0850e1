/* placement.h: which partition of a topic a record goes to, where nobody says.
 *
 * The same partitions as librdkafka's partitioner of that name, and as long on one where there is no key
 * (sticky.partitioning.linger.ms), for less: see placement.c.
 *
 * Thread: placement_take_over() and placement_add() where the client is opened; any for the others, and
 * librdkafka asks from any.
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

/** Where the records of a topic of ours go that have no key (NULL), for now; RD_KAFKA_PARTITION_UA:
 * librdkafka is to ask. Who names the partition itself spares librdkafka that, and the look-up of it, for
 * each record. */
int32_t placement_now(const rd_kafka_topic_t *topic);

/** librdkafka does not know that partition (any more): it is to ask. */
void placement_forget(const rd_kafka_topic_t *topic);

/** Frees a whole list. NULL is an empty one. */
void placement_free(struct placement *list);

#endif
