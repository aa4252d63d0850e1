/* pipe_world.h: the world of `weir pipe`: no Kafka, a clock that may stand still, standard output for
 * brokers. */
#ifndef WEIR_CLI_PIPE_WORLD_H
#define WEIR_CLI_PIPE_WORLD_H

#include "base/buf.h"
#include "chain/chain.h"

#include <stdio.h>

#define PIPE_REFUSALS_MAX 16

/** A topic that plays hard to get: `--refuse TOPIC=size:500`. */
struct pipe_refusal {
    struct weir_str topic;
    enum send_result result;
    int64_t max_bytes; /* with SEND_TOO_LARGE: key and value above this */
};

struct pipe_world {
    struct chain *chain;
    bool fixed_clock;
    int64_t now_ms, mono_ms; /* with fixed_clock */
    bool values_only;        /* --output values */
    struct pipe_refusal refusals[PIPE_REFUSALS_MAX];
    size_t n_refusals;
    struct send *first, *last; /* sent, not yet answered */
    FILE *out;                 /* what is sent; borrowed */
    struct buf line;
    bool output_failed;
};

/** Connects the chain to this world. */
void pipe_world_attach(struct pipe_world *world, struct chain *chain);
void pipe_world_fini(struct pipe_world *world);

/** Unix milliseconds. */
int64_t pipe_world_now(const struct pipe_world *world);

/** Answers every send, and waits out every retry, until the chain takes the next record or stopped. */
void pipe_world_settle(struct pipe_world *world);

/** The end of the input: what sinks hold is sent, everything is answered. */
void pipe_world_finish(struct pipe_world *world);

/** Reads `TOPIC=size:BYTES`, `TOPIC=timestamp` or `TOPIC=record`; a take function of args.h. */
bool pipe_world_refuse(void *world, const char *text);

#endif
