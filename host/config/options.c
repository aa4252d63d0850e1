/* options.c: fills a state struct from the keys of a section; see options.h.
 *
 * Two passes: every key must have an option, every option takes its key, else its default. A default goes
 * through the same parser as a value from the file. */
#include "config/options.h"

#include "config/names.h"
#include "config/suggest.h"
#include "config/value.h"

#define SHOWN_MAX 80 /* bytes of a written value that a message quotes */

/* One option being filled. */
struct filling {
    const struct options_input *in;
    const struct weir_option *option;
    const struct config_key *key; /* NULL: the default */
};

static bool refuse(const struct filling *f, const char *what)
{
    struct weir_str name = options_name(f->option), text = f->key ? f->key->written : str_of(f->option->def);
    struct place at = f->key ? f->key->place : f->in->place;
    const char *kind = f->key ? "" : "its default ", *cut = "";

    if (f->option->type == WEIR_TYPE_SECRET) {
        diag_error(f->in->diag, at, "%s: option \"" STR_FMT "\": its value %s", f->in->owner, STR_ARG(name),
                   what);
        return false;
    }
    if (text.len > SHOWN_MAX) {
        text.len = SHOWN_MAX;
        while (text.len && ((unsigned char)text.ptr[text.len] & 0xc0) == 0x80)
            text.len--;
        cut = "…";
    }
    diag_error(f->in->diag, at, "%s: option \"" STR_FMT "\": %s\"" STR_FMT "%s\" %s", f->in->owner,
               STR_ARG(name), kind, STR_ARG(text), cut, what);
    return false;
}

static bool check_range(const struct filling *f, double value)
{
    const struct weir_option *o = f->option;
    bool low = options_has_min(o) && value < o->min, high = options_has_max(o) && value > o->max;
    struct weir_str bound, text;

    if (!low && !high)
        return true;
    bound = options_bound_text(o->type, low ? o->min : o->max, f->in->arena);
    text = arena_fmt(f->in->arena, "is %s " STR_FMT, low ? "below" : "above", STR_ARG(bound));
    return refuse(f, text.ptr ? text.ptr : "is out of range");
}

static bool take_integer(const struct filling *f, struct weir_str s, int64_t *at, struct value_fault *why)
{
    uint32_t type = f->option->type;
    int64_t n;
    bool ok = type == WEIR_TYPE_DURATION ? value_duration(s, &n, why)
              : type == WEIR_TYPE_SIZE   ? value_size(s, &n, why)
                                         : value_integer(s, &n, why);

    if (!ok)
        return refuse(f, why->text);
    if (!check_range(f, (double)n))
        return false;
    *at = n;
    return true;
}

static bool take_float(const struct filling *f, struct weir_str s, double *at, struct value_fault *why)
{
    double d;

    if (!value_float(s, &d, why))
        return refuse(f, why->text);
    if (!check_range(f, d))
        return false;
    *at = d;
    return true;
}

static bool take_text(const struct filling *f, struct weir_str s, struct weir_str *at)
{
    if (!s.len && (f->option->required || f->option->type == WEIR_TYPE_SECRET))
        return refuse(f, "is empty");
    *at = arena_str(f->in->arena, s);
    return at->ptr || refuse(f, "does not fit into memory");
}

static bool take_list(const struct filling *f, struct weir_str s, struct weir_list *at,
                      struct value_fault *why)
{
    return value_list(s, f->in->arena, at, why) || refuse(f, why->text);
}

static const struct weir_field *bind_field(const struct filling *f, struct weir_str path)
{
    const struct option_binder *b = f->in->binder;
    const struct weir_field *field;
    const char *why = "is not a field";

    field = path.len && b && b->field ? b->field(b->self, path.ptr, &why) : NULL;
    if (!field)
        refuse(f, path.len ? why : "is empty");
    return field;
}

static bool take_field(const struct filling *f, struct weir_str s, const struct weir_field **at)
{
    struct weir_str path = arena_str(f->in->arena, s);

    if (!path.ptr)
        return refuse(f, "does not fit into memory");
    *at = bind_field(f, path);
    return *at != NULL;
}

static bool take_fields(const struct filling *f, struct weir_str s, struct weir_fields *at,
                        struct value_fault *why)
{
    struct weir_list paths;
    const struct weir_field **items;

    if (!take_list(f, s, &paths, why))
        return false;
    items = arena_alloc(f->in->arena, paths.count * sizeof *items);
    if (!items)
        return refuse(f, "does not fit into memory");
    for (size_t i = 0; i < paths.count; i++) {
        items[i] = bind_field(f, paths.items[i]);
        if (!items[i])
            return false;
    }
    *at = (struct weir_fields){items, paths.count};
    return true;
}

static bool take_topic(const struct filling *f, struct weir_str s, const struct weir_topic **at)
{
    const struct option_binder *b = f->in->binder;
    const char *why = name_topic_fault(s);
    struct weir_str name = arena_str(f->in->arena, s);

    if (s.len && memchr(s.ptr, '{', s.len))
        return refuse(f, "names a topic by a field: that is not built yet");
    if (why)
        return refuse(f, why);
    why = "is not a topic here";
    *at = name.ptr && b && b->topic ? b->topic(b->self, name, &why) : NULL;
    return *at || refuse(f, why);
}

static bool take(const struct filling *f, struct weir_str s, void *at)
{
    struct value_fault why = {.hide = f->key && f->key->hidden};

    switch (f->option->type) {
    case WEIR_TYPE_DURATION:
    case WEIR_TYPE_SIZE:
    case WEIR_TYPE_INTEGER:
        return take_integer(f, s, at, &why);
    case WEIR_TYPE_FLOAT:
        return take_float(f, s, at, &why);
    case WEIR_TYPE_BOOL:
        return value_bool(s, at, &why) || refuse(f, why.text);
    case WEIR_TYPE_STRING:
    case WEIR_TYPE_SECRET:
        return take_text(f, s, at);
    case WEIR_TYPE_CHOICE:
        return value_choice(s, f->option->choices, at, &why) || refuse(f, why.text);
    case WEIR_TYPE_LIST:
        return take_list(f, s, at, &why);
    case WEIR_TYPE_FIELD:
        return take_field(f, s, at);
    case WEIR_TYPE_FIELDS:
        return take_fields(f, s, at, &why);
    case WEIR_TYPE_TOPIC:
        return take_topic(f, s, at);
    default:
        return refuse(f, "is of a type that this host does not know");
    }
}

static bool take_prefix(const struct filling *f, struct weir_pairs *at)
{
    const struct config_keys *keys = f->in->keys;
    struct weir_str prefix = options_name(f->option);
    struct weir_pair *items = arena_alloc(f->in->arena, keys->count * sizeof *items);
    size_t n = 0;

    if (!items)
        return refuse(f, "does not fit into memory");
    for (size_t i = 0; i < keys->count; i++) {
        const struct config_key *k = &keys->items[i];

        if (!str_starts(k->name, prefix) || k->name.len == prefix.len || k->broken)
            continue;
        items[n].name = arena_str(f->in->arena, str_make(k->name.ptr + prefix.len, k->name.len - prefix.len));
        items[n].value = arena_str(f->in->arena, k->value);
        if (!items[n].name.ptr || !items[n].value.ptr)
            return refuse(f, "does not fit into memory");
        n++;
    }
    *at = (struct weir_pairs){items, n};
    return true;
}

static void fill_one(const struct weir_option *o, void *self, const struct options_input *in)
{
    struct weir_str name = options_name(o);
    struct filling f = {in, o, NULL};
    void *at = (char *)self + o->offset;

    f.key = config_keys_find(in->keys, name.ptr);
    if (f.key && o->type == WEIR_TYPE_PREFIX)
        take_prefix(&f, at);
    else if (f.key && !f.key->broken)
        take(&f, f.key->value, at);
    else if (!f.key && o->required)
        diag_error(in->diag, in->place, "%s: option \"" STR_FMT "\" is missing", in->owner, STR_ARG(name));
    else if (!f.key && o->def)
        take(&f, str_of(o->def), at);
}

static void offer_all(struct suggest *s, const struct weir_option *table)
{
    struct options_walk w = options_walk(table);
    struct weir_option o;

    while (options_next(&w, &o))
        suggest_offer(s, options_name(&o));
}

static void check_key(const struct weir_option *table, const struct config_key *key,
                      const struct options_input *in)
{
    struct suggest near;
    struct weir_option o;

    if (options_find(table, key->name, &o))
        return;
    suggest_init(&near, key->name);
    offer_all(&near, table);
    offer_all(&near, in->also);
    diag_error(in->diag, key->place, "%s: unknown option \"" STR_FMT "\"%s", in->owner, STR_ARG(key->name),
               suggest_hint(&near));
}

bool options_fill(const struct weir_option *table, void *self, const struct options_input *in)
{
    struct options_walk w = options_walk(table);
    size_t before = in->diag->raised;
    struct weir_option o;

    for (size_t i = 0; i < in->keys->count; i++)
        check_key(table, &in->keys->items[i], in);
    while (options_next(&w, &o))
        fill_one(&o, self, in);
    return in->diag->raised == before;
}
