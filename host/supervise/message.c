/* message.c: see message.h.
 *
 * A packet is a fixed head, then the text; descriptors ride along. Packets keep their bounds, so that neither
 * side needs a parser for a stream; a packet is sent by one call, so that two threads may send. Whatever does
 * not look like a message counts as the end of the other side, since nothing after it can be trusted either.
 */
#include "supervise/message.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAGIC 0x57454952u

struct head {
    uint32_t magic, kind, task, text_len;
    int64_t number;
};

/* Aligned as the kernel's headers of control data want it. */
union control {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(MESSAGE_FDS_MAX * sizeof(int))];
};

bool message_pair(int fds[2])
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
        return false;
    if (fcntl(fds[0], F_SETFL, O_NONBLOCK) == 0)
        return true;
    close(fds[0]);
    close(fds[1]);
    return false;
}

static void pack_fds(struct msghdr *msg, union control *control, const struct message *m)
{
    size_t bytes = m->n_fds * sizeof(int);
    struct cmsghdr *c;

    if (m->n_fds == 0)
        return;
    memset(control, 0, sizeof *control);
    msg->msg_control = control;
    msg->msg_controllen = CMSG_SPACE(bytes);
    c = CMSG_FIRSTHDR(msg);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(bytes);
    memcpy(CMSG_DATA(c), m->fds, bytes);
}

bool message_send(int fd, const struct message *m)
{
    struct head head = {MAGIC, (uint32_t)m->kind, m->task, (uint32_t)m->text.len, m->number};
    struct iovec parts[] = {{&head, sizeof head}, {(void *)(uintptr_t)m->text.ptr, m->text.len}};
    struct msghdr msg = {.msg_iov = parts, .msg_iovlen = m->text.len ? 2 : 1};
    union control control;
    ssize_t n;

    if (m->text.len > MESSAGE_TEXT_MAX || m->n_fds > MESSAGE_FDS_MAX) {
        errno = EMSGSIZE;
        return false;
    }
    pack_fds(&msg, &control, m);
    do {
        n = sendmsg(fd, &msg, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    return n >= 0;
}

/* Takes every descriptor that came, so that none is lost; false: more than there is room for. */
static bool unpack_fds(struct msghdr *msg, struct message_room *room, size_t *count)
{
    bool fit = true;

    *count = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t i = 0; i < n; i++) {
            int fd;

            memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            if (*count < MESSAGE_FDS_MAX)
                room->fds[(*count)++] = fd;
            else
                fit = close(fd) < 0;
        }
    }
    return fit;
}

static bool is_sound(const struct head *head, size_t got, const struct msghdr *msg)
{
    return got >= sizeof *head && !(msg->msg_flags & (MSG_TRUNC | MSG_CTRUNC)) && head->magic == MAGIC &&
           head->kind >= MESSAGE_LOAD && head->kind <= MESSAGE_ENDED && head->text_len == got - sizeof *head;
}

enum message_got message_receive(int fd, bool wait, struct message_room *room, struct message *m)
{
    struct pollfd ready = {fd, POLLIN, 0};
    struct head head;
    struct iovec parts[] = {{&head, sizeof head}, {room->text, sizeof room->text}};
    union control control;
    struct msghdr msg = {
        .msg_iov = parts, .msg_iovlen = 2, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t n;
    bool fit;

    while (wait && poll(&ready, 1, -1) < 0 && errno == EINTR)
        ;
    do {
        n = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return MESSAGE_NOTHING;
    *m = (struct message){.fds = room->fds};
    if (n <= 0)
        return MESSAGE_GONE;
    fit = unpack_fds(&msg, room, &m->n_fds);
    if (!fit || !is_sound(&head, (size_t)n, &msg)) {
        message_drop(m);
        return MESSAGE_GONE;
    }
    m->kind = (enum message_kind)head.kind;
    m->number = head.number;
    m->task = head.task;
    m->text = str_make(room->text, head.text_len);
    return MESSAGE_GOT;
}

void message_drop(const struct message *m)
{
    for (size_t i = 0; i < m->n_fds; i++)
        close(m->fds[i]);
}
