/* fake_host.c: see fake_host.h. Opens plugins, fills their options, and shows them records. */
#include "fake_host.h"

#include <assert.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

static void read_keys(struct fake *f, const char *options)
{
    struct weir_str rest = str_of(options), line, left;

    f->keys.items = calloc(64, sizeof *f->keys.items);
    assert(f->keys.items);
    while (str_split(&rest, '\n', &line)) {
        struct config_key *k = &f->keys.items[f->keys.count];

        if (line.len == 0)
            continue;
        assert(f->keys.count < 64 && memchr(line.ptr, '=', line.len));
        left = line;
        left.len = (size_t)((const char *)memchr(line.ptr, '=', line.len) - line.ptr);
        k->name = arena_str(&f->arena, str_trim(left));
        k->value = arena_str(&f->arena, str_trim(str_make(line.ptr + left.len + 1, line.len - left.len - 1)));
        k->written = k->value;
        k->place = (struct place){"test", (unsigned)++f->keys.count};
    }
}

static bool fill(struct fake *f)
{
    struct option_binder binder = {f, fake_bind, fake_bind_topic};
    struct options_input in = {.owner = "stage",
                               .place = {"test", 0},
                               .keys = &f->keys,
                               .binder = &binder,
                               .arena = &f->arena,
                               .diag = &f->diag};

    return options_check_table(f->plugin->options, f->plugin->self_size, NULL, in.place, &f->diag) &&
           options_fill(f->plugin->options, f->self, &in);
}

static struct fake *open_stage(const char *plugin, const char *options, bool bytes)
{
    struct fake *f = calloc(1, sizeof *f);
    weir_plugin_function *entry;
    char path[512];

    assert(f);
    f->public.host = &fake_services;
    f->bytes = bytes;
    f->now = FAKE_NOW;
    f->timer = -1;
    arena_init(&f->arena, 4096, 1 << 24);
    arena_init(&f->env.arena, 4096, 1 << 26);
    buf_init(&f->out, 1 << 24);
    buf_init(&f->saved, 1 << 24);
    diag_init(&f->diag);
    snprintf(path, sizeof path, "%s/%s.so", PLUGIN_DIR, plugin);
    f->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!f->library) {
        fprintf(stderr, "%s\n", dlerror());
        abort();
    }
    *(void **)&entry = dlsym(f->library, WEIR_PLUGIN_SYMBOL);
    f->plugin = entry();
    assert(f->plugin->magic == WEIR_ABI_MAGIC && strcmp(f->plugin->name, plugin) == 0);
    f->self = calloc(1, f->plugin->self_size);
    assert(f->self);
    read_keys(f, options);
    f->created = fill(f) && (!f->plugin->create || f->plugin->create(&f->public, f->self) == WEIR_OK);
    return f;
}

struct fake *fake_open(const char *plugin, const char *options)
{
    return open_stage(plugin, options, false);
}

struct fake *fake_open_bytes(const char *plugin, const char *options)
{
    return open_stage(plugin, options, true);
}

void fake_close(struct fake *f)
{
    if (f->created && f->plugin->destroy)
        f->plugin->destroy(&f->public, f->self);
    json_object_put(f->env.root);
    arena_fini(&f->env.arena);
    arena_fini(&f->arena);
    buf_fini(&f->out);
    buf_fini(&f->saved);
    diag_fini(&f->diag);
    free(f->keys.items);
    free(f->self);
    free(f); /* the library stays, as it does in the host */
}

const char *fake_said(const struct fake *f)
{
    return f->diag.count ? f->diag.items[0].text : "";
}

struct fake_envelope *fake_record(struct fake *f, const char *json)
{
    struct fake_envelope *env = &f->env;
    struct arena arena = env->arena;

    json_object_put(env->root);
    arena_reset(&arena);
    *env =
        (struct fake_envelope){.public = {&fake_services}, .fake = f, .arena = arena, .route = STR("main")};
    if (json) {
        env->value = arena_str(&env->arena, str_of(json));
        env->root = json_tokener_parse(json);
        assert(env->root);
    }
    return env;
}

int32_t fake_process(struct fake *f)
{
    return f->plugin->process(&f->public, f->self, &f->env.public);
}

const char *fake_value(struct fake *f)
{
    struct weir_str v;

    return weir_value(&f->env.public, &v) == WEIR_OK ? v.ptr : "(none)";
}

const char *fake_out(struct fake *f)
{
    const char *text = arena_str(&f->env.arena, buf_str(&f->out)).ptr;

    buf_reset(&f->out);
    return text;
}

const char *fake_headers(struct fake *f)
{
    struct weir_str text = arena_fmt(&f->env.arena, STR_FMT, STR_ARG(f->env.key.ptr ? f->env.key : STR("-")));

    for (size_t i = 0; i < f->env.n_headers; i++) {
        const struct weir_header *h = &f->env.headers[i];

        text = arena_fmt(&f->env.arena, STR_FMT " " STR_FMT "%s" STR_FMT, STR_ARG(text), STR_ARG(h->name),
                         h->value.ptr ? "=" : "", STR_ARG(h->value));
    }
    return text.ptr;
}
