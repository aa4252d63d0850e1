/* arena.c: see arena.h. Blocks hang in a list; one larger than the ordinary size gets a block of its own. */
#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>

void arena_init(struct arena *a, size_t block, size_t max)
{
    *a = (struct arena){.block = block, .max = max};
}

static size_t round_up(size_t n)
{
    return (n + ARENA_ALIGN - 1) & ~(ARENA_ALIGN - 1);
}

/* Of the cap's last bytes so much may be used that they are whole aligned pieces. */
static void use_block(struct arena *a, struct arena_block *b)
{
    size_t left = a->max - a->used;

    left = left < b->size && round_up(left) < b->size ? round_up(left) : b->size;
    a->last = b;
    a->next = (char *)b->bytes;
    a->end = a->next + left;
}

void arena_init_in(struct arena *a, void *memory, size_t size, size_t max)
{
    struct arena_block *b = memory;

    *b = (struct arena_block){.size = size - sizeof *b};
    arena_init(a, b->size, max);
    a->first = a->lent = b;
    use_block(a, b);
}

static void free_blocks(struct arena_block *b)
{
    while (b) {
        struct arena_block *next = b->next;

        free(b);
        b = next;
    }
}

void arena_fini(struct arena *a)
{
    free_blocks(a->lent ? a->lent->next : a->first);
    arena_init(a, a->block, a->max);
}

void arena_reset_blocks(struct arena *a)
{
    struct arena_block *keep = a->first;

    a->used = 0;
    if (!keep)
        return;
    if (keep->size > a->block) {
        arena_fini(a);
        return;
    }
    free_blocks(keep->next);
    keep->next = NULL;
    use_block(a, keep);
}

size_t arena_used(const struct arena *a)
{
    return a->used + (a->last ? (size_t)(a->next - (const char *)a->last->bytes) : 0);
}

void *arena_alloc_block(struct arena *a, size_t n)
{
    size_t used = arena_used(a), size = round_up(n) > a->block ? round_up(n) : a->block;
    struct arena_block *b;

    if (n > SIZE_MAX - sizeof *b - ARENA_ALIGN || used > a->max || n > a->max - used)
        return NULL;
    b = malloc(sizeof *b + size);
    if (!b)
        return NULL;
    *b = (struct arena_block){.size = size};
    if (a->last)
        a->last->next = b;
    else
        a->first = b;
    a->used = used;
    use_block(a, b);
    a->next += round_up(n);
    return b->bytes;
}

void *arena_zalloc(struct arena *a, size_t n)
{
    void *at = arena_alloc(a, n);

    if (at)
        memset(at, 0, n);
    return at;
}

struct weir_str arena_str(struct arena *a, struct weir_str s)
{
    char *copy;

    if (!s.ptr || s.len == SIZE_MAX)
        return STR_ABSENT;
    copy = arena_alloc(a, s.len + 1);
    if (!copy)
        return STR_ABSENT;
    if (s.len)
        memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    return str_make(copy, s.len);
}

/* Straight into what is free; again only where that was too little. */
struct weir_str arena_vfmt(struct arena *a, const char *fmt, va_list ap)
{
    char *here = a->next, *text = NULL;
    va_list again;
    int n;

    va_copy(again, ap);
    n = vsnprintf(here, (size_t)(a->end - here), fmt, ap);
    if (n >= 0)
        text = arena_alloc(a, (size_t)n + 1);
    if (text && text != here)
        vsnprintf(text, (size_t)n + 1, fmt, again);
    va_end(again);
    return text ? str_make(text, (size_t)n) : STR_ABSENT;
}

struct weir_str arena_fmt(struct arena *a, const char *fmt, ...)
{
    struct weir_str s;
    va_list ap;

    va_start(ap, fmt);
    s = arena_vfmt(a, fmt, ap);
    va_end(ap);
    return s;
}
