/* quarantine.c: see quarantine.h.
 *
 * A sorted array, searched once a record; only one that is in it is looked up again, stage by stage. Nearly
 * every chain has an empty list, and pays one comparison. */
#include "chain/quarantine.h"

#include "chain/walk.h"

#include <stdlib.h>

void quarantine_init(struct quarantine *q)
{
    *q = (struct quarantine){0};
    arena_init(&q->arena, 4096, SIZE_MAX);
}

void quarantine_fini(struct quarantine *q)
{
    arena_fini(&q->arena);
    quarantine_init(q);
}

static int compare_record(const struct quarantined *a, const struct quarantined *b)
{
    if (a->partition != b->partition)
        return a->partition < b->partition ? -1 : 1;
    if (a->offset != b->offset)
        return a->offset < b->offset ? -1 : 1;
    return (int)a->emitted - (int)b->emitted;
}

static int compare(const void *a, const void *b)
{
    const struct quarantined *left = a, *right = b;
    int order = compare_record(left, right);

    return order ? order : str_cmp(left->stage, right->stage);
}

static bool add(struct quarantine *q, const struct quarantined *item)
{
    struct quarantined copy = *item;

    copy.stage = arena_str(&q->arena, item->stage);
    copy.reason = arena_str(&q->arena, item->reason);
    q->items[q->count++] = copy;
    return copy.stage.ptr && (copy.reason.ptr || !item->reason.ptr);
}

bool chain_quarantine(struct chain *chain, const struct quarantined *items, size_t count)
{
    struct quarantine q;

    quarantine_init(&q);
    q.items = count <= SIZE_MAX / sizeof *q.items ? arena_alloc(&q.arena, count * sizeof *q.items) : NULL;
    if (!q.items)
        goto no_memory;
    for (size_t i = 0; i < count; i++) {
        if (!add(&q, &items[i]))
            goto no_memory;
    }
    qsort(q.items, q.count, sizeof *q.items, compare);
    quarantine_fini(&chain->quarantine);
    chain->quarantine = q;
    return true;
no_memory:
    quarantine_fini(&q);
    return false;
}

/* The first item of the record, or where it would stand. */
static size_t first_of(const struct quarantine *q, const struct quarantined *record)
{
    size_t low = 0, high = q->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (compare_record(&q->items[middle], record) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct quarantined record_of(const struct envelope *env)
{
    return (struct quarantined){.partition = env->partition, .offset = env->offset, .emitted = env->emitted};
}

void quarantine_mark(const struct chain *chain, struct envelope *env)
{
    const struct quarantine *q = &chain->quarantine;
    const struct quarantined record = record_of(env);
    size_t i = first_of(q, &record);

    env->quarantined = i < q->count && compare_record(&q->items[i], &record) == 0;
}

const struct quarantined *quarantine_find(const struct chain *chain, const struct envelope *env,
                                          const struct stage *stage)
{
    const struct quarantine *q = &chain->quarantine;
    const struct quarantined record = record_of(env);

    for (size_t i = first_of(q, &record); i < q->count; i++) {
        if (compare_record(&q->items[i], &record) != 0)
            return NULL;
        if (str_eq(q->items[i].stage, stage->conf->name))
            return &q->items[i];
    }
    return NULL;
}
