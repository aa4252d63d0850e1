/* watermark.h: what of one partition is under way, and the offset below which everything is safe.
 *
 * Records are done in any order; only the run of done records from the oldest on counts. Offsets have holes
 * (compaction, transaction markers), so the offsets themselves are kept, never computed.
 *
 * Thread: one.
 */
#ifndef WEIR_KAFKA_WATERMARK_H
#define WEIR_KAFKA_WATERMARK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WATERMARK_NONE INT64_C(-1)

/** Numbers go on over a reset, so that a number from before it means nothing after it. */
struct watermark {
    int64_t
        *offsets; /* a ring of what each makes safe: its offset + 1, the complement of that once it is done */
    size_t room;  /* a power of two, or 0 */
    uint64_t first; /* number of the oldest record that is not safe */
    uint64_t next;  /* number of the next record to come */
    int64_t safe;   /* what to commit; WATERMARK_NONE: nothing yet */
    size_t open;    /* records that are not done */
};

void watermark_init(struct watermark *w);
void watermark_fini(struct watermark *w);

/** Forgets what is under way: its numbers are harmless from now on. safe: the new watermark. */
void watermark_reset(struct watermark *w, int64_t safe);

/** A record that is now under way (offset: -1 or more); its number is for watermark_done().
 *  Errors: false: no memory. */
bool watermark_push(struct watermark *w, int64_t offset, uint64_t *number);

/** The record of that number is safe. False: nothing of that number is under way (before a reset, twice). */
bool watermark_done(struct watermark *w, uint64_t number);

#endif
