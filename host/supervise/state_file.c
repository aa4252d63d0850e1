/* state_file.c: see state_file.h. Memory and not a file, since a state may hold something personal. */
#include "supervise/state_file.h"

#include "base/buf.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static bool write_all(int fd, struct weir_str bytes)
{
    while (bytes.len > 0) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes = str_make(bytes.ptr + n, bytes.len - (size_t)n);
    }
    return true;
}

static int to_memory(struct weir_str bytes)
{
    int fd = memfd_create("weir-state", MFD_CLOEXEC);

    if (fd >= 0 && write_all(fd, bytes))
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

int state_file_save(struct chain *chain, const char **why)
{
    struct saved_state *state = chain_save(chain, why);
    struct buf bytes;
    int fd = -1;

    if (!state)
        return -1;
    *why = "no memory";
    buf_init(&bytes, SIZE_MAX);
    if (saved_state_write(state, &bytes))
        fd = to_memory(buf_str(&bytes));
    buf_fini(&bytes);
    saved_state_destroy(state);
    return fd;
}

bool state_file_restore(struct chain *chain, int fd, const char **why)
{
    struct saved_state *state = NULL;
    struct stat st = {0};
    void *at = MAP_FAILED;
    bool good = false;

    *why = "the saved state cannot be read";
    if (fstat(fd, &st) == 0 && st.st_size > 0)
        at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (at != MAP_FAILED) {
        state = saved_state_read(str_make(at, (size_t)st.st_size));
        munmap(at, (size_t)st.st_size);
    }
    if (state)
        good = chain_restore(chain, state, why);
    saved_state_destroy(state);
    return good;
}
