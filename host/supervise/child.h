/* child.h: a worker process as its supervisor sees it.
 *
 * It is started with a snapshot, loads its chain, says that it is ready, and works from the go on. What it
 * says comes by messages, what it does can be read in its ledger, and how it ended is what the kernel says.
 */
#ifndef WEIR_SUPERVISE_CHILD_H
#define WEIR_SUPERVISE_CHILD_H

#include "base/buf.h"
#include "kafka/task.h"
#include "supervise/ledger.h"
#include "supervise/message.h"
#include "supervise/rate.h"
#include "supervise/snapshot.h"
#include "supervise/spawn.h"

#include <sys/types.h>

enum child_state {
    CHILD_NONE,    /* no process; one may be started at `again_at` */
    CHILD_LOADING, /* it has a snapshot, and has not said READY */
    CHILD_READY,   /* waits for the go */
    CHILD_RUNNING,
    CHILD_STOPPING /* was told to drain and end */
};

/** What a reload asked of it. */
enum child_answer { ANSWER_NONE, ANSWER_AWAITED, ANSWER_SWAPPED, ANSWER_REFUSED };

struct child {
    struct weir_str chain;
    uint32_t task;
    enum child_state state;
    pid_t pid;
    int socket, ledger_fd;
    struct ledger *ledger;
    struct snapshot *snapshot, *offered; /* what it runs, or loads; what a reload gave it */
    uint64_t generation, offered_generation;

    int64_t started_at, gone_at, again_at; /* monotonic ms; gone_at: told to go; again_at -1: never */
    int64_t aborted_at;                    /* 0: not */
    int64_t held_at;                       /* stopped or let go by a signal */
    bool assigned;
    bool went;  /* it was told to go */
    bool ended; /* it said so itself: end and why */
    enum task_end end;
    struct buf why;      /* of its end, or of a refusal */
    struct buf versions; /* of its plugins: a line "STAGE VERSION" each */
    int state_fd;        /* what its stages saved for a successor; -1: nothing */
    enum child_answer answer;
    int64_t swap_ms;

    bool killed, hung, held; /* by us; for a call that did not return; stopped by a signal now */
    bool was_held;           /* when it died, or was killed */
    bool unstarted;          /* the last try to start it again failed, and that is said */
    int64_t hung_ms;         /* how long that call might have taken */
    uint64_t seen_count;     /* of the ledger's note, since seen_at */
    int64_t seen_at;
    struct rate rate; /* of records; looked at by crew_tick() */
};

void child_init(struct child *child, struct weir_str chain, uint32_t task);
/** Kills it, waits for it, and forgets it. */
void child_fini(struct child *child);

/** Starts a process for it, which loads the snapshot and says READY; items go into its quarantine. False: it
 * could not be started, and child->why says why. */
bool child_start(struct child *child, struct snapshot *snapshot, uint64_t generation, enum start how,
                 struct weir_str quarantine);
/** Join the group and work. state_fd: what its predecessor saved, or -1; stays the caller's. */
void child_go(struct child *child, int state_fd);
void child_reload(struct child *child, struct snapshot *snapshot, uint64_t generation);
void child_stop(struct child *child, bool with_state);
void child_kill(struct child *child);
/** For a call that does not come back: has the crash handler of its task's thread note where that is. Who
 * lives on in spite of it is to be killed. */
void child_abort(struct child *child, int64_t now);

/** Takes its messages in, and changes its state by them. Lines for who waits for an outcome go to say. */
void child_listen(struct child *child, struct buf *say);

/** It is dead, and was waited for: what it had sent is taken in, then its descriptors are closed; the ledger
 * stays readable until the next start. */
void child_died(struct child *child, struct buf *say);

/** The call that it is in for longer than it may, by the supervisor's clock: the ledger's note must not have
 * moved for limit_ms(call, stage). False: none. */
bool child_hangs(struct child *child, int64_t now, int64_t (*limit_ms)(const struct child *, uint32_t stage));

static inline bool child_lives(const struct child *child)
{
    return child->state != CHILD_NONE;
}

#endif
