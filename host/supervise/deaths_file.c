/* deaths_file.c: what is in quarantine, as text: a line an item, and the file that outlives the supervisor.
 *
 *     weir quarantine 1 ABOUT
 *     SINCE PARTITION OFFSET EMITTED STAGE REASON
 *
 * It is written anew as a whole, beside the old one, which it then replaces: a crash leaves one or the other.
 * What is read is judged line by line, and a bad one costs itself. An item of a week ago is left out: Kafka
 * keeps many topics no longer, and a watermark that stands still for a week is nobody's. */
#include "supervise/deaths.h"

#include "base/arena.h"
#include "base/log.h"
#include "config/file.h"
#include "config/names.h"
#include "config/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define HEAD "weir quarantine 1 "
#define WEEK_MS (INT64_C(7) * 24 * 3600 * 1000)

/* ---- one item */

void quarantined_write(struct buf *to, const struct quarantined *item)
{
    buf_add_fmt(to, "%d %lld %d " STR_FMT " " STR_FMT "\n", item->partition, (long long)item->offset,
                item->emitted, STR_ARG(item->stage), STR_ARG(item->reason));
}

static bool take_number(struct weir_str *rest, int64_t most, int64_t *out)
{
    struct weir_str word;

    return str_split(rest, ' ', &word) && str_to_int(word, out) && *out >= 0 && *out <= most;
}

bool quarantined_read(struct weir_str line, struct quarantined *out)
{
    int64_t partition, offset, emitted;
    struct weir_str stage;

    if (!take_number(&line, INT32_MAX, &partition) || !take_number(&line, INT64_MAX, &offset) ||
        !take_number(&line, 1, &emitted) || !str_split(&line, ' ', &stage) || !name_is_chain(stage))
        return false;
    if (!line.len || line.len > DEATHS_REASON_MAX || text_line_fault(line))
        return false;
    *out = (struct quarantined){(int32_t)partition, offset, emitted == 1, stage, line};
    return true;
}

/* ---- writing */

static bool write_all(int fd, struct weir_str text)
{
    while (text.len) {
        ssize_t n = write(fd, text.ptr, text.len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        text = str_make(text.ptr + n, text.len - (size_t)n);
    }
    return true;
}

static bool write_file(const char *path, struct weir_str text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool good;

    if (fd < 0)
        return false;
    good = write_all(fd, text) && fsync(fd) == 0;
    return close(fd) == 0 && good;
}

/* That the name stands for the new file is the directory's to remember. */
static bool sync_directory(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *dir = str_dup(slash ? str_make(path, (size_t)(slash - path) + 1) : STR("."));
    int fd = dir ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    bool good = fd >= 0 && fsync(fd) == 0;

    if (fd >= 0)
        close(fd);
    free(dir);
    return good;
}

static bool replace_file(const char *path, struct weir_str text)
{
    char *beside = NULL;
    int error;
    bool good;

    if (asprintf(&beside, "%s.new", path) < 0) {
        errno = ENOMEM;
        return false;
    }
    good = write_file(beside, text) && rename(beside, path) == 0;
    error = errno;
    if (!good)
        unlink(beside);
    free(beside);
    errno = error;
    return good && sync_directory(path);
}

bool deaths_save(const struct deaths *deaths, const char *path, const char *about)
{
    size_t count;
    const struct quarantined *items = deaths_quarantined(deaths, &count);
    struct buf text;
    bool good;

    buf_init(&text, FILE_MAX);
    buf_add_fmt(&text, HEAD "%s\n", about);
    for (size_t i = 0; i < count; i++) {
        buf_add_fmt(&text, "%lld ", (long long)deaths_quarantined_since(deaths, i));
        quarantined_write(&text, &items[i]);
    }
    if (text.failed)
        errno = ENOMEM;
    good = !text.failed && replace_file(path, buf_str(&text));
    buf_fini(&text);
    return good;
}

/* ---- reading */

/* False: damaged. */
static bool add_line(struct deaths *deaths, struct weir_str line, int64_t wall_ms)
{
    struct quarantined item;
    int64_t since;

    if (!take_number(&line, INT64_MAX, &since) || !quarantined_read(line, &item))
        return false;
    if (since > wall_ms)
        since = wall_ms; /* a clock was set back */
    if (wall_ms - since <= WEEK_MS)
        deaths_keep(deaths, &item, since);
    return true;
}

static void add_lines(struct deaths *deaths, struct weir_str text, const char *path, int64_t wall_ms)
{
    struct weir_str line;
    size_t damaged = 0;

    while (str_split(&text, '\n', &line)) {
        if (line.len && !add_line(deaths, line, wall_ms))
            damaged++;
    }
    if (damaged)
        log_warn("ignored damaged lines of the quarantine: lines=%zu file=%s", damaged, path);
}

static bool is_about(struct weir_str head, const char *about)
{
    struct weir_str before = STR(HEAD);

    return str_starts(head, before) && str_is(str_make(head.ptr + before.len, head.len - before.len), about);
}

void deaths_load(struct deaths *deaths, const char *path, const char *about, int64_t wall_ms)
{
    struct weir_str text, head;
    const char *why = NULL;
    struct arena arena;

    if (access(path, F_OK) != 0 && errno == ENOENT)
        return;
    arena_init(&arena, 4096, SIZE_MAX);
    text = file_read(path, &arena, &why);
    if (!text.ptr)
        log_warn("ignored the quarantine: file=%s it %s", path, why);
    else if (!str_split(&text, '\n', &head) || !is_about(head, about))
        log_warn("ignored the quarantine, which is none of \"%s\": file=%s", about, path);
    else
        add_lines(deaths, text, path, wall_ms);
    arena_fini(&arena);
}
