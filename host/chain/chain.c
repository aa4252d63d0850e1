/* chain.c: builds one generation of a chain, and takes it down again.
 *
 * All stages are read before the first is created, so that every error of the file is told at once; and every
 * path is checked once all stages are there. */
#include "chain/chain.h"

#include "chain/walk.h"

#include <stdlib.h>

/* The value is parsed before the first stage that can look into it, or sends, or protects, or makes records:
 * what stands before needs no value, and saves the parse of what it drops. */
static bool needs_value(const struct stage *s)
{
    return s->binds_fields || s->plugin->about.flags != 0;
}

static void find_marks(struct chain *chain)
{
    chain->parse_at = chain->n_stages;
    chain->last_failed_sink = -1;
    for (uint32_t i = chain->n_stages; i-- > 0;) {
        const struct stage *s = &chain->stages[i];

        if (needs_value(s))
            chain->parse_at = i;
        if (s->binds_fields)
            chain->looked_into |= s->from;
        if (chain->last_failed_sink < 0 && (s->plugin->about.flags & WEIR_SINK) &&
            (s->from >> ROUTE_FAILED & 1))
            chain->last_failed_sink = i;
    }
    if (chain->conf->value_format != CONFIG_JSON) {
        chain->parse_at = chain->n_stages + 1;
        chain->looked_into = 0;
    }
}

/* `*` means every route of source records, which is known when all stages are. */
static void resolve_all_routes(struct chain *chain)
{
    for (uint32_t i = 0; i < chain->n_stages; i++) {
        struct stage *s = &chain->stages[i];

        if (!s->from)
            s->from = ~chain->routes.emitted & ~UINT64_C(0) >> (64 - chain->routes.count);
    }
}

static bool init_stages(struct chain *chain, struct loader *loader, struct diag *diag)
{
    bool all = true;

    for (size_t i = 0; i < chain->conf->stage_count; i++) {
        struct stage *s = &chain->stages[chain->n_stages];

        if (stage_init(s, chain, &chain->conf->stages[i], (uint32_t)i, loader, diag)) {
            chain->n_stages++;
        } else {
            stage_fini(s);
            all = false;
        }
    }
    return all;
}

/* One whose options are wrong is left out; the others are asked all the same: every error at once. */
static void create_stages(struct chain *chain, struct loader *loader, struct diag *diag)
{
    for (uint32_t i = 0; i < chain->n_stages; i++) {
        if (chain->stages[i].sound)
            stage_create(&chain->stages[i], loader, diag);
    }
}

struct chain *chain_new(const struct config *config, const struct config_chain *conf, struct loader *loader,
                        struct diag *diag)
{
    struct chain *chain = calloc(1, sizeof *chain);
    size_t errors = diag->errors;

    if (!chain)
        goto no_memory;
    chain->config = config;
    chain->conf = conf;
    chain->note = &chain->own_note;
    quarantine_init(&chain->quarantine);
    arena_init(&chain->arena, 4096, SIZE_MAX);
    routes_init(&chain->routes);
    chain->paths = paths_new();
    chain->stages = calloc(conf->stage_count + 1, sizeof *chain->stages);
    if (!chain->paths || !chain->stages)
        goto no_memory;
    if (init_stages(chain, loader, diag)) { /* without every plugin the paths cannot be told */
        resolve_all_routes(chain);
        routes_check(chain, diag);
    }
    create_stages(chain, loader, diag);
    if (diag->errors == errors) {
        find_marks(chain);
        return chain;
    }
    goto fail;
no_memory:
    diag_error(diag, conf->place, "chain \"" STR_FMT "\": no memory", STR_ARG(conf->name));
fail:
    chain_destroy(chain);
    return NULL;
}

void chain_destroy(struct chain *chain)
{
    if (!chain)
        return;
    for (uint32_t i = 0; i < chain->n_stages; i++)
        stage_fini(&chain->stages[i]);
    free(chain->stages);
    envelopes_fini(&chain->envelopes);
    paths_destroy(chain->paths);
    quarantine_fini(&chain->quarantine);
    arena_fini(&chain->arena);
    free(chain->stopped);
    free(chain);
}

struct weir_topic *const *chain_topics(const struct chain *chain, size_t *count)
{
    *count = chain->n_topics;
    return chain->topics;
}

void chain_attach(struct chain *chain, const struct chain_io *io)
{
    chain->io = *io;
    for (uint32_t i = 0; i < chain->n_stages; i++) {
        struct stage *s = &chain->stages[i];

        if (s->timer_first >= 0)
            s->timer_at = io->mono_ms(io->self) + s->timer_first;
        s->timer_first = -1;
    }
}

void chain_note(struct chain *chain, struct note *note, uint64_t generation)
{
    chain->generation = generation;
    chain->note = note ? note : &chain->own_note;
}

bool chain_ready(const struct chain *chain)
{
    return !chain->stopped && chain->n_parked == 0;
}

bool chain_take(struct chain *chain, const struct record *record)
{
    struct envelope *env = envelope_take(&chain->envelopes, chain, chain->paths);

    if (!env || !envelope_load(env, record)) {
        if (env)
            envelope_give_back(&chain->envelopes, env);
        chain_stop(chain, NULL, "no memory for a record");
        return false;
    }
    envelope_count(&chain->envelopes, env);
    if (chain->quarantine.count)
        quarantine_mark(chain, env);
    walk(chain, env);
    return true;
}

size_t chain_in_flight(const struct chain *chain)
{
    return chain->envelopes.in_flight;
}

size_t chain_in_flight_bytes(const struct chain *chain)
{
    return chain->envelopes.bytes;
}

const char *chain_stopped(const struct chain *chain)
{
    return chain->stopped;
}

struct weir_str chain_name(const struct chain *chain)
{
    return chain->conf->name;
}

bool chain_same_plugins(const struct chain *a, const struct chain *b)
{
    if (a->n_stages != b->n_stages)
        return false;
    for (uint32_t i = 0; i < a->n_stages; i++) {
        if (strcmp(a->stages[i].plugin->hash, b->stages[i].plugin->hash) != 0)
            return false;
    }
    return true;
}

static void add_count(struct chain_count *out, size_t room, size_t *n, struct weir_str stage,
                      struct weir_str name, uint64_t count)
{
    if (*n < room)
        out[*n] = (struct chain_count){stage, name, count};
    ++*n;
}

size_t chain_counts(const struct chain *chain, struct chain_count *out, size_t room)
{
    size_t n = 0;

    for (uint32_t i = 0; i < chain->n_stages; i++) {
        const struct stage *s = &chain->stages[i];
        struct weir_str stage = s->conf->name;

        if (i == chain->parse_at)
            add_count(out, room, &n, STR("parse"), STR("failed"), chain->parse_failures);
        add_count(out, room, &n, stage, STR("passed"), s->counts.passed);
        add_count(out, room, &n, stage, STR("rejected"), s->counts.rejected);
        add_count(out, room, &n, stage, STR("dropped"), s->counts.dropped);
        add_count(out, room, &n, stage, STR("failed"), s->counts.failed);
        add_count(out, room, &n, stage, STR("retried"), s->counts.retried);
        for (size_t j = 0; j < s->n_own; j++)
            add_count(out, room, &n, stage, str_of(s->own[j].name), s->own[j].n);
    }
    return n;
}

void chain_versions(const struct chain *chain, struct buf *to)
{
    for (uint32_t i = 0; i < chain->n_stages; i++)
        buf_add_fmt(to, STR_FMT " %s\n", STR_ARG(chain->stages[i].conf->name),
                    chain->stages[i].plugin->about.version);
}
