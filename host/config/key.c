/* key.c: see key.h. */
#include "config/key.h"

const struct config_key *config_keys_find(const struct config_keys *keys, const char *name)
{
    struct weir_str want = str_of(name);
    bool prefix = want.len && want.ptr[want.len - 1] == '.';

    for (size_t i = 0; i < keys->count; i++) {
        const struct config_key *k = &keys->items[i];

        if (prefix ? str_starts(k->name, want) : str_eq(k->name, want))
            return k;
    }
    return NULL;
}

const struct config_key *config_keys_last(const struct config_keys *keys, const char *name)
{
    for (size_t i = keys->count; i > 0; i--) {
        if (str_is(keys->items[i - 1].name, name))
            return &keys->items[i - 1];
    }
    return NULL;
}

struct place config_keys_place(const struct config_keys *keys, const char *name, struct place otherwise)
{
    const struct config_key *k = config_keys_find(keys, name);

    return k ? k->place : otherwise;
}

bool config_keys_eq(const struct config_keys *a, const struct config_keys *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (!str_eq(a->items[i].name, b->items[i].name) || !str_eq(a->items[i].value, b->items[i].value))
            return false;
    }
    return true;
}
