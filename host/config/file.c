/* file.c: see file.h. The file is opened first and judged by its descriptor, so that what is checked is what
 * is read; O_NONBLOCK keeps a FIFO from blocking the open. A symbolic link to a regular file is fine:
 * Kubernetes mounts configuration that way.
 *
 * What editors and package managers leave behind in a directory (x.conf~, .x.conf.swp, #x.conf#,
 * x.conf.dpkg-old) is skipped by the rule for names alone. */
#include "config/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *system_error(struct arena *a, const char *what, int error)
{
    struct weir_str s = arena_fmt(a, "%s: %s", what, strerror(error));

    return s.ptr ? s.ptr : what;
}

static const char *kind_fault(const struct stat *st)
{
    if (S_ISDIR(st->st_mode))
        return "is a directory";
    if (!S_ISREG(st->st_mode))
        return "is not a regular file";
    if (st->st_size == 0)
        return "is empty";
    if ((size_t)st->st_size > FILE_MAX)
        return "is larger than 1 MiB";
    return NULL;
}

/* Reads to the end, wherever it is by now. False: *why is set. */
static bool read_all(int fd, char *to, size_t *len, struct arena *a, const char **why)
{
    ssize_t n;

    *len = 0;
    while ((n = read(fd, to + *len, FILE_MAX + 1 - *len)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            *why = system_error(a, "cannot be read", errno);
            return false;
        }
        *len += (size_t)n;
        if (*len > FILE_MAX) {
            *why = "is larger than 1 MiB";
            return false;
        }
    }
    *why = *len ? NULL : "is empty";
    return *len > 0;
}

struct weir_str file_read(const char *path, struct arena *a, const char **why)
{
    struct weir_str text = STR_ABSENT;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct arena scratch;
    struct stat st;
    size_t len;
    char *to;

    arena_init(&scratch, FILE_MAX + 1, FILE_MAX + 1);
    if (fd < 0) {
        *why = system_error(a, "cannot be opened", errno);
        goto out;
    }
    if (fstat(fd, &st) != 0) {
        *why = system_error(a, "cannot be read", errno);
        goto out;
    }
    *why = kind_fault(&st);
    if (*why)
        goto out;
    to = arena_alloc(&scratch, FILE_MAX + 1);
    if (!to) {
        *why = "does not fit into memory";
        goto out;
    }
    if (!read_all(fd, to, &len, a, why))
        goto out;
    text = arena_str(a, str_make(to, len));
    if (!text.ptr)
        *why = "does not fit into memory";
out:
    if (fd >= 0)
        close(fd);
    arena_fini(&scratch);
    return text;
}

/* ---- a directory */

static bool is_conf(const char *name)
{
    size_t n = strlen(name);

    return name[0] != '.' && n > 5 && strcmp(name + n - 5, ".conf") == 0;
}

static int by_bytes(const void *a, const void *b)
{
    const struct weir_str *x = a, *y = b;

    return strcmp(x->ptr, y->ptr);
}

bool file_list(const char *path, struct arena *a, struct weir_list *names, const char **why)
{
    DIR *dir = opendir(path);
    struct weir_str *items = arena_alloc(a, FILE_LIST_MAX * sizeof *items);
    struct dirent *entry;
    size_t n = 0;

    *why = dir ? NULL : system_error(a, "cannot be opened", errno);
    if (!*why && !items)
        *why = "does not fit into memory";
    while (!*why && (entry = readdir(dir)) != NULL) {
        if (!is_conf(entry->d_name))
            continue;
        if (n == FILE_LIST_MAX)
            *why = "holds more than 1000 *.conf files";
        else if (!(items[n++] = arena_str(a, str_of(entry->d_name))).ptr)
            *why = "does not fit into memory";
    }
    if (dir)
        closedir(dir);
    if (*why)
        return false;
    qsort(items, n, sizeof *items, by_bytes);
    *names = (struct weir_list){items, n};
    return true;
}
