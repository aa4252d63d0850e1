/* topics.h: makes topics on a real cluster.
 *
 * Thread: any; blocks.
 */
#ifndef WEIR_KAFKA_TOPICS_H
#define WEIR_KAFKA_TOPICS_H

#include "base/buf.h"
#include "config/config.h"

/** Creates those that do not exist. partitions, replicas: -1 for the brokers' defaults. False: why says which
 * could not be made, and why. */
bool topics_create(const struct config_keys *kafka, const char *const *names, size_t count, int partitions,
                   int replicas, int timeout_ms, struct buf *why);

#endif
