/* test_deaths.c: deaths told one after the other, and what the supervisor is to do after each. */
#include "supervise/deaths.h"

#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define DAY (24 * 60 * MINUTE)
#define WALL INT64_C(1729894075250)

#define R DEATHS_RESTART
#define Q DEATHS_QUARANTINED
#define F DEATHS_FAILED

/* A death that comes `after` the one before. */
struct step {
    int64_t after;
    struct death death;
    enum deaths_verdict verdict;
};

#define RECORD(stage_, offset_)                                                                              \
    {                                                                                                        \
        .how = DEATH_SIGNAL, .number = SIGSEGV, .call = NOTE_PROCESS, .stage = {stage_, sizeof stage_ - 1},  \
        .partition = 0, .offset = (offset_), .pinned = true                                                  \
    }
#define IN_PARTITION(partition_)                                                                             \
    {                                                                                                        \
        .how = DEATH_SIGNAL, .number = SIGSEGV, .call = NOTE_PROCESS, .stage = {"geo", 3},                   \
        .partition = (partition_), .offset = 7, .pinned = true                                               \
    }
#define EMITTED(offset_)                                                                                     \
    {                                                                                                        \
        .how = DEATH_SIGNAL, .number = SIGSEGV, .call = NOTE_PROCESS, .stage = {"geo", 3}, .partition = 0,   \
        .offset = (offset_), .emitted = true, .pinned = true                                                 \
    }
#define HANG(offset_)                                                                                        \
    {                                                                                                        \
        .how = DEATH_HANG, .waited_ms = 30000, .call = NOTE_PROCESS, .stage = {"geo", 3}, .partition = 0,    \
        .offset = (offset_), .pinned = true                                                                  \
    }
#define IN_CALL(call_)                                                                                       \
    {                                                                                                        \
        .how = DEATH_SIGNAL, .number = SIGABRT, .call = (call_), .stage = {"geo", 3},                        \
        .partition = NOTE_NO_RECORD, .offset = -1                                                            \
    }
#define TIMERS_RECORD                                                                                        \
    {                                                                                                        \
        .how = DEATH_SIGNAL, .number = SIGABRT, .call = NOTE_PROCESS, .stage = {"geo", 3},                   \
        .partition = NOTE_NO_RECORD, .offset = -1, .emitted = true, .pinned = true                           \
    }
#define LOOSE(offset_)                                                                                       \
    {                                                                                                        \
        .how = DEATH_SIGNAL, .number = SIGSEGV, .call = NOTE_PROCESS, .stage = {"geo", 3}, .partition = 0,   \
        .offset = (offset_)                                                                                  \
    }
#define NOWHERE                                                                                              \
    {                                                                                                        \
        .how = DEATH_SIGNAL, .number = SIGSEGV, .partition = NOTE_NO_RECORD, .offset = -1                    \
    }
#define KILLED(offset_)                                                                                      \
    {                                                                                                        \
        .how = DEATH_KILLED, .number = SIGKILL, .call = NOTE_PROCESS, .stage = {"geo", 3}, .partition = 0,   \
        .offset = (offset_), .pinned = true                                                                  \
    }
#define STOPPED(offset_)                                                                                     \
    {                                                                                                        \
        .how = DEATH_STOPPED, .waited_ms = 30000, .call = NOTE_PROCESS, .stage = {"geo", 3}, .partition = 0, \
        .offset = (offset_), .pinned = true                                                                  \
    }

struct story {
    const char *name;
    struct step steps[12];
    const char *why; /* of the last; NULL: none */
};

/* limit 5, window 10 minutes. */
static const struct story stories[] = {
    {"a first death restarts", {{0, RECORD("geo", 1), R}}, NULL},
    {"the second of a record quarantines it", {{0, RECORD("geo", 1), R}, {5, RECORD("geo", 1), Q}}, NULL},
    {"another record in between does not matter",
     {{0, RECORD("geo", 1), R}, {5, RECORD("geo", 2), R}, {5, RECORD("geo", 1), Q}, {5, RECORD("geo", 2), Q}},
     NULL},
    {"another offset is another record", {{0, RECORD("geo", 1), R}, {5, RECORD("geo", 2), R}}, NULL},
    {"another partition is another record", {{0, IN_PARTITION(1), R}, {5, IN_PARTITION(2), R}}, NULL},
    {"another stage is another matter", {{0, RECORD("geo", 1), R}, {5, RECORD("sink", 1), R}}, NULL},
    {"what a record led to is not the record", {{0, RECORD("geo", 1), R}, {5, EMITTED(1), R}}, NULL},
    {"what a record led to can be quarantined", {{0, EMITTED(1), R}, {5, EMITTED(1), Q}}, NULL},
    {"a hang is a death", {{0, HANG(1), R}, {5, RECORD("geo", 1), Q}}, NULL},
    {"two stages may lose one record each time",
     {{0, RECORD("geo", 1), R},
      {5, RECORD("geo", 1), Q},
      {5, RECORD("sink", 1), R},
      {5, RECORD("sink", 1), Q}},
     NULL},
    {"a first death is forgotten with the window, if another one came",
     {{0, RECORD("geo", 1), R}, {5, RECORD("geo", 2), R}, {11 * MINUTE, RECORD("geo", 1), R}},
     NULL},
    {"within the window it is not",
     {{0, RECORD("geo", 1), R}, {5, RECORD("geo", 2), R}, {9 * MINUTE, RECORD("geo", 1), Q}},
     NULL},
    {"a record that takes longer than the window to kill is found all the same",
     {{0, HANG(1), R}, {20 * MINUTE, HANG(1), Q}},
     NULL},
    {"five records in one stage are the end",
     {{0, RECORD("geo", 1), R},
      {5, RECORD("geo", 2), R},
      {5, RECORD("geo", 3), R},
      {5, RECORD("geo", 4), R},
      {5, RECORD("geo", 5), F}},
     "stage \"geo\" did not survive 5 different records within 10m (last: SIGSEGV)"},
    {"five records are the end also where four were quarantined",
     {{0, RECORD("geo", 1), R},
      {5, RECORD("geo", 1), Q},
      {5, RECORD("geo", 2), R},
      {5, RECORD("geo", 2), Q},
      {5, RECORD("geo", 3), R},
      {5, RECORD("geo", 3), Q},
      {5, RECORD("geo", 4), R},
      {5, RECORD("geo", 4), Q},
      {5, RECORD("geo", 5), F}},
     "stage \"geo\" did not survive 5 different records within 10m (last: SIGSEGV)"},
    {"five records in different stages are not",
     {{0, RECORD("geo", 1), R},
      {5, RECORD("sink", 2), R},
      {5, RECORD("geo", 3), R},
      {5, RECORD("sink", 4), R},
      {5, RECORD("geo", 5), R}},
     NULL},
    {"five records in more than the window are not",
     {{0, RECORD("geo", 1), R},
      {3 * MINUTE, RECORD("geo", 2), R},
      {3 * MINUTE, RECORD("geo", 3), R},
      {3 * MINUTE, RECORD("geo", 4), R},
      {3 * MINUTE, RECORD("geo", 5), R}},
     NULL},
    {"a stage's other calls count with its records",
     {{0, RECORD("geo", 1), R},
      {5, IN_CALL(NOTE_TIMER), R},
      {5, RECORD("geo", 2), R},
      {5, IN_CALL(NOTE_FLUSH), R},
      {5, IN_CALL(NOTE_CREATE), F}},
     "stage \"geo\" did not survive 5 records and other calls within 10m (last: SIGABRT)"},
    {"what a timer made has no record to blame",
     {{0, TIMERS_RECORD, R},
      {5, TIMERS_RECORD, R},
      {5, TIMERS_RECORD, R},
      {5, TIMERS_RECORD, R},
      {5, TIMERS_RECORD, F}},
     "stage \"geo\" did not survive 5 records and other calls within 10m (last: SIGABRT)"},
    {"loose deaths quarantine nobody, and five are the end",
     {{0, LOOSE(1), R}, {5, LOOSE(1), R}, {5, NOWHERE, R}, {5, NOWHERE, R}, {5, NOWHERE, F}},
     "its workers died 5 times within 10m, and no record explains it (last: SIGSEGV)"},
    {"loose deaths and records are counted apart",
     {{0, NOWHERE, R}, {5, NOWHERE, R}, {5, NOWHERE, R}, {5, NOWHERE, R}, {5, RECORD("geo", 1), R}},
     NULL},
    {"a kill from outside counts for nothing, whatever was going on",
     {{0, KILLED(1), R},
      {5, KILLED(1), R},
      {5, KILLED(1), R},
      {5, KILLED(1), R},
      {5, KILLED(1), R},
      {5, KILLED(1), R}},
     NULL},
    {"one that was stopped counts, and blames no record",
     {{0, STOPPED(1), R}, {5, STOPPED(1), R}, {5, STOPPED(2), R}, {5, STOPPED(3), R}, {5, STOPPED(4), F}},
     "its workers died 5 times within 10m, and no record explains it (last: stopped from outside for 30s)"},
    {"loose deaths in a stage are not its own",
     {{0, RECORD("geo", 1), R}, {5, LOOSE(2), R}, {5, LOOSE(3), R}, {5, LOOSE(4), R}, {5, STOPPED(5), R}},
     NULL},
    {"a record that dies where it is quarantined is no record to blame",
     {{0, RECORD("geo", 1), R},
      {5, RECORD("geo", 1), Q},
      {5, RECORD("geo", 1), R},
      {5, RECORD("geo", 1), R},
      {5, RECORD("geo", 1), R},
      {5, RECORD("geo", 1), F}},
     "stage \"geo\" did not survive 5 records and other calls within 10m (last: SIGSEGV)"},
};

static void a_death_is_followed_by_what_the_policy_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof stories / sizeof stories[0]; i++) {
        const struct story *s = &stories[i];
        struct deaths *deaths = deaths_new(5, 10 * MINUTE);
        struct deaths_answer answer = {0};
        int64_t now = 0;

        assert_non_null(deaths);
        for (size_t j = 0; j < 12 && (j == 0 || s->steps[j].after); j++) {
            now += s->steps[j].after;
            answer = deaths_note(deaths, &s->steps[j].death, now);
            if (answer.verdict != s->steps[j].verdict)
                fail_msg("%s: step %zu: expected %d, got %d", s->name, j, (int)s->steps[j].verdict,
                         (int)answer.verdict);
        }
        if (s->why ? !answer.why || strcmp(answer.why, s->why) != 0 : answer.why != NULL)
            fail_msg("%s:\n  expected: %s\n       got: %s", s->name, s->why ? s->why : "nothing",
                     answer.why ? answer.why : "nothing");
        deaths_destroy(deaths);
    }
}

static void a_quarantined_record_says_where_and_why(void **state)
{
    const struct death death = HANG(41);
    struct deaths *deaths = deaths_new(5, 10 * MINUTE);
    const struct quarantined *items;
    struct death again = death;
    size_t count;

    (void)state;
    deaths_note(deaths, &death, 0);
    items = deaths_quarantined(deaths, &count);
    assert_int_equal(count, 0);
    again.wall_ms = WALL;
    deaths_note(deaths, &again, 1);
    items = deaths_quarantined(deaths, &count);
    assert_int_equal(count, 1);
    assert_int_equal(items[0].partition, 0);
    assert_int_equal(items[0].offset, 41);
    assert_false(items[0].emitted);
    assert_true(str_is(items[0].stage, "geo"));
    assert_true(str_is(items[0].reason, "Plugin crash: no answer within 30s"));
    assert_int_equal(deaths_quarantined_since(deaths, 0), WALL);
    deaths_forgive(deaths);
    deaths_quarantined(deaths, &count);
    assert_int_equal(count, 1);
    deaths_destroy(deaths);
}

static void how_it_died_reads_well(void **state)
{
    static const struct {
        const char *text;
        struct death death;
    } rows[] = {
        {"SIGSEGV", {.how = DEATH_SIGNAL, .number = SIGSEGV}},
        {"SIGABRT", {.how = DEATH_SIGNAL, .number = SIGABRT}},
        {"signal 63", {.how = DEATH_SIGNAL, .number = 63}},
        {"exit status 0", {.how = DEATH_EXIT}},
        {"exit status 3", {.how = DEATH_EXIT, .number = 3}},
        {"no answer within 30s", {.how = DEATH_HANG, .waited_ms = 30000}},
        {"no answer within 1500ms", {.how = DEATH_HANG, .waited_ms = 1500}},
        {"SIGKILL from outside", {.how = DEATH_KILLED, .number = SIGKILL}},
        {"stopped from outside for 2m", {.how = DEATH_STOPPED, .waited_ms = 120000}},
    };
    char text[64];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_string_equal(death_text(&rows[i].death, text), rows[i].text);
}

static void a_restart_waits_longer_each_time_until_a_long_life(void **state)
{
    static const int64_t expected[] = {0, 100, 200, 400, 800, 1600, 3200, 6400, 10000, 10000, 10000};
    const struct death killed = KILLED(1), record = RECORD("geo", 1);
    struct deaths *deaths = deaths_new(5, 10 * MINUTE);

    (void)state;
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
            deaths_lived(deaths, 59 * SECOND);
            assert_int_equal(deaths_note(deaths, &killed, 0).delay_ms, expected[i]);
        }
        if (round == 0)
            deaths_lived(deaths, MINUTE);
        else
            deaths_forgive(deaths);
    }
    assert_int_equal(deaths_note(deaths, &record, 0).delay_ms, 0);
    assert_int_equal(deaths_note(deaths, &record, 0).delay_ms, 100);
    deaths_destroy(deaths);
}

static void other_limits_and_forgiveness_count_at_once(void **state)
{
    const struct death one = RECORD("geo", 1), two = RECORD("geo", 2), three = RECORD("geo", 3);
    struct deaths *deaths = deaths_new(2, 10 * MINUTE);

    (void)state;
    assert_int_equal(deaths_note(deaths, &one, 0).verdict, R);
    assert_int_equal(deaths_note(deaths, &two, 1).verdict, F);
    deaths_forgive(deaths);
    assert_int_equal(deaths_note(deaths, &three, 2).verdict, R);
    deaths_set_limits(deaths, 1, 10 * MINUTE);
    assert_int_equal(deaths_note(deaths, &three, 3).verdict, F);
    deaths_forgive(deaths);
    deaths_set_limits(deaths, 5, 1 * SECOND);
    for (int i = 0; i < 20; i++)
        assert_int_equal(deaths_note(deaths, i % 2 ? &one : &two, i * 2 * SECOND).verdict, R);
    deaths_destroy(deaths);
}

/* n records die twice each, this far apart. */
static enum deaths_verdict lose(struct deaths *deaths, int n, int64_t every_ms)
{
    struct death death = RECORD("geo", 0);
    enum deaths_verdict verdict = R;

    for (int i = 0; i < n && verdict != F; i++) {
        death.stage = i % 2 ? STR("sink") : STR("geo");
        death.offset = 1000 + i;
        death.wall_ms = WALL + i * every_ms;
        deaths_note(deaths, &death, i * every_ms);
        verdict = deaths_note(deaths, &death, i * every_ms).verdict;
    }
    return verdict;
}

static void a_full_quarantine_forgets_what_is_old(void **state)
{
    struct deaths *deaths = deaths_new(5, 10 * MINUTE);
    const struct quarantined *items;
    size_t count;

    (void)state;
    assert_int_equal(lose(deaths, DEATHS_QUARANTINED_MAX + 3, 5 * MINUTE), Q);
    items = deaths_quarantined(deaths, &count);
    assert_int_equal(count, DEATHS_QUARANTINED_MAX);
    assert_int_equal(items[0].offset, 1003);
    for (size_t i = 0; i < count; i++)
        assert_true(str_is(items[i].stage, i % 2 ? "geo" : "sink"));
    assert_int_equal(deaths_quarantined_since(deaths, 0), WALL + 15 * MINUTE);
    assert_int_equal(items[count - 1].offset, 1002 + DEATHS_QUARANTINED_MAX);
    assert_true(str_is(items[count - 1].reason, "Plugin crash: SIGSEGV"));
    deaths_destroy(deaths);
}

static void what_fills_up_within_the_window_is_the_end(void **state)
{
    const struct death more = NOWHERE, one_more = HANG(7);
    struct deaths *deaths = deaths_new(SIZE_MAX, DAY);
    struct deaths_answer answer = {0};
    size_t count, n = 0;

    (void)state;
    assert_int_equal(lose(deaths, DEATHS_QUARANTINED_MAX, SECOND), Q);
    assert_int_equal(lose(deaths, 3, SECOND), R); /* each is kept already */
    deaths_forgive(deaths);
    for (int i = 0; i < 2; i++)
        answer = deaths_note(deaths, &one_more, 0);
    assert_int_equal(answer.verdict, F);
    assert_string_equal(answer.why, "more than 400 records would be in quarantine");
    deaths_quarantined(deaths, &count);
    assert_int_equal(count, DEATHS_QUARANTINED_MAX);
    deaths_forgive(deaths);
    answer.verdict = R;
    for (; answer.verdict != F && n < 10000; n++)
        answer = deaths_note(deaths, &more, 0);
    assert_int_equal(n, 512);
    assert_string_equal(answer.why, "its workers died more than 511 times within 1d (last: SIGSEGV)");
    deaths_destroy(deaths);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_death_is_followed_by_what_the_policy_says),
        cmocka_unit_test(a_quarantined_record_says_where_and_why),
        cmocka_unit_test(how_it_died_reads_well),
        cmocka_unit_test(a_restart_waits_longer_each_time_until_a_long_life),
        cmocka_unit_test(other_limits_and_forgiveness_count_at_once),
        cmocka_unit_test(a_full_quarantine_forgets_what_is_old),
        cmocka_unit_test(what_fills_up_within_the_window_is_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
