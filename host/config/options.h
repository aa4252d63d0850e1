/* options.h: option tables (weir/plugin.h), filled from the keys of a section.
 *
 * The same code serves plugins and the host's own sections. A table may come from a plugin that was built
 * with an older or newer header: it is walked by the size that its first entry states, and what an entry of
 * an older header does not have reads as zero. A max of 0 under a min above 0 means "no upper bound". */
#ifndef WEIR_CONFIG_OPTIONS_H
#define WEIR_CONFIG_OPTIONS_H

#include "config/key.h"

/* ---- walking a table */

struct options_walk {
    const char *at; /* NULL: at the end */
    size_t stride;
};

/** table may be NULL: no options. */
struct options_walk options_walk(const struct weir_option *table);
/** The next entry as a copy of this header's size. False at the end. */
bool options_next(struct options_walk *walk, struct weir_option *out);
/** The entry that takes this key, by its name or its prefix. */
bool options_find(const struct weir_option *table, struct weir_str key, struct weir_option *out);
/** The key that the user writes. */
struct weir_str options_name(const struct weir_option *o);

/* ---- filling a state struct */

/** Makes handles for options of type field, fields and topic. Each returns NULL with *why, a predicate that
 *  holds no part of the text ("is not a path"). path is NUL-terminated. */
struct option_binder {
    void *self;
    const struct weir_field *(*field)(void *self, const char *path, const char **why);
    const struct weir_topic *(*topic)(void *self, struct weir_str name, const char **why);
};

struct options_input {
    const char *owner;  /* for messages: `stage "age"` */
    struct place place; /* of the section, for what is missing from it */
    const struct config_keys *keys;
    const struct weir_option *also;     /* names of the section that others take: only to suggest; or NULL */
    const struct option_binder *binder; /* NULL: the table has no field, fields, topic */
    struct arena *arena;                /* for texts and lists: lives as long as the state struct */
    struct diag *diag;
};

/** Fills self, which is zeroed, and reports everything that is wrong. False: it told of errors.
 *  What the file sets is config_keys_find() on the same keys. */
bool options_fill(const struct weir_option *table, void *self, const struct options_input *in);

/** Reports each mistake of a table to its author: names, duplicates, defaults, bounds, offsets within
 * self_size. reserved: names it must not use, or NULL. at: the plugin's file. False: it told of errors. */
bool options_check_table(const struct weir_option *table, size_t self_size,
                         const struct weir_option *reserved, struct place at, struct diag *d);

/* ---- describing an option */

/** One option for a person to read; the texts are in the arena or the table. Absent texts are "". */
struct option_doc {
    struct weir_str name;  /* of a prefix: "topic.*" */
    struct weir_str type;  /* "duration", "choice", … */
    struct weir_str def;   /* as it would be written */
    struct weir_str range; /* "at least 10ms", "1 to 5", "json, bytes" */
    struct weir_str help;
    bool required;
};

/** False where memory ends. */
bool options_describe(const struct weir_option *o, struct arena *a, struct option_doc *out);

/** A bound as the user would write it: "10ms", "64KiB", "3", "0.5". */
struct weir_str options_bound_text(uint32_t type, double bound, struct arena *a);
bool options_has_min(const struct weir_option *o);
bool options_has_max(const struct weir_option *o);

#endif
