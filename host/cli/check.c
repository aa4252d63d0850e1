/* check.c: `weir check`, everything that can be known of a configuration without a broker. */
#include "cli/commands.h"
#include "supervise/plan.h"

#include <stdio.h>

static void print_summary(const char *dir, const struct plan *g, const struct diag *diag)
{
    size_t stages = 0;

    for (size_t i = 0; i < g->count; i++)
        stages += g->config->chains[i].stage_count;
    printf("%s: %zu %s, %zu %s: no errors, %zu %s\n", dir, g->count, g->count == 1 ? "chain" : "chains",
           stages, stages == 1 ? "stage" : "stages", diag->warnings,
           diag->warnings == 1 ? "warning" : "warnings");
}

static int run(const struct command *command, int argc, char **argv)
{
    const char *dir = "conf.d";
    const struct arg args[] = {
        ARG_CONFIG(&dir),
        {0},
    };
    struct loader *loader;
    struct plan *g;
    struct diag diag;
    int status = args_read_options(command, args, argc, argv, "name the directory with -c");

    if (status >= 0)
        return status;
    diag_init(&diag);
    loader = loader_new();
    g = loader ? plan_load(&(struct plan_from){.dir = dir}, loader, &diag) : NULL;
    diag_print(&diag, stderr);
    if (g)
        print_summary(dir, g, &diag);
    else
        fprintf(stderr, "%s: %zu %s\n", dir, diag.errors, diag.errors == 1 ? "error" : "errors");
    status = g ? EXIT_OK : EXIT_CONFIG;
    plan_destroy(g);
    loader_destroy(loader);
    diag_fini(&diag);
    return status;
}

const struct command command_check = {
    .name = "check",
    .usage = "[-c DIR]",
    .summary = "checks a configuration and all its plugins, without a broker",
    .details = "Errors and warnings go to standard error, each with file and line.\n"
               "Exit status: 0 where there are no errors, else 78.\n",
    .run = run,
};
