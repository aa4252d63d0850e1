/* generation.h: one generation of a chain as a task runs it: the chain, its settings, its producer.
 *
 * Thread: generation_new() and _destroy() where you like, the rest on the task's.
 */
#ifndef WEIR_KAFKA_GENERATION_H
#define WEIR_KAFKA_GENERATION_H

#include "chain/chain.h"
#include "kafka/producer.h"
#include "kafka/source.h"

struct generation {
    struct settings settings;
    struct chain *chain;
    struct producer *producer;
    struct source *const *source;  /* where the tickets go back to: the task's */
    size_t max_records, max_bytes; /* in flight, before the source must wait */
};

/** NULL: diag says why. source: where the task keeps its source. */
struct generation *generation_new(const struct config *config, const struct config_chain *conf,
                                  struct chain *chain, struct source *const *source, int wake_fd,
                                  struct diag *diag);
/** Closes the producer; the chain stays. Takes NULL. */
void generation_destroy(struct generation *g);

/** Gives the chain its world. */
void generation_attach(struct generation *g);

/** True where the chain and the memory bound let another record in. */
bool generation_ready(const struct generation *g);

/** True where the memory bound lets none in. */
bool generation_full(const struct generation *g);

/** Nothing is in flight. */
bool generation_idle(const struct generation *g);

#endif
