/* plan.c: see plan.h. */
#include "supervise/plan.h"

#include "kafka/check.h"
#include "supervise/snapshot.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* The folder of the running program. */
static bool program_dir(char *dir, size_t room)
{
    ssize_t n = readlink("/proc/self/exe", dir, room - 1);
    char *slash;

    if (n <= 0)
        return false;
    dir[n] = '\0';
    slash = strrchr(dir, '/');
    if (!slash)
        return false;
    *slash = '\0';
    return true;
}

bool plan_plugin_path(struct loader *loader, const struct config *config)
{
    char self[PATH_MAX / 2], beside[PATH_MAX], installed[PATH_MAX];
    size_t count = config ? config->host.plugin_path.count : 0, n = 0;
    struct weir_str *dirs = calloc(count + 1, sizeof *dirs);
    bool good;

    if (!dirs)
        return false;
    while (n < count) {
        dirs[n] = config->host.plugin_path.items[n];
        n++;
    }
    if (program_dir(self, sizeof self)) {
        snprintf(beside, sizeof beside, "%s/plugins", self);
        snprintf(installed, sizeof installed, "%s/%s", self, WEIR_PLUGIN_DIR_FROM_EXE);
        if (access(beside, R_OK) == 0)
            dirs[n++] = str_of(beside);
        else
            dirs[n++] = str_of(installed);
    } else {
        dirs[n++] = STR(WEIR_PLUGIN_DIR);
    }
    good = loader_set_path(loader, dirs, n);
    free(dirs);
    return good;
}

/* A chain that could not be made is asked about its clients all the same: every error at once. */
static void ask_librdkafka(const struct config *config, const struct config_chain *conf,
                           const struct chain *chain, struct diag *diag)
{
    struct weir_topic *const *topics = NULL;
    struct settings settings;
    size_t count = 0;

    if (!conf->source.ptr || !conf->group.ptr)
        return; /* said already */
    if (chain)
        topics = chain_topics(chain, &count);
    settings_read(&settings, config, conf);
    client_check(&settings, topics, count, diag);
}

static bool prepare(const struct plan_from *from, struct loader *loader, const struct config *config)
{
    return from->snapshot ? snapshot_give(from->snapshot, loader) : plan_plugin_path(loader, config);
}

static void make_chains(struct plan *plan, const struct plan_from *from, struct loader *loader,
                        struct diag *diag)
{
    for (size_t i = 0; i < plan->count; i++) {
        struct config_chain *conf = &plan->config->chains[i];

        conf->task = from->task;
        if (from->only.ptr && !str_eq(from->only, conf->name))
            continue;
        loader_for_chain(loader, (uint32_t)i);
        plan->chains[i] = chain_new(plan->config, conf, loader, diag);
        if (!from->no_kafka)
            ask_librdkafka(plan->config, conf, plan->chains[i], diag);
    }
}

struct plan *plan_load(const struct plan_from *from, struct loader *loader, struct diag *diag)
{
    const char *dir = from->snapshot ? snapshot_dir(from->snapshot) : from->dir;
    struct plan *plan = calloc(1, sizeof *plan);
    size_t errors = diag->errors;

    if (!plan) {
        config_destroy(from->config);
        goto no_memory;
    }
    plan->config = from->snapshot ? from->config : config_load(from->dir, &config_process_env, diag);
    if (!plan->config)
        goto out;
    plan->chains = calloc(plan->config->chain_count + 1, sizeof *plan->chains);
    if (!plan->chains || !prepare(from, loader, plan->config))
        goto no_memory;
    plan->count = plan->config->chain_count;
    make_chains(plan, from, loader, diag);
    goto out;
no_memory:
    diag_error(diag, (struct place){dir, 0}, "no memory");
out:
    if (from->snapshot)
        loader_forget(loader);
    if (diag->errors == errors)
        return plan;
    plan_destroy(plan);
    return NULL;
}

void plan_destroy(struct plan *plan)
{
    if (!plan)
        return;
    for (size_t i = 0; i < plan->count; i++)
        chain_destroy(plan->chains[i]);
    free(plan->chains);
    config_destroy(plan->config);
    free(plan);
}
