/* refusals.c: see refusals.h. A sorted array: it is empty in nearly every transaction, and then costs a look
 * at a number. */
#include "kafka/refusals.h"

#include <stdlib.h>
#include <string.h>

#define ROOM_FIRST 64

void refusals_fini(struct refusals *r)
{
    free(r->items);
    *r = (struct refusals){NULL, 0, 0};
}

static int64_t compare(const struct send_origin *a, const struct send_origin *b)
{
    if (a->partition != b->partition)
        return a->partition < b->partition ? -1 : 1;
    if (a->offset != b->offset)
        return a->offset < b->offset ? -1 : 1;
    if (a->stage != b->stage)
        return a->stage < b->stage ? -1 : 1;
    return (int64_t)a->form - (int64_t)b->form;
}

/** The first that is not before origin. */
static size_t place_of(const struct refusals *r, const struct send_origin *origin)
{
    size_t low = 0, high = r->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (compare(&r->items[middle].origin, origin) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool make_room(struct refusals *r)
{
    size_t room = r->room ? r->room * 2 : ROOM_FIRST;
    struct refusal *items;

    if (r->count < r->room)
        return true;
    items = realloc(r->items, room * sizeof *items);
    if (!items)
        return false;
    r->items = items;
    r->room = room;
    return true;
}

const struct refusal *refusals_find(const struct refusals *r, const struct send_origin *origin)
{
    size_t at = place_of(r, origin);

    return at < r->count && compare(&r->items[at].origin, origin) == 0 ? &r->items[at] : NULL;
}

bool refusals_add(struct refusals *r, const struct send_origin *origin, int err)
{
    size_t at = place_of(r, origin);

    if (refusals_find(r, origin))
        return true;
    if (!make_room(r))
        return false;
    memmove(&r->items[at + 1], &r->items[at], (r->count - at) * sizeof *r->items);
    r->items[at] = (struct refusal){*origin, err};
    r->count++;
    return true;
}

void refusals_forget(struct refusals *r, int64_t (*committed)(void *self, int32_t partition), void *self)
{
    size_t i, kept = 0;

    for (i = 0; i < r->count; i++) {
        const struct send_origin *origin = &r->items[i].origin;

        if (origin->partition >= 0 && origin->offset >= committed(self, origin->partition))
            r->items[kept++] = r->items[i];
    }
    r->count = kept;
}
