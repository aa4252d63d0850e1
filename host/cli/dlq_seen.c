/* dlq_seen.c: see dlq_seen.h. Open addressing, at most half full. */
#include "cli/dlq_seen.h"

#include <stdlib.h>

#define ROOM_MIN 1024

void seen_fini(struct seen *s)
{
    free(s->slots);
    *s = (struct seen){.room = 0};
}

static uint64_t hash(struct seen_item i)
{
    uint64_t h = (uint64_t)i.offset * 0x9e3779b97f4a7c15u;

    h ^= ((uint64_t)i.topic << 32 | (uint32_t)i.partition) * 0xc2b2ae3d27d4eb4fu;
    return h ^ h >> 29;
}

/* Where it is, or where it would go. */
static struct seen_item *place(const struct seen *s, struct seen_item i)
{
    size_t at = hash(i) & (s->room - 1);

    while (s->slots[at].topic && (s->slots[at].topic != i.topic || s->slots[at].partition != i.partition ||
                                  s->slots[at].offset != i.offset))
        at = (at + 1) & (s->room - 1);
    return &s->slots[at];
}

static bool grow(struct seen *s)
{
    struct seen more = {.count = s->count, .room = s->room ? 2 * s->room : ROOM_MIN};

    if (2 * (s->count + 1) <= s->room)
        return true;
    more.slots = calloc(more.room, sizeof *more.slots);
    if (!more.slots)
        return false;
    for (size_t i = 0; i < s->room; i++) {
        if (s->slots[i].topic)
            *place(&more, s->slots[i]) = s->slots[i];
    }
    free(s->slots);
    *s = more;
    return true;
}

bool seen_add(struct seen *s, struct seen_item item, bool *before)
{
    struct seen_item *at;

    if (!grow(s))
        return false;
    at = place(s, item);
    *before = at->topic != 0;
    if (!*before) {
        *at = item;
        s->count++;
    }
    return true;
}
