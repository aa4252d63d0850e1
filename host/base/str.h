/* str.h: small helpers for struct weir_str, the borrowed slice that the whole host uses for text.
 *
 * The type itself comes from the public header, so that one slice serves on both sides of the plugin ABI.
 */
#ifndef WEIR_BASE_STR_H
#define WEIR_BASE_STR_H

#include <stdbool.h>
#include <string.h>
#include <weir/plugin.h>

/** For printf's "%.*s". */
#define STR_FMT "%.*s"
#define STR_ARG(s) (int)(s).len, (s).ptr ? (s).ptr : ""

/** A string literal as a slice. */
#define STR(literal) ((struct weir_str){"" literal, sizeof(literal) - 1})
#define STR_ABSENT ((struct weir_str){NULL, 0})

static inline struct weir_str str_of(const char *text)
{
    return (struct weir_str){text, text ? strlen(text) : 0};
}

static inline struct weir_str str_make(const char *ptr, size_t len)
{
    return (struct weir_str){ptr, len};
}

/** Same bytes; absent equals only absent. */
static inline bool str_eq(struct weir_str a, struct weir_str b)
{
    return a.len == b.len && !a.ptr == !b.ptr && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool str_is(struct weir_str a, const char *text)
{
    return a.ptr && str_eq(a, str_of(text));
}

static inline bool str_starts(struct weir_str s, struct weir_str prefix)
{
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

/** Bytes order, a shorter one first. */
int str_cmp(struct weir_str a, struct weir_str b);

/** Without blanks (space, tab, CR, LF) at both ends. */
struct weir_str str_trim(struct weir_str s);

/** Cuts the next item off *rest at `sep`, trimmed. False when *rest is used up. */
bool str_split(struct weir_str *rest, char sep, struct weir_str *item);

/** A copy on the heap, NUL-terminated. NULL for an absent slice or no memory. Owns: the caller frees. */
char *str_dup(struct weir_str s);

/** The whole text as a decimal integer. False on anything else, overflow included. */
bool str_to_int(struct weir_str s, int64_t *out);

#endif
