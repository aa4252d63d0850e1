/* brokers.c: see brokers.h. */
#include "config/brokers.h"

/* The later key counts, by either of its names. Absent: none. */
static struct weir_str brokers_of(const struct config_keys *keys)
{
    for (size_t i = keys->count; i-- > 0;) {
        const struct config_key *key = &keys->items[i];

        if (str_is(key->name, "bootstrap.servers") || str_is(key->name, "metadata.broker.list"))
            return key->broken ? STR_ABSENT : str_trim(key->value);
    }
    return STR_ABSENT;
}

static bool has(struct weir_str list, struct weir_str broker)
{
    struct weir_str item;

    while (str_split(&list, ',', &item)) {
        if (str_eq(item, broker))
            return true;
    }
    return false;
}

bool brokers_shared(const struct config_keys *a, const struct config_keys *b)
{
    struct weir_str left = brokers_of(a), right = brokers_of(b), item;

    if (!left.len || !right.len)
        return true;
    while (str_split(&left, ',', &item)) {
        if (item.len && has(right, item))
            return true;
    }
    return false;
}
