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

/** The frames alone. Returns the process that writes them, see backtrace_log(). */
pid_t autopsy_frames(const struct child *child, const struct death *death);

/** A sentence about it: the stage, the call, how. Returns where the stage stands; file NULL: it was none. */
struct place autopsy_say(const struct child *child, const struct death *death, struct buf *why);

/** Of one that never became ready: such a sentence, with file and line in front where a stage did it, and the
 * frames to the log. Nothing where it said so itself (a broken configuration). */
void autopsy_of_start(const struct child *child, int wait_status, struct buf *why);

#endif
