/* dlq_tally.h: dead letters counted by stage and reason, for `weir dlq ls`. */
#ifndef WEIR_CLI_DLQ_TALLY_H
#define WEIR_CLI_DLQ_TALLY_H

#include "cli/dlq_letter.h"

#define TALLY_KINDS_MAX 1000 /* what comes on top is counted as one more kind, without stage and reason */

struct tally {
    struct tally_kind {
        char *stage, *reason; /* NULL: the letter tells none */
        int64_t count;
        bool has_time;
        int64_t oldest_ms, newest_ms;
    } kinds[TALLY_KINDS_MAX + 1];
    size_t count;
    struct tally_kind total;
    int64_t lost;      /* letters that do not tell where their original is */
    int64_t strangers; /* records that are no dead letters */
};

/** Owns nothing yet. */
void tally_init(struct tally *t);
void tally_fini(struct tally *t);

/** Errors: false: no memory. */
bool tally_add(struct tally *t, const struct letter *letter);

/** A table for a person, the largest count first. */
void tally_add_table(struct tally *t, struct buf *out);

/** One JSON object. Text that is no UTF-8 is shown with escapes. */
void tally_add_json(struct tally *t, struct buf *out, const char *topic);

#endif
