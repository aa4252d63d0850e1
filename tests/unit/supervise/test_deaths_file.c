/* test_deaths_file.c: what is in quarantine as lines of text, and as a file that outlives the supervisor. */
#include "supervise/deaths.h"

#include "base/log.h"
#include "supervise/message.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define MINUTE INT64_C(60000)
#define DAY (24 * 60 * MINUTE)
#define WALL INT64_C(1729894075250)

/* Two records, a day apart. */
static void lose_two(struct deaths *deaths)
{
    const struct quarantined items[] = {
        {0, 1000, false, {"geo", 3}, {"Plugin crash: SIGSEGV", 21}},
        {0, 1001, true, {"sink", 4}, {"Plugin crash: exit status 0", 27}},
    };

    assert_true(deaths_keep(deaths, &items[0], WALL));
    assert_true(deaths_keep(deaths, &items[1], WALL + DAY));
    assert_false(deaths_keep(deaths, &items[1], WALL + DAY));
}

/* ---- text */

static void a_line_comes_back_as_it_went(void **state)
{
    static const struct quarantined rows[] = {
        {0, 0, false, {"a", 1}, {"x", 1}},
        {3, 41, true, {"geo-2_b", 7}, {"Plugin crash: no answer within 30s", 34}},
        {INT32_MAX, INT64_MAX, true, {"0", 1}, {"Plugin crash: SIGSEGV", 21}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct quarantined back;
        struct weir_str text;
        struct buf line;

        buf_init(&line, 1000);
        quarantined_write(&line, &rows[i]);
        text = buf_str(&line);
        assert_true(text.len && text.ptr[text.len - 1] == '\n');
        assert_true(quarantined_read(str_make(text.ptr, text.len - 1), &back));
        assert_int_equal(back.partition, rows[i].partition);
        assert_int_equal(back.offset, rows[i].offset);
        assert_int_equal(back.emitted, rows[i].emitted);
        assert_true(str_eq(back.stage, rows[i].stage));
        assert_true(str_eq(back.reason, rows[i].reason));
        buf_fini(&line);
    }
}

static void a_line_that_is_none_is_refused(void **state)
{
    static const char *const lines[] = {
        "",
        "1",
        "1 2 0",
        "1 2 0 geo",
        "1 2 0 geo ",
        "-1 2 0 geo crash",
        "2147483648 2 0 geo crash",
        "1 -2 0 geo crash",
        "1 9223372036854775808 0 geo crash",
        "1 2 2 geo crash",
        "1 2 x geo crash",
        "1 2 0 Geo crash",
        "1 2 0 ../geo crash",
        "1  2 0 geo crash",
        "1 2 0 geo cra\033sh",
        "1 2 0 geo cra\nsh",
        "1 2 0 geo cra\xffsh",
        "1 2 0 geo 1234567890123456789012345678901234567890123456789012345678901",
        "1 2 0 a2345678901234567890123456789012345678901234567890123456789012345 crash",
    };
    struct quarantined item;

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        if (quarantined_read(str_of(lines[i]), &item))
            fail_msg("taken: \"%s\"", lines[i]);
    }
}

static void the_longest_lines_fit_in_one_message(void **state)
{
    char stage[65], reason[DEATHS_REASON_MAX + 1];
    struct quarantined item = {INT32_MAX, INT64_MAX, true, {stage, 64}, {reason, DEATHS_REASON_MAX}}, back;
    struct buf line;

    (void)state;
    memset(stage, 's', 64);
    memset(reason, 'r', DEATHS_REASON_MAX);
    buf_init(&line, 1000);
    quarantined_write(&line, &item);
    assert_true(line.len * DEATHS_QUARANTINED_MAX <= MESSAGE_TEXT_MAX);
    assert_true(quarantined_read(str_make(line.ptr, line.len - 1), &back));
    buf_fini(&line);
}

/* ---- the file */

static char dir[] = "/tmp/weir-deaths-XXXXXX";
static char path[PATH_MAX], beside[PATH_MAX];

static int make_dir(void **state)
{
    (void)state;
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof path, "%s/c.quarantine", dir);
    snprintf(beside, sizeof beside, "%s/c.quarantine.new", dir);
    log_set_level(WEIR_LOG_ERROR);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    chmod(dir, 0700);
    unlink(path);
    unlink(beside);
    return rmdir(dir);
}

static size_t loaded(const char *about, int64_t wall_ms)
{
    struct deaths *deaths = deaths_new(5, 10 * MINUTE);
    size_t count;

    deaths_load(deaths, path, about, wall_ms);
    deaths_quarantined(deaths, &count);
    deaths_destroy(deaths);
    return count;
}

static void put_file(const char *text, size_t len)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static void what_was_learnt_outlives_the_supervisor(void **state)
{
    struct deaths *deaths = deaths_new(5, 10 * MINUTE), *next = deaths_new(5, 10 * MINUTE);
    const struct death death = {.how = DEATH_EXIT,
                                .call = NOTE_PROCESS,
                                .stage = STR("geo"),
                                .partition = 0,
                                .offset = 1000,
                                .pinned = true};
    const struct quarantined *items;
    size_t count;

    (void)state;
    unlink(path);
    assert_int_equal(loaded("c in", WALL), 0); /* no file yet */
    assert_true(deaths_save(deaths, path, "c in"));
    assert_int_equal(loaded("c in", WALL), 0);
    lose_two(deaths);
    assert_true(deaths_save(deaths, path, "c in"));
    assert_int_equal(access(beside, F_OK), -1);
    deaths_load(next, path, "c in", WALL + 2 * DAY);
    deaths_load(next, path, "c in", WALL + 2 * DAY); /* nothing twice */
    items = deaths_quarantined(next, &count);
    assert_int_equal(count, 2);
    assert_int_equal(items[1].offset, 1001);
    assert_true(str_is(items[1].stage, "sink"));
    assert_true(str_is(items[1].reason, "Plugin crash: exit status 0"));
    assert_int_equal(deaths_quarantined_since(next, 1), WALL + DAY);
    assert_int_equal(deaths_note(next, &death, 0).verdict, DEATHS_RESTART);
    assert_int_equal(deaths_note(next, &death, 1).verdict,
                     DEATHS_RESTART);                        /* it is kept: not this record again */
    assert_int_equal(loaded("c in", WALL + 7 * DAY + 1), 1); /* a week */
    assert_int_equal(loaded("c in", WALL + 9 * DAY), 0);
    assert_int_equal(loaded("c in", WALL - DAY), 2); /* a clock that went back */
    assert_int_equal(loaded("c other", WALL), 0);
    assert_int_equal(loaded("c", WALL), 0);
    deaths_destroy(next);
    next = deaths_new(5, 10 * MINUTE);
    deaths_load(next, path, "c in", WALL);
    assert_int_equal(deaths_quarantined_since(next, 1), WALL);
    deaths_destroy(deaths);
    deaths_destroy(next);
}

static void a_damaged_file_costs_what_is_damaged(void **state)
{
#define HEAD "weir quarantine 1 c in\n"
    static const struct {
        const char *name, *text;
        size_t count;
    } rows[] = {
        {"good", HEAD "1729894075250 0 7 0 geo crash\n", 1},
        {"no newline at the end", HEAD "1729894075250 0 7 0 geo crash", 1},
        {"one bad line of three",
         HEAD "1729894075250 0 7 0 geo crash\nrubbish\n1729894075250 0 8 0 geo crash\n", 2},
        {"torn", HEAD "1729894075250 0 7 0 geo crash\n17298940752", 1},
        {"no time", HEAD "0 7 0 geo crash\n", 0},
        {"a time below zero", HEAD "-1729894075250 0 7 0 geo crash\n", 0},
        {"empty", "", 0},
        {"no head", "1729894075250 0 7 0 geo crash\n", 0},
        {"another version", "weir quarantine 2 c in\n1729894075250 0 7 0 geo crash\n", 0},
        {"rubbish", "\001\002\003\n\n\n\377", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t count;

        put_file(rows[i].text, strlen(rows[i].text));
        count = loaded("c in", WALL);
        if (count != rows[i].count)
            fail_msg("%s: expected %zu, got %zu", rows[i].name, rows[i].count, count);
    }
    unlink(path);
    assert_int_equal(mkdir(path, 0700), 0); /* not even a file */
    assert_int_equal(loaded("c in", WALL), 0);
    assert_int_equal(rmdir(path), 0);
}

/* More than fits in the quarantine, and bytes cut anywhere: never more than there is room for, never a crash.
 */
static void any_file_is_read_safely(void **state)
{
    struct buf text;

    (void)state;
    buf_init(&text, 1 << 20);
    buf_add_text(&text, HEAD);
    for (int i = 0; i < 1000; i++)
        buf_add_fmt(&text, "1729894075250 0 %d 0 geo crash\n", i);
    put_file(text.ptr, text.len);
    assert_int_equal(loaded("c in", WALL), DEATHS_QUARANTINED_MAX);
    for (size_t cut = 0; cut < 200; cut++) {
        put_file(text.ptr, cut);
        loaded("c in", WALL);
    }
    buf_fini(&text);
}

static void a_file_that_cannot_be_written_stays_as_it_was(void **state)
{
    struct deaths *deaths = deaths_new(5, 10 * MINUTE);

    (void)state;
    put_file(HEAD "1729894075250 0 7 0 geo crash\n", sizeof HEAD "1729894075250 0 7 0 geo crash\n" - 1);
    lose_two(deaths);
    assert_int_equal(mkdir(beside, 0700), 0);
    errno = 0;
    assert_false(deaths_save(deaths, path, "c in"));
    assert_int_equal(errno, EISDIR);
    assert_int_equal(rmdir(beside), 0);
    assert_int_equal(loaded("c in", WALL), 1);
    assert_false(deaths_save(deaths, "/nowhere/at/all", "c in"));
    assert_int_equal(errno, ENOENT);
    assert_true(deaths_save(deaths, path, "c in"));
    assert_int_equal(loaded("c in", WALL), 2);
    deaths_destroy(deaths);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_comes_back_as_it_went),
        cmocka_unit_test(a_line_that_is_none_is_refused),
        cmocka_unit_test(the_longest_lines_fit_in_one_message),
        cmocka_unit_test(what_was_learnt_outlives_the_supervisor),
        cmocka_unit_test(a_damaged_file_costs_what_is_damaged),
        cmocka_unit_test(any_file_is_read_safely),
        cmocka_unit_test(a_file_that_cannot_be_written_stays_as_it_was),
    };

    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
