/* key.h: one `key = value` of a configuration file, from the reader to the typed option. */
#ifndef WEIR_CONFIG_KEY_H
#define WEIR_CONFIG_KEY_H

#include "config/diag.h"

struct config_key {
    struct weir_str name;
    struct weir_str written; /* the value as it stands in the file: the only form that a message may show */
    struct weir_str value;   /* with every ${…} resolved; NUL-terminated */
    struct place place;
    bool hidden; /* value came from an interpolation: never show it */
    bool broken; /* there is an error about it already: do not read value */
};

/** In the order of the file; no name stands twice. */
struct config_keys {
    struct config_key *items;
    size_t count;
};

/** The key of that name, or NULL. A name that ends with a dot finds the first key that begins with it. */
const struct config_key *config_keys_find(const struct config_keys *keys, const char *name);

/** The last one of that name, or NULL: of librdkafka's properties it is the one that counts, since a chain's
 * own stand behind those of [kafka]. */
const struct config_key *config_keys_last(const struct config_keys *keys, const char *name);

/** Where an option was set, else the place given (that of its section). */
struct place config_keys_place(const struct config_keys *keys, const char *name, struct place otherwise);

/** Same names and resolved values in the same order. */
bool config_keys_eq(const struct config_keys *a, const struct config_keys *b);

#endif
