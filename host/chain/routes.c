/* routes.c: see routes.h.
 *
 * The check walks the chain once with the set of routes on which a source record can arrive at each stage. A
 * record can leave a stage that sees it on its own route, on `failed`, and on the stage's `to`; so the set
 * only grows, and what it holds is what `from = *` means. Emitted routes are kept apart: they begin at the
 * stage that emits, and are seen by who names them. */
#include "chain/routes.h"

#include "chain/walk.h"
#include "config/brokers.h"
#include "config/config.h"
#include "config/diag.h"
#include "config/suggest.h"

void routes_init(struct routes *routes)
{
    *routes = (struct routes){0};
    routes_intern(routes, STR("main"));
    routes_intern(routes, STR("failed"));
}

int32_t routes_intern(struct routes *routes, struct weir_str name)
{
    for (size_t i = 0; i < routes->count; i++) {
        if (str_eq(routes->names[i], name))
            return (int32_t)i;
    }
    if (routes->count == ROUTES_MAX)
        return -1;
    routes->names[routes->count] = name;
    return (int32_t)routes->count++;
}

static uint64_t bit(int32_t route)
{
    return route < 0 ? 0 : UINT64_C(1) << route;
}

static bool is_sink(const struct stage *s)
{
    return (s->plugin->about.flags & WEIR_SINK) != 0;
}

static bool fail_closed(const struct stage *s)
{
    return (s->plugin->about.flags & WEIR_FAIL_CLOSED) != 0;
}

/* The first sink from stage `from` on that takes one of the routes. */
static const struct stage *sink_for(const struct chain *chain, uint32_t from, uint64_t routes)
{
    for (uint32_t i = from; i < chain->n_stages; i++) {
        if (is_sink(&chain->stages[i]) && (chain->stages[i].from & routes))
            return &chain->stages[i];
    }
    return NULL;
}

/* The first of the sinks that take a route, where each of them may leave records of it out; else NULL. */
static const struct stage *only_some(const struct chain *chain, uint64_t route)
{
    const struct stage *first = sink_for(chain, 0, route), *s = first;

    while (s && s->when)
        s = sink_for(chain, s->index + 1, route);
    return s ? NULL : first;
}

/* ---- one stage at a time */

static void check_kind(const struct stage *s, struct diag *diag)
{
    const char *name = s->conf->name.ptr, *plugin = s->plugin->name.ptr;
    bool emits = (s->plugin->about.flags & WEIR_EMITS) != 0;

    if (emits && s->emit < 0)
        diag_error(diag, stage_place(s, NULL),
                   "stage \"%s\": %s makes records: say on which route, with emit = NAME", name, plugin);
    if (!emits && s->emit >= 0)
        diag_error(diag, stage_place(s, "emit"), "stage \"%s\": %s makes no records, so it takes no emit",
                   name, plugin);
    if (s->conf->unmasked && !is_sink(s))
        diag_error(diag, stage_place(s, "unmasked"), "stage \"%s\": unmasked is for sinks, %s is none", name,
                   plugin);
    if (is_sink(s) && s->to >= 0)
        diag_error(diag, stage_place(s, "to"), "stage \"%s\": a sink rejects nothing, so it takes no to",
                   name);
    if (fail_closed(s) && s->when)
        diag_error(diag, stage_place(s, "when"),
                   "stage \"%s\": %s protects something, so it must see every record: remove when", name,
                   plugin);
}

/* Every route that it names must be one on which something can come. */
static void check_from(const struct chain *chain, const struct stage *s, uint64_t can, struct diag *diag)
{
    uint64_t missing = s->from & ~can;

    if (!s->conf->from.count || s->conf->from_all)
        missing = s->from & can ? 0 : s->from;
    for (size_t i = 0; i < chain->routes.count; i++) {
        struct suggest suggest;

        if (!(missing >> i & 1))
            continue;
        suggest_init(&suggest, chain->routes.names[i]);
        for (size_t j = 0; j < chain->routes.count; j++) {
            if (can >> j & 1)
                suggest_offer(&suggest, chain->routes.names[j]);
        }
        diag_error(diag, stage_place(s, "from"),
                   "stage \"%s\": nothing before it comes on route \"" STR_FMT "\"%s", s->conf->name.ptr,
                   STR_ARG(chain->routes.names[i]), suggest_hint(&suggest));
        if (s->conf->from_all)
            return;
    }
}

static void check_sink_behind(const struct chain *chain, const struct stage *s, int32_t route,
                              const char *key, struct diag *diag)
{
    if (route >= 0 && !sink_for(chain, s->index + 1, bit(route)))
        diag_error(
            diag, stage_place(s, key),
            "stage \"%s\": no sink behind it takes route \"" STR_FMT "\"; add one with from = " STR_FMT,
            s->conf->name.ptr, STR_ARG(chain->routes.names[route]), STR_ARG(chain->routes.names[route]));
}

/* ---- protection */

static void check_before(const struct chain *chain, const struct stage *guard, struct diag *diag)
{
    for (uint32_t i = 0; i < guard->index; i++) {
        const struct stage *s = &chain->stages[i];
        bool of_source = (s->from & ~chain->routes.emitted) != 0;

        if (is_sink(s) && of_source && !s->conf->unmasked)
            diag_error(diag, stage_place(s, NULL),
                       "stage \"%s\": this sink stands before stage \"%s\", which protects "
                       "what it would send; move it behind, or say unmasked = yes",
                       s->conf->name.ptr, guard->conf->name.ptr);
        if (s->emit >= 0)
            diag_error(diag, stage_place(s, NULL),
                       "stage \"%s\": it makes records before stage \"%s\" has protected "
                       "what they may hold; move it behind",
                       s->conf->name.ptr, guard->conf->name.ptr);
    }
}

static void check_protection(const struct chain *chain, struct diag *diag)
{
    for (uint32_t i = 0; i < chain->n_stages; i++) {
        const struct stage *s = &chain->stages[i];

        if (!fail_closed(s))
            continue;
        if (s->conf->from.count && !s->conf->from_all)
            diag_error(diag, stage_place(s, "from"),
                       "stage \"%s\": %s protects something, so it must see every route: "
                       "remove from, its default is *",
                       s->conf->name.ptr, s->plugin->name.ptr);
        check_before(chain, s, diag);
    }
}

/* ---- advice */

static void advise(const struct chain *chain, struct diag *diag)
{
    uint64_t of_source = ~chain->routes.emitted;
    bool failed = sink_for(chain, 0, bit(ROUTE_FAILED)) != NULL;

    if (!failed)
        diag_warning(diag, chain->conf->place,
                     "chain \"" STR_FMT "\": no sink takes route \"failed\", so the chain "
                     "stops at the first failure",
                     STR_ARG(chain->conf->name));
    for (uint32_t i = 0; i < chain->n_stages; i++) {
        const struct stage *s = &chain->stages[i];
        const struct stage *sink = sink_for(chain, i + 1, s->from & of_source);

        if (s->emit >= 0 && sink)
            diag_warning(diag, stage_place(s, NULL),
                         "stage \"%s\": it stands before sink \"%s\", so it does not see "
                         "where records end; move it behind if it is to tell that",
                         s->conf->name.ptr, sink->conf->name.ptr);
    }
}

static void advise_on_predicates(const struct chain *chain, uint64_t source, struct diag *diag)
{
    for (int32_t route = 0; route < (int32_t)chain->routes.count; route++) {
        const struct stage *sink = source >> route & 1 ? only_some(chain, bit(route)) : NULL;

        if (sink)
            diag_warning(diag, stage_place(sink, "when"),
                         "stage \"%s\": no sink takes route \"" STR_FMT "\" without a when: "
                         "a record that none takes %s",
                         sink->conf->name.ptr, STR_ARG(chain->routes.names[route]),
                         route == ROUTE_FAILED ? "stops the chain" : "ends there, and is sent nowhere");
    }
}

static void check_loops(const struct chain *chain, struct diag *diag)
{
    if (!brokers_shared(&chain->conf->consumer, &chain->conf->producer))
        return;
    for (uint32_t i = 0; i < chain->n_stages; i++) {
        const struct stage *s = &chain->stages[i];

        if (s->topic && str_eq(s->topic->name, chain->conf->source))
            diag_error(diag, stage_place(s, "topic"),
                       "stage \"%s\": topic \"" STR_FMT "\" is the source of this chain: "
                       "what it sends would come in again",
                       s->conf->name.ptr, STR_ARG(chain->conf->source));
    }
}

void routes_check(struct chain *chain, struct diag *diag)
{
    uint64_t source = bit(ROUTE_MAIN) | bit(ROUTE_FAILED), emitted = 0;

    for (uint32_t i = 0; i < chain->n_stages; i++) {
        const struct stage *s = &chain->stages[i];

        check_kind(s, diag);
        check_from(chain, s, source | emitted, diag);
        check_sink_behind(chain, s, s->to, "to", diag);
        check_sink_behind(chain, s, s->emit, "emit", diag);
        source |= bit(s->to);
        emitted |= bit(s->emit);
    }
    if (source & emitted)
        for (uint32_t i = 0; i < chain->n_stages; i++)
            if (bit(chain->stages[i].emit) & source)
                diag_error(diag, stage_place(&chain->stages[i], "emit"),
                           "stage \"%s\": route \"" STR_FMT "\" is one of "
                           "the source's records; what is emitted needs a route of its own",
                           chain->stages[i].conf->name.ptr,
                           STR_ARG(chain->routes.names[chain->stages[i].emit]));
    if (!sink_for(chain, 0, bit(ROUTE_MAIN)))
        diag_error(diag, chain->conf->place, "chain \"" STR_FMT "\": no sink takes route \"main\"",
                   STR_ARG(chain->conf->name));
    check_protection(chain, diag);
    check_loops(chain, diag);
    advise(chain, diag);
    advise_on_predicates(chain, source, diag);
}
