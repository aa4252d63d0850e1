/* dlq_newest.h: the newest dead letters out of many, as the text that will be printed of each. */
#ifndef WEIR_CLI_DLQ_NEWEST_H
#define WEIR_CLI_DLQ_NEWEST_H

#include "cli/dlq_letter.h"
#include "cli/pretty.h"

struct newest {
    struct newest_item {
        int64_t time_ms, offset;
        int32_t partition;
        char *text;
    } * items; /* a heap with the oldest on top, until newest_sort() */
    size_t count, max;
};

/** Errors: false: no memory. max > 0. */
bool newest_init(struct newest *n, size_t max);
void newest_fini(struct newest *n);

/** True where it is among the newest so far. */
bool newest_wants(const struct newest *n, const struct record *record, const struct letter *letter);

/** Keeps a copy of the text, and gives up the oldest where there are too many. Errors: false: no memory. */
bool newest_keep(struct newest *n, const struct record *record, const struct letter *letter,
                 struct weir_str text);

/** The newest first. The last call. */
void newest_sort(struct newest *n);

/** One letter set out for a person. */
void newest_add_letter(const struct pretty *pretty, struct buf *out, const struct record *record,
                       const struct letter *letter);

#endif
