/* watermark.c: see watermark.h.
 *
 * A ring of offsets that doubles when it is full, so the steady state allocates nothing. A record's number
 * counts up for the life of the struct; its place in the ring is the number modulo the room. That makes a
 * stale number cheap to tell: it lies outside [first, next). Rejected: a pointer to the record's slot as the
 * ticket (dangles when the ring grows, and says nothing about the generation that it belongs to). */
#include "kafka/watermark.h"

#include <stdlib.h>
#include <string.h>

#define ROOM_FIRST 256

void watermark_init(struct watermark *w)
{
    memset(w, 0, sizeof *w);
    w->safe = WATERMARK_NONE;
}

void watermark_fini(struct watermark *w)
{
    free(w->offsets);
    watermark_init(w);
}

void watermark_reset(struct watermark *w, int64_t safe)
{
    w->first = w->next;
    w->open = 0;
    w->safe = safe;
}

static int64_t *slot(const struct watermark *w, uint64_t number)
{
    return &w->offsets[number & (w->room - 1)];
}

static bool grow(struct watermark *w)
{
    size_t room = w->room ? w->room * 2 : ROOM_FIRST;
    int64_t *offsets = malloc(room * sizeof *offsets);
    uint64_t n;

    if (!offsets)
        return false;
    for (n = w->first; n != w->next; n++)
        offsets[n & (room - 1)] = *slot(w, n);
    free(w->offsets);
    w->offsets = offsets;
    w->room = room;
    return true;
}

bool watermark_push(struct watermark *w, int64_t offset, uint64_t *number)
{
    if (w->next - w->first == w->room && !grow(w))
        return false;
    *slot(w, w->next) = offset + 1;
    *number = w->next++;
    w->open++;
    return true;
}

bool watermark_done(struct watermark *w, uint64_t number)
{
    int64_t *at;

    if (number - w->first >= w->next - w->first)
        return false;
    at = slot(w, number);
    if (*at < 0)
        return false;
    *at = ~*at;
    w->open--;
    while (w->first != w->next && *slot(w, w->first) < 0)
        w->safe = ~*slot(w, w->first++);
    return true;
}
