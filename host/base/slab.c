/* slab.c: see slab.h. */
#include "base/slab.h"

#include <stdlib.h>
#include <sys/mman.h>

/* Bytes: a huge page of x86-64, and of others with pages of 4 KiB; a line of the processor's cache. */
#define SLAB ((size_t)2 << 20)
#define LINE ((size_t)64)

struct slab {
    struct slab *older; /* has the first line for itself */
};

static struct slab *add_slab(struct slabs *slabs)
{
    struct slab *slab = aligned_alloc(SLAB, SLAB);

    if (!slab)
        return NULL;
    madvise(slab, SLAB, MADV_HUGEPAGE); /* where that fails, it is memory all the same */
    slab->older = slabs->newest;
    slabs->newest = slab;
    slabs->next = (char *)slab + LINE;
    slabs->end = (char *)slab + SLAB;
    return slab;
}

void *slabs_take(struct slabs *slabs, size_t size)
{
    size_t rounded = (size + LINE - 1) & ~(LINE - 1);
    void *piece;

    if ((size_t)(slabs->end - slabs->next) < rounded && !add_slab(slabs))
        return NULL;
    piece = slabs->next;
    slabs->next += rounded;
    return piece;
}

void slabs_fini(struct slabs *slabs)
{
    while (slabs->newest) {
        struct slab *slab = slabs->newest;

        slabs->newest = slab->older;
        free(slab);
    }
    *slabs = (struct slabs){NULL, NULL, NULL};
}
