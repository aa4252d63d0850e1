/* when.h: the predicate of a stage, `when = device_type == iOS and exists locale`.
 *
 *     exists FIELD      FIELD is there and not null
 *     missing FIELD     it is not
 *     FIELD == TEXT     it is a string with this text, or another value with this JSON text
 *     FIELD != TEXT     anything else, absent included
 *
 * Several are joined by `and`. A stage whose predicate does not hold does not see the envelope. */
#ifndef WEIR_CHAIN_WHEN_H
#define WEIR_CHAIN_WHEN_H

#include "base/arena.h"

struct when;
struct envelope;
struct paths;

/** Reads a predicate and binds its fields. Owns: the arena.
 *  Errors: NULL, and *why says what is wrong, as a sentence without its subject. */
struct when *when_new(struct arena *arena, struct paths *paths, struct weir_str text, const char **why);

bool when_holds(const struct when *when, struct envelope *env);

#endif
