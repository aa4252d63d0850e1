/* loader.c: from NAME.so to a checked description.
 *
 * dlopen() knows an object by the path string first, so a replaced file under an old path would give the old
 * code; and a file that is overwritten in place changes under the feet of who mapped it. Both are avoided by
 * mapping a sealed memory file of our own, once for each content. Its descriptor stays open for good: a
 * reused number would again be a known path.
 *
 * RTLD_NOW finds undefined symbols here and not in mid-stream; RTLD_LOCAL keeps two generations apart.
 * Nothing is dlclose()d, not even what was refused: its constructors have run. */
#include "chain/loader.h"

#include "base/arena.h"
#include "base/buf.h"
#include "config/config.h"
#include "config/options.h"

#include <dirent.h>
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX_BYTES ((size_t)256 << 20)

struct mapped {
    struct mapped *next;
    struct plugin plugin;
    char *name, *path;
    char *refusal; /* why it is no plugin for us; NULL: it is one */
};

struct loader {
    struct arena arena;
    struct weir_list path;
    struct mapped *mapped;
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

/* ---- reading the file */

/* Opens NAME.so in the first directory that has it. -1: none has, and why lists where it was looked for. */
static int find(struct loader *loader, struct weir_str name, char *path, size_t room)
{
    for (size_t i = 0; i < loader->path.count; i++) {
        int fd;

        if ((size_t)snprintf(path, room, STR_FMT "/" STR_FMT ".so", STR_ARG(loader->path.items[i]),
                             STR_ARG(name)) >= room)
            continue;
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd >= 0)
            return fd;
        if (errno != ENOENT && errno != ENOTDIR) {
            say(loader, "cannot read %s: %s", path, strerror(errno));
            return -1;
        }
    }
    say(loader, "there is no plugin \"" STR_FMT "\": no " STR_FMT ".so in", STR_ARG(name), STR_ARG(name));
    for (size_t i = 0; i < loader->path.count; i++)
        buf_add_fmt(&loader->why, "%s " STR_FMT, i ? "," : "", STR_ARG(loader->path.items[i]));
    if (!loader->path.count)
        buf_add_text(&loader->why, " the empty plugin path");
    buf_add_text(&loader->why, "; put it there, or name its folder in plugin_path under [host]");
    return -1;
}

static bool read_all(struct loader *loader, int fd, const char *path, struct buf *bytes)
{
    struct stat st;
    ssize_t n = 1;

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        say(loader, "%s is not a regular file", path);
        return false;
    }
    while (n > 0 && buf_reserve(bytes, 65536)) {
        n = read(fd, bytes->ptr + bytes->len, 65536);
        if (n > 0)
            bytes->len += (size_t)n;
        else if (n < 0 && errno == EINTR)
            n = 1;
    }
    if (n != 0) {
        say(loader, "cannot read %s: %s", path, n < 0 ? strerror(errno) : "too large or no memory");
        return false;
    }
    return true;
}

/* What dlopen() would say in words that help nobody. */
static bool looks_loadable(struct loader *loader, const char *path, const struct buf *bytes)
{
    const unsigned char *head = (const unsigned char *)bytes->ptr;
    Elf64_Ehdr elf;

    if (bytes->len < SELFMAG || memcmp(head, ELFMAG, SELFMAG) != 0) {
        say(loader, "%s is not a shared object (no ELF header); build it with cc -shared -fPIC", path);
        return false;
    }
    if (sizeof(void *) != 8 || head[EI_CLASS] != ELFCLASS64 || bytes->len < sizeof elf)
        return true; /* dlopen() will tell */
    memcpy(&elf, bytes->ptr, sizeof elf);
    if (elf.e_shoff > bytes->len || (uint64_t)elf.e_shnum * elf.e_shentsize > bytes->len - elf.e_shoff) {
        say(loader, "%s is truncated: it has %zu bytes and its header speaks of more; copy it again", path,
            bytes->len);
        return false;
    }
    return true;
}

static bool hash_hex(const struct buf *bytes, char out[65])
{
    unsigned char md[EVP_MAX_MD_SIZE];
    size_t n = 0;

    if (!EVP_Q_digest(NULL, "SHA256", NULL, bytes->ptr, bytes->len, md, &n) || n != 32)
        return false;
    for (size_t i = 0; i < n; i++)
        snprintf(out + 2 * i, 3, "%02x", md[i]);
    return true;
}

/* ---- mapping it */

static int private_copy(struct loader *loader, struct weir_str name, const struct buf *bytes)
{
    char label[80];
    size_t done = 0;
    int fd;

    snprintf(label, sizeof label, "weir-" STR_FMT, STR_ARG(name));
    fd = memfd_create(label, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    while (fd >= 0 && done < bytes->len) {
        ssize_t n = write(fd, bytes->ptr + done, bytes->len - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            goto fail;
        done += (size_t)n;
    }
    if (fd >= 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
        return fd;
fail:
    say(loader, "no memory for a private copy of plugin \"" STR_FMT "\": %s", STR_ARG(name), strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

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

/* Maps the bytes and judges what they export. NULL: not mapped. A refusal is kept beside the mapping, so that
 * the same file, tried again at every reload, costs nothing more. */
static struct mapped *map(struct loader *loader, struct weir_str name, const char *path,
                          const struct buf *bytes)
{
    struct mapped *m = calloc(1, sizeof *m);
    const struct weir_plugin *about;
    weir_plugin_function *entry;
    void *object = NULL;
    char copy[64];
    int fd = -1;

    if (!m || !(m->path = strdup(path)) || !(m->name = str_dup(name))) {
        say(loader, "no memory");
        goto fail;
    }
    fd = private_copy(loader, name, bytes);
    if (fd < 0)
        goto fail;
    snprintf(copy, sizeof copy, "/proc/self/fd/%d", fd);
    object = dlopen(copy, RTLD_NOW | RTLD_LOCAL);
    if (!object) {
        say_dlerror(loader, path, copy);
        goto fail;
    }
    *(void **)&entry = dlsym(object, WEIR_PLUGIN_SYMBOL);
    about = entry ? entry() : NULL;
    if (!about)
        say(loader, "%s is no weir plugin: it %s; end it with WEIR_PLUGIN(…)", path,
            entry ? WEIR_PLUGIN_SYMBOL "() gives nothing" : "does not export " WEIR_PLUGIN_SYMBOL);
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
    if (fd >= 0)
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

const struct plugin *loader_open(struct loader *loader, struct weir_str name, const char **why)
{
    struct mapped *m = NULL;
    char path[4096], hash[65];
    struct buf bytes;
    int fd;

    buf_init(&bytes, FILE_MAX_BYTES);
    buf_reset(&loader->why);
    fd = find(loader, name, path, sizeof path);
    if (fd < 0 || !read_all(loader, fd, path, &bytes) || !looks_loadable(loader, path, &bytes))
        goto out;
    if (!hash_hex(&bytes, hash)) {
        say(loader, "cannot hash %s: OpenSSL has no SHA-256", path);
        goto out;
    }
    m = known(loader, name, path, hash);
    if (m)
        goto out;
    m = map(loader, name, path, &bytes);
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
