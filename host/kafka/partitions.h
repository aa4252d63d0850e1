/* partitions.h: the partitions that a task reads, each with its watermark, and the tickets of their records.
 *
 * A partition keeps its place for the life of the table, assigned or not, so that a ticket from an earlier
 * assignment is told from a new one by the watermark's numbers, and does no harm.
 *
 * Thread: the task's.
 */
#ifndef WEIR_KAFKA_PARTITIONS_H
#define WEIR_KAFKA_PARTITIONS_H

#include <librdkafka/rdkafka.h>

#include "kafka/watermark.h"

struct partition {
    struct watermark mark;
    bool assigned;
    int64_t start;     /* where this assignment began */
    int64_t position;  /* the offset behind the last record that was taken */
    int64_t committed; /* WATERMARK_NONE: nothing that we know of */
};

struct partitions {
    struct partition *items; /* by number */
    size_t count, assigned;
};

void partitions_fini(struct partitions *p);

/** The partition of that number, if it is assigned; else NULL. */
struct partition *partitions_find(struct partitions *p, int32_t number);

/** Begins an assignment. committed: WATERMARK_NONE where there was no committed offset; start is then
 * committed, too, so that a partition without records keeps its start. Errors: false: no memory. */
bool partitions_assign(struct partitions *p, int32_t number, int64_t start, int64_t committed);
void partitions_revoke(struct partitions *p, int32_t number);
void partitions_revoke_all(struct partitions *p);

/** Goes back to offset: all tickets so far are void. committed as above. */
void partitions_rewind(struct partition *part, int64_t offset, int64_t committed);

/** A ticket for a record that is now under way. Never NULL. Errors: false: no memory. */
bool partitions_push(struct partitions *p, int32_t number, int64_t offset, void **ticket);
/** False for one from an earlier assignment. */
bool partitions_done(struct partitions *p, void *ticket);

/** Records under way of the partitions in list; NULL: of all. */
size_t partitions_open(const struct partitions *p, const rd_kafka_topic_partition_list_t *list);

/** What is safe and not yet committed. Owns: the caller. NULL: nothing. */
rd_kafka_topic_partition_list_t *partitions_uncommitted(const struct partitions *p, const char *topic);

/** All that are assigned. Owns: the caller. */
rd_kafka_topic_partition_list_t *partitions_list(const struct partitions *p, const char *topic);

#endif
