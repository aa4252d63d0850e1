/* paths.h: every JSON path that a chain will ever ask for, gathered before the first record.
 *
 * A path is names joined by dots; `\.` is a dot in a name, `\\` a backslash. The paths form a tree over their
 * names: a node is one name in one object, its root the document. struct weir_field, the handle that plugins
 * hold, is such a node. The parser walks down this tree and the value together, so a member costs one lookup
 * among the names of its own object: a small hash table over length, first and last byte. The table holds our
 * names only, so no record can make it slow.
 *
 * Before the table comes a guess: records of one topic nearly always have their members in one order, so each
 * name remembers which bound one stood behind it last time. Bytes that are that member's are taken for it
 * without another look at its name. This is the only thing that changes once records flow, on the
 * one thread that runs the chain, and it is a guess: who asks decides by the bytes. */
#ifndef WEIR_CHAIN_PATHS_H
#define WEIR_CHAIN_PATHS_H

#include "base/str.h"

#include <locale.h>

struct paths;

struct weir_field {
    uint32_t id;            /* counted from 0, the root: its place in arrays over all fields */
    uint32_t depth;         /* names in the path, so objects around its value */
    uint64_t head, mask8;   /* member's first eight bytes; those of a shorter one that count */
    struct weir_str member; /* as JSON, with the colon: `"name":` */
    struct weir_field *children, *sibling;
    struct weir_field *first,
        *next;                 /* guesses: its first bound member, and the one behind it in its object */
    struct weir_str name;      /* decoded */
    struct weir_field **table; /* the children by paths_hash; NULL where there are none */
    uint32_t mask;             /* slots of the table less one; at most half are taken */
    bool tangled;              /* another bound path leads through this one, or this one through another */
    struct weir_field *parent;
    struct weir_str path; /* as written; absent: only on the way to bound ones */
};

/** NULL: no memory. */
struct paths *paths_new(void);
void paths_destroy(struct paths *p);

/** Binds a path; the same path gives the same handle.
 *  Owns: the paths. Errors: NULL for a broken path or no memory; *why says which, to follow the path's name.
 */
const struct weir_field *paths_add(struct paths *p, struct weir_str path, const char **why);

/** The path as it was written. */
struct weir_str paths_name(const struct weir_field *f);

/** The document itself, and how many fields there are with it: ids lie below. */
struct weir_field *paths_root(const struct paths *p);
uint32_t paths_count(const struct paths *p);

/** The C locale, for strtod: a plugin may have set another one. */
locale_t paths_locale(const struct paths *p);

static inline uint32_t paths_hash(const char *name, size_t len)
{
    uint32_t first = (unsigned char)name[0], last = (unsigned char)name[len - 1];

    return ((first | last << 8 | (uint32_t)len << 16) * UINT32_C(0x9e3779b1)) >> 16;
}

/** Whether two names of that length are one, without a call for an ordinary length: two loads, from both
 * ends, meet or overlap. */
static inline bool paths_same_name(const char *a, const char *b, size_t len)
{
    uint64_t a8[2], b8[2];
    uint32_t a4[2], b4[2];

    if (len >= 8 && len <= 16) {
        memcpy(&a8[0], a, 8), memcpy(&a8[1], a + len - 8, 8);
        memcpy(&b8[0], b, 8), memcpy(&b8[1], b + len - 8, 8);
        return ((a8[0] ^ b8[0]) | (a8[1] ^ b8[1])) == 0;
    }
    if (len >= 4 && len < 8) {
        memcpy(&a4[0], a, 4), memcpy(&a4[1], a + len - 4, 4);
        memcpy(&b4[0], b, 4), memcpy(&b4[1], b + len - 4, 4);
        return ((a4[0] ^ b4[0]) | (a4[1] ^ b4[1])) == 0;
    }
    return memcmp(a, b, len) == 0;
}

/** The child of that decoded name at the table's place i or behind it, or NULL. */
struct weir_field *paths_child_from(const struct weir_field *f, uint32_t i, const char *name, size_t len);

/** The child of that decoded name, or NULL. */
static inline struct weir_field *paths_child(const struct weir_field *f, const char *name, size_t len)
{
    struct weir_field *child;
    uint32_t i;

    if (!f->table || !len)
        return NULL;
    i = paths_hash(name, len) & f->mask;
    child = f->table[i];
    if (!child || (child->name.len == len && paths_same_name(child->name.ptr, name, len)))
        return child;
    return paths_child_from(f, i + 1, name, len);
}

/** The child whose name the text between a member's quotes decodes to, or NULL. The slow way, for names with
 *  escapes. */
struct weir_field *paths_child_escaped(const struct weir_field *f, struct weir_str raw);

/** Whether the bytes begin with the member of a field, colon included, and at least two more follow. */
static inline bool paths_starts_with(const char *at, const char *end, const struct weir_field *f)
{
    const size_t len = f->member.len;
    uint64_t head, tail, tail_of_member;

    if ((size_t)(end - at) < (len < 8 ? 8 : len) + 2)
        return false;
    memcpy(&head, at, 8);
    if ((head & f->mask8) != f->head)
        return false;
    if (len <= 8)
        return true;
    if (len > 16)
        return memcmp(at, f->member.ptr, len) == 0;
    memcpy(&tail, at + len - 8, 8);
    memcpy(&tail_of_member, f->member.ptr + len - 8, 8);
    return tail == tail_of_member;
}

#endif
