/* crew.h: the workers of one chain, from the first start to the last end.
 *
 * A crew is driven from outside: it is told of dead children, of messages to read and of the time, and moves
 * by one table of phases. It never blocks.
 *
 *     STARTING ──► RUNNING ──► PROBING ──► SWAPPING ─────► RUNNING     a reload that keeps the clients
 *                     ▲           └──────► HANDING_OVER ─► RUNNING     one that needs others
 *                     └── a refusal at any point leaves the old generation
 */
#ifndef WEIR_SUPERVISE_CREW_H
#define WEIR_SUPERVISE_CREW_H

#include "supervise/child.h"
#include "supervise/deaths.h"

enum crew_phase {
    CREW_STARTING, /* all load; who starts them says when to go */
    CREW_RUNNING,
    CREW_PROBING,      /* the proposed generation loads beside the one that runs */
    CREW_SWAPPING,     /* those that run change over */
    CREW_HANDING_OVER, /* the old ones drain and end, the new ones are ready */
    CREW_STOPPING,
    CREW_OVER /* no process is left, and none will be started */
};

/** Why it is over. */
enum crew_end {
    CREW_NOT_ENDED,
    CREW_STOPPED,
    CREW_CUT_SHORT, /* something was left undone: it comes again */
    CREW_CONFIG,    /* a worker refused the configuration, at the first start */
    CREW_FAILED     /* its chain refuses to go on, or its workers died too often */
};

enum crew_outcome { OUTCOME_NONE, OUTCOME_PENDING, OUTCOME_GOOD, OUTCOME_REFUSED };

/** A generation: what it is made from, and its number. */
struct edition {
    struct snapshot *snapshot;
    uint64_t number;
};

/** Keeps from's snapshot, and releases the one before; {NULL, 0} for none. */
void edition_set(struct edition *to, struct edition from);

struct crew {
    char *name, *source; /* source: the topic that deaths is about */
    enum crew_phase phase;
    enum crew_end end, verdict; /* verdict: what end will be, once all have gone */
    struct child *tasks, *next; /* next: the proposed generation's, of the same order */
    size_t n_tasks, n_next;
    struct edition current, fallback, proposed;
    struct deaths *deaths; /* NULL before the first start */
    int64_t deadline;      /* of the phase; monotonic ms */
    int64_t trial_until;   /* 0: none under way */
    int64_t handed_at;
    int64_t since_ms; /* Unix: of the generation that runs */
    bool keeps_clients, cleared, rolling_back;
    uint64_t proposed_number; /* of the last proposal */

    enum crew_outcome outcome; /* of the last proposal */
    struct buf why;            /* why it was refused or taken back, or the chain ended */
    struct buf say;            /* what its workers said of it */
    int64_t pause_ms;          /* of the last change */

    uint64_t restarts;
    struct death last_death; /* wall_ms 0: none */
    char last_stage[72];     /* what last_death.stage points to */
};

/** The last proposal was accepted, did not outlive its trial, and runs no more. */
static inline bool crew_taken_back(const struct crew *crew)
{
    return crew->outcome == OUTCOME_GOOD && crew->current.number < crew->proposed_number;
}

/** NULL: no memory. */
struct crew *crew_new(struct weir_str name);
/** Kills what is left. Takes NULL. */
void crew_destroy(struct crew *crew);

/** Starts its workers, which load and wait for crew_go(). What they say of the configuration is
 *  also in `say`, line by line, unless it is the FIRST. */
void crew_start(struct crew *crew, struct edition edition, enum start how);
void crew_go(struct crew *crew);

/** Proposes another generation: loads it beside the one that runs, and waits for crew_proceed(); `outcome`
 * tells how it went, when it is no longer PENDING. keeps_clients: the workers that run can change over. */
void crew_propose(struct crew *crew, struct edition edition, bool keeps_clients);
void crew_proceed(struct crew *crew);
/** Calls it off. why: for the log; empty: it is not this chain's fault. */
void crew_refuse(struct crew *crew, const char *why);

/** STARTING or PROBING, and all that has to be loaded is. */
bool crew_is_ready(const struct crew *crew);

/** Drains and ends. */
void crew_stop(struct crew *crew);
/** At once. */
void crew_kill(struct crew *crew);

/** True where the process was one of its own. */
bool crew_reap(struct crew *crew, pid_t pid, int wait_status);
/** A signal stopped that process, or let it go on. True where it is one of its own. */
bool crew_held(struct crew *crew, pid_t pid, bool held);
/** Reads what its workers said. */
void crew_listen(struct crew *crew);
/** Moves on. Returns milliseconds until it wants to be called again, -1: only when something happened. */
int64_t crew_tick(struct crew *crew, int64_t now);

#endif
