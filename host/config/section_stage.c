/* section_stage.c: [stage NAME]. The host's options are filled here; every other key is kept for the table of
 * the plugin, which this floor does not know. */
#include "config/sections.h"

#include <stdio.h>

#include "config/names.h"

static const char *const on_errors[] = {"fail", "stop", NULL};

const struct weir_option config_stage_options[] = {
    WEIR_OPT_STRING(struct config_stage, plugin, .required = true, .help = "the plugin that does the work"),
    WEIR_OPT_LIST(
        struct config_stage, from,
        .help = "the routes that the stage sees, or * for every route of source records; main where it is "
                "not set, and * for a plugin that is fail-closed"),
    WEIR_OPT_STRING(struct config_stage, to,
                    .help = "the route for what the stage rejects; without it that is dropped and counted"),
    WEIR_OPT_STRING(struct config_stage, emit, .help = "the route for what the stage makes"),
    WEIR_OPT_STRING(struct config_stage, when,
                    .help = "a predicate; what it does not hold for passes the stage by"),
    WEIR_OPT_CHOICE(struct config_stage, on_error, .def = "fail", .choices = on_errors,
                    .help = "what a failure does: send the record to route failed, or stop the chain"),
    WEIR_OPT_DURATION(struct config_stage, stage_timeout, .def = "30s", .min = 100,
                      .help =
                          "how long one call of the plugin may take; a worker that hangs in it for longer "
                          "is killed, as if it had crashed there"),
    WEIR_OPT_DURATION(struct config_stage, retry_timeout, .def = "60s",
                      .help = "how long a stage may ask to see a record again before that counts as failed"),
    WEIR_OPT_BOOL(struct config_stage, unmasked, .def = "no",
                  .help = "for a sink: may stand before a stage that is fail-closed"),
    WEIR_OPT_END};

static bool split(struct config_stage *s, const struct config_keys *keys, struct arena *a)
{
    struct weir_option o;

    s->host_keys.items = arena_alloc(a, keys->count * sizeof *keys->items);
    s->keys.items = arena_alloc(a, keys->count * sizeof *keys->items);
    if (!s->host_keys.items || !s->keys.items)
        return false;
    for (size_t i = 0; i < keys->count; i++) {
        bool host = options_find(config_stage_options, keys->items[i].name, &o);
        struct config_keys *to = host ? &s->host_keys : &s->keys;

        to->items[to->count++] = keys->items[i];
    }
    return true;
}

/* One more check of a host option, where it is set and was readable. */
struct checking {
    const struct config_stage *stage;
    const char *owner;
    struct diag *diag;
};

static void refuse(const struct checking *c, const char *option, const char *what)
{
    const struct config_key *key = config_keys_find(&c->stage->host_keys, option);

    if (key && !key->broken)
        diag_error(c->diag, key->place, "%s: option \"%s\": \"" STR_FMT "\" %s", c->owner, option,
                   STR_ARG(key->written), what);
}

#define ROUTE_RULE "a route's name is [a-z][a-z0-9_-]*, at most 64 bytes"

static void check_from(const struct checking *c, struct config_stage *s)
{
    for (size_t i = 0; i < s->from.count; i++) {
        if (str_is(s->from.items[i], "*"))
            s->from_all = true;
        else if (!name_is_route(s->from.items[i]))
            refuse(c, "from", "is no list of routes: " ROUTE_RULE);
        for (size_t j = 0; j < i; j++) {
            if (str_eq(s->from.items[i], s->from.items[j]))
                refuse(c, "from", "names a route twice");
        }
    }
    if (s->from_all && s->from.count > 1)
        refuse(c, "from", "mixes * with other routes");
    if (s->from_all)
        s->from = (struct weir_list){NULL, 0};
}

static void check_routes(const struct checking *c, struct config_stage *s)
{
    check_from(c, s);
    if (s->to.ptr && !name_is_route(s->to))
        refuse(c, "to", "is no route: " ROUTE_RULE);
    if (s->emit.ptr && !name_is_route(s->emit))
        refuse(c, "emit", "is no route: " ROUTE_RULE);
    if (str_is(s->emit, "main") || str_is(s->emit, "failed"))
        refuse(c, "emit", "is a route of source records: what a stage makes needs one of its own");
}

void section_stage(struct config_stage *stage, const struct config_keys *keys, struct arena *a,
                   struct diag *d)
{
    struct options_input in = {NULL, stage->place, &stage->host_keys, NULL, NULL, a, d};
    struct checking checking = {stage, NULL, d};
    char owner[96];

    snprintf(owner, sizeof owner, "stage \"" STR_FMT "\"", STR_ARG(stage->name));
    in.owner = checking.owner = owner;
    if (!split(stage, keys, a)) {
        diag_error(d, stage->place, "%s: out of memory", owner);
        return;
    }
    options_fill(config_stage_options, stage, &in);
    if (stage->plugin.ptr && !name_is_plugin(stage->plugin))
        refuse(&checking, "plugin",
               "is no plugin: a plugin's name is [a-z][a-z0-9_]*, without \".so\" or a path");
    check_routes(&checking, stage);
}
