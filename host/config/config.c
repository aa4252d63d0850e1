/* config.c: reads a configuration directory; see config.h.
 *
 * All files are read and resolved first, then the sections are sorted out, then filled: [kafka] may stand in
 * a later file than the chain that inherits it. */
#include "config/config.h"

#include <stdio.h>
#include <stdlib.h>

#include "config/delivery.h"
#include "config/inifile.h"
#include "config/interpolate.h"
#include "config/names.h"
#include "config/reserved.h"
#include "config/sections.h"
#include "config/suggest.h"

#define MEMORY_MAX ((size_t)256 << 20)

struct loading {
    struct config *config;
    struct inifile *files;
    const struct inifile_section **chain_sections; /* one for each of config->chains */
    struct config_chain *chain;                    /* opened in the file at hand; NULL: none yet */
    bool unsure;                                   /* a faulty line of it may have opened a section */
    struct config_stage *stages; /* room for the next stage: those of a chain are neighbours */
    struct diag *diag;
};

/* ---- which files */

static bool nothing(struct diag *d, const char *dir, const char *what)
{
    diag_error(d, (struct place){dir, 0}, "%s", what);
    return false;
}

static bool no_memory(struct diag *d, const char *dir)
{
    return nothing(d, dir, "out of memory");
}

static bool list_files(struct config *c, const struct config_env *env, struct diag *d)
{
    struct weir_list names = {NULL, 0};
    const char **paths, *why;

    if (!env_list(env, c->dir, &c->arena, &names, &why)) {
        diag_error(d, (struct place){c->dir, 0}, "the configuration directory %s", why);
        return false;
    }
    if (!names.count)
        return nothing(d, c->dir, "the directory holds no *.conf file");
    paths = arena_alloc(&c->arena, names.count * sizeof *paths);
    for (size_t i = 0; paths && i < names.count; i++) {
        paths[i] = arena_fmt(&c->arena, "%s/" STR_FMT, c->dir, STR_ARG(names.items[i])).ptr;
        if (!paths[i])
            paths = NULL;
    }
    if (!paths)
        return no_memory(d, c->dir);
    c->files = paths;
    c->file_count = names.count;
    return true;
}

/* ---- reading them */

static void resolve(struct inifile *file, const struct interpolation *with)
{
    for (size_t i = 0; i < file->count; i++) {
        struct config_keys *keys = &file->sections[i].keys;

        for (size_t j = 0; j < keys->count && !file->sections[i].broken; j++)
            interpolate(with, &keys->items[j]);
    }
}

static bool read_files(struct loading *l, const struct config_env *env)
{
    struct config *c = l->config;
    struct interpolation with = {env, c->dir, &c->arena, l->diag};

    l->files = arena_zalloc(&c->arena, c->file_count * sizeof *l->files);
    if (!l->files)
        return no_memory(l->diag, c->dir);
    for (size_t i = 0; i < c->file_count; i++) {
        inifile_load(&l->files[i], c->files[i], env, &c->arena, l->diag);
        resolve(&l->files[i], &with);
    }
    return true;
}

/* ---- sorting out the sections */

/* How many sections of a kind there are, or keys in them. */
static size_t count(const struct loading *l, const char *kind, bool keys)
{
    size_t n = 0;

    for (size_t i = 0; i < l->config->file_count; i++) {
        for (size_t j = 0; j < l->files[i].count; j++) {
            const struct inifile_section *s = &l->files[i].sections[j];

            if (str_is(s->kind, kind))
                n += keys ? s->keys.count : 1;
        }
    }
    return n;
}

/* Adds the keys of a section that may stand in several files. */
static void add_shared(const struct inifile_section *s, struct config_keys *to, struct diag *d)
{
    for (size_t i = 0; i < s->keys.count; i++) {
        const struct config_key *key = &s->keys.items[i], *other = NULL;

        for (size_t j = 0; j < to->count && !other; j++) {
            if (str_eq(to->items[j].name, key->name))
                other = &to->items[j];
        }
        if (other)
            diag_error(d, key->place, "[" STR_FMT "]: \"" STR_FMT "\" stands here and at %s:%u",
                       STR_ARG(s->kind), STR_ARG(key->name), other->place.file, other->place.line);
        else
            to->items[to->count++] = *key;
    }
}

enum section_kind { HOST, KAFKA, HTTP, CHAIN, STAGE };
static const char *const kinds[] = {"host", "kafka", "http", "chain", "stage", NULL};

static bool has_name(const struct inifile_section *s, enum section_kind kind, struct diag *d)
{
    bool named = kind == CHAIN || kind == STAGE;

    if (!named && s->name.ptr)
        diag_error(d, s->place, "[%s] takes no name", kinds[kind]);
    else if (named && !s->name.ptr)
        diag_error(d, s->place, "[%s] needs a name: [%s NAME]", kinds[kind], kinds[kind]);
    else if (named && !name_is_chain(s->name))
        diag_error(d, s->place, "the name of a %s is [a-z0-9][a-z0-9_-]*, at most 64 bytes", kinds[kind]);
    else
        return true;
    return false;
}

static void open_chain(struct loading *l, const struct inifile_section *s)
{
    struct config *c = l->config;
    const struct config_chain *first = l->chain;
    struct config_chain *chain = &c->chains[c->chain_count];

    if (first)
        diag_error(l->diag, s->place,
                   "a second chain in this file; the first stands at line %u (one chain a file)",
                   first->place.line);
    for (size_t i = 0; i < c->chain_count && s->name.ptr && !first; i++) {
        if (str_eq(c->chains[i].name, s->name))
            diag_error(l->diag, s->place, "chain \"" STR_FMT "\" stands here and at %s:%u", STR_ARG(s->name),
                       c->chains[i].place.file, c->chains[i].place.line);
    }
    *chain = (struct config_chain){.name = s->name, .place = s->place, .stages = l->stages};
    l->chain_sections[c->chain_count++] = s;
    l->chain = chain;
}

static void add_stage(struct loading *l, const struct inifile_section *s)
{
    struct config_stage stage = {.name = s->name, .place = s->place};

    if (!l->chain && !l->unsure)
        diag_error(l->diag, s->place, "a stage before the [chain NAME] that it belongs to");
    if (str_is(s->name, "parse"))
        diag_error(l->diag, s->place, "\"parse\" is the name of the host's own step: take another");
    section_stage(&stage, &s->keys, &l->config->arena, l->diag);
    if (!l->chain)
        return;
    *l->stages++ = stage;
    l->chain->stage_count++;
}

static void sort_out(struct loading *l, struct inifile_section *s)
{
    struct config *c = l->config;
    struct suggest near;
    int kind = 0;

    while (kinds[kind] && !str_is(s->kind, kinds[kind]))
        kind++;
    if (s->broken) {
        l->unsure = true;
        return;
    }
    if (kind == CHAIN)
        open_chain(l, s); /* also one with a bad name: the stages below it belong to it */
    if (!kinds[kind]) {
        diag_error(l->diag, s->place, "unknown section [" STR_FMT "]%s", STR_ARG(s->kind),
                   suggest_among(&near, s->kind, kinds));
        return;
    }
    if (!has_name(s, (enum section_kind)kind, l->diag))
        return;
    if (kind == HOST)
        add_shared(s, &c->host_keys, l->diag);
    else if (kind == KAFKA)
        add_shared(s, &c->kafka, l->diag);
    else if (kind == HTTP)
        reserved_check("http", "[http]", &s->keys, l->diag);
    else if (kind == STAGE)
        add_stage(l, s);
}

/* Fills the chains, and drops those with a bad name. */
static void fill_chains(struct loading *l)
{
    struct config *c = l->config;
    size_t opened = c->chain_count;

    c->chain_count = 0;
    for (size_t i = 0; i < opened; i++) {
        struct config_chain *chain = &c->chains[c->chain_count];
        const struct inifile_section *s = l->chain_sections[i];

        if (!name_is_chain(s->name))
            continue;
        *chain = c->chains[i];
        c->chain_count++;
        section_chain(chain, &s->keys, &c->kafka, &c->arena, l->diag);
        delivery_settle(c, chain, l->diag);
        if (!chain->stage_count)
            diag_error(l->diag, chain->place, "chain \"" STR_FMT "\" has no [stage NAME]",
                       STR_ARG(chain->name));
    }
}

static bool read_sections(struct loading *l)
{
    struct config *c = l->config;
    struct arena *a = &c->arena;

    c->host_keys.items = arena_alloc(a, count(l, "host", true) * sizeof *c->host_keys.items);
    c->kafka.items = arena_alloc(a, count(l, "kafka", true) * sizeof *c->kafka.items);
    c->chains = arena_alloc(a, count(l, "chain", false) * sizeof *c->chains);
    l->chain_sections = arena_alloc(a, count(l, "chain", false) * sizeof *l->chain_sections);
    l->stages = arena_alloc(a, count(l, "stage", false) * sizeof *l->stages);
    if (!c->host_keys.items || !c->kafka.items || !c->chains || !l->chain_sections || !l->stages)
        return no_memory(l->diag, c->dir);
    for (size_t i = 0; i < c->file_count; i++) {
        struct inifile *file = &l->files[i];

        l->chain = NULL;
        l->unsure = false;
        for (size_t j = 0; j < file->count; j++)
            sort_out(l, &file->sections[j]);
    }
    section_host(c, l->diag);
    section_kafka(c, l->diag);
    fill_chains(l);
    if (!c->chain_count && !l->diag->errors)
        nothing(l->diag, c->dir, "no file holds a [chain NAME]");
    return true;
}

/* ---- the whole */

static struct config *new_config(const char *dir)
{
    struct config *c = calloc(1, sizeof *c);
    struct weir_str path = str_of(dir);

    if (!c)
        return NULL;
    arena_init(&c->arena, (size_t)64 << 10, MEMORY_MAX);
    while (path.len > 1 && path.ptr[path.len - 1] == '/')
        path.len--;
    c->dir = arena_str(&c->arena, path).ptr;
    if (c->dir)
        return c;
    config_destroy(c);
    return NULL;
}

struct config *config_load(const char *dir, const struct config_env *env, struct diag *d)
{
    struct loading l = {.config = new_config(dir), .diag = d};

    if (!l.config) {
        no_memory(d, dir);
        return NULL;
    }
    if (list_files(l.config, env, d) && read_files(&l, env) && read_sections(&l))
        return l.config;
    config_destroy(l.config);
    return NULL;
}

void config_destroy(struct config *c)
{
    if (!c)
        return;
    arena_fini(&c->arena);
    free(c);
}

const struct config_chain *config_chain_named(const struct config *c, struct weir_str name)
{
    for (size_t i = 0; i < c->chain_count; i++) {
        if (str_eq(c->chains[i].name, name))
            return &c->chains[i];
    }
    return NULL;
}
