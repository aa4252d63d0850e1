/* control.c: see control.h.
 *
 * An epoll descriptor stands for the socket and all clients, so that the supervisor has one thing to wait on.
 * A client first says a line, then waits for a reload or not, then takes its answer; the answer is made whole
 * and sent as fast as the client reads. Rejected: a thread for it, which would have to look at the
 * supervisor's structures while those change. */
#include "supervise/control.h"

#include "base/clock.h"
#include "base/log.h"
#include "chain/json.h"
#include "config/diag.h"
#include "supervise/control_socket.h"
#include "supervise/status.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_MAX ((size_t)16 << 20)
#define DEAF_MS 1000 /* where no more descriptors can be had */
#define LISTENER UINT32_MAX

enum client_step {
    CLIENT_ASKS,
    CLIENT_WAITS, /* for a reload that has not begun, */
    CLIENT_HOPES, /* for the one that is under way */
    CLIENT_READS
};

struct client {
    int fd; /* -1: there is none */
    enum client_step step;
    int64_t moved_at;
    char request[CONTROL_REQUEST_MAX];
    size_t asked, sent; /* bytes of the request, of the answer */
    struct buf answer;
};

struct control {
    struct control_socket socket;
    int epoll_fd;
    bool reloading;
    int64_t deaf_until; /* 0: it listens */
    struct client clients[CONTROL_CLIENTS_MAX];
};

/* ---- from and to the end */

static bool watch(struct control *c, int fd, uint32_t events, uint32_t which, int how)
{
    struct epoll_event event = {.events = events, .data.u32 = which};

    return epoll_ctl(c->epoll_fd, how, fd, &event) == 0;
}

/* A fork between open and exec may hold a descriptor for a moment: it must not be heard of any more. */
static void drop(struct control *c, struct client *client)
{
    epoll_ctl(c->epoll_fd, EPOLL_CTL_DEL, client->fd, NULL);
    close(client->fd);
    client->fd = -1;
    buf_fini(&client->answer);
}

static bool open_all(struct control *c, const struct config *config, struct buf *why)
{
    if (!control_socket_open(&c->socket, config->dir, config->host.socket, why))
        return false;
    c->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (c->epoll_fd >= 0 && watch(c, c->socket.fd, EPOLLIN, LISTENER, EPOLL_CTL_ADD))
        return true;
    buf_add_fmt(why, "cannot wait on the control socket: %s", strerror(errno));
    control_socket_close(&c->socket);
    return false;
}

struct control *control_new(const struct config *config)
{
    struct control *c = calloc(1, sizeof *c);
    struct buf why;

    if (!c) {
        log_error("no memory");
        return NULL;
    }
    buf_init(&why, 4096);
    c->epoll_fd = c->socket.fd = -1;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        c->clients[i].fd = -1;
    if (!open_all(c, config, &why))
        log_warn("weir status and weir reload will not find this weir: %s", buf_text(&why));
    buf_fini(&why);
    return c;
}

void control_destroy(struct control *c)
{
    if (!c)
        return;
    c->reloading = false;
    control_answer_reload(c, false, STR("weir has ended"));
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        if (c->clients[i].fd >= 0)
            drop(c, &c->clients[i]);
    }
    control_socket_close(&c->socket);
    if (c->epoll_fd >= 0)
        close(c->epoll_fd);
    free(c);
}

int control_fd(const struct control *c)
{
    return c->socket.fd < 0 ? -1 : c->epoll_fd;
}

void control_check(const struct control *c, const struct config *config, struct diag *diag)
{
    char path[CONTROL_PATH_MAX];
    struct buf why;

    buf_init(&why, 4096);
    if (!control_socket_path(config->dir, config->host.socket, path, &why) ||
        !control_socket_is_at(&c->socket, path))
        diag_warning(
            diag, config_keys_place(&config->host_keys, "socket", (struct place){config->dir, 0}),
            "[host]: status and reload do not find weir by this configuration: the socket is opened at "
            "a start, and that of this one is %s",
            c->socket.fd < 0 ? "none" : c->socket.path);
    buf_fini(&why);
}

/* ---- answering */

static uint32_t index_of(const struct control *c, const struct client *client)
{
    return (uint32_t)(client - c->clients);
}

/* As much as it takes now. */
static void send_on(struct control *c, struct client *client)
{
    while (client->sent < client->answer.len) {
        ssize_t n = send(client->fd, client->answer.ptr + client->sent, client->answer.len - client->sent,
                         MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n < 0)
            break;
        client->sent += (size_t)n;
        client->moved_at = clock_mono_ms();
    }
    drop(c, client);
}

/* The answer is there, or too long. */
static void begin_sending(struct control *c, struct client *client)
{
    if (client->answer.failed) {
        buf_reset(&client->answer);
        buf_add_text(&client->answer, "{\"error\":\"no memory\"}");
    }
    buf_add_char(&client->answer, '\n');
    client->step = CLIENT_READS;
    client->moved_at = clock_mono_ms();
    watch(c, client->fd, EPOLLOUT, index_of(c, client), EPOLL_CTL_MOD);
    send_on(c, client);
}

static void add_outcome(struct buf *out, bool good, struct weir_str lines)
{
    struct weir_str line;
    const char *between = "";

    buf_add_fmt(out, "{\"ok\":%s,\"lines\":[", good ? "true" : "false");
    while (str_split(&lines, '\n', &line)) {
        if (!line.len)
            continue;
        buf_add_text(out, between);
        status_add_text(out, line);
        between = ",";
    }
    buf_add_text(out, "]}");
}

void control_begin_reload(struct control *c)
{
    c->reloading = true;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        if (c->clients[i].fd >= 0 && c->clients[i].step == CLIENT_WAITS)
            c->clients[i].step = CLIENT_HOPES;
    }
}

void control_answer_reload(struct control *c, bool good, struct weir_str lines)
{
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        struct client *client = &c->clients[i];

        if (client->fd < 0 ||
            (client->step != CLIENT_HOPES && (c->reloading || client->step != CLIENT_WAITS)))
            continue;
        add_outcome(&client->answer, good, lines);
        begin_sending(c, client);
    }
    c->reloading = false;
}

/* ---- listening */

/* True: it wants a reload. */
static bool take_request(struct control *c, struct client *client, struct weir_str line,
                         const struct fleet *fleet)
{
    if (str_is(line, "reload")) {
        client->step = CLIENT_WAITS;
        watch(c, client->fd, 0, index_of(c, client), EPOLL_CTL_MOD); /* its hangup is told all the same */
        return true;
    }
    if (str_is(line, "status"))
        status_add(&client->answer, fleet);
    else
        buf_add_text(&client->answer, "{\"error\":\"unknown request; there are status and reload\"}");
    begin_sending(c, client);
    return false;
}

/* Returns the same as take_request(). */
static bool hear(struct control *c, struct client *client, const struct fleet *fleet)
{
    ssize_t n = recv(client->fd, client->request + client->asked, sizeof client->request - client->asked,
                     MSG_DONTWAIT);
    const char *end;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n <= 0) {
        drop(c, client);
        return false;
    }
    client->asked += (size_t)n;
    end = memchr(client->request, '\n', client->asked);
    if (end)
        return take_request(c, client, str_trim(str_make(client->request, (size_t)(end - client->request))),
                            fleet);
    if (client->asked == sizeof client->request) {
        buf_add_text(&client->answer, "{\"error\":\"the request is too long\"}");
        begin_sending(c, client);
    }
    return false;
}

/* A place for one more: a free one, or that of the client that moved the longest ago. NULL: all wait for a
 * reload. */
static struct client *find_place(struct control *c)
{
    struct client *oldest = NULL;

    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        struct client *client = &c->clients[i];

        if (client->fd < 0)
            return client;
        if (client->step != CLIENT_WAITS && client->step != CLIENT_HOPES &&
            (!oldest || client->moved_at < oldest->moved_at))
            oldest = client;
    }
    if (oldest)
        drop(c, oldest);
    return oldest;
}

static void welcome(struct control *c, int fd, int64_t now)
{
    struct client *client = control_socket_trusts(fd, NULL) ? find_place(c) : NULL;

    if (!client || !watch(c, fd, EPOLLIN, index_of(c, client), EPOLL_CTL_ADD)) {
        close(fd);
        return;
    }
    client->fd = fd;
    client->step = CLIENT_ASKS;
    client->moved_at = now;
    client->asked = client->sent = 0;
    buf_init(&client->answer, ANSWER_MAX);
}

static void let_in(struct control *c, int64_t now)
{
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        int fd = accept4(c->socket.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd >= 0) {
            welcome(c, fd, now);
        } else if (errno != EINTR && errno != ECONNABORTED) {
            if (errno == EAGAIN)
                return;
            c->deaf_until = now + DEAF_MS; /* else the epoll would call for it without end */
            watch(c, c->socket.fd, 0, LISTENER, EPOLL_CTL_MOD);
            return;
        }
    }
}

static void tend(struct control *c, int64_t now)
{
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        struct client *client = &c->clients[i];

        if (client->fd >= 0 && (client->step == CLIENT_ASKS || client->step == CLIENT_READS) &&
            now - client->moved_at >= CONTROL_IDLE_MS)
            drop(c, client);
    }
    if (c->deaf_until && now >= c->deaf_until && watch(c, c->socket.fd, EPOLLIN, LISTENER, EPOLL_CTL_MOD))
        c->deaf_until = 0;
}

/* Returns the same as take_request(). */
static bool serve_client(struct control *c, struct client *client, const struct fleet *fleet)
{
    if (client->fd < 0)
        return false;
    if (client->step == CLIENT_ASKS)
        return hear(c, client, fleet);
    if (client->step == CLIENT_READS)
        send_on(c, client);
    else
        drop(c, client); /* it hung up: nothing else is told of one that waits */
    return false;
}

bool control_serve(struct control *c, const struct fleet *fleet)
{
    struct epoll_event events[CONTROL_CLIENTS_MAX + 1];
    bool wanted = false, knocks = false;
    int n;

    if (c->socket.fd < 0)
        return false;
    n = epoll_wait(c->epoll_fd, events, CONTROL_CLIENTS_MAX + 1, 0);
    for (int i = 0; i < n; i++) {
        if (events[i].data.u32 == LISTENER)
            knocks = true; /* last: a place that is taken anew must not get the event of who had it */
        else
            wanted = serve_client(c, &c->clients[events[i].data.u32], fleet) || wanted;
    }
    if (knocks)
        let_in(c, clock_mono_ms());
    tend(c, clock_mono_ms());
    return wanted;
}
