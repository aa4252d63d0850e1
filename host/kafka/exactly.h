/* exactly.h: a task's transactions: everything between two commits is seen by readers as a whole, or never.
 *
 * Thread: the task's.
 */
#ifndef WEIR_KAFKA_EXACTLY_H
#define WEIR_KAFKA_EXACTLY_H

#include "kafka/generation.h"

enum exactly_state {
    EXACTLY_INIT,       /* the producer is new, and must make itself known */
    EXACTLY_IDLE,       /* no transaction is open */
    EXACTLY_OPEN,       /* records are taken and sent */
    EXACTLY_OFFERING,   /* all that was begun is finished: its offsets go to the brokers */
    EXACTLY_COMMITTING, /* the outcome is the brokers' now */
    EXACTLY_ABORTING,
    EXACTLY_REWINDING, /* the chain is as it was at the last commit; now the source */
    EXACTLY_FAILED
};

struct exactly {
    enum exactly_state state;
    int64_t opened_at, look_at, init_at; /* monotonic milliseconds */
    bool ending;                         /* the transaction takes no more records */
    bool spoilt;                         /* it must be aborted */
    bool rewind;                         /* after EXACTLY_INIT */
    bool fresh;                          /* no transaction was open since the state was saved */
    unsigned replaced;                   /* producers in a row, without one commit */
    unsigned in_a_row;                   /* aborts without one commit */
    int64_t rewind_at;                   /* not before */
    int64_t excused_until;               /* a fence before it is the brokers' own doing */
    unsigned odd;                        /* refusals in a row that nobody is at fault for */
    struct saved_state *saved;           /* of the chain, at the last commit */
    uint64_t commits, aborts;
    bool fenced;
    struct buf why;
};

/** A step's circumstances. */
struct exactly_call {
    struct exactly *x;
    struct generation *g;
    struct source *source;
    bool hurry;  /* end the transaction now */
    bool inside; /* the group is at work: the source cannot be moved */
};

void exactly_init(struct exactly *x);
void exactly_fini(struct exactly *x);

/** The generation has a producer that is not known yet, or is a new one: begin with that. Between
 * transactions. */
void exactly_restart(struct exactly *x);

/** Moves on as far as it can without waiting for long. */
void exactly_step(const struct exactly_call *call);

/** True where records may be taken. */
bool exactly_takes(const struct exactly *x, const struct generation *g);

/** True where the chain may run timers, and flush. */
bool exactly_runs(const struct exactly *x);

/** True where nothing is open, and nothing waits for a transaction. */
bool exactly_settled(const struct exactly *x, const struct generation *g, const struct source *source);

/** What is open must be aborted. */
void exactly_spoil(struct exactly *x);

/** Milliseconds until it wants a step. */
int64_t exactly_wait(const struct exactly *x, const struct generation *g);

/** Why it is finished; NULL: it is not. Borrowed. */
const char *exactly_failed(struct exactly *x);

/** At the end: aborts what is open, if the brokers answer within timeout_ms; else the next producer of this
 * name does. */
void exactly_close(struct exactly *x, struct generation *g, int timeout_ms);

#endif
