/* control_socket.h: where the control socket of a configuration is, opened by who runs it, found by who asks.
 *
 * `[host] socket`, or else a path that follows from the user and the real path of the configuration's
 * directory, so that `weir status -c DIR` finds the weir of DIR without being told anything else.
 */
#ifndef WEIR_SUPERVISE_CONTROL_SOCKET_H
#define WEIR_SUPERVISE_CONTROL_SOCKET_H

#include "base/buf.h"

#include <sys/types.h>

#define CONTROL_PATH_MAX 108 /* bytes, with its NUL: what the kernel takes */

/** The path. chosen: [host] socket, which may be relative to dir; absent: the one that follows from dir.
 *  False: why says what to do. */
bool control_socket_path(const char *dir, struct weir_str chosen, char path[CONTROL_PATH_MAX],
                         struct buf *why);

struct control_socket {
    int fd; /* listens; -1: it is not open */
    char path[CONTROL_PATH_MAX];
    dev_t device;
    ino_t inode; /* to know it again */
};

/** Opens it for its user alone. One that a dead process left is replaced; one that lives is left alone.
 *  False: why says what is in the way, and what to do. */
bool control_socket_open(struct control_socket *s, const char *dir, struct weir_str chosen, struct buf *why);
/** Whether who connects to path finds it, however that is spelt. */
bool control_socket_is_at(const struct control_socket *s, const char *path);
/** Takes it away, unless somebody else has put another in its place. */
void control_socket_close(struct control_socket *s);

/** Makes the directory of the default path, where it is not there: for its owner alone.
 *  False: it is there and is not like that, or cannot be made. */
bool control_socket_folder(const char *path, struct buf *why);

/** Connects, and tells who listens. Waits so long for one that is busy. Returns a descriptor; -1: errno,
 * which is ENOENT or ECONNREFUSED where nobody listens, and EPERM where it is neither ours nor root's. */
int control_socket_connect(const char *path, int wait_ms, pid_t *pid);

/** True where the other end of a connection may talk to us: our user, or root. pid may be NULL. */
bool control_socket_trusts(int fd, pid_t *pid);

#endif
