/* ledger.h: what a worker leaves behind: one piece of memory shared by it and its supervisor.
 *
 * The worker writes, the supervisor reads, also after the worker's death. It is a memory file that the
 * supervisor makes and the worker inherits; nothing in it is trusted beyond its range, since a broken plugin
 * may have written over it.
 */
#ifndef WEIR_SUPERVISE_LEDGER_H
#define WEIR_SUPERVISE_LEDGER_H

#include "chain/note.h"

#include <stddef.h>

#define LEDGER_FRAMES_MAX 64
#define LEDGER_MAPS_MAX 49152 /* text of /proc/self/maps, the executable lines */
#define LEDGER_COUNTS_MAX 8192

/** What the crash handler noted, on whichever thread. A handler that did not survive its own work leaves
 * frames[0], and what came before. */
struct ledger_crash {
    _Atomic uint32_t done; /* 1: what happened, where and the maps are there; frames go on being added */
    int32_t signal, code;
    int32_t thread; /* the kernel's number of the thread */
    uint64_t address;
    uint32_t n_frames;
    uint64_t frames[LEDGER_FRAMES_MAX]; /* [0] is where it happened */
    uint32_t maps_len;
    char maps[LEDGER_MAPS_MAX];
};

/** What a task says of itself a few times a second. */
struct ledger_report {
    int64_t at_ms; /* monotonic */
    uint64_t generation;
    uint64_t taken, rebalances;  /* since the worker's start */
    int64_t lag, last_commit_ms; /* as in struct source_status */
    uint64_t in_flight, in_flight_bytes, sends;
    uint32_t assigned;
    uint8_t paused, waiting_for_brokers; /* 1: it is so. No bool: what was written over is not one */
    uint16_t counts_len;
    char counts[LEDGER_COUNTS_MAX]; /* of this generation: a line "STAGE NAME N" for each counter above 0 */
};

struct ledger {
    int32_t task_thread;    /* the kernel's number of the thread that runs the task; 0: none yet */
    struct note task, load; /* of the task's thread; of the one that loads plugins and makes chains */
    _Atomic uint32_t report_version; /* odd: being written */
    struct ledger_report report;
    struct ledger_crash crash;
};

/** A new, empty one. NULL: errno says why. *fd is for the worker; it stays open here for status. */
struct ledger *ledger_new(int *fd);
/** In the worker. NULL: errno says why; EINVAL: it is none. fd may be closed then. */
struct ledger *ledger_map(int fd);
/** Takes NULL. */
void ledger_unmap(struct ledger *ledger);

/** Empty again, as a new one; while no worker has it. */
void ledger_clear(struct ledger *ledger);

/** The note that is open: the task's, or that of who loads and creates. NULL: no call is under way. */
const struct note *ledger_open_note(const struct ledger *ledger);

void ledger_write_report(struct ledger *ledger, const struct ledger_report *report);
/** False: there is none yet, or it was being written all the time; *out is as it was. Of out->counts only the
 * first counts_len bytes are set, and counts_len is as it was written: it may be too large. */
bool ledger_read_report(const struct ledger *ledger, struct ledger_report *out);

#endif
