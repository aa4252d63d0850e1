/* offsets.h: where to begin: questions to the brokers about offsets, asked until they are answered.
 *
 * Thread: the task's; the calls block it, and give it back a few times a second through `patience`.
 */
#ifndef WEIR_KAFKA_OFFSETS_H
#define WEIR_KAFKA_OFFSETS_H

#include <librdkafka/rdkafka.h>

#include "config/config.h"

/** Called while brokers do not answer. False: stop asking. */
struct patience {
    void *self;
    bool (*wait)(void *self);
};

/** Puts the committed offsets into list; a negative one: there is none. */
rd_kafka_resp_err_t offsets_committed(rd_kafka_t *rk, rd_kafka_topic_partition_list_t *list,
                                      const struct patience *patience);

/** Sets known to the number behind the last of the topic's partitions that the group of rk has committed an
 * offset of; 0: it has committed none. Where rk does not ask for what is committed only (see client.h), a
 * transaction that is open is not waited for. */
rd_kafka_resp_err_t offsets_known(rd_kafka_t *rk, const char *topic, int32_t partitions, int timeout_ms,
                                  int32_t *known);

/** One end of a partition: which is RD_KAFKA_OFFSET_BEGINNING or RD_KAFKA_OFFSET_END. Thread: any. */
rd_kafka_resp_err_t offsets_edge(rd_kafka_t *rk, const char *topic, int32_t partition, int64_t which,
                                 int timeout_ms, int64_t *offset);

/** The first offset of a partition, and the one behind its last. */
rd_kafka_resp_err_t offsets_range(rd_kafka_t *rk, const char *topic, int32_t partition, int64_t *low,
                                  int64_t *high, const struct patience *patience);

#endif
