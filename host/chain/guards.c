/* guards.c: see guards.h.
 *
 * The guard stands right behind the last byte asked for, not at the next aligned address, so that one byte
 * too many is seen. A list through the memory itself was rejected: what is damaged would be its links. */
#include "chain/guards.h"

#include <stdlib.h>

/* No byte of it is zero, which is what a string that is one too long writes, nor like another. */
static const char mark[8] = {'\xa5', '\x5b', '\xc3', '\x97', '\x1d', '\xe9', '\x71', '\x8e'};

void *guards_alloc(struct guards *guards, struct arena *arena, size_t n, struct log_place place)
{
    char *p;

    if (n > SIZE_MAX - sizeof mark)
        return NULL;
    p = arena_alloc(arena, n + sizeof mark);
    if (!p)
        return NULL;
    if (guards->count == GUARDS_MAX)
        guards_check(guards, place);
    guards->at[guards->count++] = p + n;
    memcpy(p + n, mark, sizeof mark);
    return p;
}

void guards_check(struct guards *guards, struct log_place place)
{
    for (size_t i = 0; i < guards->count; i++) {
        if (memcmp(guards->at[i], mark, sizeof mark) != 0) {
            log_at(place, WEIR_LOG_ERROR, "the plugin wrote behind the memory that weir_alloc() gave it");
            abort();
        }
    }
    guards->count = 0;
}
