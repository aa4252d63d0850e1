/* lookup.h: reads named parts of topics (this partition from that offset on, to its end), and keeps a place
 * in them as the committed offset of a group.
 *
 * It assigns partitions by itself, one at a time, and joins no group: `group` is only where lookup_commit()
 * puts the place. Only committed records are read.
 *
 * Thread: one.
 */
#ifndef WEIR_KAFKA_LOOKUP_H
#define WEIR_KAFKA_LOOKUP_H

#include "base/buf.h"
#include "chain/io.h"
#include "config/config.h"
#include "kafka/look.h"

struct lookup;

/** Asked a few times a second while brokers do not answer. False: stop waiting. */
struct lookup_patience {
    void *self;
    bool (*wait)(void *self);
};

enum lookup_found {
    LOOKUP_RECORD,
    LOOKUP_END,          /* there is nothing more, as of now */
    LOOKUP_OUT_OF_RANGE, /* the offset is no longer, or not yet, there */
    LOOKUP_FAILED        /* lookup_trouble() says why */
};

/** kafka: the properties of [kafka]. name: who is reading. name, group and patience->self are borrowed. NULL:
 * diag says why. */
struct lookup *lookup_new(const char *name, const char *group, const struct config_keys *kafka,
                          const struct lookup_patience *patience, struct diag *diag);
/** Takes NULL. */
void lookup_destroy(struct lookup *l);

/** How many partitions a topic has. */
enum look lookup_partitions(struct lookup *l, const char *topic, int32_t *count);

/** The first offset of a partition, and the one behind its last committed record. */
enum look lookup_range(struct lookup *l, const char *topic, int32_t partition, int64_t *low, int64_t *high);

/** Reads one partition from offset on; whatever was read before is left. False: lookup_trouble() says why. */
bool lookup_at(struct lookup *l, const char *topic, int32_t partition, int64_t offset);

/** The next record; borrowed until the next call. */
enum lookup_found lookup_next(struct lookup *l, struct record *record);

/** What the group has committed for a partition: the offset, -1 for nothing, and the text beside it. */
enum look lookup_committed(struct lookup *l, const char *topic, int32_t partition, int64_t *offset,
                           struct buf *text);
/** Commits, and waits for the answer. text: valid UTF-8; brokers take 4096 bytes by default. */
enum look lookup_commit(struct lookup *l, const char *topic, int32_t partition, int64_t offset,
                        struct weir_str text);

/** A phrase about the last call that did not go well. */
const char *lookup_trouble(const struct lookup *l);

#endif
