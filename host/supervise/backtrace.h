/* backtrace.h: tells the author of a plugin where it crashed. */
#ifndef WEIR_SUPERVISE_BACKTRACE_H
#define WEIR_SUPERVISE_BACKTRACE_H

#include "base/log.h"
#include "supervise/ledger.h"
#include "supervise/snapshot.h"

#include <sys/types.h>

/** Writes the frames of a crash to the log, a line each, from a process of its own, which ends within
 * seconds: the files and the ledger are what a crash left, and may kill whoever reads them. Copies the crash
 * first. snapshot: where the plugins' files are, or NULL. Returns that process, for the caller to wait for
 * when it ends; -1: nothing to write, or it could not be started. Thread: of a process that has one only. */
pid_t backtrace_log(struct log_place place, const struct ledger_crash *crash,
                    const struct snapshot *snapshot);

#endif
