/* heap.c: malloc() and its kin by mimalloc, for the whole program, its libraries and its plugins.
 *
 * librdkafka frees on one thread what it made on another, thousands of messages at once. glibc's malloc does
 * that slowly: a record of the shipped chain cost 8 % more with it. Standing in the program, these are what
 * every library finds.
 *
 * mimalloc says nothing when a block is freed twice, and gives it to two owners. So a freed block is marked
 * in its second word (mimalloc keeps its list in the first), and the mark goes when the block is given out
 * again: whoever frees a marked one is stopped, as glibc's would do. That needs two words a block, and every
 * way to get one that free() may take back; C++'s new has a delete of its own.
 *
 * Compiled with -fno-builtin: the compiler would see through it. Not compiled under sanitizers, which bring
 * their own, nor with -DWEIR_MIMALLOC=OFF. */
#include <errno.h>
#include <mimalloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#define PUBLIC __attribute__((visibility("default")))
#define LEAST (2 * sizeof(uintptr_t)) /* bytes of a block */
#define MARK ((uintptr_t)0x9e3779b97f4a7c15)

/* Those that no header declares for us. */
PUBLIC void *memalign(size_t alignment, size_t size);
PUBLIC void *pvalloc(size_t size);

/* Not the same for two blocks: what is copied from a freed one marks nothing. */
static uintptr_t mark_of(const void *p)
{
    return (uintptr_t)p ^ MARK;
}

static void must_be_given(const uintptr_t *block)
{
    static const char text[] = "free(): this block is free already\n";

    if (block[1] != mark_of(block))
        return;
    if (write(STDERR_FILENO, text, sizeof text - 1) < 0)
        abort();
    abort();
}

static void *give(void *p)
{
    if (!p)
        errno = ENOMEM;
    else
        ((uintptr_t *)p)[1] = 0;
    return p;
}

static size_t enough(size_t size)
{
    return size < LEAST ? LEAST : size;
}

PUBLIC void *malloc(size_t size)
{
    return give(mi_malloc(enough(size)));
}

PUBLIC void free(void *p)
{
    uintptr_t *block = p;

    if (!block)
        return;
    must_be_given(block);
    block[1] = mark_of(block);
    mi_free(block);
}

PUBLIC void *calloc(size_t n, size_t size)
{
    size_t all;

    if (__builtin_mul_overflow(n, size, &all)) {
        errno = ENOMEM;
        return NULL;
    }
    return give(mi_zalloc(enough(all)));
}

PUBLIC void *realloc(void *p, size_t size)
{
    void *grown;

    if (!p)
        return malloc(size);
    if (!size) {
        free(p);
        return NULL;
    }
    must_be_given(p);
    grown = mi_realloc(p, enough(size));
    if (!grown)
        errno = ENOMEM;
    return grown;
}

PUBLIC void *reallocarray(void *p, size_t n, size_t size)
{
    size_t all;

    if (__builtin_mul_overflow(n, size, &all)) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc(p, all);
}

/* Not mi_malloc_aligned(): 2.0.9's (Debian 12) is wrong where size and alignment are both 256, 512 or 1024
 * (microsoft/mimalloc#700). */
PUBLIC void *memalign(size_t alignment, size_t size)
{
    return give(mi_malloc_aligned_at(enough(size), alignment, 0));
}

PUBLIC void *aligned_alloc(size_t alignment, size_t size)
{
    return memalign(alignment, size);
}

PUBLIC int posix_memalign(void **to, size_t alignment, size_t size)
{
    void *p;

    if (alignment < sizeof(void *) || (alignment & (alignment - 1)))
        return EINVAL;
    p = memalign(alignment, size);
    if (!p)
        return ENOMEM;
    *to = p;
    return 0;
}

PUBLIC void *valloc(size_t size)
{
    return memalign((size_t)sysconf(_SC_PAGESIZE), size);
}

PUBLIC void *pvalloc(size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    return memalign(page, (size + page - 1) / page * page);
}
