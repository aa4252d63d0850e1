/* test_control.c: the control socket, and the clients that misuse it.
 *
 * Supervisor and clients are one thread: whatever a client does or does not do, control_serve() returns.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "chain/json.h"
#include "supervise/control.h"
#include "supervise/control_socket.h"

#define PATIENCE_MS 20000

struct world {
    char dir[64], path[CONTROL_PATH_MAX];
    struct config config;
    struct fleet fleet;
    struct control *control;
    bool wanted; /* a reload, since this was last looked at */
};

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    snprintf(w->dir, sizeof w->dir, "/tmp/weir-control-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    snprintf(w->path, sizeof w->path, "%s/s", w->dir);
    w->config = (struct config){.dir = w->dir, .host.socket = STR("s")};
    w->fleet.dir = w->dir;
    w->control = control_new(&w->config);
    assert_non_null(w->control);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;

    control_destroy(w->control);
    unlink(w->path);
    assert_int_equal(rmdir(w->dir), 0);
    free(w);
    return 0;
}

/* ---- clients */

static int client(const struct world *w, const char *says)
{
    int fd = control_socket_connect(w->path, 1000, NULL);

    assert_true(fd >= 0);
    if (*says)
        assert_int_equal(send(fd, says, strlen(says), MSG_NOSIGNAL), (ssize_t)strlen(says));
    return fd;
}

static void serve(struct world *w)
{
    w->wanted = control_serve(w->control, &w->fleet) || w->wanted;
}

/* Serves until the client has heard the end; closes it, and returns what it heard. */
static char *heard(struct world *w, int fd)
{
    int64_t deadline = clock_mono_ms() + PATIENCE_MS;
    struct buf text;

    buf_init(&text, (size_t)64 << 20);
    for (;;) {
        struct pollfd fds[] = {{control_fd(w->control), POLLIN, 0}, {fd, POLLIN, 0}};
        ssize_t n;

        assert_true(clock_mono_ms() < deadline);
        serve(w);
        assert_true(buf_reserve(&text, 65536));
        n = recv(fd, text.ptr + text.len, 65536, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno == ECONNRESET))
            break;
        if (n > 0)
            text.len += (size_t)n;
        else
            poll(fds, 2, 100);
    }
    close(fd);
    buf_add_char(&text, '\0');
    return text.ptr;
}

static void hears(struct world *w, int fd, const char *wanted)
{
    char *text = heard(w, fd);

    assert_string_equal(text, wanted);
    free(text);
}

static void gets_status(struct world *w, int fd)
{
    char *text = heard(w, fd);
    size_t n = strlen(text);

    assert_true(n > 1 && text[n - 1] == '\n');
    assert_true(str_starts(str_of(text), STR("{\"version\":")));
    assert_true(json_is_object(str_of(text)));
    free(text);
}

/* ---- requests */

static void a_request_is_one_line(void **state)
{
    static const struct {
        const char *name, *says, *answer; /* NULL: the status */
    } rows[] = {
        {"status", "status\n", NULL},
        {"a carriage return", "status\r\n", NULL},
        {"more behind it", "status\nreload\n", NULL},
        {"unknown", "stop\n", "{\"error\":\"unknown request; there are status and reload\"}\n"},
        {"nothing", "\n", "{\"error\":\"unknown request; there are status and reload\"}\n"},
        {"a part of a word", "statu\n", "{\"error\":\"unknown request; there are status and reload\"}\n"},
        {"too long", "status status status status status status status status status stat",
         "{\"error\":\"the request is too long\"}\n"},
    };
    struct world *w = *state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        print_message("    %s\n", rows[i].name);
        if (rows[i].answer)
            hears(w, client(w, rows[i].says), rows[i].answer);
        else
            gets_status(w, client(w, rows[i].says));
    }
    assert_false(w->wanted);
}

static void a_request_may_come_in_pieces(void **state)
{
    struct world *w = *state;
    int fd = client(w, "");

    for (const char *at = "status\n"; *at; at++) {
        assert_int_equal(send(fd, at, 1, MSG_NOSIGNAL), 1);
        serve(w);
    }
    gets_status(w, fd);
}

static void a_client_that_closes_its_side_still_gets_its_answer(void **state)
{
    struct world *w = *state;
    int asks = client(w, "status\n"), waits = client(w, "reload\n");

    shutdown(asks, SHUT_WR);
    shutdown(waits, SHUT_WR);
    gets_status(w, asks);
    assert_true(w->wanted);
    control_answer_reload(w->control, true, STR(""));
    hears(w, waits, "{\"ok\":true,\"lines\":[]}\n");
}

/* ---- reloads */

static void a_reload_is_answered_when_it_is_over(void **state)
{
    struct world *w = *state;
    int fd = client(w, "reload\n");
    char c;

    serve(w);
    serve(w);
    assert_true(w->wanted);
    assert_int_equal(recv(fd, &c, 1, MSG_DONTWAIT), -1);
    assert_int_equal(errno, EAGAIN);
    control_begin_reload(w->control);
    gets_status(w, client(w, "status\n"));
    control_answer_reload(w->control, false, STR("a.conf:3: unknown \"x\"\n\nreload refused\n"));
    hears(w, fd, "{\"ok\":false,\"lines\":[\"a.conf:3: unknown \\\"x\\\"\",\"reload refused\"]}\n");
}

static void who_asks_during_a_reload_waits_for_the_next(void **state)
{
    struct world *w = *state;
    int first = client(w, "reload\n"), second;

    serve(w);
    serve(w);
    control_begin_reload(w->control);
    w->wanted = false;
    second = client(w, "reload\n");
    serve(w);
    serve(w);
    assert_true(w->wanted);
    control_answer_reload(w->control, true, STR("one"));
    hears(w, first, "{\"ok\":true,\"lines\":[\"one\"]}\n");
    control_begin_reload(w->control);
    control_answer_reload(w->control, true, STR("two"));
    hears(w, second, "{\"ok\":true,\"lines\":[\"two\"]}\n");
}

static void a_reload_that_a_signal_began_answers_nobody_who_asks_later(void **state)
{
    struct world *w = *state;
    int fd;

    control_begin_reload(w->control);
    fd = client(w, "reload\n");
    serve(w);
    serve(w);
    control_answer_reload(w->control, true, STR("the signal's"));
    control_begin_reload(w->control);
    control_answer_reload(w->control, true, STR("its own"));
    hears(w, fd, "{\"ok\":true,\"lines\":[\"its own\"]}\n");
}

static void who_waits_at_the_end_is_told(void **state)
{
    struct world *w = *state;
    int fd = client(w, "reload\n");
    char text[64] = "";

    serve(w);
    serve(w);
    control_destroy(w->control);
    assert_int_equal(access(w->path, F_OK), -1);
    assert_true(recv(fd, text, sizeof text - 1, 0) > 0);
    assert_string_equal(text, "{\"ok\":false,\"lines\":[\"weir has ended\"]}\n");
    close(fd);
    w->control = control_new(&w->config);
}

static void text_that_is_no_utf8_becomes_an_answer_that_is(void **state)
{
    struct world *w = *state;
    int fd = client(w, "reload\n");

    serve(w);
    serve(w);
    control_answer_reload(w->control, true, STR("a\xff\xc3\xa4\xe4z\x01"));
    hears(w, fd, "{\"ok\":true,\"lines\":[\"a?\xc3\xa4?z\\u0001\"]}\n");
}

/* ---- clients that misuse it */

static void silent_clients_delay_nobody(void **state)
{
    struct world *w = *state;
    int fds[3 * CONTROL_CLIENTS_MAX];
    char c;

    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) {
        fds[i] = client(w, i % 2 ? "stat" : "");
        serve(w);
    }
    gets_status(w, client(w, "status\n"));
    assert_int_equal(recv(fds[0], &c, 1, MSG_DONTWAIT), 0); /* the first had to leave */
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        close(fds[i]);
    gets_status(w, client(w, "status\n"));
}

static void who_waits_for_a_reload_is_not_pushed_out(void **state)
{
    struct world *w = *state;
    int fds[CONTROL_CLIENTS_MAX];

    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        fds[i] = client(w, "reload\n");
        serve(w);
    }
    serve(w);
    hears(w, client(w, ""), "");
    control_answer_reload(w->control, true, STR(""));
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        hears(w, fds[i], "{\"ok\":true,\"lines\":[]}\n");
}

static void who_hangs_up_while_it_waits_makes_room(void **state)
{
    struct world *w = *state;

    for (size_t i = 0; i < 2 * CONTROL_CLIENTS_MAX; i++) {
        int fd = client(w, "reload\n");

        serve(w);
        serve(w);
        close(fd);
        serve(w);
    }
    gets_status(w, client(w, "status\n"));
    control_answer_reload(w->control, true, STR(""));
}

static void a_silent_client_is_sent_away(void **state)
{
    struct world *w = *state;
    int fd = client(w, "stat");
    int64_t began = clock_mono_ms();

    hears(w, fd, "");
    assert_true(clock_mono_ms() - began >= CONTROL_IDLE_MS - 200);
}

static void one_that_does_not_read_is_sent_away_and_delays_nobody(void **state)
{
    struct world *w = *state;
    int64_t deadline = clock_mono_ms() + PATIENCE_MS;
    int stuck = client(w, "reload\n"), slow = client(w, "reload\n");
    struct pollfd gone = {stuck, 0, 0};
    size_t n = (size_t)4 << 20;
    char *line = malloc(n), *text;

    assert_non_null(line);
    memset(line, 'x', n);
    serve(w);
    serve(w);
    control_answer_reload(w->control, true, str_make(line, n));
    gets_status(w, client(w, "status\n"));
    text = heard(w, slow);
    assert_int_equal(strlen(text), n + strlen("{\"ok\":true,\"lines\":[\"\"]}\n"));
    while (poll(&gone, 1, 100) == 0 || !(gone.revents & POLLHUP)) {
        assert_true(clock_mono_ms() < deadline);
        serve(w);
    }
    close(stuck);
    free(text);
    free(line);
}

static void without_descriptors_it_rests_and_comes_back(void **state)
{
    struct world *w = *state;
    struct rlimit before, none;
    struct pollfd ready = {control_fd(w->control), POLLIN, 0};
    int fd = client(w, "status\n");

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = 3;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    serve(w);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(poll(&ready, 1, 0), 0); /* it does not call for what it cannot get */
    gets_status(w, fd);
}

static void another_user_gets_nothing(void **state)
{
    struct world *w = *state;
    int64_t deadline = clock_mono_ms() + PATIENCE_MS;
    int status;
    pid_t pid;

    if (geteuid() != 0)
        skip();
    assert_int_equal(chmod(w->dir, 0755) | chmod(w->path, 0666), 0);
    pid = fork();
    if (pid == 0) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        char c;

        memcpy(address.sun_path, w->path, strlen(w->path));
        if (setresuid(65534, 65534, 65534) < 0 ||
            connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
            _exit(1);
        if (send(fd, "status\n", 7, MSG_NOSIGNAL) < 0)
            _exit(2); /* it was closed before: as good */
        _exit(recv(fd, &c, 1, 0) > 0 ? 3 : 2);
    }
    while (waitpid(pid, &status, WNOHANG) == 0) {
        struct pollfd ready = {control_fd(w->control), POLLIN, 0};

        assert_true(clock_mono_ms() < deadline);
        serve(w);
        poll(&ready, 1, 50);
    }
    assert_int_equal(WEXITSTATUS(status), 2);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_request_is_one_line),
        CASE(a_request_may_come_in_pieces),
        CASE(a_client_that_closes_its_side_still_gets_its_answer),
        CASE(a_reload_is_answered_when_it_is_over),
        CASE(who_asks_during_a_reload_waits_for_the_next),
        CASE(a_reload_that_a_signal_began_answers_nobody_who_asks_later),
        CASE(who_waits_at_the_end_is_told),
        CASE(text_that_is_no_utf8_becomes_an_answer_that_is),
        CASE(silent_clients_delay_nobody),
        CASE(who_waits_for_a_reload_is_not_pushed_out),
        CASE(who_hangs_up_while_it_waits_makes_room),
        CASE(a_silent_client_is_sent_away),
        CASE(one_that_does_not_read_is_sent_away_and_delays_nobody),
        CASE(without_descriptors_it_rests_and_comes_back),
        CASE(another_user_gets_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
