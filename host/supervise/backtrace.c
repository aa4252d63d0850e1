/* backtrace.c: see backtrace.h.
 *
 * A frame is an address in a process that is gone. Its line of /proc/PID/maps says in which file and where in
 * it; the file itself is found again by its inode: a plugin among the copies of the snapshot, anything else
 * by its path, if that still leads to the same file. What cannot be found is named by file and offset. */
#include "supervise/backtrace.h"

#include "base/buf.h"
#include "supervise/harden.h"
#include "supervise/symbols.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECONDS_MAX 5
#define MEMORY_MAX ((int64_t)1 << 30)
#define FILES_MAX 16

struct file {
    uint64_t inode;
    struct symbols *symbols; /* NULL: it could not be read */
};

struct tracing {
    struct log_place place;
    const struct ledger_crash *crash;
    const struct snapshot *snapshot;
    struct file files[FILES_MAX];
    size_t count;
    bool named; /* what reads the files is there */
};

/* ---- the maps */

struct mapping {
    uint64_t start, end, offset, inode;
    struct weir_str path;
};

static bool take_number(struct weir_str *rest, uint64_t base, char until, uint64_t *n)
{
    static const char digits[] = "0123456789abcdef";
    size_t i = 0;

    for (*n = 0; i < rest->len && rest->ptr[i] != until; i++) {
        const char *digit = memchr(digits, rest->ptr[i], base);

        if (!digit)
            return false;
        *n = *n * base + (uint64_t)(digit - digits);
    }
    if (i == 0 || i == rest->len)
        return false;
    *rest = str_make(rest->ptr + i + 1, rest->len - i - 1);
    return true;
}

static bool skip_word(struct weir_str *rest)
{
    const char *space = rest->len ? memchr(rest->ptr, ' ', rest->len) : NULL;

    if (!space)
        return false;
    *rest = str_make(space + 1, rest->len - (size_t)(space + 1 - rest->ptr));
    return true;
}

/* start-end perms offset device inode path */
static bool read_mapping(struct weir_str line, struct mapping *m)
{
    if (!take_number(&line, 16, '-', &m->start) || !take_number(&line, 16, ' ', &m->end) ||
        !skip_word(&line) || !take_number(&line, 16, ' ', &m->offset) || !skip_word(&line) ||
        !take_number(&line, 10, ' ', &m->inode))
        return false;
    m->path = str_trim(line);
    return true;
}

static bool find_mapping(const struct ledger_crash *crash, uint64_t address, struct mapping *m)
{
    size_t len = crash->maps_len < LEDGER_MAPS_MAX ? crash->maps_len : LEDGER_MAPS_MAX;
    struct weir_str rest = str_make(crash->maps, len), line;

    while (str_split(&rest, '\n', &line)) {
        if (read_mapping(line, m) && address >= m->start && address < m->end)
            return true;
    }
    return false;
}

/* ---- the files */

static bool is_same_file(int fd, uint64_t inode)
{
    struct stat st;

    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_ino == inode;
}

/* -1: it is not there any more. */
static int open_path(const struct mapping *m)
{
    int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), fd;
    char *path;

    if (self >= 0 && is_same_file(self, m->inode))
        return self;
    if (self >= 0)
        close(self);
    path = str_dup(m->path);
    fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) : -1;
    free(path);
    if (fd >= 0 && !is_same_file(fd, m->inode)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static struct symbols *open_symbols(const struct tracing *t, const struct mapping *m)
{
    const struct snapshot_plugin *plugin = t->snapshot ? snapshot_by_inode(t->snapshot, m->inode) : NULL;
    struct symbols *symbols = NULL;
    char *name = str_dup(plugin ? plugin->path : m->path);
    int fd = plugin ? plugin->fd : open_path(m);

    if (name && fd >= 0)
        symbols = symbols_open(fd, name);
    if (!plugin && fd >= 0)
        close(fd);
    free(name);
    return symbols;
}

static struct symbols *symbols_of(struct tracing *t, const struct mapping *m)
{
    if (!t->named || m->inode == 0)
        return NULL; /* memory of no file has no names, either */
    for (size_t i = 0; i < t->count; i++) {
        if (t->files[i].inode == m->inode)
            return t->files[i].symbols;
    }
    if (t->count == FILES_MAX)
        return NULL;
    t->files[t->count] = (struct file){m->inode, open_symbols(t, m)};
    return t->files[t->count++].symbols;
}

/* What people call the file: a plugin by its name, another by the last part of its path. */
static struct weir_str name_of(const struct tracing *t, const struct mapping *m)
{
    const struct snapshot_plugin *plugin = t->snapshot ? snapshot_by_inode(t->snapshot, m->inode) : NULL;
    const char *slash;

    if (plugin)
        return plugin->name;
    if (m->path.len == 0)
        return STR("memory of no file");
    slash = memrchr(m->path.ptr, '/', m->path.len);
    return slash ? str_make(slash + 1, m->path.len - (size_t)(slash + 1 - m->path.ptr)) : m->path;
}

/* ---- the frames */

/* The first frame is where it crashed, the others are where calls return to. */
static void log_frame(struct tracing *t, uint32_t n)
{
    uint64_t address = t->crash->frames[n], offset;
    struct symbol symbol = {0};
    struct symbols *symbols;
    struct mapping m;
    struct buf line;

    buf_init(&line, 1000);
    if (!find_mapping(t->crash, address, &m)) {
        buf_add_fmt(&line, "#%u 0x%llx, where there is no code", n, (unsigned long long)address);
        goto out;
    }
    offset = address - m.start + m.offset;
    symbols = symbols_of(t, &m);
    if (symbols)
        symbol = symbols_find(symbols, offset, n > 0);
    buf_add_fmt(&line, "#%u 0x%llx ", n, (unsigned long long)(symbols ? symbol.address : offset));
    if (symbol.function)
        buf_add_fmt(&line, "%s+0x%llx ", symbol.function, (unsigned long long)symbol.beyond);
    if (symbol.source)
        buf_add_fmt(&line, "(%s:%d) ", symbol.source, symbol.line);
    buf_add_fmt(&line, "in " STR_FMT, STR_ARG(name_of(t, &m)));
out:
    log_at(t->place, WEIR_LOG_ERROR, "backtrace: " STR_FMT, STR_ARG(buf_str(&line)));
    buf_fini(&line);
}

/* A function that calls itself until its stack ends is told once. Returns the first frame that is another. */
static uint32_t skip_same(const struct tracing *t, uint32_t n, uint32_t count)
{
    uint32_t next = n + 1;

    while (next < count && t->crash->frames[next] == t->crash->frames[n])
        next++;
    if (next > n + 1)
        log_at(t->place, WEIR_LOG_ERROR, "backtrace: #%u to #%u: the same", n + 1, next - 1);
    return next;
}

static void log_frames(struct tracing *t)
{
    uint32_t count = t->crash->n_frames < LEDGER_FRAMES_MAX ? t->crash->n_frames : LEDGER_FRAMES_MAX;
    const char *why;

    t->named = symbols_load(&why);
    if (!t->named)
        log_at(t->place, WEIR_LOG_WARN, "backtrace without names of functions: %s", why);
    for (uint32_t n = 0; n < count; n = skip_same(t, n, count))
        log_frame(t, n);
}

pid_t backtrace_log(struct log_place place, const struct ledger_crash *crash, const struct snapshot *snapshot)
{
    struct ledger_crash *copy;
    pid_t parent = getpid(), pid = -1;

    if (!atomic_load(&crash->done))
        return -1;
    copy = malloc(sizeof *copy);
    if (!copy)
        return -1;
    memcpy(copy, crash, sizeof *copy);
    pid = fork();
    if (pid == 0) {
        struct tracing t = {.place = place, .crash = copy, .snapshot = snapshot};

        alarm(SECONDS_MAX);
        unsetenv("DEBUGINFOD_URLS"); /* no questions over the network */
        if (harden(parent)) {
            harden_limits(false, MEMORY_MAX);
            log_frames(&t);
        }
        _exit(0);
    }
    free(copy);
    return pid;
}
