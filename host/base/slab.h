/* slab.h: memory for many pieces of one size, close together, for as long as all of them are wanted.
 *
 * A slab is a huge page where the kernel gives one (Linux, transparent_hugepage not `never`): the processor
 * then finds the pieces without a walk through its page tables, which costs more than what stands there.
 *
 * Thread: one at a time.
 */
#ifndef WEIR_BASE_SLAB_H
#define WEIR_BASE_SLAB_H

#include <stddef.h>

struct slab;

struct slabs {
    struct slab *newest;
    char *next, *end; /* what is free of the newest */
};

/** A piece, aligned for any type, not cleared; size is at most 64 KiB. NULL: no memory. */
void *slabs_take(struct slabs *slabs, size_t size);

/** Frees all pieces. */
void slabs_fini(struct slabs *slabs);

#endif
