/* envelope.c: the pool, and moving a record into an envelope. */
#include "chain/envelope.h"

#include "chain/services.h"

#include <stdlib.h>

#define ARENA_CAP ((size_t)1 << 30) /* bytes: far above what Kafka carries; a plugin's leak ends here */
#define BLOCK 896                   /* bytes: an ordinary record, its places, changes and spliced value */
#define POOL_FEW 512                /* envelopes that are allocated one by one */
#define POOL_KEEPS 16384            /* that stay allocated when nothing is under way */

/* The first few by themselves: a chain with little under way has no use for a slab. */
static struct envelope *allocate(struct envelopes *pool)
{
    const size_t size = sizeof(struct envelope) + arena_room(BLOCK);
    struct envelope *env = NULL;
    bool in_slab;

    if (pool->n >= POOL_FEW && pool->n < POOL_KEEPS)
        env = slabs_take(&pool->slabs, size);
    in_slab = env != NULL;
    if (!env)
        env = malloc(size);
    if (!env)
        return NULL;
    memset(env, 0, sizeof *env);
    env->in_slab = in_slab;
    pool->n++;
    return env;
}

static struct envelope *make(struct envelopes *pool, struct chain *chain, const struct paths *paths)
{
    struct envelope *env = allocate(pool);

    if (!env)
        return NULL;
    arena_init_in(&env->arena, env + 1, arena_room(BLOCK), ARENA_CAP);
    doc_init(&env->doc, paths);
    env->chain = chain;
    env->abi.host = &services;
    env->older = pool->newest;
    if (pool->newest)
        pool->newest->newer = env;
    pool->newest = env;
    return env;
}

/* Of a used one. Not when it is given back: what the next record sets anyway is not fetched for its sake. One
 * text at a time: of several in one assignment each is read from the one before, and a processor waits when
 * it reads in one piece what it has just written in two. */
static void clear(struct envelope *env)
{
    env->parent = env->heir = NULL;
    env->children = 0;
    env->state = ENVELOPE_WALKING;
    env->at = 0;
    env->route = 0;
    env->parsed = env->withheld = env->emitted = env->answers = env->quarantined = env->has_timestamp = false;
    env->untaken = false;
    env->attempts = 0;
    env->ticket = NULL;
    env->bytes = 0;
    env->ended = NULL;
    env->said = STR_ABSENT;
    env->topic = STR_ABSENT;
    env->key = STR_ABSENT;
    env->value = STR_ABSENT;
    env->spliced = STR_ABSENT;
    env->headers = NULL;
    env->n_headers = env->headers_room = 0;
    env->reason = STR_ABSENT;
    env->failed_stage = STR_ABSENT;
}

struct envelope *envelope_take(struct envelopes *pool, struct chain *chain, const struct paths *paths)
{
    struct envelope *env = pool->free;

    if (env) {
        pool->free = env->next;
        /* The next has left the cache since it was given back, and is soon asked for. */
        if (pool->free)
            envelope_fetch((const char *)pool->free, sizeof *env);
        clear(env);
    } else {
        env = make(pool, chain, paths);
        if (!env)
            return NULL;
    }
    env->next = NULL;
    pool->in_flight++;
    return env;
}

static void destroy(struct envelopes *pool, struct envelope *env)
{
    if (env->older)
        env->older->newer = env->newer;
    if (env->newer)
        env->newer->older = env->older;
    else
        pool->newest = env->older;
    arena_fini(&env->arena);
    if (env->in_slab)
        return;
    free(env);
    pool->n--;
}

void envelope_give_back(struct envelopes *pool, struct envelope *env)
{
    pool->in_flight--;
    pool->bytes -= env->bytes;
    if (pool->n > POOL_KEEPS && !env->in_slab) {
        destroy(pool, env);
        return;
    }
    arena_reset(&env->arena);
    env->next = pool->free;
    pool->free = env;
}

void envelope_count(struct envelopes *pool, struct envelope *env)
{
    env->bytes = env->key.len + env->value.len;
    for (size_t i = 0; i < env->n_headers; i++)
        env->bytes += env->headers[i].name.len + env->headers[i].value.len;
    pool->bytes += env->bytes;
}

void envelopes_fini(struct envelopes *pool)
{
    while (pool->newest)
        destroy(pool, pool->newest);
    slabs_fini(&pool->slabs);
    *pool = (struct envelopes){0};
}

/* Copies a slice; an absent one stays absent. False: no memory. */
static bool copy_in(struct envelope *env, struct weir_str from, struct weir_str *to)
{
    *to = arena_str(&env->arena, from);
    return !from.ptr || to->ptr;
}

bool envelope_add_header(struct envelope *env, struct weir_header h)
{
    if (env->n_headers == env->headers_room) {
        size_t room = env->headers_room ? env->headers_room * 2 : 4;
        struct weir_header *more = arena_alloc(&env->arena, room * sizeof *more);

        if (!more)
            return false;
        if (env->n_headers)
            memcpy(more, env->headers, env->n_headers * sizeof *more);
        env->headers = more;
        env->headers_room = room;
    }
    if (!copy_in(env, h.name, &env->headers[env->n_headers].name) ||
        !copy_in(env, h.value, &env->headers[env->n_headers].value))
        return false;
    env->n_headers++;
    return true;
}

bool envelope_load(struct envelope *env, const struct record *record)
{
    if (!copy_in(env, record->key, &env->key) || !copy_in(env, record->value, &env->value))
        return false;
    for (size_t i = 0; i < record->n_headers; i++) {
        if (!envelope_add_header(env, record->headers[i]))
            return false;
    }
    env->has_timestamp = record->has_timestamp;
    env->timestamp_ms = record->timestamp_ms;
    env->topic = record->topic;
    env->partition = record->partition;
    env->offset = record->offset;
    env->ticket = record->ticket;
    env->answers = true;
    return true;
}

void envelope_withhold_all(struct envelope *env)
{
    env->parsed = false;
    env->withheld = true;
    env->spliced = STR_ABSENT;
    env->key = STR_ABSENT;
    env->n_headers = 0;
}

int32_t envelope_value(struct envelope *env, struct weir_str *out)
{
    struct weir_str spliced;

    if (!env->value.ptr || env->withheld)
        return WEIR_ABSENT;
    if (env->spliced.ptr) {
        *out = env->spliced;
        return WEIR_OK;
    }
    spliced = env->parsed ? doc_splice(&env->doc, &env->arena) : env->value;
    if (!spliced.ptr)
        return WEIR_NOMEM;
    env->spliced = spliced;
    *out = spliced;
    return WEIR_OK;
}
