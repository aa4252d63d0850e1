/* control_socket.c: see control_socket.h.
 *
 * The default path is under /run/weir for root and under /tmp/weir-UID for everybody else: the two places
 * that both sides find without an environment (a service has no XDG_RUNTIME_DIR, its administrator's shell
 * has one). /tmp is everybody's, so the directory is looked at before it is used, and each side asks the
 * kernel who the other one is.
 *
 * Whether a socket that is there is alive only a connect tells. Two that start at the same moment would both
 * find a dead one, and the second would remove what the first has just made; a lock on the directory, held
 * for microseconds, keeps them apart. */
#include "supervise/control_socket.h"

#include "base/sha256.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define NAME_LEN 16 /* digits of the hash */
#define BACKLOG 16

/* ---- the path */

static bool take_path(char path[CONTROL_PATH_MAX], const char *text, struct buf *why)
{
    size_t n = strlen(text);

    if (n >= CONTROL_PATH_MAX) {
        buf_add_fmt(why,
                    "%s: the path of a socket has at most %d bytes; set a shorter \"socket\" under [host]",
                    text, CONTROL_PATH_MAX - 1);
        return false;
    }
    memcpy(path, text, n + 1);
    return true;
}

static bool default_path(const char *dir, char path[CONTROL_PATH_MAX], struct buf *why)
{
    char *real = realpath(dir, NULL), folder[64] = "/run/weir", hash[SHA256_HEX];

    if (!real) {
        buf_add_fmt(why, "%s: %s", dir, strerror(errno));
        return false;
    }
    sha256_hex(str_of(real), hash);
    free(real);
    if (geteuid() != 0)
        snprintf(folder, sizeof folder, "/tmp/weir-%u", (unsigned)geteuid());
    snprintf(path, CONTROL_PATH_MAX, "%s/%.*s.sock", folder, NAME_LEN, hash);
    return true;
}

bool control_socket_path(const char *dir, struct weir_str chosen, char path[CONTROL_PATH_MAX],
                         struct buf *why)
{
    struct buf text;
    bool good;

    if (!chosen.len)
        return default_path(dir, path, why);
    buf_init(&text, PATH_MAX);
    if (chosen.ptr[0] != '/')
        buf_add_fmt(&text, "%s/", dir);
    buf_add(&text, chosen);
    good = buf_text(&text) && take_path(path, buf_text(&text), why);
    if (text.failed)
        buf_add_text(why, "\"socket\" under [host] is too long");
    buf_fini(&text);
    return good;
}

bool control_socket_folder(const char *path, struct buf *why)
{
    struct stat st;

    if (mkdir(path, 0700) < 0 && errno != EEXIST) {
        buf_add_fmt(why, "cannot make %s: %s", path, strerror(errno));
        return false;
    }
    if (lstat(path, &st) < 0)
        buf_add_fmt(why, "cannot look at %s: %s;", path, strerror(errno));
    else if (!S_ISDIR(st.st_mode))
        buf_add_fmt(why, "%s is no directory; remove it, or", path);
    else if (st.st_uid != geteuid())
        buf_add_fmt(why, "%s belongs to another user (%u); remove it, or", path, (unsigned)st.st_uid);
    else if (st.st_mode & 077)
        buf_add_fmt(why, "%s is open to others (mode %03o); chmod 700 it, or", path,
                    (unsigned)st.st_mode & 0777);
    else
        return true;
    buf_add_text(why, " set \"socket\" under [host] to a path elsewhere");
    return false;
}

/* ---- connecting */

bool control_socket_trusts(int fd, pid_t *pid)
{
    struct ucred peer;
    socklen_t size = sizeof peer;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
        return false;
    if (pid)
        *pid = peer.pid;
    return peer.uid == geteuid() || peer.uid == 0;
}

static struct sockaddr_un address_of(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    memcpy(address.sun_path, path, strnlen(path, sizeof address.sun_path - 1));
    return address;
}

int control_socket_connect(const char *path, int wait_ms, pid_t *pid)
{
    struct sockaddr_un address = address_of(path);
    struct timeval patience = {wait_ms / 1000, wait_ms % 1000 * 1000};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | (wait_ms ? 0 : SOCK_NONBLOCK), 0), error;

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0) {
        if (control_socket_trusts(fd, pid) || geteuid() == 0)
            return fd;
        errno = EPERM;
    }
    error = errno;
    close(fd);
    errno = error;
    return -1;
}

/* ---- listening */

static bool cannot(const struct control_socket *s, struct buf *why)
{
    buf_add_fmt(why, "cannot make the control socket %s: %s", s->path, strerror(errno));
    return false;
}

/* Its mode is in force from the first moment: bind() takes it from the descriptor. */
static bool bind_it(struct control_socket *s)
{
    struct sockaddr_un address = address_of(s->path);

    return fchmod(s->fd, 0600) == 0 && bind(s->fd, (const struct sockaddr *)&address, sizeof address) == 0;
}

/* There is something at the path. True: it was a dead socket, and is gone. */
static bool clear_away(const struct control_socket *s, struct buf *why)
{
    struct stat st;
    pid_t pid = 0;
    int fd = control_socket_connect(s->path, 0, &pid), error = errno;

    if (fd >= 0)
        close(fd);
    if (fd >= 0 || error == EAGAIN || error == EPERM) {
        buf_add_fmt(why, "another weir has the control socket %s", s->path);
        if (pid)
            buf_add_fmt(why, ": pid=%d", (int)pid);
        buf_add_text(why, "; give each a \"socket\" of its own under [host]");
        return false;
    }
    if (lstat(s->path, &st) == 0 && !S_ISSOCK(st.st_mode)) {
        buf_add_fmt(why, "%s is no socket; remove it, or set another \"socket\" under [host]", s->path);
        return false;
    }
    if (error != ECONNREFUSED && error != ENOENT) {
        errno = error;
        return cannot(s, why);
    }
    return unlink(s->path) == 0 || errno == ENOENT || cannot(s, why);
}

static bool listen_there(struct control_socket *s, struct buf *why)
{
    struct stat st;

    if (!bind_it(s)) {
        if (errno != EADDRINUSE)
            return cannot(s, why);
        if (!clear_away(s, why))
            return false;
        if (!bind_it(s))
            return cannot(s, why);
    }
    if (listen(s->fd, BACKLOG) < 0 || lstat(s->path, &st) < 0)
        return cannot(s, why);
    s->device = st.st_dev;
    s->inode = st.st_ino;
    return true;
}

static int lock_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0)
        flock(fd, LOCK_EX); /* without one it is as safe as it can be */
    return fd;
}

static bool open_it(struct control_socket *s, bool ours, struct buf *why)
{
    char folder[CONTROL_PATH_MAX];
    int lock;

    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(s->path, '/') - s->path), s->path);
    if (ours && !control_socket_folder(folder, why))
        return false;
    s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s->fd < 0)
        return cannot(s, why);
    lock = lock_folder(*folder ? folder : "/");
    if (!listen_there(s, why)) {
        close(s->fd);
        s->fd = -1;
    }
    if (lock >= 0)
        close(lock);
    return s->fd >= 0;
}

bool control_socket_open(struct control_socket *s, const char *dir, struct weir_str chosen, struct buf *why)
{
    *s = (struct control_socket){.fd = -1};
    return control_socket_path(dir, chosen, s->path, why) && open_it(s, !chosen.len, why);
}

bool control_socket_is_at(const struct control_socket *s, const char *path)
{
    struct stat st;

    return s->fd >= 0 && stat(path, &st) == 0 && st.st_dev == s->device && st.st_ino == s->inode;
}

void control_socket_close(struct control_socket *s)
{
    if (s->fd < 0)
        return;
    if (control_socket_is_at(s, s->path))
        unlink(s->path);
    close(s->fd);
    s->fd = -1;
}
