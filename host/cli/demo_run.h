/* demo_run.h: the course of the demo, once all its parts stand: join, run, drain, settle. */
#ifndef WEIR_CLI_DEMO_RUN_H
#define WEIR_CLI_DEMO_RUN_H

#include "cli/demo_screen.h"
#include "cli/demo_task.h"
#include "cli/interrupt.h"
#include "cli/login.h"
#include "cli/pace.h"

struct reader;
struct writer;

enum demo_phase {
    DEMO_JOINING,  /* the group has no assignment yet: nothing is sent */
    DEMO_RUNNING,  /* events go in */
    DEMO_DRAINING, /* no more events; the chain finishes */
    DEMO_SETTLING, /* the task has ended; what it sent is still being read */
    DEMO_OVER
};

struct demo_run {
    /* Set by whoever starts it. */
    const char *title, *brokers;
    int64_t rate, length_ms; /* length_ms -1: until it is interrupted */
    bool on_screen;
    struct reader *reader;
    struct writer *writer;
    struct login_maker maker;
    struct flow flow;
    struct demo_task task;
    struct interrupt interrupt;

    /* Its own. */
    enum demo_phase phase;
    bool failed; /* the task ended by itself */
    struct pace pace;
    struct screen screen;
    struct buf text, event;
    int64_t start_ms, end_ms;     /* of DEMO_RUNNING, monotonic; 0: not yet */
    int64_t phase_ms;             /* since when this phase */
    int64_t shown_ms, arrived_ms; /* the last picture; the last record */
};

/** Runs it to its end. False: it could not, or records are missing; both are said. */
bool demo_run(struct demo_run *run);

#endif
