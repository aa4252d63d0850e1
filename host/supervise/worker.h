/* worker.h: the process that runs one task of one chain: `weir worker`.
 *
 * Its supervisor gives it two descriptors (message.h, ledger.h) and nothing else. It loads what it is told
 * to, says so, waits for the go, runs the task on one thread and serves its supervisor on the other; and it
 * does not outlive it.
 */
#ifndef WEIR_SUPERVISE_WORKER_H
#define WEIR_SUPERVISE_WORKER_H

#include <stdbool.h>
#include "supervise/spawn.h"

#include <sys/types.h>

enum worker_end {
    WORKER_STOPPED,   /* it was asked to, and everything is safe */
    WORKER_CUT_SHORT, /* it was asked to, and something is left undone: it comes again */
    WORKER_CONFIG,    /* the configuration is wrong */
    WORKER_FAILED,    /* the task ended by itself; it is in the last message why */
    WORKER_NO_PARENT  /* no supervisor started this process, or it is gone */
};

/** Runs until its task ends. */
enum worker_end worker_run(pid_t parent, enum start start);

#endif
