/* options_check.c: the mistakes of an option table, told to its author when the plugin is loaded; see
 * options.h. A default is checked by filling it into scratch memory: the parser that will read it is the one
 * that judges it. */
#include "config/options.h"

#include <math.h>
#include <stdio.h>

#include "config/names.h"

#define OPTIONS_MAX 1000 /* a table that goes on longer has lost its end */

struct checking {
    const struct weir_option *table, *reserved;
    size_t self_size;
    struct place at;
    struct diag *diag;
};

struct room {
    size_t size, align;
};

#define ROOM(type)                                                                                           \
    {                                                                                                        \
        sizeof(type), _Alignof(type)                                                                         \
    }
static const struct room rooms[] = {
    [WEIR_TYPE_DURATION] = ROOM(int64_t),
    [WEIR_TYPE_SIZE] = ROOM(int64_t),
    [WEIR_TYPE_INTEGER] = ROOM(int64_t),
    [WEIR_TYPE_FLOAT] = ROOM(double),
    [WEIR_TYPE_BOOL] = ROOM(bool),
    [WEIR_TYPE_STRING] = ROOM(struct weir_str),
    [WEIR_TYPE_SECRET] = ROOM(struct weir_str),
    [WEIR_TYPE_CHOICE] = ROOM(int32_t),
    [WEIR_TYPE_LIST] = ROOM(struct weir_list),
    [WEIR_TYPE_FIELD] = ROOM(const struct weir_field *),
    [WEIR_TYPE_FIELDS] = ROOM(struct weir_fields),
    [WEIR_TYPE_TOPIC] = ROOM(const struct weir_topic *),
    [WEIR_TYPE_PREFIX] = ROOM(struct weir_pairs),
};

static void tell(const struct checking *c, const struct weir_option *o, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void tell(const struct checking *c, const struct weir_option *o, const char *fmt, ...)
{
    struct weir_str name = options_name(o);
    char text[256];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    diag_error(c->diag, c->at, "option table: \"" STR_FMT "\": %s", STR_ARG(name), text);
}

static void check_name(const struct checking *c, const struct weir_option *o, size_t index)
{
    struct weir_str name = options_name(o), stem = name;
    struct options_walk w = options_walk(c->table);
    struct weir_option other;

    if (o->type == WEIR_TYPE_PREFIX) {
        if (!name.len || name.ptr[name.len - 1] != '.') {
            tell(c, o, "a prefix ends with a dot");
            return;
        }
        stem.len--;
    }
    if (!name_is_plugin(stem))
        tell(c, o, "a name is [a-z][a-z0-9_]*, at most 64 bytes");
    if (options_find(c->reserved, name, &other))
        tell(c, o, "this name belongs to the host");
    for (size_t i = 0; i < index && options_next(&w, &other); i++) {
        if (str_eq(options_name(&other), name))
            tell(c, o, "stands twice");
    }
}

static void check_room(const struct checking *c, const struct weir_option *o)
{
    const struct room *r = &rooms[o->type];

    if (o->offset > c->self_size || r->size > c->self_size - o->offset)
        tell(c, o, "its member ends behind self_size (%zu bytes): is .self_size the size of the same struct?",
             c->self_size);
    else if (o->offset % r->align != 0)
        tell(c, o, "its member is not aligned (offset %zu)", o->offset);
}

static void check_bounds(const struct checking *c, const struct weir_option *o)
{
    bool number = o->type >= WEIR_TYPE_DURATION && o->type <= WEIR_TYPE_FLOAT;

    if (o->min == 0 && o->max == 0)
        return;
    if (!number)
        tell(c, o, "only numbers, durations and sizes have a min and a max");
    else if (!isfinite(o->min) || !isfinite(o->max) || (options_has_max(o) && o->max < o->min))
        tell(c, o, "its max is below its min, or one is no number");
}

static bool check_choices(const struct checking *c, const struct weir_option *o)
{
    if (o->type != WEIR_TYPE_CHOICE) {
        if (o->choices)
            tell(c, o, "only a choice has choices");
        return true;
    }
    if (!o->choices || !o->choices[0]) {
        tell(c, o, "a choice needs .choices: words, and NULL at the end");
        return false;
    }
    for (size_t i = 0; o->choices[i]; i++) {
        for (size_t j = 0; j < i; j++) {
            if (strcmp(o->choices[i], o->choices[j]) == 0)
                tell(c, o, "the choice \"%s\" stands twice", o->choices[i]);
        }
    }
    return true;
}

static const struct weir_field *any_field(void *self, const char *path, const char **why)
{
    (void)path, (void)why;
    return self;
}

static const struct weir_topic *any_topic(void *self, struct weir_str name, const char **why)
{
    (void)name, (void)why;
    return self;
}

static void check_default(const struct checking *c, const struct weir_option *o)
{
    union {
        int64_t n;
        struct weir_pairs pairs;
        max_align_t align;
    } scratch = {.n = 0};
    struct option_binder binder = {&scratch, any_field, any_topic};
    struct weir_option one[2] = {*o, WEIR_OPT_END};
    struct config_keys none = {NULL, 0};
    struct options_input in = {"option table", c->at, &none, NULL, &binder, NULL, c->diag};
    struct arena arena;

    if (!o->def)
        return;
    if (o->required || o->type == WEIR_TYPE_PREFIX || o->type == WEIR_TYPE_SECRET) {
        tell(c, o, "a required option, a prefix and a secret have no default");
        return;
    }
    arena_init(&arena, 1024, 1 << 20);
    in.arena = &arena;
    one[0].size = sizeof one[0];
    one[0].offset = 0;
    options_fill(one, &scratch, &in);
    arena_fini(&arena);
}

static void check_option(const struct checking *c, const struct weir_option *o, size_t index)
{
    struct weir_str name = options_name(o);

    if (!name.len) {
        diag_error(c->diag, c->at, "option table: entry %zu has no name", index + 1);
        return;
    }
    check_name(c, o, index);
    if (o->type >= sizeof rooms / sizeof *rooms) {
        tell(c, o, "its type %u is not known to this host: build the plugin with a header of this host",
             o->type);
        return;
    }
    check_room(c, o);
    check_bounds(c, o);
    if (check_choices(c, o))
        check_default(c, o);
}

bool options_check_table(const struct weir_option *table, size_t self_size,
                         const struct weir_option *reserved, struct place at, struct diag *d)
{
    struct checking c = {table, reserved, self_size, at, d};
    struct options_walk w = options_walk(table);
    size_t before = d->raised, n = 0;
    struct weir_option o;

    if (table && !w.at)
        diag_error(d, at,
                   "option table: its first entry states a size of %u bytes: use the WEIR_OPT_… macros",
                   table->size);
    while (options_next(&w, &o)) {
        if (n == OPTIONS_MAX) {
            diag_error(d, at, "option table: WEIR_OPT_END is missing at its end");
            break;
        }
        if (o.size != w.stride) {
            diag_error(d, at,
                       "option table: entry %zu states another size than the first: is WEIR_OPT_END missing?",
                       n + 1);
            break;
        }
        check_option(&c, &o, n++);
    }
    return d->raised == before;
}
