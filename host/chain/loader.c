/* loader.c: from NAME.so to a checked description.
 *
 * dlopen() knows an object by the path string first, so a replaced file under an old path would give the old
 * code; and a file that is overwritten in place changes under the feet of who mapped it. Both are avoided by
 * mapping a sealed memory file of our own, once for each content. Its descriptor stays open for good: a
 * reused number would again be a known path.
 *
 * A process that must run what another one has read is given the other's sealed copies. They are mapped as
 * they are, without a second copy, and otherwise read and judged like files, so that a message is the same
 * whoever read the file.
 *
 * RTLD_NOW finds undefined symbols here and not in mid-stream; RTLD_LOCAL keeps two generations apart.
 * Nothing is dlclose()d, not even what was refused: its constructors have run. */
#include "chain/loader.h"

#include "base/arena.h"
#include "chain/note.h"
#include "config/config.h"
#include "config/options.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct mapped {
    struct mapped *next;
    struct plugin plugin;
    char *name, *path;
    char *refusal; /* why it is no plugin for us; NULL: it is one */
};

/* What loader_give() was told. */
struct given {
    struct given *next;
    char *name, *path, *why;
    int fd; /* the giver's; -1: there is no copy, and why says so */
};

struct loader {
    struct arena arena;
    struct weir_list path;
    struct mapped *mapped;
    struct given *given;
    struct note *note; /* NULL: nobody wants to know */
    uint32_t stage;    /* what note says of the next call */
    bool in_place;     /* files are mapped, not copies */
    char file[4096];   /* path of the file at hand */
    struct buf why;
};

static void destroy_mapped(struct mapped *m)
{
    if (!m)
        return;
    free(m->name);
    free(m->path);
    free(m->refusal);
    free(m);
}

struct loader *loader_new(void)
{
    struct loader *loader = calloc(1, sizeof *loader);

    if (!loader)
        return NULL;
    arena_init(&loader->arena, 1024, SIZE_MAX);
    buf_init(&loader->why, 4096);
    return loader;
}

bool loader_set_path(struct loader *loader, const struct weir_str *dirs, size_t count)
{
    struct weir_str *items;

    arena_reset(&loader->arena);
    loader->path = (struct weir_list){NULL, 0};
    items = arena_alloc(&loader->arena, (count + 1) * sizeof *items);
    for (size_t i = 0; items && i < count; i++) {
        items[i] = arena_str(&loader->arena, dirs[i]);
        if (!items[i].ptr)
            return false;
    }
    loader->path = (struct weir_list){items, items ? count : 0};
    return items != NULL;
}

void loader_destroy(struct loader *loader)
{
    struct mapped *next;

    if (!loader)
        return;
    loader_forget(loader);
    for (struct mapped *m = loader->mapped; m; m = next) {
        next = m->next;
        destroy_mapped(m);
    }
    arena_fini(&loader->arena);
    buf_fini(&loader->why);
    free(loader);
}

__attribute__((format(printf, 2, 3))) static void say(struct loader *loader, const char *fmt, ...)
{
    va_list ap;

    buf_reset(&loader->why);
    va_start(ap, fmt);
    buf_add_vfmt(&loader->why, fmt, ap);
    va_end(ap);
}

void loader_map_in_place(struct loader *loader)
{
    loader->in_place = true;
}

/* ---- copies from hand to hand */

bool loader_copy(struct loader *loader, struct weir_str name, struct plugin_copy *out)
{
    struct buf bytes;
    int fd;

    *out = (struct plugin_copy){.fd = -1};
    buf_init(&bytes, PLUGIN_FILE_MAX);
    fd = plugin_file_find(loader->path, name, loader->file, sizeof loader->file, &loader->why);
    if (fd >= 0 && plugin_file_read(fd, loader->file, &bytes, &loader->why)) {
        sha256_hex(buf_str(&bytes), out->hash);
        out->fd = plugin_file_seal(name, &bytes, &loader->why);
    }
    if (fd >= 0)
        close(fd);
    buf_fini(&bytes);
    if (out->fd >= 0)
        out->path = loader->file;
    else
        out->why = buf_text(&loader->why);
    return out->fd >= 0;
}

static void destroy_given(struct given *g)
{
    free(g->name);
    free(g->path);
    free(g->why);
    free(g);
}

bool loader_give(struct loader *loader, struct weir_str name, const struct plugin_copy *copy)
{
    struct given *g = calloc(1, sizeof *g);

    if (!g)
        return false;
    g->fd = copy->fd;
    g->name = str_dup(name);
    g->path = str_dup(str_of(copy->path));
    g->why = str_dup(str_of(copy->why));
    if (!g->name || !(copy->fd >= 0 ? g->path : g->why)) {
        destroy_given(g);
        return false;
    }
    g->next = loader->given;
    loader->given = g;
    return true;
}

void loader_forget(struct loader *loader)
{
    struct given *next;

    for (struct given *g = loader->given; g; g = next) {
        next = g->next;
        destroy_given(g);
    }
    loader->given = NULL;
}

/* ---- notes */

void loader_note(struct loader *loader, struct note *note)
{
    loader->note = note;
}

void loader_for_chain(struct loader *loader, uint32_t chain)
{
    if (loader->note)
        loader->note->chain = chain;
}

void loader_for_stage(struct loader *loader, uint32_t stage)
{
    loader->stage = stage;
}

void loader_begin(struct loader *loader, enum note_call call, uint32_t stage)
{
    if (!loader->note)
        return;
    note_record(loader->note, NOTE_NO_RECORD, 0, false);
    note_begin(loader->note, call, stage);
}

void loader_end(struct loader *loader)
{
    if (loader->note)
        note_end(loader->note);
}

/* ---- mapping it */

/* The loader's text speaks of our descriptor; people know the file. */
static void say_dlerror(struct loader *loader, const char *path, const char *copy)
{
    const char *text = dlerror();

    if (!text)
        text = "unknown reason";
    if (strncmp(text, copy, strlen(copy)) == 0 && text[strlen(copy)] == ':')
        text += strlen(copy) + 2;
    say(loader, "%s does not load: %s; build it against this machine's libraries, all symbols defined", path,
        text);
}

static bool check_version(struct loader *loader, const char *path, const struct weir_plugin *p)
{
    if (p->magic != WEIR_ABI_MAGIC)
        say(loader, "%s is no weir plugin: its magic is 0x%08x, not 0x%08x; export it with WEIR_PLUGIN()",
            path, p->magic, WEIR_ABI_MAGIC);
    else if (p->major != WEIR_ABI_MAJOR)
        say(loader, "%s was built for ABI %d.%d, this weir has %d.%d; build it with this weir's plugin.h",
            path, p->major, p->minor, WEIR_ABI_MAJOR, WEIR_ABI_MINOR);
    else if (p->needs_minor > WEIR_ABI_MINOR)
        say(loader,
            "%s needs ABI %d.%u, this weir has %d.%d; update weir, or build it with -DWEIR_NEEDS_MINOR=%d",
            path, p->major, p->needs_minor, WEIR_ABI_MAJOR, WEIR_ABI_MINOR, WEIR_ABI_MINOR);
    else if (p->size < offsetof(struct weir_plugin, restore) + sizeof p->restore)
        say(loader, "%s has a description of %u bytes, 1.0 has %zu; build it with this weir's plugin.h", path,
            p->size, sizeof *p);
    else
        return true;
    return false;
}

/* All that is wrong with the option table, in one line. */
static bool check_options(struct loader *loader, const char *path, const struct weir_plugin *p)
{
    struct diag diag;
    bool good;

    diag_init(&diag);
    good =
        options_check_table(p->options, p->self_size, config_stage_options, (struct place){path, 0}, &diag);
    if (!good) {
        say(loader, "%s has a broken option table", path);
        for (size_t i = 0; i < diag.count; i++)
            buf_add_fmt(&loader->why, "%s %s", i ? ";" : ":", diag.items[i].text);
    }
    diag_fini(&diag);
    return good;
}

static bool check_description(struct loader *loader, const char *path, struct weir_str name,
                              const struct weir_plugin *p)
{
    const char *why = NULL;

    if (!p->name || !p->version || !p->help)
        why = "name, version and help must be set";
    else if (!str_is(name, p->name))
        why = "its name is not that of the file; rename one of them";
    else if (!p->process)
        why = "it has no process callback";
    else if (p->flags & ~(uint32_t)(WEIR_SINK | WEIR_FAIL_CLOSED | WEIR_EMITS))
        why = "it has flags that this weir does not know";
    else if (!p->save != !p->restore)
        why = "save and restore come together";
    if (why)
        say(loader, "%s has a broken description: %s", path, why);
    return !why && check_options(loader, path, p);
}

/* By the process's number: a debugger opens what has this name, and its own "self" is another process. Not
 * where /proc is that of other numbers. */
static const char *name_copy(char *name, size_t room, int fd)
{
    struct stat here, there;

    snprintf(name, room, "/proc/%d/fd/%d", (int)getpid(), fd);
    if (fstat(fd, &here) != 0 || stat(name, &there) != 0 || here.st_dev != there.st_dev ||
        here.st_ino != there.st_ino)
        snprintf(name, room, "/proc/self/fd/%d", fd);
    return name;
}

/* Runs the constructors of the file, and asks it for its description. NULL: it has none, or the file does not
 * load, and then *object is NULL, too. */
static const struct weir_plugin *ask(struct loader *loader, const char *path, int fd, void **object)
{
    const struct weir_plugin *about = NULL;
    weir_plugin_function *entry = NULL;
    char copy[64];
    const char *name = path;

    if (!loader->in_place)
        name = name_copy(copy, sizeof copy, fd);
    loader_begin(loader, NOTE_LOAD, loader->stage);
    *object = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (*object)
        *(void **)&entry = dlsym(*object, WEIR_PLUGIN_SYMBOL);
    if (entry)
        about = entry();
    loader_end(loader);
    if (!*object)
        say_dlerror(loader, path, name);
    else if (!about)
        say(loader, "%s is no weir plugin: %s; end it with WEIR_PLUGIN(…)", path,
            entry ? "its " WEIR_PLUGIN_SYMBOL "() gives nothing" : "it does not export " WEIR_PLUGIN_SYMBOL);
    return about;
}

/* Maps a sealed copy, which it takes, and judges what it exports. NULL: not mapped. A refusal is kept beside
 * the mapping, so that the same file, tried again at every reload, costs nothing more. */
static struct mapped *map(struct loader *loader, struct weir_str name, const char *path, int fd)
{
    struct mapped *m = calloc(1, sizeof *m);
    const struct weir_plugin *about;
    void *object = NULL;

    if (!m || !(m->path = strdup(path)) || !(m->name = str_dup(name))) {
        say(loader, "no memory");
        goto fail;
    }
    about = ask(loader, path, fd, &object);
    if (!object)
        goto fail;
    if (!about || !check_version(loader, path, about))
        goto refuse;
    memcpy(&m->plugin.about, about, about->size < sizeof *about ? about->size : sizeof *about);
    if (!check_description(loader, path, name, &m->plugin.about))
        goto refuse;
    m->plugin.name = str_of(m->name);
    m->plugin.path = str_of(m->path);
    return m;
refuse:
    m->refusal = str_dup(buf_str(&loader->why));
    if (m->refusal)
        return m;
fail:
    if (!object)
        close(fd);
    destroy_mapped(m);
    return NULL;
}

static struct mapped *known(const struct loader *loader, struct weir_str name, const char *path,
                            const char *hash)
{
    for (struct mapped *m = loader->mapped; m; m = m->next) {
        if (str_is(name, m->name) && strcmp(m->path, path) == 0 && strcmp(m->plugin.hash, hash) == 0)
            return m;
    }
    return NULL;
}

/* A copy that was given is borrowed: what is read and mapped is a descriptor of our own. */
static int open_given(struct loader *loader, const struct given *g)
{
    int fd = -1;

    if (g->fd < 0)
        say(loader, "%s", g->why);
    else if ((fd = fcntl(g->fd, F_DUPFD_CLOEXEC, 0)) < 0)
        say(loader, "cannot read %s: %s", g->path, strerror(errno));
    return fd;
}

static const struct given *find_given(const struct loader *loader, struct weir_str name)
{
    const struct given *g = loader->given;

    while (g && !str_is(name, g->name))
        g = g->next;
    return g;
}

const struct plugin *loader_open(struct loader *loader, struct weir_str name, const char **why)
{
    const struct given *given = find_given(loader, name);
    const char *path = given ? given->path : loader->file;
    char hash[SHA256_HEX];
    struct mapped *m = NULL;
    struct buf bytes;
    int fd, copy;

    buf_init(&bytes, PLUGIN_FILE_MAX);
    buf_reset(&loader->why);
    fd = given ? open_given(loader, given)
               : plugin_file_find(loader->path, name, loader->file, sizeof loader->file, &loader->why);
    if (fd < 0 || !plugin_file_read(fd, path, &bytes, &loader->why) ||
        !plugin_file_looks_loadable(path, &bytes, &loader->why))
        goto out;
    sha256_hex(buf_str(&bytes), hash);
    m = known(loader, name, path, hash);
    if (m)
        goto out;
    copy = given ? fd : plugin_file_seal(name, &bytes, &loader->why);
    if (given)
        fd = -1;
    m = copy >= 0 ? map(loader, name, path, copy) : NULL;
    if (m) {
        memcpy(m->plugin.hash, hash, sizeof hash);
        m->next = loader->mapped;
        loader->mapped = m;
    }
out:
    if (fd >= 0)
        close(fd);
    buf_fini(&bytes);
    if (m && !m->refusal)
        return &m->plugin;
    *why = m ? m->refusal : buf_text(&loader->why);
    return NULL;
}

/* ---- listing */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void loader_list(struct loader *loader, void (*visit)(void *arg, struct weir_str name), void *arg)
{
    char **names = NULL;
    size_t count = 0, room = 0;

    for (size_t i = 0; i < loader->path.count; i++) {
        DIR *dir = opendir(loader->path.items[i].ptr);
        struct dirent *entry;

        while (dir && (entry = readdir(dir))) {
            size_t n = strlen(entry->d_name);

            if (n <= 3 || strcmp(entry->d_name + n - 3, ".so") != 0)
                continue;
            if (count == room) {
                char **more = realloc(names, (room = room ? room * 2 : 16) * sizeof *names);

                if (!more)
                    break;
                names = more;
            }
            names[count] = strndup(entry->d_name, n - 3);
            count += names[count] != NULL;
        }
        if (dir)
            closedir(dir);
    }
    if (count)
        qsort(names, count, sizeof *names, by_name);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || strcmp(names[i], names[i - 1]) != 0)
            visit(arg, str_of(names[i]));
    }
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    free(names);
}
