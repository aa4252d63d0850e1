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

#include "base/sha256.h"
#include "chain/note.h"
#include "chain/plugin_file.h"

struct loader;

/** A plugin as it is mapped. Lives as long as the process. */
struct plugin {
    struct weir_plugin about; /* a copy: what an older header did not have reads as zero */
    struct weir_str name;
    struct weir_str path; /* of the file that it was read from */
    char hash[SHA256_HEX];
};

/** NULL: no memory. */
struct loader *loader_new(void);
/** Forgets what was mapped, unmaps nothing. */
void loader_destroy(struct loader *loader);

/** The directories that are searched from now on, in order. Copied. False: no memory. */
bool loader_set_path(struct loader *loader, const struct weir_str *dirs, size_t count);

/** From now on maps the files themselves, so that debuggers and valgrind know them by their names. For a
 * process that opens each file once: dlopen() knows it by its path. */
void loader_map_in_place(struct loader *loader);

/** The plugin of that name, from the first directory that has NAME.so; read anew each time, so that a
 *  replaced file is noticed.
 *  Errors: NULL, and *why says what is wrong, with the file, and what to do. Borrowed until the next call. */
const struct plugin *loader_open(struct loader *loader, struct weir_str name, const char **why);

/** Calls visit for the name of every NAME.so in the path, in name order, each name once. */
void loader_list(struct loader *loader, void (*visit)(void *arg, struct weir_str name), void *arg);

/* ---- one process reads, another maps */

/** What loader_open() would map, or why it could not read it. */
struct plugin_copy {
    const char *path; /* of the file that it was read from */
    char hash[SHA256_HEX];
    int fd;          /* sealed memory; -1: there is none */
    const char *why; /* then what loader_open() would say */
};

/** Copies the plugin of that name, as loader_open() would find it, and maps nothing. False: out->why.
 *  Owns: the caller closes out->fd. The texts are borrowed until the next call. */
bool loader_copy(struct loader *loader, struct weir_str name, struct plugin_copy *out);

/** From now on the plugin of that name is this copy, until loader_forget() or another one is given; or, where
 *  there is none, loader_open() says copy->why. The descriptor is borrowed for that time, the texts are
 *  copied. False: no memory. */
bool loader_give(struct loader *loader, struct weir_str name, const struct plugin_copy *copy);
/** Forgets what was given: plugins come from the path again. What is mapped stays. */
void loader_forget(struct loader *loader);

/* ---- notes about what runs while a generation is made */

/** Where loader_begin() and loader_end() write from now on; NULL: nowhere. */
void loader_note(struct loader *loader, struct note *note);
/** Which chain of the configuration the next calls are for. */
void loader_for_chain(struct loader *loader, uint32_t chain);
/** Which stage the next loader_open() is for. */
void loader_for_stage(struct loader *loader, uint32_t stage);
/** Around a call into a plugin that the loading of a stage makes. loader_open() does it itself. */
void loader_begin(struct loader *loader, enum note_call call, uint32_t stage);
void loader_end(struct loader *loader);

#endif
