/* test_control_socket.c: where the control socket is, and what may be in its way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "supervise/control_socket.h"

struct world {
    char dir[64], path[CONTROL_PATH_MAX];
    struct buf why;
};

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    snprintf(w->dir, sizeof w->dir, "/tmp/weir-socket-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    snprintf(w->path, sizeof w->path, "%s/s", w->dir);
    buf_init(&w->why, 4096);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;

    unlink(w->path);
    assert_int_equal(rmdir(w->dir), 0);
    buf_fini(&w->why);
    free(w);
    return 0;
}

static bool opens(struct world *w, struct control_socket *s)
{
    buf_reset(&w->why);
    return control_socket_open(s, w->dir, STR("s"), &w->why);
}

static bool answers(const struct world *w)
{
    pid_t pid = 0;
    int fd = control_socket_connect(w->path, 0, &pid);

    if (fd >= 0)
        close(fd);
    assert_true(fd < 0 || pid == getpid());
    return fd >= 0;
}

static void says(struct world *w, const char *part)
{
    if (!strstr(buf_text(&w->why), part))
        fail_msg("\"%s\" is not in \"%s\"", part, buf_text(&w->why));
}

static void bind_only(const struct world *w)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    memcpy(address.sun_path, w->path, strlen(w->path));
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd);
}

static void it_is_there_for_its_user_alone_and_goes_with_him(void **state)
{
    struct world *w = *state;
    struct control_socket s;
    struct stat st;
    mode_t mask = umask(0);

    assert_true(opens(w, &s));
    umask(mask);
    assert_int_equal(lstat(w->path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_true(answers(w));
    control_socket_close(&s);
    assert_int_equal(lstat(w->path, &st), -1);
}

static void a_dead_one_is_replaced(void **state)
{
    struct world *w = *state;
    struct control_socket s;

    bind_only(w);
    assert_false(answers(w));
    assert_int_equal(errno, ECONNREFUSED);
    assert_true(opens(w, &s));
    assert_true(answers(w));
    control_socket_close(&s);
}

static void one_that_lives_is_left_alone(void **state)
{
    struct world *w = *state;
    struct control_socket first, second;
    char pid[32];

    snprintf(pid, sizeof pid, ": pid=%d; give", (int)getpid());
    assert_true(opens(w, &first));
    assert_false(opens(w, &second));
    says(w, "another weir has the control socket");
    says(w, pid);
    says(w, "\"socket\" of its own under [host]");
    control_socket_close(&second);
    assert_true(answers(w));
    control_socket_close(&first);
}

static void one_that_is_too_busy_to_take_a_connection_lives(void **state)
{
    struct world *w = *state;
    struct control_socket first, second;
    int fds[64], n = 0;

    assert_true(opens(w, &first));
    while (n < 64 && (fds[n] = control_socket_connect(w->path, 0, NULL)) >= 0)
        n++;
    assert_int_equal(errno, EAGAIN);
    assert_false(opens(w, &second));
    says(w, "another weir has the control socket");
    while (n > 0)
        close(fds[--n]);
    control_socket_close(&first);
}

static void a_file_of_another_kind_is_left_alone(void **state)
{
    struct world *w = *state;
    struct control_socket s;
    struct stat st;
    int fd = open(w->path, O_CREAT | O_WRONLY, 0600);

    assert_int_equal(write(fd, "x", 1), 1);
    close(fd);
    assert_false(opens(w, &s));
    says(w, "is no socket; remove it");
    assert_int_equal(lstat(w->path, &st), 0);
    assert_int_equal(st.st_size, 1);
}

static void what_somebody_else_has_put_in_its_place_stays(void **state)
{
    struct world *w = *state;
    struct control_socket first, second;

    assert_true(opens(w, &first));
    unlink(w->path);
    assert_true(opens(w, &second));
    control_socket_close(&first);
    assert_true(answers(w));
    control_socket_close(&second);
    assert_false(answers(w));
}

static void the_path_is_found_from_the_configuration(void **state)
{
    struct world *w = *state;
    char path[CONTROL_PATH_MAX], same[CONTROL_PATH_MAX], other[CONTROL_PATH_MAX], text[128];

    assert_true(control_socket_path(w->dir, STR_ABSENT, path, &w->why));
    snprintf(text, sizeof text, "%s/../%s/", w->dir, strrchr(w->dir, '/') + 1);
    assert_true(control_socket_path(text, STR_ABSENT, same, &w->why));
    assert_string_equal(path, same);
    assert_true(control_socket_path("/", STR_ABSENT, other, &w->why));
    assert_string_not_equal(path, other);
    assert_string_equal(strrchr(other, '/'), "/8a5edab282632443.sock"); /* of SHA-256 of "/" */
    snprintf(text, sizeof text, "/tmp/weir-%u/", (unsigned)geteuid());
    assert_true(str_starts(str_of(path), geteuid() ? str_of(text) : STR("/run/weir/")));

    assert_true(control_socket_path(w->dir, STR("a/b.sock"), path, &w->why));
    snprintf(text, sizeof text, "%s/a/b.sock", w->dir);
    assert_string_equal(path, text);
    assert_true(control_socket_path(w->dir, STR("/a/b.sock"), path, &w->why));
    assert_string_equal(path, "/a/b.sock");
}

static void a_path_that_cannot_be_is_refused(void **state)
{
    struct world *w = *state;
    char path[CONTROL_PATH_MAX], longest[CONTROL_PATH_MAX + 1];

    memset(longest, 'x', sizeof longest);
    longest[0] = '/';
    assert_true(control_socket_path("/", str_make(longest, CONTROL_PATH_MAX - 1), path, &w->why));
    assert_false(control_socket_path("/", str_make(longest, CONTROL_PATH_MAX), path, &w->why));
    says(w, "at most 107 bytes; set a shorter \"socket\"");
    buf_reset(&w->why);
    assert_false(control_socket_path("/nowhere/at/all", STR_ABSENT, path, &w->why));
    says(w, "/nowhere/at/all: No such file or directory");
}

static void a_folder_that_others_can_open_is_refused(void **state)
{
    enum kind { NOTHING, FOLDER, FILE_THERE, LINK };
    static const struct {
        const char *name;
        enum kind kind;
        mode_t mode;
        uid_t owner; /* 0: ours */
        const char *says;
    } rows[] = {
        {"it is made", NOTHING, 0, 0, NULL},
        {"it is as it should be", FOLDER, 0700, 0, NULL},
        {"others may look into it", FOLDER, 0755, 0, "is open to others (mode 755); chmod 700 it"},
        {"its group may write", FOLDER, 0720, 0, "is open to others (mode 720)"},
        {"a file", FILE_THERE, 0700, 0, "is no directory"},
        {"a link to a folder", LINK, 0, 0, "is no directory"},
        {"another user's", FOLDER, 0700, 65534, "belongs to another user (65534)"},
    };
    struct world *w = *state;
    mode_t mask = umask(0);
    struct stat st;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        print_message("    %s\n", rows[i].name);
        if (rows[i].owner && geteuid() != 0)
            continue;
        if (rows[i].kind == FOLDER)
            assert_int_equal(mkdir(w->path, rows[i].mode), 0);
        else if (rows[i].kind == FILE_THERE)
            close(open(w->path, O_CREAT | O_WRONLY, rows[i].mode));
        else if (rows[i].kind == LINK)
            assert_int_equal(symlink("/", w->path), 0);
        if (rows[i].owner)
            assert_int_equal(chown(w->path, rows[i].owner, rows[i].owner), 0);
        buf_reset(&w->why);
        assert_int_equal(control_socket_folder(w->path, &w->why), !rows[i].says);
        if (rows[i].says)
            says(w, rows[i].says);
        assert_int_equal(lstat(w->path, &st), 0);
        if (!rows[i].says)
            assert_int_equal(st.st_mode & 07777, 0700);
        if (rmdir(w->path) < 0)
            unlink(w->path);
    }
    umask(mask);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(it_is_there_for_its_user_alone_and_goes_with_him),
        CASE(a_dead_one_is_replaced),
        CASE(one_that_lives_is_left_alone),
        CASE(one_that_is_too_busy_to_take_a_connection_lives),
        CASE(a_file_of_another_kind_is_left_alone),
        CASE(what_somebody_else_has_put_in_its_place_stays),
        CASE(the_path_is_found_from_the_configuration),
        CASE(a_path_that_cannot_be_is_refused),
        CASE(a_folder_that_others_can_open_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
