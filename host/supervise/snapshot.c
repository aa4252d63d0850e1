/* snapshot.c: see snapshot.h.
 *
 * All of it but the plugins is one text in sealed memory: the directory, every question with its answer, and
 * what is known of the plugins. The plugins' copies are descriptors of their own, since they are mapped.
 * Taking a snapshot ends with opening it: what the supervisor keeps is what its workers will read.
 *
 *     64 bytes   SHA-256 of all that follows, in hex
 *     text       directory
 *     number     of answers, for each: number (its kind), name, text, why
 *     number     of plugins, for each: name, path, hash, why; with a path it has a descriptor
 *
 * A number has 32 bits. A text is the number of its bytes plus one, the bytes, a NUL; 0 alone: absent. */
#include "supervise/snapshot.h"

#include "base/sha256.h"
#include "config/changes.h"
#include "supervise/answers.h"
#include "supervise/plan.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define HASH_LEN (SHA256_HEX - 1)

struct snapshot {
    unsigned users;
    struct buf blob; /* all texts are in it */
    struct arena arena;
    const char *dir;
    struct answers answers;
    struct snapshot_plugin *plugins;
    size_t n_plugins;
    int fds[SNAPSHOT_FDS_MAX]; /* the blob, then those of the plugins in their order */
    size_t n_fds;
    char **environ;
    struct config *config; /* NULL: not taken here */
};

/* ---- writing */

static void put_number(struct buf *to, size_t n)
{
    uint32_t wire = (uint32_t)n;

    if (n >= UINT32_MAX)
        to->failed = true;
    buf_add(to, str_make((const char *)&wire, sizeof wire));
}

static void put_text(struct buf *to, struct weir_str text)
{
    put_number(to, text.ptr ? text.len + 1 : 0);
    if (!text.ptr)
        return;
    buf_add(to, text);
    buf_add_char(to, '\0');
}

static void put_answers(struct buf *to, const struct answers *as)
{
    put_number(to, as->count);
    for (size_t i = 0; i < as->count; i++) {
        put_number(to, (size_t)as->items[i].kind);
        put_text(to, as->items[i].name);
        put_text(to, as->items[i].text);
        put_text(to, as->items[i].why);
    }
}

/* The whole, sealed, from its text behind the hash. -1: no memory, or why says what else. */
static int seal(const struct buf *body, struct buf *why)
{
    char hash[SHA256_HEX];
    struct buf whole;
    int fd;

    buf_init(&whole, PLUGIN_FILE_MAX);
    sha256_hex(buf_str(body), hash);
    buf_add(&whole, str_make(hash, HASH_LEN));
    buf_add(&whole, buf_str(body));
    whole.failed |= body->failed;
    fd = whole.failed ? -1 : plugin_file_seal(STR("configuration"), &whole, why);
    buf_fini(&whole);
    return fd;
}

/* ---- taking */

/* The plugins of a configuration, while they are copied. */
struct copying {
    const struct config *config;
    struct loader *loader;
    struct buf out; /* their part of the text */
    size_t count;
    int fds[SNAPSHOT_FDS_MAX]; /* [0] is free for the blob */
    size_t n_fds;
};

/* True for the first stage of all that names its plugin. */
static bool is_first(const struct config *c, const struct config_stage *stage)
{
    for (size_t i = 0; i < c->chain_count; i++) {
        for (size_t j = 0; j < c->chains[i].stage_count; j++) {
            const struct config_stage *other = &c->chains[i].stages[j];

            if (other == stage)
                return true;
            if (str_eq(other->plugin, stage->plugin))
                return false;
        }
    }
    return true;
}

static void copy_plugin(struct copying *c, struct weir_str name)
{
    struct plugin_copy copy;
    bool good = loader_copy(c->loader, name, &copy);

    c->count++;
    put_text(&c->out, name);
    put_text(&c->out, str_of(copy.path));
    put_text(&c->out, good ? str_make(copy.hash, HASH_LEN) : STR_ABSENT);
    put_text(&c->out, str_of(copy.why));
    if (good)
        c->fds[c->n_fds++] = copy.fd;
}

/* False: too many. */
static bool copy_plugins(struct copying *c)
{
    for (size_t i = 0; i < c->config->chain_count; i++) {
        const struct config_chain *chain = &c->config->chains[i];

        for (size_t j = 0; j < chain->stage_count; j++) {
            if (!is_first(c->config, &chain->stages[j]))
                continue;
            if (c->n_fds == SNAPSHOT_FDS_MAX)
                return false;
            copy_plugin(c, chain->stages[j].plugin);
        }
    }
    return true;
}

/* Takes the descriptors, whatever happens. NULL: no memory, or diag says what else. */
static struct snapshot *assemble(const char *dir, const struct answers *as, struct copying *c,
                                 struct diag *diag)
{
    struct snapshot *s = NULL;
    struct buf body, why;

    buf_init(&body, PLUGIN_FILE_MAX);
    buf_init(&why, 4096);
    put_text(&body, str_of(dir));
    put_answers(&body, as);
    put_number(&body, c->count);
    buf_add(&body, buf_str(&c->out));
    body.failed |= c->out.failed || as->failed;
    c->fds[0] = seal(&body, &why);
    if (why.len)
        diag_error(diag, (struct place){dir, 0}, "%s", buf_text(&why));
    if (c->fds[0] >= 0)
        s = snapshot_open(c->fds, c->n_fds);
    else
        for (size_t i = 1; i < c->n_fds; i++)
            close(c->fds[i]);
    buf_fini(&why);
    buf_fini(&body);
    return s;
}

struct snapshot *snapshot_take(const char *dir, struct diag *diag)
{
    struct copying c = {.n_fds = 1};
    struct snapshot *s = NULL;
    struct config *config = NULL;
    size_t errors = diag->errors;
    struct answers as;

    answers_init(&as, true);
    buf_init(&c.out, PLUGIN_FILE_MAX);
    c.config = config = config_load(dir, &as.env, diag);
    if (!config || diag->errors > errors)
        goto out;
    c.loader = loader_new();
    if (c.loader && plan_plugin_path(c.loader, config)) {
        if (!copy_plugins(&c))
            diag_error(diag, (struct place){dir, 0}, "the chains name more than %d different plugins",
                       SNAPSHOT_FDS_MAX - 1);
        s = assemble(dir, &as, &c, diag);
    }
    if (!s && diag->errors == errors)
        diag_error(diag, (struct place){dir, 0}, "no memory for a copy of the configuration");
out:
    if (s) {
        s->config = config;
        config = NULL;
    }
    if (diag->errors > errors) {
        snapshot_release(s);
        s = NULL;
    }
    config_destroy(config);
    loader_destroy(c.loader);
    buf_fini(&c.out);
    answers_fini(&as);
    return s;
}

/* ---- reading */

/* What was not read yet. After a mistake it is empty, and all that is taken from it. */
struct reading {
    const char *at, *end;
    bool failed;
};

static size_t take_number(struct reading *r)
{
    uint32_t wire;

    if (r->failed || (size_t)(r->end - r->at) < sizeof wire) {
        r->failed = true;
        return 0;
    }
    memcpy(&wire, r->at, sizeof wire);
    r->at += sizeof wire;
    return wire;
}

static struct weir_str take_text(struct reading *r)
{
    size_t n = take_number(r);
    struct weir_str text;

    if (n == 0)
        return STR_ABSENT;
    if (n > (size_t)(r->end - r->at) || r->at[n - 1] != '\0') {
        r->failed = true;
        return STR_ABSENT;
    }
    text = str_make(r->at, n - 1);
    r->at += n;
    return text;
}

static bool take_answers(struct reading *r, struct answers *as)
{
    size_t count = take_number(r);

    for (size_t i = 0; i < count && !r->failed; i++) {
        size_t kind = take_number(r);
        struct weir_str name = take_text(r), text = take_text(r), why = take_text(r);

        if (kind >= ANSWER_KINDS || !name.ptr)
            r->failed = true;
        else if (!answers_add(as, (struct answer){(enum answer_kind)kind, name, text, why}))
            return false;
    }
    return !r->failed;
}

static bool take_plugins(struct reading *r, struct snapshot *s)
{
    size_t count = take_number(r), fd = 1;

    if (count >= (size_t)(r->end - r->at)) /* each has many bytes */
        return count == 0 && s->n_fds == fd;
    s->plugins = arena_zalloc(&s->arena, (count + 1) * sizeof *s->plugins);
    for (s->n_plugins = 0; s->plugins && s->n_plugins < count && !r->failed; s->n_plugins++) {
        struct snapshot_plugin *p = &s->plugins[s->n_plugins];

        p->name = take_text(r);
        p->path = take_text(r);
        p->hash = take_text(r);
        p->why = take_text(r);
        p->fd = -1;
        if (!p->name.ptr || !p->path.ptr != !p->hash.ptr || !p->path.ptr == !p->why.ptr)
            r->failed = true;
        else if (p->path.ptr && fd == s->n_fds)
            r->failed = true;
        else if (p->path.ptr)
            p->fd = s->fds[fd++];
    }
    return s->plugins && !r->failed && fd == s->n_fds;
}

static bool make_environ(struct snapshot *s)
{
    size_t n = 0;

    s->environ = arena_zalloc(&s->arena, (s->answers.count + 1) * sizeof *s->environ);
    for (size_t i = 0; s->environ && i < s->answers.count; i++) {
        const struct answer *a = &s->answers.items[i];

        if (a->kind != ANSWER_VARIABLE || !a->text.ptr)
            continue;
        s->environ[n] = arena_alloc(&s->arena, a->name.len + a->text.len + 2);
        if (!s->environ[n])
            return false;
        memcpy(s->environ[n], a->name.ptr, a->name.len);
        s->environ[n][a->name.len] = '=';
        memcpy(s->environ[n] + a->name.len + 1, a->text.ptr, a->text.len + 1);
        n++;
    }
    return s->environ != NULL;
}

/* False: not a text that was sealed here. */
static bool read_blob(struct snapshot *s)
{
    char hash[SHA256_HEX];
    struct buf why;
    bool good;

    buf_init(&why, 4096);
    good = plugin_file_read(s->fds[0], "", &s->blob, &why) && s->blob.len > HASH_LEN;
    if (good) {
        sha256_hex(str_make(s->blob.ptr + HASH_LEN, s->blob.len - HASH_LEN), hash);
        good = memcmp(hash, s->blob.ptr, HASH_LEN) == 0;
    }
    buf_fini(&why);
    return good;
}

static bool parse(struct snapshot *s)
{
    struct reading r = {s->blob.ptr + HASH_LEN, s->blob.ptr + s->blob.len, false};

    s->dir = take_text(&r).ptr;
    return s->dir && take_answers(&r, &s->answers) && take_plugins(&r, s) && r.at == r.end && make_environ(s);
}

/* Also whether nobody can change what they hold. */
static bool look_at_fds(struct snapshot *s)
{
    const int seals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW;

    for (size_t i = 0; i < s->n_fds; i++) {
        int has = fcntl(s->fds[i], F_GET_SEALS);

        if (has < 0 || (has & seals) != seals)
            return false;
    }
    return s->n_fds > 0;
}

static bool find_inodes(struct snapshot *s)
{
    struct stat st;

    for (size_t i = 0; i < s->n_plugins; i++) {
        struct snapshot_plugin *p = &s->plugins[i];

        if (p->fd >= 0 && fstat(p->fd, &st) != 0)
            return false;
        p->inode = p->fd >= 0 ? st.st_ino : 0;
    }
    return true;
}

struct snapshot *snapshot_open(const int *fds, size_t count)
{
    struct snapshot *s = count <= SNAPSHOT_FDS_MAX ? calloc(1, sizeof *s) : NULL;

    if (!s) {
        for (size_t i = 0; i < count; i++)
            close(fds[i]);
        return NULL;
    }
    s->users = 1;
    buf_init(&s->blob, PLUGIN_FILE_MAX);
    arena_init(&s->arena, 4096, SIZE_MAX);
    answers_init(&s->answers, false);
    for (; s->n_fds < count; s->n_fds++)
        s->fds[s->n_fds] = fds[s->n_fds];
    if (look_at_fds(s) && read_blob(s) && parse(s) && find_inodes(s))
        return s;
    snapshot_release(s);
    return NULL;
}

/* ---- keeping */

struct snapshot *snapshot_keep(struct snapshot *s)
{
    s->users++;
    return s;
}

void snapshot_release(struct snapshot *s)
{
    if (!s || --s->users > 0)
        return;
    for (size_t i = 0; i < s->n_fds; i++)
        close(s->fds[i]);
    config_destroy(s->config);
    answers_fini(&s->answers);
    arena_fini(&s->arena);
    buf_fini(&s->blob);
    free(s);
}

/* ---- asking */

const int *snapshot_fds(const struct snapshot *s, size_t *count)
{
    *count = s->n_fds;
    return s->fds;
}

char *const *snapshot_environ(const struct snapshot *s)
{
    return s->environ;
}

const struct config *snapshot_config(const struct snapshot *s)
{
    return s->config;
}

const struct config_chain *snapshot_chain(const struct snapshot *s, struct weir_str name)
{
    return s->config ? config_chain_named(s->config, name) : NULL;
}

const char *snapshot_dir(const struct snapshot *s)
{
    return s->dir;
}

const struct config_env *snapshot_env(const struct snapshot *s)
{
    return &s->answers.env;
}

bool snapshot_give(const struct snapshot *s, struct loader *loader)
{
    for (size_t i = 0; i < s->n_plugins; i++) {
        const struct snapshot_plugin *p = &s->plugins[i];

        if (!loader_give(loader, p->name,
                         &(struct plugin_copy){.path = p->path.ptr, .fd = p->fd, .why = p->why.ptr}))
            return false;
    }
    return true;
}

bool snapshot_chain_same(const struct snapshot *a, const struct snapshot *b, struct weir_str name)
{
    const struct config_chain *chain_a = snapshot_chain(a, name), *chain_b = snapshot_chain(b, name);

    if (!chain_a || !chain_b || !config_chain_same(a->config, chain_a, b->config, chain_b))
        return false;
    for (size_t i = 0; i < chain_a->stage_count; i++) {
        const struct snapshot_plugin *p = snapshot_plugin(a, chain_a->stages[i].plugin),
                                     *q = snapshot_plugin(b, chain_b->stages[i].plugin);

        if (!p || !q || !str_eq(p->hash, q->hash))
            return false;
    }
    return true;
}

const struct snapshot_plugin *snapshot_by_inode(const struct snapshot *s, uint64_t inode)
{
    for (size_t i = 0; i < s->n_plugins; i++) {
        if (s->plugins[i].fd >= 0 && s->plugins[i].inode == inode)
            return &s->plugins[i];
    }
    return NULL;
}

const struct snapshot_plugin *snapshot_plugin(const struct snapshot *s, struct weir_str name)
{
    for (size_t i = 0; i < s->n_plugins; i++) {
        if (str_eq(s->plugins[i].name, name))
            return &s->plugins[i];
    }
    return NULL;
}
