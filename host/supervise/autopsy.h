/* autopsy.h: what a worker died of, as far as its ledger and the kernel tell. */
#ifndef WEIR_SUPERVISE_AUTOPSY_H
#define WEIR_SUPERVISE_AUTOPSY_H

#include "supervise/child.h"
#include "supervise/deaths.h"

/** wait_status: as waitpid() gave it. The texts of *out live as long as the child's snapshot. */
void autopsy(const struct child *child, int wait_status, struct death *out);

/** What a call into a plugin is called, by enum note_call: "process". NULL: it is none. */
const char *autopsy_call(uint32_t call);

/** Tells the log, with all that helps an author and nothing of the record but its coordinates. */
void autopsy_log(const struct child *child, const struct death *death);

/** Of one that never became ready: a sentence about what went wrong, with file and line where a stage did it.
 * Nothing where it said so itself (a broken configuration). */
void autopsy_of_start(const struct child *child, int wait_status, struct buf *why);

#endif
