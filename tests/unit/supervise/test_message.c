/* test_message.c: packets between supervisor and worker, and what must not pass for one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "supervise/message.h"

static struct message_room room;

static void text_numbers_and_descriptors_arrive(void **state)
{
    char *long_text = malloc(MESSAGE_TEXT_MAX);
    int fd = memfd_create("test", MFD_CLOEXEC), many[MESSAGE_FDS_MAX];
    const struct {
        const char *name;
        struct message m;
    } rows[] = {
        {"nothing but a kind", {.kind = MESSAGE_GO}},
        {"a number", {.kind = MESSAGE_STOP, .number = -1}},
        {"a text", {.kind = MESSAGE_REFUSED, .text = STR("why \n not")}},
        {"the longest text", {.kind = MESSAGE_QUARANTINE, .text = {long_text, MESSAGE_TEXT_MAX}}},
        {"one descriptor", {.kind = MESSAGE_STATE, .fds = many, .n_fds = 1}},
        {"as many as there may be",
         {.kind = MESSAGE_LOAD,
          .number = INT64_MAX,
          .task = 7,
          .text = STR("a"),
          .fds = many,
          .n_fds = MESSAGE_FDS_MAX}},
    };
    int fds[2];

    (void)state;
    memset(long_text, 'x', MESSAGE_TEXT_MAX);
    for (size_t i = 0; i < MESSAGE_FDS_MAX; i++)
        many[i] = fd;
    assert_true(message_pair(fds));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct message m;
        struct stat a, b;

        print_message("  %s\n", rows[i].name);
        assert_true(message_send(fds[0], &rows[i].m));
        assert_int_equal(message_receive(fds[1], true, &room, &m), MESSAGE_GOT);
        assert_int_equal(m.kind, rows[i].m.kind);
        assert_int_equal(m.number, rows[i].m.number);
        assert_int_equal(m.task, rows[i].m.task);
        assert_int_equal(m.text.len, rows[i].m.text.len);
        assert_memory_equal(m.text.ptr, rows[i].m.text.ptr ? rows[i].m.text.ptr : "", m.text.len);
        assert_int_equal(m.n_fds, rows[i].m.n_fds);
        for (size_t n = 0; n < m.n_fds; n++) {
            assert_int_equal(fstat(fd, &a) | fstat(m.fds[n], &b), 0);
            assert_int_equal(a.st_ino, b.st_ino);
            assert_true(fcntl(m.fds[n], F_GETFD) & FD_CLOEXEC);
        }
        message_drop(&m);
    }
    close(fd);
    close(fds[0]);
    close(fds[1]);
    free(long_text);
}

static void nothing_and_gone_are_told_apart(void **state)
{
    struct message m;
    int fds[2];

    (void)state;
    assert_true(message_pair(fds));
    assert_int_equal(message_receive(fds[0], false, &room, &m), MESSAGE_NOTHING);
    assert_true(message_send(fds[1], &(struct message){.kind = MESSAGE_READY}));
    close(fds[1]);
    assert_int_equal(message_receive(fds[0], true, &room, &m), MESSAGE_GOT);
    assert_int_equal(message_receive(fds[0], true, &room, &m), MESSAGE_GONE);
    assert_false(message_send(fds[0], &(struct message){.kind = MESSAGE_GO}));
    assert_int_equal(errno, EPIPE);
    close(fds[0]);
}

static void the_supervisor_never_waits_for_a_full_socket(void **state)
{
    static char text[MESSAGE_TEXT_MAX];
    const struct message m = {.kind = MESSAGE_QUARANTINE, .text = {text, sizeof text}};
    int fds[2], sent = 0;

    (void)state;
    assert_true(message_pair(fds));
    while (message_send(fds[0], &m) && sent < 10000)
        sent++;
    assert_int_equal(errno, EAGAIN);
    assert_in_range(sent, 2, 9999);
    close(fds[0]);
    close(fds[1]);
}

static void a_text_that_is_too_long_is_not_sent(void **state)
{
    int fds[2];

    (void)state;
    assert_true(message_pair(fds));
    assert_false(message_send(
        fds[0], &(struct message){.kind = MESSAGE_SAY, .text = {room.text, MESSAGE_TEXT_MAX + 1}}));
    assert_int_equal(errno, EMSGSIZE);
    close(fds[0]);
    close(fds[1]);
}

/* The head as message.c has it. */
struct head {
    uint32_t magic, kind, task, text_len;
    int64_t number;
};

static size_t open_files(void)
{
    size_t n = 0;

    for (int fd = 0; fd < 1024; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

/* With a descriptor, which must not stay open either. */
static void send_raw(int to, const void *bytes, size_t len)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.bytes = {0}};
    struct iovec part = {(void *)(uintptr_t)bytes, len};
    struct msghdr msg = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    int fd = STDERR_FILENO;

    *CMSG_FIRSTHDR(&msg) =
        (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(CMSG_FIRSTHDR(&msg)), &fd, sizeof fd);
    assert_int_equal(sendmsg(to, &msg, 0), len);
}

static void what_is_no_message_ends_the_talk(void **state)
{
    static char huge[MESSAGE_TEXT_MAX + 100];
    const struct head good = {0x57454952u, MESSAGE_GO, 0, 0, 0};
    struct head magic = good, zero = good, beyond = good, longer = good, *big = (struct head *)(void *)huge;
    const struct {
        const char *name;
        const void *bytes;
        size_t len;
    } rows[] = {
        {"shorter than a head", &good, sizeof good - 1},
        {"not ours", &magic, sizeof magic},
        {"no kind", &zero, sizeof zero},
        {"an unknown kind", &beyond, sizeof beyond},
        {"text that is not there", &longer, sizeof longer},
        {"longer than the room", huge, sizeof huge},
    };

    (void)state;
    magic.magic++;
    zero.kind = 0;
    beyond.kind = MESSAGE_ENDED + 1;
    longer.text_len = 1;
    *big = good;
    big->text_len = MESSAGE_TEXT_MAX; /* what fits of it would pass */
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct message m;
        int fds[2];
        size_t before;

        print_message("  %s\n", rows[i].name);
        assert_true(message_pair(fds));
        before = open_files();
        send_raw(fds[1], rows[i].bytes, rows[i].len);
        assert_int_equal(message_receive(fds[0], true, &room, &m), MESSAGE_GONE);
        assert_int_equal(open_files(), before);
        close(fds[0]);
        close(fds[1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_numbers_and_descriptors_arrive),
        cmocka_unit_test(nothing_and_gone_are_told_apart),
        cmocka_unit_test(the_supervisor_never_waits_for_a_full_socket),
        cmocka_unit_test(a_text_that_is_too_long_is_not_sent),
        cmocka_unit_test(what_is_no_message_ends_the_talk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
