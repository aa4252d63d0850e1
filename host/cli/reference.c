/* reference.c: `weir plugins --markdown`. docs/reference.md is its output for the shipped plugins, and a test
 * sees to it that the two agree. */
#include "cli/reference.h"

#include "config/config.h"

#include <stdio.h>

struct printer {
    struct loader *loader;
    struct arena arena;
    int broken;
};

const char *reference_kind(const struct weir_plugin *about)
{
    if (about->flags & WEIR_SINK)
        return "a sink";
    if (about->flags & WEIR_FAIL_CLOSED)
        return "fail-closed: it sees every route, and stands before every sink";
    return about->flags & WEIR_EMITS ? "makes records: needs emit = ROUTE" : "a transform";
}

/* A cell must not end early. */
static void print_cell(struct weir_str text)
{
    putchar(' ');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '|')
            putchar('\\');
        putchar(text.ptr[i]);
    }
    fputs(" |", stdout);
}

static void print_code_cell(struct weir_str text)
{
    if (text.len)
        printf(" `" STR_FMT "` |", STR_ARG(text));
    else
        fputs(" |", stdout);
}

static void print_table(struct printer *p, const struct weir_option *table)
{
    struct options_walk walk = options_walk(table);
    struct weir_option option;
    struct option_doc doc;

    printf("\n| option | type | default | range | |\n| --- | --- | --- | --- | --- |\n");
    while (options_next(&walk, &option)) {
        if (!options_describe(&option, &p->arena, &doc))
            continue;
        fputs("|", stdout);
        print_code_cell(doc.name);
        print_cell(doc.type);
        if (doc.required)
            print_cell(STR("required"));
        else
            print_code_cell(doc.def);
        print_cell(doc.range);
        print_cell(doc.help);
        putchar('\n');
    }
}

static void print_plugin(void *self, struct weir_str name)
{
    struct printer *p = self;
    const char *why = NULL;
    const struct plugin *plugin = loader_open(p->loader, name, &why);

    if (!plugin) {
        fprintf(stderr, "weir plugins: %s\n", why);
        p->broken++;
        return;
    }
    printf("\n### %s\n\n%s (%s).\n", plugin->about.name, plugin->about.help, reference_kind(&plugin->about));
    if (plugin->about.options)
        print_table(p, plugin->about.options);
}

static void print_section(struct printer *p, const struct config_section *section)
{
    printf("\n### %s\n\n%s.\n", section->title, section->help);
    if (section->options)
        print_table(p, section->options);
    if (section->passes)
        printf("\nIt also takes %s.\n", section->passes);
}

int reference_print(struct loader *loader)
{
    struct printer p = {.loader = loader};
    const struct config_section *sections;
    size_t count;

    arena_init(&p.arena, 4096, (size_t)1 << 24);
    sections = config_sections(&count);
    printf("# Configuration reference\n\n"
           "Generated from the option tables by `weir plugins --markdown`; a test keeps it in step.\n\n"
           "## Sections\n");
    for (size_t i = 0; i < count; i++)
        print_section(&p, &sections[i]);
    printf("\n## Plugins\n");
    loader_list(loader, print_plugin, &p);
    arena_fini(&p.arena);
    return p.broken;
}
