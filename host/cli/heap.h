/* heap.h: malloc() and its kin, for the whole program, its libraries and its plugins. */
#ifndef WEIR_CLI_HEAP_H
#define WEIR_CLI_HEAP_H

/** From now on threads that ask for many blocks have the small ones from mimalloc. Call it once, before there
 *  are other threads. NULL, or why it cannot be: then they all stay the C library's. */
const char *heap_use_mimalloc(void);

#endif
