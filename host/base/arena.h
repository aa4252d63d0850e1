/* arena.h: memory that is given back all at once.
 *
 * One arena lives with one envelope (or one configuration). Allocation is a pointer moved within a block;
 * arena_reset keeps the first block, so that in the steady state a record costs no malloc at all. */
#ifndef WEIR_BASE_ARENA_H
#define WEIR_BASE_ARENA_H

#include "base/str.h"

struct arena_block {
    struct arena_block *next;
    size_t size; /* bytes behind this header */
    max_align_t bytes[];
};

struct arena {
    struct arena_block *first, *last;
    struct arena_block *lent; /* the first, where it lies in memory of the owner's */
    char *next, *end;         /* the free part of the last block */
    size_t block, used, max;  /* bytes: size of a block; handed out and still held; cap on used */
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

/** Gives all back; keeps the first block, unless it is a large one. */
void arena_reset(struct arena *a);

/** Memory for any type, not cleared. NULL: no memory, or over the cap. n may be 0. */
void *arena_alloc(struct arena *a, size_t n);

/** The same, zeroed. */
void *arena_zalloc(struct arena *a, size_t n);

/** A copy of the slice, NUL-terminated behind its end. Absent for an absent slice, or where memory ends. */
struct weir_str arena_str(struct arena *a, struct weir_str s);

/** printf into the arena. Absent where memory ends. */
struct weir_str arena_vfmt(struct arena *a, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));
struct weir_str arena_fmt(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
