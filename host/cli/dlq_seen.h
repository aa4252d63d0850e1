/* dlq_seen.h: which originals a run has dealt with: a set of coordinates. An original may have two dead
 * letters (at-least-once repeats, two chains that failed it), and is replayed once. */
#ifndef WEIR_CLI_DLQ_SEEN_H
#define WEIR_CLI_DLQ_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct seen_item {
    int64_t offset;
    int32_t partition;
    uint32_t topic; /* the caller's number for it, from 1 */
};

/** Begin with {0}. */
struct seen {
    struct seen_item *slots; /* a topic of 0: free */
    size_t count, room;      /* room: a power of two, or 0 */
};

void seen_fini(struct seen *s);

/** Adds it; *before tells whether it was there. Errors: false: no memory. */
bool seen_add(struct seen *s, struct seen_item item, bool *before);

#endif
