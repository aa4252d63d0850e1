/* brokers.c: see brokers.h. */
#include "cli/brokers.h"

#include "config/property.h"

#include <stdlib.h>

static struct config_key make_key(struct weir_str name, struct weir_str value)
{
    return (struct config_key){
        .name = name,
        .written = value,
        .value = value,
        .hidden = property_is_secret(name),
    };
}

bool brokers_property(void *self, const char *text)
{
    struct brokers *b = self;
    const char *is = strchr(text, '=');
    char *name;

    if (!is || is == text || b->count == BROKERS_KEYS_MAX)
        return false;
    if (property_refused(str_make(text, (size_t)(is - text))))
        return false;
    name = strndup(text, (size_t)(is - text)); /* lives as long as the process, as its arguments do */
    if (!name)
        return false;
    b->items[++b->count] = make_key(str_of(name), str_of(is + 1));
    return true;
}

void brokers_prefer(struct brokers *b, const char *name, const char *value)
{
    if (b->count == BROKERS_KEYS_MAX)
        return;
    memmove(&b->items[2], &b->items[1], b->count * sizeof b->items[0]);
    b->items[1] = make_key(str_of(name), str_of(value));
    b->count++;
}

struct config_keys brokers_keys(struct brokers *b)
{
    b->items[0] = make_key(STR("bootstrap.servers"), str_of(brokers_address(b)));
    return (struct config_keys){b->items, b->count + 1};
}

const char *brokers_address(const struct brokers *b)
{
    const char *env = getenv(BROKERS_ENV);

    if (b->bootstrap)
        return b->bootstrap;
    return env && *env ? env : "localhost:9092";
}
