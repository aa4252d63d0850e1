/* partitions.c: see partitions.h.
 *
 * A ticket is a number, not an address: the partition in the upper 24 bits (plus one, so that none is NULL),
 * the watermark's number in the lower 40. Numbers are compared modulo 2^40: for a stale ticket to be taken
 * for a fresh one, a million million records would have to pass while it waits. */
#include "kafka/partitions.h"

#include <stdlib.h>
#include <string.h>

#define NUMBER_BITS 40
#define NUMBER_MASK ((UINT64_C(1) << NUMBER_BITS) - 1)

_Static_assert(sizeof(uintptr_t) >= 8, "a ticket needs 64 bits");

void partitions_fini(struct partitions *p)
{
    size_t i;

    for (i = 0; i < p->count; i++)
        watermark_fini(&p->items[i].mark);
    free(p->items);
    memset(p, 0, sizeof *p);
}

struct partition *partitions_find(struct partitions *p, int32_t number)
{
    if (number < 0 || (size_t)number >= p->count || !p->items[number].assigned)
        return NULL;
    return &p->items[number];
}

static bool make_room(struct partitions *p, size_t count)
{
    struct partition *items;

    if (count <= p->count)
        return true;
    items = realloc(p->items, count * sizeof *items);
    if (!items)
        return false;
    p->items = items;
    for (; p->count < count; p->count++) {
        items[p->count] = (struct partition){.assigned = false};
        watermark_init(&items[p->count].mark);
    }
    return true;
}

bool partitions_assign(struct partitions *p, int32_t number, int64_t start, int64_t committed)
{
    struct partition *part;

    if (!make_room(p, (size_t)number + 1))
        return false;
    part = &p->items[number];
    p->assigned += !part->assigned;
    part->assigned = true;
    part->start = start;
    partitions_rewind(part, start, committed);
    return true;
}

void partitions_rewind(struct partition *part, int64_t offset, int64_t committed)
{
    part->position = offset;
    part->committed = committed;
    watermark_reset(&part->mark, offset);
}

void partitions_revoke(struct partitions *p, int32_t number)
{
    struct partition *part = partitions_find(p, number);

    if (!part)
        return;
    part->assigned = false;
    p->assigned--;
    watermark_reset(&part->mark, WATERMARK_NONE);
}

void partitions_revoke_all(struct partitions *p)
{
    size_t i;

    for (i = 0; i < p->count; i++)
        partitions_revoke(p, (int32_t)i);
}

bool partitions_push(struct partitions *p, int32_t number, int64_t offset, void **ticket)
{
    struct partition *part = &p->items[number];
    uint64_t n;

    if (!watermark_push(&part->mark, offset, &n))
        return false;
    part->position = offset + 1;
    *ticket = (void *)(uintptr_t)((((uint64_t)number + 1) << NUMBER_BITS) | (n & NUMBER_MASK));
    return true;
}

bool partitions_done(struct partitions *p, void *ticket)
{
    uint64_t t = (uint64_t)(uintptr_t)ticket;
    struct partition *part = partitions_find(p, (int32_t)(t >> NUMBER_BITS) - 1);
    uint64_t first;

    if (!part)
        return false;
    first = part->mark.first;
    return watermark_done(&part->mark, first + ((t - first) & NUMBER_MASK));
}

size_t partitions_open(const struct partitions *p, const rd_kafka_topic_partition_list_t *list)
{
    size_t i, open = 0;

    for (i = 0; i < p->count; i++) {
        const struct partition *part = &p->items[i];
        bool counts = !list;
        int k;

        if (!part->assigned || part->mark.open == 0)
            continue;
        for (k = 0; !counts && k < list->cnt; k++)
            counts = (size_t)list->elems[k].partition == i;
        open += counts ? part->mark.open : 0;
    }
    return open;
}

static rd_kafka_topic_partition_list_t *select_some(const struct partitions *p, const char *topic,
                                                    bool uncommitted)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)p->assigned);
    size_t i;

    for (i = 0; i < p->count; i++) {
        const struct partition *part = &p->items[i];

        if (!part->assigned || (uncommitted && part->mark.safe == part->committed))
            continue;
        rd_kafka_topic_partition_list_add(list, topic, (int32_t)i)->offset = part->mark.safe;
    }
    return list;
}

rd_kafka_topic_partition_list_t *partitions_uncommitted(const struct partitions *p, const char *topic)
{
    rd_kafka_topic_partition_list_t *list = select_some(p, topic, true);

    if (list->cnt > 0)
        return list;
    rd_kafka_topic_partition_list_destroy(list);
    return NULL;
}

rd_kafka_topic_partition_list_t *partitions_list(const struct partitions *p, const char *topic)
{
    return select_some(p, topic, false);
}
