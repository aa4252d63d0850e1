/* reserved.c: see reserved.h. A table, so that building one of these means deleting its row. */
#include "config/reserved.h"

static bool any(struct weir_str value)
{
    (void)value;
    return true;
}

static bool is_list(struct weir_str value)
{
    return value.len && memchr(value.ptr, ',', value.len);
}

static bool is_pattern(struct weir_str value)
{
    return value.len && value.ptr[0] == '^';
}

static bool is_later_format(struct weir_str value)
{
    return str_is(value, "avro") || str_is(value, "protobuf") || str_is(value, "string");
}

static const struct reserved {
    const char *kind, *key; /* key NULL: every one */
    bool (*asks)(struct weir_str value);
    const char *what;
} table[] = {
    {"http", NULL, any, "serving HTTP is not built yet"},
    {"chain", "source", is_pattern, "a pattern of topics is not built yet (write one topic)"},
    {"chain", "source", is_list, "a list of topics is not built yet (write one topic)"},
    {"chain", "value_format", is_later_format, "this format is not built yet (write json or bytes)"},
    {"chain", "create_topics", any, "creating topics is not built yet"},
};

static void check_key(const char *kind, const char *owner, struct config_key *key, struct diag *d)
{
    for (size_t i = 0; i < sizeof table / sizeof *table && !key->broken; i++) {
        const struct reserved *r = &table[i];

        if (strcmp(r->kind, kind) != 0 || (r->key && !str_is(key->name, r->key)) || !r->asks(key->value))
            continue;
        diag_error(d, key->place, "%s: option \"" STR_FMT "\": %s", owner, STR_ARG(key->name), r->what);
        key->broken = true;
    }
}

void reserved_check(const char *kind, const char *owner, struct config_keys *keys, struct diag *d)
{
    for (size_t i = 0; i < keys->count; i++)
        check_key(kind, owner, &keys->items[i], d);
}
