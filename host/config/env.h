/* env.h: the outside world of a configuration: its directory, its files, the environment.
 *
 * Whatever config_load() learns from outside, it asks here, so that somebody else can answer: a test, who has
 * an environment of its own, or a process that must read exactly what another one has read. */
#ifndef WEIR_CONFIG_ENV_H
#define WEIR_CONFIG_ENV_H

#include "config/file.h"

/** list and read answer as file_list() and file_read() do; NULL: these two, from the disk. */
struct config_env {
    void *self;
    const char *(*get)(void *self, const char *name); /* a variable; NULL: it is not set */
    bool (*list)(void *self, const char *dir, struct arena *a, struct weir_list *names, const char **why);
    struct weir_str (*read)(void *self, const char *path, struct arena *a, const char **why);
};

/** The disk, and the process's own environment. */
extern const struct config_env config_process_env;

/** What env answers, or the disk where it leaves that open. */
bool env_list(const struct config_env *env, const char *dir, struct arena *a, struct weir_list *names,
              const char **why);
struct weir_str env_read(const struct config_env *env, const char *path, struct arena *a, const char **why);

#endif
