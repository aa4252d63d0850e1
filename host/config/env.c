/* env.c: see env.h. */
#include "config/env.h"

#include <stdlib.h>

bool env_list(const struct config_env *env, const char *dir, struct arena *a, struct weir_list *names,
              const char **why)
{
    return env->list ? env->list(env->self, dir, a, names, why) : file_list(dir, a, names, why);
}

struct weir_str env_read(const struct config_env *env, const char *path, struct arena *a, const char **why)
{
    return env->read ? env->read(env->self, path, a, why) : file_read(path, a, why);
}

static const char *process_variable(void *self, const char *name)
{
    (void)self;
    return getenv(name);
}

const struct config_env config_process_env = {.get = process_variable};
