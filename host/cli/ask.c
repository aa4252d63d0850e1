/* ask.c: see ask.h. The one thing that it needs from the configuration is [host] socket: config_load() gives
 * what it could read, and what it has to say about the rest is not this command's business. */
#include "cli/ask.h"

#include "cli/args.h"
#include "config/config.h"
#include "supervise/control_socket.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECT_MS 5000
#define PIECE 65536

static bool find_path(const struct ask *ask, char path[CONTROL_PATH_MAX])
{
    struct config *config;
    struct diag diag;
    struct buf why;
    bool good;

    diag_init(&diag);
    buf_init(&why, 8192);
    config = config_load(ask->dir, &config_process_env, &diag);
    good = control_socket_path(ask->dir, config ? config->host.socket : STR_ABSENT, path, &why);
    if (!good)
        fprintf(stderr, "weir %s: %s\n", ask->command, buf_text(&why));
    buf_fini(&why);
    diag_fini(&diag);
    config_destroy(config);
    return good;
}

static void say_unreachable(const struct ask *ask, const char *path, int error)
{
    fprintf(stderr, "weir %s: ", ask->command);
    if (error == ENOENT || error == ECONNREFUSED)
        fprintf(stderr,
                "no weir runs the configuration %s: nobody listens at %s\n"
                "If one does, it runs as another user, on another machine, or with another \"socket\" under "
                "[host]; else 'weir run -c %s' starts it.\n",
                ask->dir, path, ask->dir);
    else if (error == EACCES || error == EPERM)
        fprintf(stderr, "%s belongs to another user: ask as the user that runs weir, or as root\n", path);
    else if (error == EAGAIN)
        fprintf(stderr, "the weir at %s does not answer\n", path);
    else
        fprintf(stderr, "cannot connect to %s: %s\n", path, strerror(error));
}

/* False: errno; 0 where it ended in the middle. */
static bool exchange(int fd, const struct ask *ask, struct buf *answer)
{
    struct timeval patience = {ask->patience_ms / 1000, ask->patience_ms % 1000 * 1000};
    char line[64];
    int len = snprintf(line, sizeof line, "%s\n", ask->request);
    ssize_t n = send(fd, line, (size_t)len, MSG_NOSIGNAL);

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    while (n > 0 && buf_reserve(answer, PIECE)) {
        n = recv(fd, answer->ptr + answer->len, PIECE, 0);
        if (n > 0)
            answer->len += (size_t)n;
        else if (n < 0 && errno == EINTR)
            n = 1;
    }
    if (n < 0)
        return false;
    errno = 0;
    if (!answer->len || answer->ptr[answer->len - 1] != '\n')
        return false;
    answer->len--;
    return true;
}

static int understand(const struct ask *ask, struct buf *answer, struct json_object **parsed)
{
    struct json_object *o = json_tokener_parse(buf_text(answer));
    const char *error = ask_text(o, "error");
    int status = EXIT_OK;

    if (!json_object_is_type(o, json_type_object) || error) {
        fprintf(stderr,
                "weir %s: the answer was not understood%s%s; is the running weir of another version?\n",
                ask->command, error ? ": " : "", error ? error : "");
        status = EXIT_UNAVAILABLE;
    }
    if (status == EXIT_OK && parsed)
        *parsed = o;
    else
        json_object_put(o);
    return status;
}

int ask_weir(const struct ask *ask, struct buf *answer, struct json_object **parsed)
{
    char path[CONTROL_PATH_MAX];
    pid_t pid = 0;
    bool good;
    int fd;

    if (!find_path(ask, path))
        return EXIT_UNAVAILABLE;
    fd = control_socket_connect(path, CONNECT_MS, &pid);
    if (fd < 0) {
        say_unreachable(ask, path, errno);
        return EXIT_UNAVAILABLE;
    }
    good = exchange(fd, ask, answer);
    if (!good)
        fprintf(stderr, "weir %s: weir (pid %d) %s\n", ask->command, (int)pid,
                errno == EAGAIN ? "does not answer" : "ended before it had answered");
    close(fd);
    return good ? understand(ask, answer, parsed) : EXIT_UNAVAILABLE;
}

struct json_object *ask_member(struct json_object *o, const char *name)
{
    struct json_object *member = NULL;

    return json_object_is_type(o, json_type_object) && json_object_object_get_ex(o, name, &member) ? member
                                                                                                   : NULL;
}

const char *ask_text(struct json_object *o, const char *name)
{
    struct json_object *member = ask_member(o, name);

    return json_object_is_type(member, json_type_string) ? json_object_get_string(member) : NULL;
}

int64_t ask_number(struct json_object *o, const char *name)
{
    struct json_object *member = ask_member(o, name);
    bool number = json_object_is_type(member, json_type_int) || json_object_is_type(member, json_type_double);

    return number ? json_object_get_int64(member) : -1;
}

bool ask_flag(struct json_object *o, const char *name)
{
    struct json_object *member = ask_member(o, name);

    return json_object_is_type(member, json_type_boolean) && json_object_get_boolean(member);
}
