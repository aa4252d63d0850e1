/* generation.c: see generation.h.
 *
 * The bound on what is in flight stops the source, never a send: half of the chain's memory for the records'
 * own bytes, and a number of records, as each costs an envelope beside its bytes. The other half is for what
 * was prefetched and what librdkafka needs. */
#include "kafka/generation.h"

#include <stdlib.h>

#include "base/clock.h"
#include "config/diag.h"

/* memory over this is how many records may be in flight. One of a few bytes costs 3 KB. */
#define BYTES_A_RECORD 4096

static void on_sent(void *self, struct send *send, enum send_result result, const char *why)
{
    struct generation *g = self;

    chain_sent(g->chain, send, result, why);
}

static int64_t now_ms(void *self)
{
    (void)self;
    return clock_wall_ms();
}

static int64_t mono_ms(void *self)
{
    (void)self;
    return clock_mono_ms();
}

static void on_send(void *self, struct send *send)
{
    struct generation *g = self;

    producer_send(g->producer, send);
}

static void on_done(void *self, void *ticket)
{
    struct generation *g = self;

    if (*g->source)
        source_done(*g->source, ticket);
}

struct generation *generation_new(const struct config *config, const struct config_chain *conf,
                                  struct chain *chain, struct source *const *source, int wake_fd,
                                  struct diag *diag)
{
    struct generation *g = calloc(1, sizeof *g);
    struct producer_events events = {g, on_sent};
    struct weir_topic *const *topics;
    size_t n_topics;

    if (!g) {
        diag_error(diag, conf->place, "no memory");
        return NULL;
    }
    settings_read(&g->settings, config, conf);
    g->chain = chain;
    g->source = source;
    g->max_records = (size_t)g->settings.memory / BYTES_A_RECORD;
    g->max_bytes = (size_t)g->settings.memory / 2;
    topics = chain_topics(chain, &n_topics);
    g->producer = producer_new(&g->settings, topics, n_topics, wake_fd, &events, diag);
    if (g->producer)
        return g;
    generation_destroy(g);
    return NULL;
}

void generation_destroy(struct generation *g)
{
    if (!g)
        return;
    producer_destroy(g->producer);
    free(g);
}

void generation_attach(struct generation *g)
{
    struct chain_io io = {g, now_ms, mono_ms, on_send, on_done};

    chain_attach(g->chain, &io);
}

bool generation_full(const struct generation *g)
{
    return chain_in_flight(g->chain) >= g->max_records || chain_in_flight_bytes(g->chain) >= g->max_bytes;
}

bool generation_ready(const struct generation *g)
{
    return chain_ready(g->chain) && !generation_full(g);
}

bool generation_idle(const struct generation *g)
{
    return chain_in_flight(g->chain) == 0 && producer_waiting(g->producer) == 0;
}
