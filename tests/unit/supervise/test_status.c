/* test_status.c: the status of a fleet that was made by hand, without a process.
 *
 * The snapshot is real: names of stages come from it. What a worker says of itself is written to its ledger
 * here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "chain/json.h"
#include "supervise/status.h"

static const char conf[] = "[chain logins]\nsource = events\ngroup = g\n\n"
                           "[stage first]\nplugin = pass\n\n[stage out]\nplugin = kafka_sink\ntopic = done\n";

struct world {
    char dir[64], file[80];
    struct snapshot *snapshot;
    struct crew crew;
    struct crew *crews[1];
    struct fleet fleet;
    struct child workers[2];
    struct buf text;
};

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct diag diag;
    FILE *f;

    assert_non_null(w);
    snprintf(w->dir, sizeof w->dir, "/tmp/weir-status-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    snprintf(w->file, sizeof w->file, "%s/a.conf", w->dir);
    f = fopen(w->file, "w");
    assert_int_equal(fwrite(conf, 1, strlen(conf), f), strlen(conf));
    fclose(f);
    diag_init(&diag);
    w->snapshot = snapshot_take(w->dir, &diag);
    diag_fini(&diag);
    assert_non_null(w->snapshot);
    for (uint32_t i = 0; i < 2; i++) {
        struct child *child = &w->workers[i];

        *child = (struct child){.chain = STR("logins"),
                                .task = i,
                                .state = CHILD_RUNNING,
                                .pid = 100 + (pid_t)i,
                                .snapshot = w->snapshot,
                                .generation = 3,
                                .started_at = clock_mono_ms()};
        child->ledger = ledger_new(&child->ledger_fd);
        assert_non_null(child->ledger);
    }
    w->crew = (struct crew){.name = strdup("logins"),
                            .phase = CREW_RUNNING,
                            .tasks = w->workers,
                            .n_tasks = 2,
                            .current = {w->snapshot, 3},
                            .deaths = deaths_new(5, 600000),
                            .pause_ms = -1,
                            .since_ms = 1000};
    buf_init(&w->crew.why, 1000);
    w->crews[0] = &w->crew;
    w->fleet = (struct fleet){.dir = "conf.d",
                              .crews = w->crews,
                              .count = 1,
                              .newest = {w->snapshot, 4},
                              .started_ms = 1732406400000};
    buf_init(&w->text, 1 << 20);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;

    for (size_t i = 0; i < 2; i++) {
        ledger_unmap(w->workers[i].ledger);
        close(w->workers[i].ledger_fd);
    }
    snapshot_release(w->snapshot);
    deaths_destroy(w->crew.deaths);
    buf_fini(&w->crew.why);
    buf_fini(&w->text);
    free(w->crew.name);
    unlink(w->file);
    rmdir(w->dir);
    free(w);
    return 0;
}

static const char *status(struct world *w)
{
    buf_reset(&w->text);
    status_add(&w->text, &w->fleet);
    assert_true(json_is_object(buf_str(&w->text)));
    return buf_text(&w->text);
}

static void has(struct world *w, const char *part)
{
    if (!strstr(status(w), part))
        fail_msg("%s\nis not in\n%s", part, buf_text(&w->text));
}

static void reports(struct child *child, const struct ledger_report *report)
{
    ledger_write_report(child->ledger, report);
}

/* ---- the whole, and the chain */

static void it_tells_what_runs(void **state)
{
    struct world *w = *state;

    has(w, "\"version\":\"");
    has(w, "\"directory\":\"conf.d\",\"started\":\"2024-11-24T00:00:00Z\",\"now\":\"20");
    has(w, "\"generation\":4,\"chains\":[{");
    has(w, "{\"name\":\"logins\",\"state\":\"running\",\"why\":null,\"delivery\":\"at-least-once\","
           "\"source\":\"events\",\"group\":\"g\",\"generation\":3,\"since\":\"1970-01-01T00:00:01Z\","
           "\"trial_until\":null,\"last_reload\":null,\"restarts\":0,\"last_crash\":null,"
           "\"quarantined\":{\"count\":0,\"records\":[]},\"workers\":[{\"task\":0,\"pid\":100,");
    w->fleet.count = 0;
    has(w, "\"chains\":[]}");
}

static void a_chain_has_a_state(void **state)
{
    static const struct {
        enum crew_phase phase;
        enum crew_end verdict;
        const char *why, *said;
    } rows[] = {
        {CREW_STARTING, CREW_NOT_ENDED, "", "\"state\":\"starting\",\"why\":null"},
        {CREW_PROBING, CREW_NOT_ENDED, "old", "\"state\":\"reloading\",\"why\":null"},
        {CREW_SWAPPING, CREW_NOT_ENDED, "", "\"state\":\"reloading\""},
        {CREW_HANDING_OVER, CREW_NOT_ENDED, "", "\"state\":\"reloading\""},
        {CREW_STOPPING, CREW_STOPPED, "", "\"state\":\"stopping\",\"why\":null"},
        {CREW_STOPPING, CREW_FAILED, "5 crashes", "\"state\":\"stopping\",\"why\":\"5 crashes\""},
        {CREW_OVER, CREW_STOPPED, "", "\"state\":\"stopped\",\"why\":null"},
        {CREW_OVER, CREW_FAILED, "5 \"crashes\"", "\"state\":\"failed\",\"why\":\"5 \\\"crashes\\\"\""},
        {CREW_OVER, CREW_CONFIG, "", "\"state\":\"failed\""},
    };
    struct world *w = *state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        w->crew.phase = rows[i].phase;
        w->crew.verdict = rows[i].verdict;
        buf_reset(&w->crew.why);
        buf_add_text(&w->crew.why, rows[i].why);
        has(w, rows[i].said);
    }
}

static void it_tells_how_the_last_reload_went(void **state)
{
    static const struct {
        enum crew_outcome outcome;
        uint64_t running, proposed;
        int64_t pause_ms;
        const char *said;
    } rows[] = {
        {OUTCOME_NONE, 3, 0, -1, "\"last_reload\":null"},
        {OUTCOME_PENDING, 3, 4, 7,
         "\"last_reload\":{\"outcome\":\"under way\",\"why\":null,\"pause_ms\":null}"},
        {OUTCOME_GOOD, 4, 4, 12, "\"last_reload\":{\"outcome\":\"in force\",\"why\":null,\"pause_ms\":12}"},
        {OUTCOME_GOOD, 3, 4, 12,
         "\"last_reload\":{\"outcome\":\"taken back\",\"why\":\"no\",\"pause_ms\":12}"},
        {OUTCOME_REFUSED, 3, 4, 7,
         "\"last_reload\":{\"outcome\":\"refused\",\"why\":\"no\",\"pause_ms\":null}"},
    };
    struct world *w = *state;

    buf_add_text(&w->crew.why, "no");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        w->crew.outcome = rows[i].outcome;
        w->crew.current.number = rows[i].running;
        w->crew.proposed_number = rows[i].proposed;
        w->crew.pause_ms = rows[i].pause_ms;
        has(w, rows[i].said);
    }
    w->crew.trial_until = clock_mono_ms() + 5000;
    has(w, "\"trial_until\":\"20");
}

static void it_tells_of_crashes_and_what_is_in_quarantine(void **state)
{
    struct world *w = *state;
    struct death death = {.how = DEATH_SIGNAL,
                          .number = 11,
                          .call = NOTE_PROCESS,
                          .stage = STR("first"),
                          .partition = 2,
                          .offset = 77,
                          .pinned = true,
                          .wall_ms = 1732406400000};

    w->crew.last_death = death;
    w->crew.restarts = 1;
    has(w, "\"restarts\":1,\"last_crash\":{\"at\":\"2024-11-24T00:00:00Z\",\"how\":\"SIGSEGV\",\"stage\":"
           "\"first\","
           "\"call\":\"process\",\"record\":{\"topic\":\"events\",\"partition\":2,\"offset\":77,"
           "\"emitted\":false}}");
    assert_int_equal(deaths_note(w->crew.deaths, &death, 0).verdict, DEATHS_RESTART);
    assert_int_equal(deaths_note(w->crew.deaths, &death, 1).verdict, DEATHS_QUARANTINED);
    has(w, "\"quarantined\":{\"count\":1,\"records\":[{\"topic\":\"events\",\"partition\":2,\"offset\":77,"
           "\"emitted\":false,\"stage\":\"first\",\"reason\":\"Plugin crash: SIGSEGV\","
           "\"since\":\"2024-11-24T00:00:00Z\"}]}");
    w->crew.last_death =
        (struct death){.how = DEATH_KILLED, .number = 9, .partition = NOTE_NO_RECORD, .wall_ms = 1};
    has(w, "\"stage\":null,\"call\":null,\"record\":null}");
}

static void of_many_in_quarantine_it_lists_the_newest(void **state)
{
    struct world *w = *state;
    struct death death = {.how = DEATH_SIGNAL,
                          .number = 11,
                          .call = NOTE_PROCESS,
                          .stage = STR("first"),
                          .pinned = true,
                          .wall_ms = 1732406400000};

    deaths_set_limits(w->crew.deaths, 1000, 1000);
    for (death.offset = 0; death.offset < STATUS_QUARANTINED_MAX + 7; death.offset++) {
        deaths_note(w->crew.deaths, &death, 0);
        deaths_note(w->crew.deaths, &death, 0);
    }
    has(w, "\"count\":107,\"records\":[{\"topic\":\"events\",\"partition\":0,\"offset\":7,");
    has(w, "\"offset\":106,");
    assert_null(strstr(buf_text(&w->text), "\"offset\":6,"));
}

/* ---- workers */

static void it_tells_what_workers_reported(void **state)
{
    struct world *w = *state;

    has(w, "\"silent_ms\":null,\"partitions\":null,\"lag\":null,\"in_flight\":null,\"taken\":null,\"rate\":"
           "null,\"last_commit\":"
           "null,"
           "\"waiting_for_brokers\":false,\"paused\":false,\"counts\":{},\"call\":null}");
    reports(&w->workers[0],
            &(struct ledger_report){
                .assigned = 4, .lag = 12, .in_flight = 3, .taken = 1000, .last_commit_ms = 1732406400000});
    reports(&w->workers[1],
            &(struct ledger_report){
                .at_ms = clock_mono_ms() - 3600000, .lag = -1, .waiting_for_brokers = 1, .paused = 1});
    has(w, "\"silent_ms\":3600");
    w->workers[0].rate = (struct rate){.known = true, .per_second = 12.34};
    has(w, "\"partitions\":4,\"lag\":12,\"in_flight\":3,\"taken\":1000,\"rate\":12.3,"
           "\"last_commit\":\"2024-11-24T00:00:00Z\",\"waiting_for_brokers\":false,\"paused\":false,"
           "\"counts\":{},"
           "\"call\":null}");
    has(w, "\"partitions\":0,\"lag\":null,\"in_flight\":0,\"taken\":0,\"rate\":null,\"last_commit\":null,"
           "\"waiting_for_brokers\":true,\"paused\":true,");
}

/* Also from a ledger that was written over: what is no count ends them, and no byte of it is JSON. */
static void it_tells_what_stages_counted(void **state)
{
    static const struct {
        const char *text, *json;
        size_t len; /* 0: of the text */
    } rows[] = {
        {"age passed 7\nage rejected 2\nparse failed 1\n",
         "\"counts\":{\"age\":{\"passed\":7,\"rejected\":2},\"parse\":{\"failed\":1}}", 0},
        {"age passed 7\nage rej", "\"counts\":{\"age\":{\"passed\":7}}", 0},
        {"age passed many\n", "\"counts\":{}", 0},
        {"a\"e passed 7\n", "\"counts\":{\"a\\\"e\":{\"passed\":7}}", 0},
        {"age passed 7\n", "\"counts\":{\"age\":{\"passed\":7}}", 65535},
        {"\n", "\"counts\":{}", 0},
    };
    struct world *w = *state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ledger_report report = {.lag = -1};

        memcpy(report.counts, rows[i].text, strlen(rows[i].text));
        report.counts_len = (uint16_t)(rows[i].len ? rows[i].len : strlen(rows[i].text));
        reports(&w->workers[0], &report);
        has(w, rows[i].json);
    }
}

static void a_worker_has_a_state(void **state)
{
    static const struct {
        enum child_state state;
        bool held;
        const char *said;
    } rows[] = {
        {CHILD_NONE, false, "\"pid\":null,\"state\":\"waiting\",\"generation\":null,\"since\":null"},
        {CHILD_LOADING, false, "\"pid\":100,\"state\":\"loading\",\"generation\":3,\"since\":\"20"},
        {CHILD_READY, false, "\"pid\":100,\"state\":\"ready\""},
        {CHILD_RUNNING, false, "\"pid\":100,\"state\":\"running\""},
        {CHILD_RUNNING, true, "\"pid\":100,\"state\":\"suspended\""},
        {CHILD_STOPPING, false, "\"pid\":100,\"state\":\"stopping\""},
    };
    struct world *w = *state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        w->workers[0].state = rows[i].state;
        w->workers[0].held = rows[i].held;
        has(w, rows[i].said);
    }
    w->workers[0].state = w->workers[1].state = CHILD_NONE;
    w->crew.phase = CREW_OVER;
    has(w, "\"workers\":[]}");
}

static void it_tells_of_a_call_that_does_not_come_back(void **state)
{
    struct world *w = *state;
    struct child *child = &w->workers[0];

    note_begin(&child->ledger->task, NOTE_PROCESS, 0);
    child->seen_count = 1;
    child->seen_at = clock_mono_ms() - 500;
    has(w, "\"call\":null}");
    child->seen_at = clock_mono_ms() - 4321;
    has(w, "\"call\":{\"stage\":\"first\",\"call\":\"process\",\"ms\":43");
    note_end(&child->ledger->task);
    has(w, "\"call\":null}");
    note_begin(&child->ledger->task, NOTE_TIMER, 1); /* another one, that nobody has looked at yet */
    assert_null(strstr(status(w), "\"ms\""));
}

static void what_a_broken_plugin_wrote_is_taken_for_what_it_may_mean(void **state)
{
    struct world *w = *state;
    struct child *child = &w->workers[0];

    reports(child, &(struct ledger_report){.at_ms = INT64_MIN,
                                           .taken = UINT64_MAX,
                                           .lag = INT64_MIN,
                                           .last_commit_ms = INT64_MAX,
                                           .assigned = UINT32_MAX,
                                           .paused = 77});
    child->ledger->task.stage = child->ledger->task.call = UINT32_MAX;
    atomic_store(&child->ledger->task.count, UINT64_MAX);
    child->seen_count = UINT64_MAX;
    child->seen_at = clock_mono_ms() - 2000;
    has(w, "\"last_commit\":null,\"waiting_for_brokers\":false,\"paused\":true,\"counts\":{},\"call\":{"
           "\"stage\":"
           "null,\"call\":null,");
    child->ledger = NULL;
    has(w, "\"pid\":100,\"state\":\"running\"");
    child->ledger = ledger_new(&child->ledger_fd);
}

/* ---- rates */

static void a_rate_is_that_of_the_last_window(void **state)
{
    static const struct {
        const char *name;
        int64_t at;
        uint64_t taken;
        double rate; /* below 0: not known */
    } rows[] = {
        {"the first look", 1000, 5000, -1},      {"within the window", 2000, 5900, -1},
        {"the window is over", 3000, 6000, 500}, {"within the next", 3500, 9000, 500},
        {"a long one", 7000, 8000, 500},         {"nothing came", 9000, 8000, 0},
        {"another worker", 9500, 10, -1},        {"and its window", 11500, 1010, 500},
    };
    struct world *w = *state;
    struct rate rate = {0};

    rate_look(&rate, NULL, 1);
    rate_look(&rate, w->workers[0].ledger, 1);
    assert_false(rate.known);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        reports(&w->workers[0], &(struct ledger_report){.taken = rows[i].taken});
        rate_look(&rate, w->workers[0].ledger, rows[i].at);
        if (rate.known != (rows[i].rate >= 0) || (rate.known && (int)rate.per_second != (int)rows[i].rate))
            fail_msg("%s: %g, not %g", rows[i].name, rate.known ? rate.per_second : -1, rows[i].rate);
    }
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(it_tells_what_runs),
        CASE(a_chain_has_a_state),
        CASE(it_tells_how_the_last_reload_went),
        CASE(it_tells_of_crashes_and_what_is_in_quarantine),
        CASE(of_many_in_quarantine_it_lists_the_newest),
        CASE(it_tells_what_workers_reported),
        CASE(it_tells_what_stages_counted),
        CASE(a_worker_has_a_state),
        CASE(it_tells_of_a_call_that_does_not_come_back),
        CASE(what_a_broken_plugin_wrote_is_taken_for_what_it_may_mean),
        CASE(a_rate_is_that_of_the_last_window),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
