/* fetch_one.h: one record by its coordinates. Cheap for offsets of one partition that are asked for in their
 * order: what lies between two near ones is read over, not looked for anew.
 *
 * Thread: one.
 */
#ifndef WEIR_KAFKA_FETCH_ONE_H
#define WEIR_KAFKA_FETCH_ONE_H

#include "kafka/lookup.h"

enum fetched {
    FETCHED,
    FETCH_RETENTION,    /* the partition begins behind it by now */
    FETCH_NOTHING,      /* the partition has no record with this offset: compacted away */
    FETCH_BEYOND,       /* the partition ends before it: the topic was made anew */
    FETCH_NO_PARTITION, /* the topic has fewer */
    FETCH_NO_TOPIC,
    FETCH_FAILED /* lookup_trouble() says why */
};

/** Begin with {.lookup = …}. */
struct fetch_one {
    struct lookup *lookup;
    char *topic; /* that is being read; NULL: none */
    int32_t partitions, partition;
    int64_t next; /* offset; -1: reading has not begun */
    int64_t low;
};

/** The lookup stays. */
void fetch_one_fini(struct fetch_one *f);

/** The record is borrowed until the next call. */
enum fetched fetch_one(struct fetch_one *f, const char *topic, int32_t partition, int64_t offset,
                       struct record *record);

#endif
