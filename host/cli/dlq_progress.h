/* dlq_progress.h: which dead letters of a partition have been replayed, whatever each run had selected.
 *
 * A run selects letters by reason, time and number of replays, and goes through the partition from its
 * beginning; how far it got is a *mark*: a selection and an offset. A letter is done where it stands below
 * the offset of any mark that selects it. So a run with a filter leaves the others to a later run without
 * one, which does not repeat what the first has done. The marks of a partition are kept as the text beside
 * the group's committed offset:
 *
 *     weir1:5f0c2a9be1d34477;120,3,-,;340,3,-,Missing%20fields;355,5,1729894074000,
 *
 * that is the run that wrote it, and for each mark offset, replays below, since (Unix milliseconds), and how
 * the reason begins, escaped as in a URL. A group for each filter was rejected: two filters overlap, and what
 * both select would be replayed twice. */
#ifndef WEIR_CLI_DLQ_PROGRESS_H
#define WEIR_CLI_DLQ_PROGRESS_H

#include "cli/dlq_letter.h"

#define SELECTION_REASON_MAX 255 /* bytes */
#define PROGRESS_MARKS_MAX 64
#define PROGRESS_TEXT_MAX 4000 /* bytes; brokers take 4096 by default */

struct selection {
    char reason[SELECTION_REASON_MAX + 1]; /* how the reason begins; "": any */
    int64_t since_ms;                      /* INT64_MIN: any time */
    int64_t max_replays;                   /* letters that were replayed fewer times */
};

/** True for a letter of that reason and time; its replays are not looked at. */
bool selection_takes(const struct selection *selection, const struct letter *letter);

struct progress {
    struct mark {
        struct selection selection;
        int64_t offset;
    } marks[PROGRESS_MARKS_MAX];
    size_t count;
    uint64_t run; /* the number of the run that writes it; two at once find each other out by it */
};

/** Reads what progress_write() wrote, but for the number of its run. False: somebody else wrote it. */
bool progress_read(struct progress *p, struct weir_str text);

/** Adds the text to an empty buffer. False: it would be longer than brokers take. */
bool progress_write(const struct progress *p, struct buf *out);

/** Drops marks that mean nothing for a partition that begins at low and ends before high. */
void progress_clip(struct progress *p, int64_t low, int64_t high);

/** Where a run begins: everything before it that is selected has been done. */
int64_t progress_start(const struct progress *p, const struct selection *selection, int64_t low);

/** True where a run has been over this letter already. */
bool progress_has(const struct progress *p, const struct letter *letter, int64_t offset);

/** A run with this selection has got to here. False: too many marks. */
bool progress_set(struct progress *p, const struct selection *selection, int64_t offset);

/** The offset to commit: of the furthest run without a filter, or low. */
int64_t progress_offset(const struct progress *p, int64_t low);

#endif
