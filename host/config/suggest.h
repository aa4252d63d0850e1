/* suggest.h: the name that was probably meant: `unknown option "max_aeg" (did you mean "max_age"?)`.
 *
 * Offer every name there is; the nearest one is kept, if it is near enough: a third of the word may differ
 * (one letter of a short one), where a changed, missing, extra or swapped letter counts one, and capitals
 * count nothing. */
#ifndef WEIR_CONFIG_SUGGEST_H
#define WEIR_CONFIG_SUGGEST_H

#include "base/str.h"

struct suggest {
    struct weir_str word, best; /* best: absent, or the nearest so far; borrowed from the caller */
    size_t distance;            /* of best; at first, one more than is allowed */
    char hint[128];
};

void suggest_init(struct suggest *s, struct weir_str word);
void suggest_offer(struct suggest *s, struct weir_str name);

/** ` (did you mean "…"?)`, or "" where nothing is near. Borrowed from s. */
const char *suggest_hint(struct suggest *s);

/** All in one for a list of names that ends with NULL. */
const char *suggest_among(struct suggest *s, struct weir_str word, const char *const *names);

#endif
