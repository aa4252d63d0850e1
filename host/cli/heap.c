/* heap.c: see heap.h.
 *
 * librdkafka frees on one thread what it made on another, thousands of messages at once, which glibc's malloc
 * does slowly: a record of the shipped chain costs 6 % more CPU with it. mimalloc does it fast, but has each
 * thread keep pages of its own for every size, which is 2 MB of a worker with nothing to do. So a thread has
 * small blocks from it once it has asked for many; all others are the C library's, as are those of threads
 * that do little. Whose a block is shows in its address: mimalloc has one region for all it gives.
 *
 * mimalloc says nothing when a block is freed twice, and gives it to two owners. So a freed block is marked
 * in its second word (mimalloc keeps its list in the first), and the mark goes when the block is given out
 * again: whoever frees a marked one is stopped. As with the C library's checks some get away: those who come
 * when the block has another owner, or when its page has gone back to the kernel, and the mark with it.
 *
 * mimalloc is loaded and not linked, or its own malloc would come before the C library's for all that is not
 * defined here. Compiled with -fno-builtin: the compiler would see through it. Not compiled under sanitizers,
 * which bring their own, nor with -DWEIR_MIMALLOC=OFF. */
#include "cli/heap.h"

#include <dlfcn.h>
#include <errno.h>
#include <mimalloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PUBLIC __attribute__((visibility("default")))
#define LEAST (2 * sizeof(uintptr_t)) /* bytes of a block: it has a second word */
#define SMALL_MAX ((size_t)8 << 10)   /* bytes */
#define MANY 10000                    /* blocks that a thread has asked for */
#define REGION ((size_t)16 << 30)     /* bytes of address space, most of it never touched */
#define ALIGNED ((size_t)32 << 20)    /* as mimalloc divides it */
#define MARK ((uintptr_t)0x9e3779b97f4a7c15)

/* The C library's, by its other names. */
void *__libc_malloc(size_t size);
void __libc_free(void *p);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);

/* mimalloc's. */
static struct {
    void *(*malloc)(size_t size);
    void *(*zalloc)(size_t size);
    void (*free)(void *p);
    size_t (*usable_size)(const void *p);
    bool (*manage)(void *start, size_t size, bool is_committed, bool is_large, bool is_zero, int numa_node);
    void (*set)(mi_option_t option, long value);
} mi;

static uintptr_t region;
static size_t region_size; /* 0: the C library alone */
static _Thread_local unsigned asked;

/* ---- marks */

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
    (void)!write(STDERR_FILENO, text, sizeof text - 1);
    abort();
}

/* ---- blocks */

static bool is_ours(const void *p)
{
    return (uintptr_t)p - region < region_size;
}

/* Counts what the thread asks for, too. */
static bool is_mimallocs_turn(size_t size)
{
    return region_size && size <= SMALL_MAX && (asked == MANY || ++asked == MANY);
}

/* A block that mimalloc has made. NULL: it had no more of the region. */
static void *give(void *p)
{
    if (!is_ours(p)) {
        mi.free(p);
        return NULL;
    }
    ((uintptr_t *)p)[1] = 0;
    return p;
}

static size_t enough(size_t size)
{
    return size < LEAST ? LEAST : size;
}

PUBLIC void *malloc(size_t size)
{
    void *p = is_mimallocs_turn(size) ? give(mi.malloc(enough(size))) : NULL;

    return p ? p : __libc_malloc(size);
}

PUBLIC void free(void *p)
{
    uintptr_t *block = p;

    if (!is_ours(p)) {
        __libc_free(p);
        return;
    }
    must_be_given(block);
    block[1] = mark_of(block);
    mi.free(block);
}

PUBLIC void *calloc(size_t n, size_t size)
{
    void *p = NULL;
    size_t all;

    if (!__builtin_mul_overflow(n, size, &all) && is_mimallocs_turn(all))
        p = give(mi.zalloc(enough(all)));
    return p ? p : __libc_calloc(n, size);
}

/* One of ours to a place of its new size. */
static void *move(void *p, size_t size, size_t had)
{
    void *to = malloc(size);

    if (!to)
        return NULL;
    memcpy(to, p, size < had ? size : had);
    free(p);
    return to;
}

PUBLIC void *realloc(void *p, size_t size)
{
    size_t had;

    if (!p)
        return malloc(size);
    if (!is_ours(p))
        return __libc_realloc(p, size);
    must_be_given(p);
    if (!size) {
        free(p);
        return NULL;
    }
    had = mi.usable_size(p);
    return size <= had && size >= had / 2 ? p : move(p, size, had);
}

PUBLIC size_t malloc_usable_size(void *p)
{
    static size_t (*of_libc)(void *);

    if (is_ours(p))
        return mi.usable_size(p);
    if (!of_libc)
        *(void **)&of_libc = dlsym(RTLD_NEXT, "malloc_usable_size");
    return of_libc(p);
}

/* ---- loading */

static bool find(void *library)
{
    const struct {
        const char *name;
        void **to;
    } names[] = {
        {"mi_malloc", (void **)&mi.malloc},
        {"mi_zalloc", (void **)&mi.zalloc},
        {"mi_free", (void **)&mi.free},
        {"mi_usable_size", (void **)&mi.usable_size},
        {"mi_manage_os_memory", (void **)&mi.manage},
        {"mi_option_set", (void **)&mi.set},
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        *names[i].to = dlsym(library, names[i].name);
        if (!*names[i].to)
            return false;
    }
    return true;
}

/* Address space, and no memory as yet. */
static uintptr_t reserve(void)
{
    void *p = mmap(NULL, REGION + ALIGNED, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return p == MAP_FAILED ? 0 : ((uintptr_t)p + ALIGNED - 1) / ALIGNED * ALIGNED;
}

const char *heap_use_mimalloc(void)
{
    void *library = dlopen(WEIR_MIMALLOC_FILE, RTLD_NOW | RTLD_LOCAL);
    uintptr_t start;

    if (!library || !find(library))
        return dlerror();
    start = reserve();
    if (!start)
        return strerror(errno);
    /* So that memory_max counts what was in use at most, and not all that is set aside. */
    mi.set(mi_option_eager_commit, 0);
    if (!mi.manage((void *)start, REGION, false, false, true, -1))
        return "it takes no region of memory";
    region = start;
    region_size = REGION;
    return NULL;
}
