/* value.h: typed values, read strictly to their last byte.
 *
 * A value that does not read says why as a predicate, to be put behind the value as the user wrote it:
 * `"60" has no unit (write "60s")`. Where the value came from an interpolation the caller sets `hide`, and
 * the predicate then holds no part of it. */
#ifndef WEIR_CONFIG_VALUE_H
#define WEIR_CONFIG_VALUE_H

#include "base/arena.h"

struct value_fault {
    bool hide;      /* in: the value must not be shown */
    char text[256]; /* out */
};

/** One whole number with one unit: ms s m h d. Units: milliseconds. */
bool value_duration(struct weir_str s, int64_t *out, struct value_fault *f);
/** One whole number with one unit: B, kB MB GB (1000), KiB MiB GiB (1024). Units: bytes. */
bool value_size(struct weir_str s, int64_t *out, struct value_fault *f);
bool value_integer(struct weir_str s, int64_t *out, struct value_fault *f);
/** A finite decimal number: -1, 0.5, 1e3. */
bool value_float(struct weir_str s, double *out, struct value_fault *f);
/** yes no true false on off. */
bool value_bool(struct weir_str s, bool *out, struct value_fault *f);
/** The index of the word in the list, which ends with NULL. */
bool value_choice(struct weir_str s, const char *const *choices, int32_t *out, struct value_fault *f);
/** Split at commas, trimmed; at least one item and none empty. Items are copies, NUL-terminated. */
bool value_list(struct weir_str s, struct arena *a, struct weir_list *out, struct value_fault *f);

/** The number as a user would write it, in the largest unit that divides it: 90000 is "90s". */
const char *value_duration_text(int64_t ms, char text[32]);
const char *value_size_text(int64_t bytes, char text[32]);

#endif
