/* guards.h: a word behind all memory that a plugin asks for, looked at when its call returns.
 *
 * A plugin that writes behind its memory hurts whoever comes next, some calls or hours later, and the crash
 * would be blamed on that one. With the guards the process ends within the call that did it.
 */
#ifndef WEIR_CHAIN_GUARDS_H
#define WEIR_CHAIN_GUARDS_H

#include "base/arena.h"
#include "base/log.h"

#define GUARDS_MAX 16

struct guards {
    char *at[GUARDS_MAX];
    size_t count;
};

/** As arena_alloc(), with a guard behind. place: whom to blame where it is time to look at those before. */
void *guards_alloc(struct guards *guards, struct arena *arena, size_t n, struct log_place place);

/** Ends the process where one is damaged; else forgets them all. */
void guards_check(struct guards *guards, struct log_place place);

#endif
