/* brokers.c: see brokers.h. */
#include "config/brokers.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define ADDRESS_MAX 300

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

/* host:port without the protocol, and with Kafka's port where none is given. */
static void address(struct weir_str broker, char to[static ADDRESS_MAX])
{
    const char *scheme = memmem(broker.ptr, broker.len, "://", 3);
    struct weir_str host = broker;
    const char *colon;
    bool has_port;

    if (scheme)
        host = str_make(scheme + 3, broker.len - (size_t)(scheme + 3 - broker.ptr));
    colon = memrchr(host.ptr, ':', host.len);
    has_port = colon && !memchr(colon, ']', host.len - (size_t)(colon - host.ptr));
    snprintf(to, ADDRESS_MAX, STR_FMT "%s", STR_ARG(host), has_port ? "" : ":9092");
}

static bool has(struct weir_str list, struct weir_str broker)
{
    char mine[ADDRESS_MAX], other[ADDRESS_MAX];
    struct weir_str item;

    address(broker, mine);
    while (str_split(&list, ',', &item)) {
        address(item, other);
        if (item.len && strcasecmp(mine, other) == 0)
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
