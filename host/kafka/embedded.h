/* embedded.h: a Kafka cluster inside this process: librdkafka's mock cluster on loopback ports.
 *
 * For the demo and for tests. It keeps everything in memory, at most 5 MiB a partition (the oldest goes
 * first); it knows neither transactions' outcomes nor static members; a group's first join takes 3 s, and a
 * member that leaves is missed until its session ends.
 *
 * Thread: any; it has a thread of its own.
 */
#ifndef WEIR_KAFKA_EMBEDDED_H
#define WEIR_KAFKA_EMBEDDED_H

#include <stdbool.h>

struct embedded;
struct rd_kafka_mock_cluster_s;

/** NULL: it could not be started. */
struct embedded *embedded_start(int brokers);
/** Takes NULL. */
void embedded_stop(struct embedded *e);

/** host:port,… for bootstrap.servers. Borrowed. */
const char *embedded_brokers(const struct embedded *e);

bool embedded_topic(struct embedded *e, const char *name, int partitions);

/** For tests, which break it on purpose (librdkafka/rdkafka_mock.h). */
struct rd_kafka_mock_cluster_s *embedded_cluster(struct embedded *e);

#endif
