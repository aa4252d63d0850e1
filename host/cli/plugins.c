/* plugins.c: `weir plugins`: what plugins there are, and what options each takes. */
#include "cli/commands.h"
#include "cli/reference.h"
#include "supervise/forked.h"

#include <stdio.h>

/* What one process does: all of what was asked for, or one plugin of many. */
struct asked {
    struct loader *loader;
    struct forked *forked;
    struct weir_str name; /* of the one plugin; absent: all */
    int broken;
};

static int complain(struct weir_str name, const char *why)
{
    if (name.ptr)
        fprintf(stderr, "weir plugins: " STR_FMT ": %s\n", STR_ARG(name), why);
    else
        fprintf(stderr, "weir plugins: %s\n", why);
    return EXIT_TROUBLE;
}

/* Does the work in a process of its own, and tells its end. */
static int apart(struct asked *asked, int (*work)(void *self))
{
    struct diag diag;
    int status;

    diag_init(&diag);
    status = forked_run(asked->forked, work, asked, &diag);
    if (status == FORKED_DIED)
        status = complain(asked->name, diag.count ? diag.items[0].text : "no memory");
    diag_fini(&diag);
    return status;
}

static int print_line(void *self)
{
    const struct asked *asked = self;
    const char *why = NULL;
    const struct plugin *p = loader_open(asked->loader, asked->name, &why);

    if (!p) {
        fprintf(stderr, "weir plugins: %s\n", why);
        return EXIT_TROUBLE;
    }
    printf("%-16s %-8s %s\n", p->about.name, p->about.version, p->about.help);
    return EXIT_OK;
}

static void list_one(void *self, struct weir_str name)
{
    struct asked *asked = self;

    asked->name = name;
    if (apart(asked, print_line) != EXIT_OK)
        asked->broken++;
}

static void print_option(const struct option_doc *doc)
{
    printf("  " STR_FMT "  (" STR_FMT, STR_ARG(doc->name), STR_ARG(doc->type));
    if (doc->range.len)
        printf(": " STR_FMT, STR_ARG(doc->range));
    if (doc->required)
        printf(", required");
    else if (doc->def.len)
        printf(", default " STR_FMT, STR_ARG(doc->def));
    printf(")\n      " STR_FMT "\n", STR_ARG(doc->help));
}

/* But for `plugin`, which has led here. */
static void print_host_options(void)
{
    struct options_walk walk = options_walk(config_stage_options);
    struct weir_option option;
    const char *before = "";

    printf("\nBeside them, every stage takes ");
    while (options_next(&walk, &option)) {
        struct weir_str name = options_name(&option);

        if (str_is(name, "plugin"))
            continue;
        printf("%s" STR_FMT, before, STR_ARG(name));
        before = ", ";
    }
    printf(".\n");
}

static int print_plugin(void *self)
{
    const struct asked *asked = self;
    const char *why = NULL;
    const struct plugin *p = loader_open(asked->loader, asked->name, &why);
    struct options_walk walk;
    struct weir_option option;
    struct arena arena;

    if (!p) {
        fprintf(stderr, "weir plugins: %s\n", why);
        return EXIT_TROUBLE;
    }
    printf("%s %s: %s\n%s\nfile " STR_FMT ", SHA-256 %.16s…\n", p->about.name, p->about.version,
           p->about.help, reference_kind(&p->about), STR_ARG(p->path), p->hash);
    arena_init(&arena, 4096, (size_t)1 << 20);
    walk = options_walk(p->about.options);
    printf("\nOptions:\n");
    while (options_next(&walk, &option)) {
        struct option_doc doc;

        if (options_describe(&option, &arena, &doc))
            print_option(&doc);
    }
    print_host_options();
    arena_fini(&arena);
    return EXIT_OK;
}

/* Says which ones cannot be loaded, before anything is printed. */
static int try_one(void *self)
{
    const struct asked *asked = self;
    const char *why = NULL;

    if (loader_open(asked->loader, asked->name, &why))
        return EXIT_OK;
    fprintf(stderr, "weir plugins: %s\n", why);
    return EXIT_TROUBLE;
}

static void try_each(void *self, struct weir_str name)
{
    struct asked *asked = self;

    asked->name = name;
    if (apart(asked, try_one) != EXIT_OK)
        asked->broken++;
}

static int print_reference(void *self)
{
    const struct asked *asked = self;

    return reference_print(asked->loader) ? EXIT_TROUBLE : EXIT_OK;
}

static int run(const struct command *command, int argc, char **argv)
{
    const char *dir = NULL;
    bool markdown = false;
    const struct arg args[] = {
        {.letter = 'c',
         .name = "config",
         .value = "DIR",
         .help = "search the plugin_path of this configuration, too",
         .text = &dir},
        {.name = "markdown",
         .help = "print the reference of all sections and plugins as Markdown",
         .flag = &markdown},
        {0},
    };
    struct asked asked = {0};
    struct config *config = NULL;
    struct diag diag;
    int first, status = args_read(command, args, argc, argv, &first);

    if (status >= 0)
        return status;
    if (argc - first > 1)
        return args_wrong(command, "one name at most");
    diag_init(&diag);
    if (dir)
        config = config_load(dir, &config_process_env, &diag);
    asked.loader = loader_new();
    asked.forked = asked.loader ? forked_new(NULL, asked.loader) : NULL;
    if (diag.errors || !asked.forked || !plan_plugin_path(asked.loader, config)) {
        diag_print(&diag, stderr);
        status = EXIT_CONFIG;
    } else if (markdown) {
        loader_list(asked.loader, try_each, &asked);
        asked.name = STR_ABSENT;
        status = asked.broken ? EXIT_TROUBLE : apart(&asked, print_reference);
    } else if (first < argc) {
        asked.name = str_of(argv[first]);
        status = apart(&asked, print_plugin);
    } else {
        loader_list(asked.loader, list_one, &asked);
        status = asked.broken ? EXIT_TROUBLE : EXIT_OK;
    }
    forked_destroy(asked.forked);
    loader_destroy(asked.loader);
    config_destroy(config);
    diag_fini(&diag);
    return status;
}

const struct command command_plugins = {
    .name = "plugins",
    .usage = "[-c DIR] [NAME | --markdown]",
    .summary = "lists the plugins, or the options of one",
    .run = run,
};
