/* check.c: `weir check`, everything that can be known of a configuration without a broker. */
#include "cli/commands.h"
#include "supervise/forked.h"

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

/* The first chain with the same source in the same group; NULL: there is none before this one. */
static const struct config_chain *group_mate(const struct config *config, const struct config_chain *chain)
{
    for (const struct config_chain *other = config->chains; other < chain; other++) {
        if (str_eq(chain->source, other->source) && str_eq(chain->group, other->group))
            return other;
    }
    return NULL;
}

static void advise_on_groups(const struct config *config, struct diag *diag)
{
    for (size_t i = 1; i < config->chain_count; i++) {
        const struct config_chain *chain = &config->chains[i], *mate = group_mate(config, chain);

        if (mate)
            diag_warning(diag, chain->place,
                         "chain \"" STR_FMT "\": it has the source and the group of chain \"" STR_FMT
                         "\" (%s:%d), so that each gets some of the records: for all of them it needs a "
                         "group of its own",
                         STR_ARG(chain->name), STR_ARG(mate->name), mate->place.file, mate->place.line);
    }
}

struct checking {
    const char *dir;
    struct forked *forked;
};

/* In a process of its own. */
static int check(void *self)
{
    const struct checking *c = self;
    struct plan *g;
    struct diag diag;
    int status;

    diag_init(&diag);
    g = forked_plan(c->forked, false, &diag);
    if (g)
        advise_on_groups(g->config, &diag);
    diag_print(&diag, stderr);
    if (g)
        print_summary(c->dir, g, &diag);
    else
        fprintf(stderr, "%s: %zu %s\n", c->dir, diag.errors, diag.errors == 1 ? "error" : "errors");
    status = g ? EXIT_OK : EXIT_CONFIG;
    forked_unload(c->forked, g);
    diag_fini(&diag);
    return status;
}

static int run(const struct command *command, int argc, char **argv)
{
    struct checking c = {.dir = "conf.d"};
    const struct arg args[] = {
        ARG_CONFIG(&c.dir),
        {0},
    };
    struct loader *loader;
    struct diag diag;
    int status = args_read_options(command, args, argc, argv, "name the directory with -c");

    if (status >= 0)
        return status;
    diag_init(&diag);
    loader = loader_new();
    c.forked = loader ? forked_new(c.dir, loader) : NULL;
    if (!c.forked)
        diag_error(&diag, (struct place){c.dir, 0}, "no memory");
    status = c.forked ? forked_run(c.forked, check, &c, &diag) : FORKED_DIED;
    diag_print(&diag, stderr);
    if (status == FORKED_DIED) {
        fprintf(stderr, "%s: not checked to its end\n", c.dir);
        status = EXIT_CONFIG;
    }
    forked_destroy(c.forked);
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
