/* runner.h: runs a configuration in this one process until a signal ends it: `weir run --no-fork`.
 *
 * Each chain is one task on a thread of its own; the calling thread takes the signals: SIGHUP reloads,
 * SIGTERM and SIGINT drain and end, a second one of them ends at once.
 */
#ifndef WEIR_SUPERVISE_RUNNER_H
#define WEIR_SUPERVISE_RUNNER_H

#include <stdbool.h>

/** How it ended. */
enum runner_end {
    RUNNER_STOPPED,     /* by a signal, everything in flight done */
    RUNNER_CUT_SHORT,   /* by a signal, with something left undone: it comes again */
    RUNNER_CONFIG,      /* the configuration is wrong */
    RUNNER_CHAIN_FAILED /* every chain has stopped by itself */
};

/** Runs the configuration in dir. Blocks the signals that it takes in all threads. */
enum runner_end runner_run(const char *dir);

#endif
