/* positions.h: where the consumer reads on: at an assignment, after a place was lost, after an abort.
 *
 * Thread: the task's.
 */
#ifndef WEIR_KAFKA_POSITIONS_H
#define WEIR_KAFKA_POSITIONS_H

#include "base/buf.h"
#include "base/log.h"
#include "kafka/offsets.h"
#include "kafka/partitions.h"

struct positions {
    rd_kafka_t *rk;
    const char *topic;
    struct partitions *partitions;
    struct log_place place;
};

bool positions_cooperative(rd_kafka_t *rk);

/** Finds where each partition of list begins, puts that into list, and begins its assignment in the table.
 * Without a committed offset those below at_end begin behind their last record, all others at their first. */
rd_kafka_resp_err_t positions_begin(struct positions *p, rd_kafka_topic_partition_list_t *list,
                                    int32_t at_end, const struct patience *patience);

/** Assigns once more, each partition from where it stands: what was read and not taken comes again. */
void positions_again(struct positions *p);

/** The offset of that partition is not there: goes on where on_lost says, with all partitions as
 * positions_again() does, or adds to why what it says instead. */
rd_kafka_resp_err_t positions_lost(struct positions *p, int32_t number, enum config_lost_offset on_lost,
                                   const struct patience *patience, struct buf *why);

/** Takes every partition back to what is committed, or to where it began. */
rd_kafka_resp_err_t positions_rewind(struct positions *p, const struct patience *patience);

#endif
