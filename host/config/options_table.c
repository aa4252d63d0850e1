/* options_table.c: walking, describing and checking option tables; see options.h. */
#include "config/options.h"

#include "config/value.h"

static const char *const type_names[] = {"end",       "duration", "size",   "integer", "float",
                                         "yes or no", "text",     "secret", "choice",  "list",
                                         "field",     "fields",   "topic",  "prefix"};

#define SMALLEST (offsetof(struct weir_option, required) + sizeof(bool)) /* of version 1.0 */

struct options_walk options_walk(const struct weir_option *table)
{
    struct options_walk w = {(const char *)table, table ? table->size : 0};

    if (w.stride < SMALLEST)
        w.at = NULL;
    return w;
}

bool options_next(struct options_walk *walk, struct weir_option *out)
{
    size_t n = walk->stride < sizeof *out ? walk->stride : sizeof *out;

    if (!walk->at)
        return false;
    *out = (struct weir_option){.size = 0};
    memcpy(out, walk->at, n);
    if (out->type == WEIR_TYPE_END)
        walk->at = NULL;
    else
        walk->at += walk->stride;
    return out->type != WEIR_TYPE_END;
}

struct weir_str options_name(const struct weir_option *o)
{
    return str_of(o->name ? o->name : o->member);
}

bool options_find(const struct weir_option *table, struct weir_str key, struct weir_option *out)
{
    struct options_walk w = options_walk(table);

    while (options_next(&w, out)) {
        struct weir_str name = options_name(out);

        if (out->type == WEIR_TYPE_PREFIX ? str_starts(key, name) && key.len > name.len : str_eq(key, name))
            return true;
    }
    return false;
}

bool options_has_min(const struct weir_option *o)
{
    return o->min != 0 || o->max != 0;
}

bool options_has_max(const struct weir_option *o)
{
    return o->max != 0 || o->min < 0;
}

struct weir_str options_bound_text(uint32_t type, double bound, struct arena *a)
{
    const char *(*text)(int64_t, char[32]) =
        type == WEIR_TYPE_DURATION ? value_duration_text : value_size_text;
    char room[32];

    if (type == WEIR_TYPE_DURATION || type == WEIR_TYPE_SIZE)
        return arena_str(a, str_of(text((int64_t)bound, room)));
    return arena_fmt(a, "%.17g", bound);
}

static struct weir_str range_text(const struct weir_option *o, struct arena *a)
{
    struct weir_str min = options_bound_text(o->type, o->min, a),
                    max = options_bound_text(o->type, o->max, a);

    if (options_has_min(o) && options_has_max(o))
        return arena_fmt(a, STR_FMT " to " STR_FMT, STR_ARG(min), STR_ARG(max));
    if (options_has_min(o))
        return arena_fmt(a, "at least " STR_FMT, STR_ARG(min));
    return STR("");
}

static struct weir_str choices_text(const struct weir_option *o, struct arena *a)
{
    struct weir_str s = STR("");

    for (size_t i = 0; o->choices && o->choices[i]; i++)
        s = arena_fmt(a, STR_FMT "%s%s", STR_ARG(s), i ? ", " : "", o->choices[i]);
    return s;
}

bool options_describe(const struct weir_option *o, struct arena *a, struct option_doc *out)
{
    bool known = o->type < sizeof type_names / sizeof *type_names;

    *out = (struct option_doc){
        .name = options_name(o),
        .type = str_of(known ? type_names[o->type] : "unknown"),
        .def = o->def ? str_of(o->def) : STR(""),
        .range = o->type == WEIR_TYPE_CHOICE ? choices_text(o, a) : range_text(o, a),
        .help = o->help ? str_of(o->help) : STR(""),
        .required = o->required,
    };
    if (o->type == WEIR_TYPE_PREFIX)
        out->name = arena_fmt(a, STR_FMT "*", STR_ARG(out->name));
    return out->name.ptr && out->range.ptr;
}
