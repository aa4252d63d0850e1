/* test_base.c: slices, buffers, arenas, the log line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/sha256.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void str_to_int_takes_whole_integers_only(void **state)
{
    static const struct {
        const char *text;
        bool good;
        int64_t value;
    } rows[] = {
        {"0", true, 0},
        {"-0", true, 0},
        {"007", true, 7},
        {"9223372036854775807", true, INT64_MAX},
        {"9223372036854775808", false, 0},
        {"-9223372036854775808", true, INT64_MIN},
        {"-9223372036854775809", false, 0},
        {"99999999999999999999999", false, 0},
        {"", false, 0},
        {"-", false, 0},
        {"+1", false, 0},
        {" 1", false, 0},
        {"1 ", false, 0},
        {"1.0", false, 0},
        {"0x10", false, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t value = 0;
        bool good = str_to_int(str_of(rows[i].text), &value);

        if (good != rows[i].good || (good && value != rows[i].value))
            fail_msg("\"%s\": got %d %lld, expected %d %lld", rows[i].text, good, (long long)value,
                     rows[i].good, (long long)rows[i].value);
    }
}

static void str_split_gives_every_item_trimmed(void **state)
{
    static const struct {
        const char *text, *items[5];
    } rows[] = {
        {"a, b,c ", {"a", "b", "c", NULL}},    {"a", {"a", NULL}}, {"", {"", NULL}}, {",", {"", "", NULL}},
        {" a b ,, c", {"a b", "", "c", NULL}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct weir_str rest = str_of(rows[i].text), item;
        size_t n = 0;

        while (str_split(&rest, ',', &item)) {
            assert_non_null(rows[i].items[n]);
            if (!str_is(item, rows[i].items[n]))
                fail_msg("\"%s\", item %zu: got \"%.*s\", expected \"%s\"", rows[i].text, n, (int)item.len,
                         item.ptr, rows[i].items[n]);
            n++;
        }
        assert_null(rows[i].items[n]);
    }
}

static void absent_is_not_empty(void **state)
{
    (void)state;
    assert_false(str_eq(STR_ABSENT, STR("")));
    assert_true(str_eq(STR_ABSENT, STR_ABSENT));
    assert_true(str_eq(STR(""), STR("")));
    assert_null(str_dup(STR_ABSENT));
}

static void str_cmp_orders_by_bytes_and_then_by_length(void **state)
{
    (void)state;
    assert_true(str_cmp(STR("a"), STR("b")) < 0);
    assert_true(str_cmp(STR("a"), STR("aa")) < 0);
    assert_true(str_cmp(STR("b"), STR("aa")) > 0);
    assert_int_equal(str_cmp(STR("aa"), STR("aa")), 0);
    assert_int_equal(str_cmp(STR(""), STR("")), 0);
}

static void buf_fails_at_its_cap_and_stays_failed(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 10);
    buf_add_text(&b, "12345678");
    buf_add_text(&b, "abc");
    assert_true(b.failed);
    buf_add_text(&b, "9");
    assert_int_equal(b.len, 8);
    buf_reset(&b);
    buf_add_fmt(&b, "%d", 42);
    assert_false(b.failed);
    assert_string_equal(buf_text(&b), "42");
    buf_fini(&b);
}

static void buf_keeps_what_it_was_given(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, SIZE_MAX);
    for (int i = 0; i < 10000; i++)
        buf_add_fmt(&b, "%04d", i);
    assert_int_equal(b.len, 40000);
    assert_memory_equal(b.ptr + 4 * 1234, "1234", 4);
    buf_fini(&b);
}

static void arena_gives_aligned_memory_up_to_its_cap(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a, 256, 10000);
    for (int i = 0; i < 100; i++) {
        void *p = arena_alloc(&a, (size_t)i % 40);

        assert_non_null(p);
        assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
        memset(p, 0xee, (size_t)i % 40);
    }
    assert_null(arena_alloc(&a, 10000));
    assert_null(arena_alloc(&a, SIZE_MAX));
    assert_non_null(arena_alloc(&a, 1000));
    arena_fini(&a);
}

static void arena_reset_keeps_one_ordinary_block(void **state)
{
    struct arena a;
    char *first;

    (void)state;
    arena_init(&a, 256, SIZE_MAX);
    first = arena_alloc(&a, 10);
    arena_alloc(&a, 5000);
    arena_reset(&a);
    assert_ptr_equal(arena_alloc(&a, 10), first);
    assert_int_equal(arena_used(&a), 16);
    arena_fini(&a);

    arena_init(&a, 256, SIZE_MAX);
    arena_alloc(&a, 5000); /* a large first block goes */
    arena_reset(&a);
    assert_null(a.first);
    arena_fini(&a);
}

static void arena_begins_in_memory_of_its_owner(void **state)
{
    _Alignas(max_align_t) char memory[sizeof(struct arena_block) + 128];
    struct arena a;

    (void)state;
    assert_int_equal(arena_room(128), sizeof memory);
    arena_init_in(&a, memory, sizeof memory, SIZE_MAX);
    for (int i = 0; i < 3; i++) {
        char *first = arena_alloc(&a, 100), *large = arena_alloc(&a, 5000);

        assert_ptr_equal(first, memory + sizeof(struct arena_block));
        assert_true(large < memory || large >= memory + sizeof memory);
        memset(large, 0xee, 5000);
        arena_reset(&a);
    }
    arena_alloc(&a, 5000);
    arena_fini(&a); /* frees the others, and not this one */
}

static void arena_text_ends_with_a_nul(void **state)
{
    struct arena a;
    struct weir_str s;

    (void)state;
    arena_init(&a, 256, 300);
    s = arena_fmt(&a, "%s-%d", "x", 7);
    assert_string_equal(s.ptr, "x-7");
    assert_int_equal(s.len, 3);
    for (int n = 0; n < 60; n++) { /* into what is free, up to its last byte and beyond */
        struct arena small;

        arena_init(&small, 32, SIZE_MAX);
        arena_alloc(&small, 1);
        s = arena_fmt(&small, "%0*d", n + 1, 0);
        assert_int_equal(s.len, n + 1);
        assert_int_equal(strlen(s.ptr), n + 1);
        arena_fini(&small);
    }
    s = arena_str(&a, STR_ABSENT);
    assert_null(s.ptr);
    s = arena_str(&a, STR(""));
    assert_non_null(s.ptr);
    s = arena_fmt(&a, "%0400d", 1);
    assert_null(s.ptr);
    arena_fini(&a);
}

/* What log_at() writes, read back through a pipe in place of standard error. */
static void capture(char *line, size_t room, int32_t level, const char *text)
{
    int fds[2], saved = dup(STDERR_FILENO);
    ssize_t n;

    assert_int_equal(pipe(fds), 0);
    dup2(fds[1], STDERR_FILENO);
    log_at((struct log_place){"c1", "s1"}, level, "phrase: text=\"%s\"", text);
    dup2(saved, STDERR_FILENO);
    close(fds[1]);
    close(saved);
    n = read(fds[0], line, room - 1);
    close(fds[0]);
    line[n > 0 ? n : 0] = '\0';
}

static void a_log_line_cannot_be_forged(void **state)
{
    char line[4096], *long_text = malloc(5001);

    (void)state;
    capture(line, sizeof line, WEIR_LOG_WARN, "a\nb\x1b[0m");
    assert_non_null(strstr(line, " warn  chain=c1 stage=s1 phrase: text=\"a b [0m\"\n"));
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
    memset(long_text, 'x', 5000);
    long_text[5000] = '\0';
    capture(line, sizeof line, WEIR_LOG_ERROR, long_text);
    assert_true(strlen(line) <= 2048);
    assert_int_equal(line[strlen(line) - 1], '\n');
    free(long_text);
}

/* A reader that is there and does not read: nobody waits for it for long, and it learns what it missed. */
static void a_log_that_nobody_reads_holds_nobody_up(void **state)
{
    static char page[8192]; /* the last line needs a page of its own */
    int fds[2], saved = dup(STDERR_FILENO);
    ssize_t n;

    (void)state;
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(fcntl(fds[1], F_SETPIPE_SZ, sizeof page), sizeof page);
    assert_int_equal(write(fds[1], page, sizeof page), sizeof page);
    dup2(fds[1], STDERR_FILENO);
    for (int i = 0; i < 3; i++)
        log_info("lost");
    n = read(fds[0], page, sizeof page);
    log_info("read");
    log_info("read, too");
    dup2(saved, STDERR_FILENO);
    close(fds[1]);
    close(saved);
    assert_int_equal(n, sizeof page);
    n = read(fds[0], page, sizeof page - 1);
    close(fds[0]);
    page[n > 0 ? n : 0] = '\0';
    assert_non_null(strstr(page, " warn  nobody read the log, lines are lost: lines=3\n"));
    assert_non_null(strstr(page, " info  read\n"));
    assert_non_null(strstr(page, " info  read, too\n"));
    assert_null(strstr(strstr(page, "lines=3") + 1, "lines="));
}

/** Reads on until text has come, or nothing comes for a second. */
static void read_until(int fd, char *page, size_t room, const char *text)
{
    size_t n = strlen(page);
    ssize_t got;

    while (!strstr(page, text) && n < room - 1 && poll(&(struct pollfd){fd, POLLIN, 0}, 1, 1000) > 0) {
        got = read(fd, page + n, room - 1 - n);
        n += (size_t)(got > 0 ? got : 0);
        page[n] = '\0';
    }
}

/* A terminal says that there is room where there is some for a byte. A line that was broken off is ended. */
static void a_terminal_that_nobody_reads_holds_nobody_up(void **state)
{
    static char page[256 << 10];
    int saved = dup(STDERR_FILENO), master, slave;
    const char *warning;

    (void)state;
    assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
    dup2(slave, STDERR_FILENO);
    for (int i = 0; i < 100; i++)
        log_info("%01000d", i);
    read_until(master, page, sizeof page, "nothing is like that");
    log_info("read");
    read_until(master, page, sizeof page, " info  read\r\n");
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(slave);
    close(master);
    warning = strstr(page, " warn  nobody read the log, lines are lost: lines=");
    assert_non_null(warning);
    assert_int_equal(warning[-25], '\n'); /* before its time */
    assert_non_null(strstr(warning, " info  read\r\n"));
}

static void the_log_has_a_level(void **state)
{
    char line[4096];

    (void)state;
    log_set_level(WEIR_LOG_WARN);
    capture(line, sizeof line, WEIR_LOG_INFO, "x");
    assert_string_equal(line, "");
    log_set_level(WEIR_LOG_INFO);
}

/* The texts of FIPS 180-2, one block and two, and the empty one. */
static void sha256_is_that_of_the_standard(void **state)
{
    static const struct {
        const char *text, *hex;
    } rows[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char hex[SHA256_HEX];

        sha256_hex(str_of(rows[i].text), hex);
        assert_string_equal(hex, rows[i].hex);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(str_to_int_takes_whole_integers_only),
        cmocka_unit_test(str_split_gives_every_item_trimmed),
        cmocka_unit_test(absent_is_not_empty),
        cmocka_unit_test(str_cmp_orders_by_bytes_and_then_by_length),
        cmocka_unit_test(buf_fails_at_its_cap_and_stays_failed),
        cmocka_unit_test(buf_keeps_what_it_was_given),
        cmocka_unit_test(arena_gives_aligned_memory_up_to_its_cap),
        cmocka_unit_test(arena_reset_keeps_one_ordinary_block),
        cmocka_unit_test(arena_begins_in_memory_of_its_owner),
        cmocka_unit_test(arena_text_ends_with_a_nul),
        cmocka_unit_test(a_log_line_cannot_be_forged),
        cmocka_unit_test(a_log_that_nobody_reads_holds_nobody_up),
        cmocka_unit_test(a_terminal_that_nobody_reads_holds_nobody_up),
        cmocka_unit_test(the_log_has_a_level),
        cmocka_unit_test(sha256_is_that_of_the_standard),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
