/* arena.h: memory that is given back all at once.
 *
 * One arena lives with one envelope (or one configuration). Allocation is a pointer moved within a block;
 * arena_reset keeps the first block, so that in the steady state a record costs no malloc at all. */
#ifndef WEIR_BASE_ARENA_H
#define WEIR_BASE_ARENA_H

#include "base/str.h"

#define ARENA_ALIGN _Alignof(max_align_t)

struct arena_block {
    struct arena_block *next;
    size_t size; /* bytes behind this header */
    max_align_t bytes[];
};

struct arena {
    char *next, *end; /* the free part of the last block, as far as the cap lets it be used */
    struct arena_block *first, *last;
    struct arena_block *lent; /* the first, where it lies in memory of the owner's */
    size_t block, used, max; /* bytes: size of a block; handed out of earlier blocks; cap on all handed out */
};

/** Bytes of memory that hold a block of so many. */
static inline size_t arena_room(size_t block)
{
    return sizeof(struct arena_block) + block;
}

/** block: bytes of an ordinary block. max: cap on all bytes handed out. Allocates nothing yet. */
void arena_init(struct arena *a, size_t block, size_t max);
/** With a first block in memory of the owner's: arena_room() bytes, aligned for any type, that outlive it. */
void arena_init_in(struct arena *a, void *memory, size_t size, size_t max);
void arena_fini(struct arena *a);

/** arena_reset() where there are more blocks than the owner's, or none. */
void arena_reset_blocks(struct arena *a);

/** Gives all back; keeps the first block, unless it is a large one. */
static inline void arena_reset(struct arena *a)
{
    if (a->last && a->last == a->lent)
        a->next = (char *)a->lent->bytes;
    else
        arena_reset_blocks(a);
}

/** Bytes that are handed out and still held. */
size_t arena_used(const struct arena *a);

/** arena_alloc() where the last block has no room. */
void *arena_alloc_block(struct arena *a, size_t n);

/** Memory for any type, not cleared. NULL: no memory, or over the cap. n may be 0. */
static inline void *arena_alloc(struct arena *a, size_t n)
{
    size_t room = (size_t)(a->end - a->next), rounded = (n + ARENA_ALIGN - 1) & ~(ARENA_ALIGN - 1);
    char *at = a->next;

    if (!at || n > room || rounded > room)
        return arena_alloc_block(a, n);
    a->next = at + rounded;
    return at;
}

/** The same, zeroed. */
void *arena_zalloc(struct arena *a, size_t n);

/** A copy of the slice, NUL-terminated behind its end. Absent for an absent slice, or where memory ends. */
struct weir_str arena_str(struct arena *a, struct weir_str s);

/** printf into the arena. Absent where memory ends. */
struct weir_str arena_vfmt(struct arena *a, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));
struct weir_str arena_fmt(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
