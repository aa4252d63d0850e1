/* calloc.c: calloc() from what malloc() keeps at hand, for the whole program and its libraries.
 *
 * Before 2.41 glibc's own takes nothing from the thread's cache of freed blocks, though free() puts all
 * there: it goes the slow way each time. librdkafka asks so for every record (to find that it has no
 * headers), which was 4 % of what a record of the shipped chain costs. Standing in the program, this is what
 * every library finds; it leans on nothing but malloc(), whosever that is. With a newer glibc it is not
 * compiled, nor under sanitizers, which bring their own.
 *
 * Compiled with -fno-builtin: the compiler would see through it, and have it call itself. */
#include <errno.h>
#include <features.h>
#include <stdlib.h>
#include <string.h>

#ifdef __GLIBC__
#if !__GLIBC_PREREQ(2, 41)
__attribute__((visibility("default"))) void *calloc(size_t n, size_t size)
{
    size_t all;
    void *p;

    if (__builtin_mul_overflow(n, size, &all)) {
        errno = ENOMEM;
        return NULL;
    }
    p = malloc(all);
    return p ? memset(p, 0, all) : NULL;
}
#endif
#endif
