/* plugin_file.c: see plugin_file.h. Descriptors are read by position: those of one sealed copy share theirs
 * among processes. */
#include "chain/plugin_file.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

__attribute__((format(printf, 2, 3))) static void say(struct buf *why, const char *fmt, ...)
{
    va_list ap;

    buf_reset(why);
    va_start(ap, fmt);
    buf_add_vfmt(why, fmt, ap);
    va_end(ap);
}

int plugin_file_find(struct weir_list dirs, struct weir_str name, char *path, size_t room, struct buf *why)
{
    for (size_t i = 0; i < dirs.count; i++) {
        int fd;

        if ((size_t)snprintf(path, room, STR_FMT "/" STR_FMT ".so", STR_ARG(dirs.items[i]), STR_ARG(name)) >=
            room)
            continue;
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd >= 0)
            return fd;
        if (errno != ENOENT && errno != ENOTDIR) {
            say(why, "cannot read %s: %s", path, strerror(errno));
            return -1;
        }
    }
    say(why, "there is no plugin \"" STR_FMT "\": no " STR_FMT ".so in", STR_ARG(name), STR_ARG(name));
    for (size_t i = 0; i < dirs.count; i++)
        buf_add_fmt(why, "%s " STR_FMT, i ? "," : "", STR_ARG(dirs.items[i]));
    if (!dirs.count)
        buf_add_text(why, " the empty plugin path");
    buf_add_text(why, "; put it there, or name its folder in plugin_path, a list with commas, under [host]");
    return -1;
}

bool plugin_file_read(int fd, const char *path, struct buf *bytes, struct buf *why)
{
    struct stat st;
    ssize_t n = 1;

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        say(why, "%s is not a regular file", path);
        return false;
    }
    buf_reserve(bytes, (size_t)st.st_size + 1); /* the end is seen without asking for more */
    while (n > 0 && buf_reserve(bytes, 1)) {
        n = pread(fd, bytes->ptr + bytes->len, bytes->room - bytes->len, (off_t)bytes->len);
        if (n > 0)
            bytes->len += (size_t)n;
        else if (n < 0 && errno == EINTR)
            n = 1;
    }
    if (n != 0) {
        say(why, "cannot read %s: %s", path, n < 0 ? strerror(errno) : "too large or no memory");
        return false;
    }
    return true;
}

bool plugin_file_looks_loadable(const char *path, const struct buf *bytes, struct buf *why)
{
    const unsigned char *head = (const unsigned char *)bytes->ptr;
    Elf64_Ehdr elf;

    if (bytes->len < SELFMAG || memcmp(head, ELFMAG, SELFMAG) != 0) {
        say(why, "%s is not a shared object (no ELF header); build it with cc -shared -fPIC", path);
        return false;
    }
    if (sizeof(void *) != 8 || head[EI_CLASS] != ELFCLASS64 || bytes->len < sizeof elf)
        return true; /* dlopen() will tell */
    memcpy(&elf, bytes->ptr, sizeof elf);
    if (elf.e_shoff > bytes->len || (uint64_t)elf.e_shnum * elf.e_shentsize > bytes->len - elf.e_shoff) {
        say(why, "%s is truncated: it has %zu bytes and its header speaks of more; copy it again", path,
            bytes->len);
        return false;
    }
    return true;
}

int plugin_file_seal(struct weir_str name, const struct buf *bytes, struct buf *why)
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
    say(why, "cannot copy \"" STR_FMT "\" to memory: %s%s", STR_ARG(name), strerror(errno),
        errno == EFBIG    ? " (see ulimit -f)"
        : errno == EMFILE ? " (see ulimit -n)"
                          : "");
    if (fd >= 0)
        close(fd);
    return -1;
}
