/* paths.c: see paths.h. All memory is one arena; a table that grew leaves its old self there. */
#include "chain/paths.h"

#include "base/arena.h"
#include "chain/json.h"

#include <stdlib.h>

struct paths {
    struct arena arena;
    struct weir_field *root;
    uint32_t count;
    locale_t locale;
};

struct paths *paths_new(void)
{
    struct paths *p = calloc(1, sizeof *p);

    if (!p)
        return NULL;
    arena_init(&p->arena, 4096, SIZE_MAX);
    p->count = 1;
    p->root = arena_zalloc(&p->arena, sizeof *p->root);
    p->locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (p->root && p->locale)
        return p;
    paths_destroy(p);
    return NULL;
}

void paths_destroy(struct paths *p)
{
    if (!p)
        return;
    if (p->locale)
        freelocale(p->locale);
    arena_fini(&p->arena);
    free(p);
}

struct weir_field *paths_root(const struct paths *p)
{
    return p->root;
}

uint32_t paths_count(const struct paths *p)
{
    return p->count;
}

locale_t paths_locale(const struct paths *p)
{
    return p->locale;
}

struct weir_str paths_name(const struct weir_field *f)
{
    return f->path;
}

/* The end of the name that begins at `at`: its dot or the path's end. NULL: a stray backslash. */
static const char *name_end(const char *at, const char *end)
{
    while (at < end && *at != '.') {
        if (*at == '\\') {
            at++;
            if (at == end || (*at != '.' && *at != '\\'))
                return NULL;
        }
        at++;
    }
    return at;
}

/* What is wrong with a path; NULL: nothing. */
static const char *fault_of(struct weir_str path)
{
    unsigned names = 0;
    const char *at = path.ptr, *end;

    if (!json_quoted_size(path))
        return "is not UTF-8";
    end = at + path.len;
    for (;;) {
        const char *stop = name_end(at, end);

        if (!stop)
            return "has a stray backslash (write \\. for a dot in a name, \\\\ for a backslash)";
        if (stop == at)
            return "has an empty name";
        if (++names > JSON_MAX_DEPTH)
            return "is too deep";
        if (stop == end)
            return NULL;
        at = stop + 1;
    }
}

/* The text of a name without its backslashes, in the arena. */
static struct weir_str read_name(struct arena *arena, const char *at, const char *end)
{
    char *out = arena_alloc(arena, (size_t)(end - at)), *to = out;

    if (!out)
        return STR_ABSENT;
    while (at < end) {
        if (*at == '\\')
            at++;
        *to++ = *at++;
    }
    return str_make(out, (size_t)(to - out));
}

static struct weir_str make_member(struct arena *arena, struct weir_str name)
{
    size_t n = json_quoted_size(name);
    char *out = arena_alloc(arena, n + 1);

    if (!out)
        return STR_ABSENT;
    json_write_quoted(out, name, n);
    out[n] = ':';
    return str_make(out, n + 1);
}

/* Answers whether its own place in the table was free. */
static bool enter(struct weir_field *f, struct weir_field *child)
{
    uint32_t own = paths_hash(child->name.ptr, child->name.len) & f->mask, i = own;

    while (f->table[i])
        i = (i + 1) & f->mask;
    f->table[i] = child;
    return i == own;
}

/* A new table for all children; *apart: each has its own place. False: no memory; the old one is kept. */
static bool grow(struct arena *arena, struct weir_field *f, uint32_t slots, bool *apart)
{
    struct weir_field *child, **table = arena_zalloc(arena, slots * sizeof *table);

    if (!table)
        return false;
    f->table = table;
    f->mask = slots - 1;
    *apart = true;
    for (child = f->children; child; child = child->sibling)
        *apart &= enter(f, child);
    return true;
}

/* Has the newest child in the table, which is at most half full. It is made larger than that, within limits,
 * where children meet in it: nearly every member that is looked up then finds its own at once. */
static bool enter_newest(struct arena *arena, struct weir_field *f)
{
    uint32_t children = 0, slots = f->table ? f->mask + 1 : 0;
    const struct weir_field *child;
    bool apart = false;

    for (child = f->children; child; child = child->sibling)
        children++;
    if (children * 2 <= slots)
        apart = enter(f, f->children);
    else if (!grow(arena, f, slots ? slots * 2 : 16, &apart))
        return false;
    while (!apart && f->mask < children * 16 && grow(arena, f, (f->mask + 1) * 2, &apart))
        ;
    return true;
}

static struct weir_field *add_child(struct paths *p, struct weir_field *parent, struct weir_str name)
{
    struct weir_field *f = arena_zalloc(&p->arena, sizeof *f);

    if (!f)
        return NULL;
    f->name = name;
    f->member = make_member(&p->arena, name);
    if (!f->member.ptr)
        return NULL;
    memset(&f->mask8, 0xff, f->member.len < 8 ? f->member.len : 8);
    memcpy(&f->head, f->member.ptr, f->member.len < 8 ? f->member.len : 8);
    f->parent = parent;
    f->depth = parent->depth + 1;
    f->sibling = parent->children;
    parent->children = f;
    if (!enter_newest(&p->arena, parent)) {
        parent->children = f->sibling;
        return NULL;
    }
    f->id = p->count++;
    return f;
}

/* The child of that name, made where there is none. */
static struct weir_field *get_child(struct paths *p, struct weir_field *parent, struct weir_str name)
{
    struct weir_field *f;

    if (!name.ptr)
        return NULL;
    for (f = parent->children; f; f = f->sibling) {
        if (str_eq(f->name, name))
            return f;
    }
    return add_child(p, parent, name);
}

/* Marks the bound fields below; true where there is one. */
static bool tangle_below(struct weir_field *f)
{
    struct weir_field *child;
    bool any = false;

    for (child = f->children; child; child = child->sibling) {
        bool bound = child->path.ptr != NULL;

        if (bound)
            child->tangled = true;
        any |= tangle_below(child) || bound;
    }
    return any;
}

static void tangle(struct weir_field *f)
{
    struct weir_field *above;

    f->tangled = tangle_below(f);
    for (above = f->parent; above; above = above->parent) {
        if (above->path.ptr)
            above->tangled = f->tangled = true;
    }
}

/* The node of a sound path, made where there is none. */
static struct weir_field *walk_to(struct paths *p, struct weir_str path)
{
    struct weir_field *f = p->root;
    const char *at = path.ptr, *end = at + path.len;

    while (f) {
        const char *stop = name_end(at, end);

        f = get_child(p, f, read_name(&p->arena, at, stop));
        if (stop == end)
            break;
        at = stop + 1;
    }
    return f;
}

const struct weir_field *paths_add(struct paths *p, struct weir_str path, const char **why)
{
    struct weir_field *f;

    *why = fault_of(path);
    if (*why)
        return NULL;
    *why = "cannot be kept: no memory";
    f = walk_to(p, path);
    if (!f)
        return NULL;
    if (!f->path.ptr) {
        f->path = arena_str(&p->arena, path);
        if (!f->path.ptr)
            return NULL;
        tangle(f);
    }
    *why = NULL;
    return f;
}

struct weir_field *paths_child_from(const struct weir_field *f, uint32_t i, const char *name, size_t len)
{
    for (i &= f->mask; f->table[i]; i = (i + 1) & f->mask) {
        if (str_eq(f->table[i]->name, str_make(name, len)))
            break;
    }
    return f->table[i];
}

struct weir_field *paths_child_escaped(const struct weir_field *f, struct weir_str raw)
{
    struct weir_field *child;

    for (child = f->children; child; child = child->sibling) {
        if (json_decodes_to(raw, child->name))
            return child;
    }
    return NULL;
}
