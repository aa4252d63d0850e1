/* changes.c: see changes.h. Two configurations are compared member by member rather than by a hash of their
 * text: a comment is no change, and what differs can be named. */
#include "config/changes.h"

static bool stage_same(const struct config_stage *a, const struct config_stage *b)
{
    return str_eq(a->name, b->name) && config_keys_eq(&a->host_keys, &b->host_keys) &&
           config_keys_eq(&a->keys, &b->keys);
}

bool config_chain_same(const struct config *a, const struct config_chain *chain_a, const struct config *b,
                       const struct config_chain *chain_b)
{
    if (!str_eq(chain_a->name, chain_b->name) || !str_eq(a->host.instance, b->host.instance) ||
        !config_keys_eq(&chain_a->keys, &chain_b->keys) ||
        !config_keys_eq(&chain_a->consumer, &chain_b->consumer) ||
        !config_keys_eq(&chain_a->producer, &chain_b->producer) ||
        chain_a->stage_count != chain_b->stage_count)
        return false;
    for (size_t i = 0; i < chain_a->stage_count; i++) {
        if (!stage_same(&chain_a->stages[i], &chain_b->stages[i]))
            return false;
    }
    return true;
}

bool config_chain_keeps_clients(const struct config *a, const struct config_chain *chain_a,
                                const struct config *b, const struct config_chain *chain_b)
{
    return str_eq(a->host.instance, b->host.instance) && str_eq(chain_a->source, chain_b->source) &&
           str_eq(chain_a->group, chain_b->group) && chain_a->delivery == chain_b->delivery &&
           chain_a->tasks == chain_b->tasks && config_keys_eq(&chain_a->consumer, &chain_b->consumer) &&
           config_keys_eq(&chain_a->producer, &chain_b->producer);
}

struct listing {
    struct arena *arena;
    struct config_changes *out;
    size_t room;
    bool failed;
};

static void add(struct listing *l, struct place place, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void add(struct listing *l, struct place place, const char *fmt, ...)
{
    struct config_change change = {STR_ABSENT, place};
    va_list ap;

    va_start(ap, fmt);
    change.what = arena_vfmt(l->arena, fmt, ap);
    va_end(ap);
    if (!change.what.ptr || l->out->count == l->room)
        l->failed = true;
    else
        l->out->items[l->out->count++] = change;
}

static const struct config_key *find(const struct config_keys *keys, const struct config_key *like)
{
    for (size_t i = 0; i < keys->count; i++) {
        if (str_eq(keys->items[i].name, like->name))
            return &keys->items[i];
    }
    return NULL;
}

/* The names of one list of keys that stand in one configuration alone, or with another value. */
static void compare_keys(struct listing *l, const char *owner, const struct config_keys *before,
                         const struct config_keys *now)
{
    for (size_t i = 0; i < now->count; i++) {
        const struct config_key *key = &now->items[i], *old = find(before, key);

        if (!old || !str_eq(old->value, key->value))
            add(l, key->place, "%s: \"" STR_FMT "\"", owner, STR_ARG(key->name));
    }
    for (size_t i = 0; i < before->count; i++) {
        const struct config_key *old = &before->items[i];

        if (!find(now, old))
            add(l, old->place, "%s: \"" STR_FMT "\" (removed)", owner, STR_ARG(old->name));
    }
}

/* A client's own properties: its list without those of [kafka], which stand first. */
static struct config_keys own(const struct config_keys *client, size_t shared)
{
    size_t skip = client->count < shared ? client->count : shared;

    return (struct config_keys){client->items + skip, client->count - skip};
}

static void compare_chain(struct listing *l, const struct config *before, const struct config_chain *old,
                          const struct config *now, const struct config_chain *chain)
{
    struct config_keys a, b;
    struct weir_str owner = arena_fmt(l->arena, "chain \"" STR_FMT "\"", STR_ARG(chain->name)), side;

    if (!str_eq(old->source, chain->source))
        add(l, config_keys_place(&chain->keys, "source", chain->place), STR_FMT ": \"source\"",
            STR_ARG(owner));
    if (!str_eq(old->group, chain->group))
        add(l, config_keys_place(&chain->keys, "group", chain->place), STR_FMT ": \"group\"", STR_ARG(owner));
    if (old->delivery != chain->delivery)
        add(l, config_keys_place(&chain->keys, "delivery", chain->place), STR_FMT ": \"delivery\"",
            STR_ARG(owner));
    if (old->tasks != chain->tasks)
        add(l, config_keys_place(&chain->keys, "tasks", chain->place), STR_FMT ": \"tasks\"", STR_ARG(owner));
    a = own(&old->consumer, before->kafka.count);
    b = own(&chain->consumer, now->kafka.count);
    side = arena_fmt(l->arena, STR_FMT ": consumer", STR_ARG(owner));
    compare_keys(l, side.ptr ? side.ptr : "consumer", &a, &b);
    a = own(&old->producer, before->kafka.count);
    b = own(&chain->producer, now->kafka.count);
    side = arena_fmt(l->arena, STR_FMT ": producer", STR_ARG(owner));
    compare_keys(l, side.ptr ? side.ptr : "producer", &a, &b);
}

/* No change is listed more than once for each key or chain of either side, and five more a chain. */
static size_t most_changes(const struct config *c)
{
    size_t n = 1 + c->kafka.count;

    for (size_t i = 0; i < c->chain_count; i++)
        n += 5 + c->chains[i].consumer.count + c->chains[i].producer.count;
    return n;
}

bool config_client_changes(const struct config *before, const struct config *now, struct arena *a,
                           struct config_changes *out)
{
    struct listing l = {a, out, most_changes(before) + most_changes(now), false};

    *out = (struct config_changes){arena_alloc(a, l.room * sizeof *out->items), 0};
    if (!out->items)
        return false;
    if (!str_eq(before->host.instance, now->host.instance))
        add(&l, config_keys_place(&now->host_keys, "instance", (struct place){now->dir, 0}),
            "[host]: \"instance\"");
    compare_keys(&l, "[kafka]", &before->kafka, &now->kafka);
    for (size_t i = 0; i < now->chain_count; i++) {
        const struct config_chain *chain = &now->chains[i], *old = config_chain_named(before, chain->name);

        if (old)
            compare_chain(&l, before, old, now, chain);
        else
            add(&l, chain->place, "chain \"" STR_FMT "\" (added)", STR_ARG(chain->name));
    }
    for (size_t i = 0; i < before->chain_count; i++) {
        const struct config_chain *old = &before->chains[i];

        if (!config_chain_named(now, old->name))
            add(&l, old->place, "chain \"" STR_FMT "\" (removed)", STR_ARG(old->name));
    }
    return !l.failed;
}
