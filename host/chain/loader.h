/* loader.h: finds plugins and maps them.
 *
 * A file is opened once, hashed, copied to a private place in memory and mapped from there, so that replacing
 * or truncating it under a running host is harmless, and the hash that is logged is of the code that runs.
 * Nothing is ever unmapped: threads, TLS and libraries of a plugin make that unsafe. The same bytes are
 * mapped once, however many generations use them.
 *
 * Thread: one at a time.
 */
#ifndef WEIR_CHAIN_LOADER_H
#define WEIR_CHAIN_LOADER_H

#include "base/str.h"

struct loader;

/** A plugin as it is mapped. Lives as long as the process. */
struct plugin {
    struct weir_plugin about; /* a copy: what an older header did not have reads as zero */
    struct weir_str name;
    struct weir_str path; /* of the file that it was read from */
    char hash[65];        /* SHA-256 of that file, lower-case hex */
};

/** NULL: no memory. */
struct loader *loader_new(void);
/** Forgets what was mapped, unmaps nothing. */
void loader_destroy(struct loader *loader);

/** The directories that are searched from now on, in order. Copied. False: no memory. */
bool loader_set_path(struct loader *loader, const struct weir_str *dirs, size_t count);

/** The plugin of that name, from the first directory that has NAME.so; read anew each time, so that a
 *  replaced file is noticed.
 *  Errors: NULL, and *why says what is wrong, with the file, and what to do. Borrowed until the next call. */
const struct plugin *loader_open(struct loader *loader, struct weir_str name, const char **why);

/** Calls visit for the name of every NAME.so in the path, in name order, each name once. */
void loader_list(struct loader *loader, void (*visit)(void *arg, struct weir_str name), void *arg);

#endif
