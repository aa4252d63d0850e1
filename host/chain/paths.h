/* paths.h: every JSON path that a chain will ever ask for, gathered before the first record.
 *
 * A path is names joined by dots; `\.` is a dot in a name, `\\` a backslash. The paths form a tree over their
 * names: a node is one name in one object, its root the document. struct weir_field, the handle that plugins
 * hold, is such a node. The parser walks down this tree and the value together, so a member costs one lookup
 * among the names of its own object: a small hash table over length, first and last byte. The table holds our
 * names only, so no record can make it slow. */
#ifndef WEIR_CHAIN_PATHS_H
#define WEIR_CHAIN_PATHS_H

#include "base/str.h"

#include <locale.h>

struct paths;

struct weir_field {
    uint32_t id;            /* counted from 0, the root: its place in arrays over all fields */
    uint32_t depth;         /* names in the path, so objects around its value */
    bool tangled;           /* another bound path leads through this one, or this one through another */
    struct weir_str path;   /* as written; absent: only on the way to bound ones */
    struct weir_str name;   /* decoded */
    struct weir_str member; /* as JSON, with the colon: `"name":` */
    struct weir_field *parent, *children, *sibling;
    struct weir_field **table; /* the children by paths_hash; NULL where there are none */
    uint32_t mask;             /* slots of the table less one; at most half are taken */
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
const struct weir_field *paths_root(const struct paths *p);
uint32_t paths_count(const struct paths *p);

/** The C locale, for strtod: a plugin may have set another one. */
locale_t paths_locale(const struct paths *p);

static inline uint32_t paths_hash(const char *name, size_t len)
{
    uint32_t first = (unsigned char)name[0], last = (unsigned char)name[len - 1];

    return ((first | last << 8 | (uint32_t)len << 16) * UINT32_C(0x9e3779b1)) >> 16;
}

/** The child of that decoded name, or NULL. */
static inline const struct weir_field *paths_child(const struct weir_field *f, const char *name, size_t len)
{
    uint32_t i;

    if (!f->table || !len)
        return NULL;
    for (i = paths_hash(name, len) & f->mask; f->table[i]; i = (i + 1) & f->mask) {
        const struct weir_field *child = f->table[i];

        if (child->name.len == len && memcmp(child->name.ptr, name, len) == 0)
            return child;
    }
    return NULL;
}

/** The child whose name the text between a member's quotes decodes to, or NULL. The slow way, for names with
 *  escapes. */
const struct weir_field *paths_child_escaped(const struct weir_field *f, struct weir_str raw);

#endif
