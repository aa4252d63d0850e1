/* test_status_view.c: the table of `weir status`, from answers such as a weir gives, and from strange ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <json-c/json.h>
#include <stdio.h>

#include "cli/status_view.h"

static const char healthy[] =
    "{\"version\":\"0.1.0\",\"pid\":42,\"directory\":\"conf.d\",\"started\":\"2024-11-24T00:00:00Z\","
    "\"now\":\"2024-11-26T03:04:05Z\",\"generation\":7,\"chains\":[{\"name\":\"logins\",\"state\":"
    "\"running\","
    "\"why\":null,\"generation\":7,\"since\":\"2024-11-26T03:00:00Z\",\"trial_until\":null,\"last_reload\":"
    "null,"
    "\"restarts\":0,\"last_crash\":null,\"quarantined\":{\"count\":0,\"records\":[]},\"workers\":["
    "{\"task\":0,\"pid\":4711,\"state\":\"running\",\"generation\":7,\"since\":\"2024-11-26T03:04:00Z\","
    "\"partitions\":2,\"lag\":12,\"rate\":1034.6,\"in_flight\":40,\"call\":null},"
    "{\"task\":1,\"pid\":null,\"state\":\"waiting\",\"generation\":null,\"since\":null,"
    "\"partitions\":null,\"lag\":null,\"rate\":null,\"in_flight\":null,\"call\":null}]}]}";

static const char healthy_table[] =
    "weir 0.1.0, conf.d, pid 42, generation 7, up 2d 3h\n\n"
    "CHAIN              STATE      GEN    SINCE  PARTS       LAG    REC/S  IN FLIGHT\n"
    "logins             running      7    4m 5s      2        12     1034         40\n"
    "  task 0 pid 4711  running      7       5s      2        12     1034         40\n"
    "  task 1 pid -     waiting      -        -      -         -        -          -\n";

#define TROUBLED(members)                                                                                    \
    "{\"now\":\"2024-11-26T03:04:05Z\",\"chains\":[{\"name\":\"logins\",\"state\":\"failed\"," members "}]}"
#define RECORD(n)                                                                                            \
    "{\"topic\":\"events\",\"partition\":1,\"offset\":" n                                                    \
    ",\"emitted\":false,\"stage\":\"age\",\"reason\":\"Plugin crash: SIGSEGV\"}"

static const struct {
    const char *name, *json, *note;
} notes[] = {
    {"failed", TROUBLED("\"why\":\"5 crashes\""), "\nlogins: failed: 5 crashes\n"},
    {"what stages counted",
     TROUBLED(
         "\"workers\":[{\"counts\":{\"age\":{\"passed\":7,\"rejected\":2},\"enrich\":{\"passed\":5}}},"
         "{\"counts\":{\"age\":{\"rejected\":3},\"enrich\":{\"failed\":1,\"asked\":9}}},{\"counts\":null}]"),
     "\nlogins: so far: age 5 rejected, enrich 1 failed, enrich 9 asked\n"},
    {"a refused reload",
     TROUBLED("\"last_reload\":{\"outcome\":\"refused\",\"why\":\"a.conf:3: no\",\"pause_ms\":null}"),
     "\nlogins: last reload refused: a.conf:3: no\n"},
    {"a good reload", TROUBLED("\"last_reload\":{\"outcome\":\"in force\",\"why\":null,\"pause_ms\":12}"),
     "\nlogins: last reload in force, pause 12 ms\n"},
    {"a trial", TROUBLED("\"generation\":8,\"trial_until\":\"2024-11-26T03:04:12Z\""),
     "\nlogins: generation 8 is on trial for 7s more\n"},
    {"a crash with a record",
     TROUBLED("\"last_crash\":{\"at\":\"2024-11-26T01:00:05Z\",\"how\":\"SIGSEGV\",\"stage\":\"age\","
              "\"call\":\"process\",\"record\":" RECORD("77") "}"),
     "\nlogins: last crash 2h 4m ago: SIGSEGV in process of stage age, record events[1]@77\n"},
    {"a crash of nobody's making",
     TROUBLED("\"last_crash\":{\"at\":\"2024-11-26T03:04:05Z\",\"how\":\"SIGKILL\",\"stage\":null,"
              "\"call\":null,\"record\":null}"),
     "\nlogins: last crash 0s ago: SIGKILL\n"},
    {"restarts",
     TROUBLED("\"restarts\":2,\"last_crash\":{\"at\":\"2024-11-26T03:04:04Z\",\"how\":\"SIGKILL\"}"),
     "\nlogins: 2 restarts, last crash 1s ago: SIGKILL\n"},
    {"a call that hangs",
     TROUBLED("\"workers\":[{\"task\":1,\"call\":{\"stage\":\"age\",\"call\":\"process\",\"ms\":61500}}]"),
     "\nlogins: task 1 has been in process of stage age for 1m 1s\n"},
    {"a task that says nothing", TROUBLED("\"workers\":[{\"task\":1,\"silent_ms\":61500,\"call\":null}]"),
     "\nlogins: task 1 has said nothing of itself for 1m 1s: its figures are of then\n"},
    {"one that does", TROUBLED("\"restarts\":1,\"workers\":[{\"task\":1,\"silent_ms\":9000}]"),
     "\nlogins: 1 restart\n"},
    {"no brokers", TROUBLED("\"workers\":[{\"task\":0,\"waiting_for_brokers\":true}]"),
     "\nlogins: task 0 waits for the brokers\n"},
    {"quarantine", TROUBLED("\"quarantined\":{\"count\":1,\"records\":[" RECORD("7") "]}"),
     "\nlogins: quarantined at stage age: events[1]@7: Plugin crash: SIGSEGV\n"},
    {"the newest of many in quarantine",
     TROUBLED("\"quarantined\":{\"count\":200,\"records\":[" RECORD("1") "," RECORD("2") "," RECORD(
         "3") "," RECORD("4") "," RECORD("5") "," RECORD("6") "]}"),
     "\nlogins: quarantined at stage age: events[1]@2: Plugin crash: SIGSEGV\n"},
    {"how many more there are",
     TROUBLED("\"quarantined\":{\"count\":200,\"records\":[" RECORD("1") "," RECORD("2") "," RECORD(
         "3") "," RECORD("4") "," RECORD("5") "," RECORD("6") "]}"),
     "@6: Plugin crash: SIGSEGV\nlogins: and 195 more in quarantine; --json lists them\n"},
    {"what could command a terminal", TROUBLED("\"why\":\"a\\u001b[2Jb\""), "logins: failed: a\\x1b[2Jb\n"},
};

static char *view(const char *json, bool colour)
{
    struct json_object *status = json_tokener_parse(json);
    struct buf out;

    assert_non_null(status);
    buf_init(&out, 1 << 20);
    status_view_add(&out, status, colour);
    json_object_put(status);
    buf_add_char(&out, '\0');
    assert_false(out.failed);
    return out.ptr;
}

static void a_healthy_weir_is_a_table_alone(void **state)
{
    char *text = view(healthy, false);

    (void)state;
    assert_string_equal(text, healthy_table);
    free(text);
}

static void what_a_person_should_know_stands_below(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof notes / sizeof *notes; i++) {
        char *text = view(notes[i].json, false);

        if (!strstr(text, notes[i].note))
            fail_msg("%s: %s is not in\n%s", notes[i].name, notes[i].note, text);
        assert_non_null(strstr(text, "  FAILED "));
        free(text);
    }
}

static void colours_are_there_where_they_are_wanted(void **state)
{
    char *text = view(healthy, true);

    (void)state;
    assert_non_null(strstr(text, "\x1b[32mrunning  \x1b[0m"));
    assert_non_null(strstr(text, "\x1b[31mwaiting  \x1b[0m"));
    free(text);
}

static void a_strange_answer_shows_as_dashes(void **state)
{
    static const char *const answers[] = {
        "{}",
        "{\"chains\":7}",
        "{\"chains\":[7,{},null,[]]}",
        "{\"now\":7,\"started\":\"x\",\"chains\":[{\"name\":7,\"workers\":{\"task\":1},\"last_crash\":\"x\","
        "\"quarantined\":[],\"last_reload\":7}]}",
        "{\"chains\":[{\"last_crash\":{},\"workers\":[{\"call\":{}},7],\"quarantined\":{\"count\":\"x\","
        "\"records\":[7,{}]}}]}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        char *text = view(answers[i], true);

        assert_non_null(strstr(text, "weir -, -, pid -1"));
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_healthy_weir_is_a_table_alone),
        cmocka_unit_test(what_a_person_should_know_stands_below),
        cmocka_unit_test(colours_are_there_where_they_are_wanted),
        cmocka_unit_test(a_strange_answer_shows_as_dashes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
