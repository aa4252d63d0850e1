/* Which dead letters a replay has been over, whatever its filters: none is skipped for ever, none replayed
 * twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/dlq_progress.h"

#include <stdio.h>

#define NO_TIME INT64_MIN

static struct selection make(const char *reason, int64_t since_ms, int64_t max_replays)
{
    struct selection s = {.since_ms = since_ms, .max_replays = max_replays};

    memcpy(s.reason, reason, strlen(reason) + 1);
    return s;
}

static struct letter letter(const char *reason, int64_t time_ms, int64_t replays)
{
    return (struct letter){
        .reason = str_of(reason), .has_time = true, .time_ms = time_ms, .replays = replays};
}

static void a_selection_goes_by_reason_and_time(void **state)
{
    static const struct {
        const char *name, *selected, *reason;
        int64_t since_ms, time_ms;
        bool has_time, takes;
    } rows[] = {
        {"everything", "", "x", NO_TIME, 5, true, true},
        {"everything, without a reason", "", NULL, NO_TIME, 5, true, true},
        {"the beginning of the reason", "Missing", "Missing fields: a", NO_TIME, 5, true, true},
        {"the whole reason", "Missing", "Missing", NO_TIME, 5, true, true},
        {"the middle of the reason", "fields", "Missing fields: a", NO_TIME, 5, true, false},
        {"a shorter reason", "Missing fields", "Missing", NO_TIME, 5, true, false},
        {"no reason", "Missing", NULL, NO_TIME, 5, true, false},
        {"later", "", "x", 4, 5, true, true},
        {"just then", "", "x", 5, 5, true, true},
        {"before", "", "x", 6, 5, true, false},
        {"at an unknown time", "", "x", 6, 0, false, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct selection s = make(rows[i].selected, rows[i].since_ms, 3);
        struct letter l = letter(rows[i].reason, rows[i].time_ms, 0);

        l.has_time = rows[i].has_time;
        if (selection_takes(&s, &l) != rows[i].takes)
            fail_msg("%s: got %d, expected %d", rows[i].name, !rows[i].takes, rows[i].takes);
    }
}

static void what_is_written_is_read_back(void **state)
{
    const struct selection some[] = {make("", NO_TIME, 3),
                                     make("Missing fields: a, b; 100%\n\xff\"", NO_TIME, 5),
                                     make("", -1729894074000, 3)};
    struct progress p = {.run = 0xabc}, back;
    struct buf text, again;

    (void)state;
    buf_init(&text, 1 << 16);
    buf_init(&again, 1 << 16);
    for (size_t i = 0; i < 3; i++)
        p.marks[p.count++] = (struct mark){some[i], (int64_t)i * 100};
    assert_true(progress_write(&p, &text));
    assert_string_equal(buf_text(&text),
                        "weir1:0000000000000abc;0,3,-,;100,5,-,Missing%20fields:%20a%2c%20b%3b%20"
                        "100%25%0a%ff%22;200,3,-1729894074000,");
    assert_true(progress_read(&back, buf_str(&text)));
    back.run = p.run;
    assert_true(progress_write(&back, &again));
    assert_string_equal(buf_text(&again), buf_text(&text));
    buf_fini(&text);
    buf_fini(&again);
}

static void what_others_wrote_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "weir",
        "weir2:0",
        "weir1:0;1",
        "weir1:0;1,2,-",
        "weir1:0;1,2,-,,",
        "weir1:0;1,2,-,a,b",
        "weir1:0;-1,2,-,",
        "weir1:0;x,2,-,",
        "weir1:0;1,2,x,",
        "weir1:0;1,2,-,%",
        "weir1:0;1,2,-,%4",
        "weir1:0;1,2,-,%zz",
        "weir1:0;1,2,-,%00",
        "{\"json\": 1}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct progress p;

        if (progress_read(&p, str_of(texts[i])))
            fail_msg("\"%s\" was read", texts[i]);
    }
}

static void too_long_a_reason_or_text_is_refused(void **state)
{
    struct progress p = {.count = 0};
    char text[400] = "weir1:0;1,2,-,";
    struct buf out;

    (void)state;
    memset(text + 14, 'a', 256);
    assert_false(progress_read(&p, str_make(text, 14 + 256)));
    assert_true(progress_read(&p, str_make(text, 14 + 255)));
    buf_init(&out, 1 << 16);
    for (p.count = 0; p.count < 20; p.count++) {
        p.marks[p.count] = (struct mark){make("", NO_TIME, 3), 1};
        memset(p.marks[p.count].selection.reason, 'a', 250);
    }
    assert_false(progress_write(&p, &out));
    buf_fini(&out);
}

/* A partition of twelve letters, and runs over it one after the other; each letter must be replayed by the
 * first run that selects it, and by no other. */
static const struct run_row {
    const char *name;
    struct {
        const char *reason;
        int64_t since_ms, max_replays;
        int64_t to;           /* the run got to here */
        const char *replayed; /* a letter each, by its place; '.': not by this run */
    } runs[4];
} runs[] = {
    {"the same again", {{"", NO_TIME, 3, 12, "abababababab"}, {"", NO_TIME, 3, 12, "............"}}},
    {"an interrupted one", {{"", NO_TIME, 3, 5, "ababa......."}, {"", NO_TIME, 3, 12, ".....bababab"}}},
    {"a filter, then all",
     {{"a", NO_TIME, 3, 12, "a.a.a.a.a.a."},
      {"", NO_TIME, 3, 12, ".b.b.b.b.b.b"},
      {"a", NO_TIME, 3, 12, "............"}}},
    {"a filter that is interrupted, then all, then the filter",
     {{"a", NO_TIME, 3, 5, "a.a.a......."},
      {"", NO_TIME, 3, 8, ".b.b.bab...."},
      {"a", NO_TIME, 3, 12, "........a.a."},
      {"", NO_TIME, 3, 12, ".........b.b"}}},
    {"two filters that overlap",
     {{"", 6, 3, 12, "......ababab"},
      {"b", NO_TIME, 3, 12, ".b.b.b......"},
      {"", NO_TIME, 3, 12, "a.a.a......."}}},
    {"all, then a filter",
     {{"", NO_TIME, 3, 4, "abab........"},
      {"b", NO_TIME, 3, 12, ".....b.b.b.b"},
      {"", NO_TIME, 3, 12, "....a.a.a.a."}}},
    {"a later time, then an earlier one",
     {{"", 9, 3, 12, ".........bab"}, {"", 3, 3, 12, "...bababa..."}, {"", NO_TIME, 3, 12, "aba........."}}},
};

static void check_run(const char *name, struct progress *p, struct selection *s, int64_t to,
                      const char *expected)
{
    char got[13] = "............";
    int64_t start = progress_start(p, s, 0);

    for (int64_t o = start; o < to; o++) {
        char reason[2] = {o % 2 ? 'b' : 'a', '\0'};
        struct letter l = letter(reason, o, 0);

        if (selection_takes(s, &l) && !progress_has(p, &l, o))
            got[o] = reason[0];
    }
    assert_true(progress_set(p, s, to));
    if (strcmp(got, expected) != 0)
        fail_msg("%s: replayed %s, expected %s", name, got, expected);
}

static void runs_with_filters_replay_each_letter_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++) {
        struct progress p = {.count = 0};

        for (size_t r = 0; r < 4 && runs[i].runs[r].reason; r++) {
            struct selection s =
                make(runs[i].runs[r].reason, runs[i].runs[r].since_ms, runs[i].runs[r].max_replays);
            char name[100];

            snprintf(name, sizeof name, "%s, run %zu", runs[i].name, r + 1);
            check_run(name, &p, &s, runs[i].runs[r].to, runs[i].runs[r].replayed);
        }
    }
}

static void a_higher_limit_takes_up_what_was_given_up(void **state)
{
    const struct selection three = make("", NO_TIME, 3), five = make("", NO_TIME, 5);
    struct progress p = {.count = 0};
    struct letter fresh = letter("a", 1, 2), given_up = letter("a", 1, 3);

    (void)state;
    assert_true(progress_set(&p, &three, 10));
    assert_int_equal(progress_start(&p, &three, 0), 10);
    assert_int_equal(progress_start(&p, &five, 0), 0);
    assert_true(progress_has(&p, &fresh, 4));
    assert_false(progress_has(&p, &given_up, 4));
    assert_true(progress_set(&p, &five, 10));
    assert_true(progress_has(&p, &given_up, 4));
    assert_int_equal(p.count, 1);
}

static void marks_that_another_covers_go(void **state)
{
    const struct selection all = make("", NO_TIME, 3), some = make("Mis", NO_TIME, 3),
                           few = make("Missing", 50, 2);
    struct progress p = {.count = 0};

    (void)state;
    assert_true(progress_set(&p, &few, 10));
    assert_true(progress_set(&p, &some, 9));
    assert_int_equal(p.count, 2); /* few has got further */
    assert_true(progress_set(&p, &some, 10));
    assert_int_equal(p.count, 1);
    assert_true(progress_set(&p, &few, 5)); /* says nothing new */
    assert_int_equal(p.count, 1);
    assert_int_equal(progress_offset(&p, 2), 2);
    assert_true(progress_set(&p, &all, 11));
    assert_int_equal(p.count, 1);
    assert_int_equal(progress_offset(&p, 2), 11);
}

static void marks_outside_of_the_partition_go(void **state)
{
    const struct selection a = make("a", NO_TIME, 3), b = make("b", NO_TIME, 3), c = make("c", NO_TIME, 3);
    struct progress p = {.count = 0};

    (void)state;
    assert_true(progress_set(&p, &a, 10) && progress_set(&p, &b, 11) && progress_set(&p, &c, 21));
    progress_clip(&p, 10, 20); /* a: retention has taken all before it; c: the topic was made anew */
    assert_int_equal(p.count, 1);
    assert_string_equal(p.marks[0].selection.reason, "b");
}

static void too_many_filters_are_refused(void **state)
{
    struct progress p = {.count = 0};

    (void)state;
    for (int64_t i = 0; i <= PROGRESS_MARKS_MAX; i++) {
        struct selection s = make("", i, 3);

        assert_int_equal(progress_set(&p, &s, 10 + i), i < PROGRESS_MARKS_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_selection_goes_by_reason_and_time),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(what_others_wrote_is_refused),
        cmocka_unit_test(too_long_a_reason_or_text_is_refused),
        cmocka_unit_test(runs_with_filters_replay_each_letter_once),
        cmocka_unit_test(a_higher_limit_takes_up_what_was_given_up),
        cmocka_unit_test(marks_that_another_covers_go),
        cmocka_unit_test(marks_outside_of_the_partition_go),
        cmocka_unit_test(too_many_filters_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
