/* inifile.h: a configuration file as sections and keys, by way of inih, with none of inih's traps.
 *
 * What a line may look like is line.h. A file holds each section once, and in a section each key once. */
#ifndef WEIR_CONFIG_INIFILE_H
#define WEIR_CONFIG_INIFILE_H

#include "config/env.h"
#include "config/key.h"

#define INIFILE_LINES_MAX 10000

struct inifile_section {
    struct weir_str kind, name; /* [kind name]; name absent: [kind] */
    struct place place;
    struct config_keys keys;
    bool broken; /* its first line is faulty: nothing about its keys is known to be meant */
};

struct inifile {
    const char *path; /* as messages show it */
    struct inifile_section *sections;
    size_t count;
};

/** Reads a text. What is good is in *file, also where the answer is false: there are new errors in d.
 *  Owns: the arena. path is borrowed, and must live as long. */
bool inifile_parse(struct inifile *file, const char *path, struct weir_str text, struct arena *a,
                   struct diag *d);

/** Reads a file by its path. */
bool inifile_load(struct inifile *file, const char *path, const struct config_env *env, struct arena *a,
                  struct diag *d);

#endif
