/* The picture of the demo: at 80x24 the shipped chain is whole, no line is too wide, and the sums are right.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/demo_view.h"

/* The shipped chain, as far as the view cares. */
struct chain_fixture {
    struct config_stage stages[12];
    struct config_key topics[5];
    struct config_chain conf;
    struct flow flow;
};

static const struct weir_str filtered[] = {STR("filtered")}, failed[] = {STR("failed")},
                             metrics[] = {STR("metrics")}, summary[] = {STR("summary")};

static void add(struct chain_fixture *f, const char *name, const char *plugin, const struct weir_str *from,
                const char *to, const char *emit, bool is_sink)
{
    struct config_stage *s = &f->stages[f->conf.stage_count];
    struct config_key *topic = &f->topics[f->conf.stage_count % 5];

    *s = (struct config_stage){
        .name = str_of(name), .plugin = str_of(plugin), .to = str_of(to), .emit = str_of(emit)};
    if (from)
        s->from = (struct weir_list){from, 1};
    if (is_sink) {
        while (topic->name.ptr)
            topic = topic == &f->topics[4] ? f->topics : topic + 1;
        *topic = (struct config_key){.name = STR("topic"), .value = str_of(name)};
        s->keys = (struct config_keys){topic, 1};
    }
    f->conf.stage_count++;
}

static int set_up(void **state)
{
    struct chain_fixture *f = test_calloc(1, sizeof *f);

    f->conf.source = STR("user-login");
    f->conf.stages = f->stages;
    add(f, "age", "age_filter", NULL, NULL, NULL, false);
    add(f, "user", "validator", NULL, NULL, NULL, false);
    add(f, "fields", "validator", NULL, NULL, NULL, false);
    add(f, "version", "version_filter", NULL, "filtered", NULL, false);
    add(f, "pii", "pii_masker", NULL, NULL, NULL, false);
    add(f, "processed-output", "kafka_sink", NULL, NULL, NULL, true);
    add(f, "cleaned-data", "kafka_sink", filtered, NULL, NULL, true);
    add(f, "processed-errors", "kafka_sink", failed, NULL, NULL, true);
    add(f, "metrics", "metrics", NULL, NULL, "metrics", false);
    add(f, "metrics-output", "kafka_sink", metrics, NULL, NULL, true);
    add(f, "summary", "summary", NULL, NULL, "summary", false);
    add(f, "summary-output", "kafka_sink", summary, NULL, NULL, true);
    assert_true(flow_init(&f->flow, &f->conf));
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct chain_fixture *f = *state;

    flow_fini(&f->flow);
    test_free(f);
    return 0;
}

/* A second of it: 100 records, of which 2 were old, 1 no JSON, 5 incomplete, 4 of another version. */
static void run_a_second(struct flow *flow)
{
    static const struct chain_count counts[] = {
        {STR("age"), STR("passed"), 98},   {STR("age"), STR("rejected"), 2},
        {STR("age"), STR("dropped"), 2},   {STR("parse"), STR("failed"), 1},
        {STR("fields"), STR("failed"), 5}, {STR("version"), STR("rejected"), 4},
    };
    static const struct {
        struct weir_str topic, value;
        int n;
    } records[] = {
        {STR("processed-output"),
         STR("{\"user_id\": \"62001a69-dc2c-4b28-8650-521ac278de26\", \"ip\": \"70.201.62.xxx\"}"), 88},
        {STR("cleaned-data"),
         STR("{\"user_id\": \"62001a69-dc2c-4b28-8650-521ac278de26\", \"message_content\": {\"ip\": "
             "\"70.201.62.xxx\"}}"),
         4},
        {STR("processed-errors"), STR("{\"user_id\": \"Unknown\", \"message_content\": {}}"), 6},
        {STR("metrics-output"), STR("{\"message_details\": []}"), 98},
    };

    flow_tick(flow, 1000);
    flow->in = 100;
    flow_take_counts(flow, counts, sizeof counts / sizeof counts[0]);
    for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
        for (int n = 0; n < records[i].n; n++)
            flow_arrived(flow, records[i].topic, records[i].value, 1500, 1000);
    }
    flow_tick(flow, 2000);
}

/* Line by line: a whole picture in a message helps nobody. */
static void check_lines(const char *got, const char *expected)
{
    for (size_t line = 1; *got || *expected; line++) {
        size_t a = strcspn(got, "\n"), b = strcspn(expected, "\n");

        if (a != b || memcmp(got, expected, a) != 0)
            fail_msg("line %zu:\n  got      |%.*s|\n  expected |%.*s|", line, (int)a, got, (int)b, expected);
        got += a + (got[a] != '\0');
        expected += b + (expected[b] != '\0');
    }
}

static void the_shipped_chain_is_whole_at_80_by_24(void **state)
{
    struct chain_fixture *f = *state;
    struct view view = {&f->flow, "user-login", "127.0.0.1:40001", NULL, 61000, 80, 24, false};
    static const char expected[] =
        " weir demo  user-login  embedded broker at 127.0.0.1:40001                01:01\n"
        "\n"
        " ● user-login                                                      100    100/s\n"
        " │\n"
        " ├─ age       age_filter       ──▶ skipped                           2      2/s\n"
        " ├─ parse     strict JSON      ──▶ failed                            1      0/s\n"
        " ├─ user      validator\n"
        " ├─ fields    validator        ──▶ failed                            5      5/s\n"
        " ├─ version   version_filter   ──▶ filtered                          4      4/s\n"
        " ├─ pii       pii_masker\n"
        " │\n"
        " ├─▶ processed-output main      █████████████████████▏              88     88/s\n"
        " │   {\"user_id\": \"62001a69-dc2c-4b28-8650-521ac278de26\", \"ip\": \"70.201.62.xxx\"…\n"
        " ├─▶ cleaned-data     filtered  █                                    4      4/s\n"
        " │   {\"user_id\": \"62001a69-dc2c-4b28-8650-521ac278de26\", \"message_content\": {\"…\n"
        " ├─▶ processed-errors failed    █▌                                   6      6/s\n"
        " │   {\"user_id\": \"Unknown\", \"message_content\": {}}\n"
        " ├┄▶ metrics-output   metrics   ███████████████████████▌            98     98/s\n"
        " │   {\"message_details\": []}\n"
        " └┄▶ summary-output   summary                                        0      0/s\n"
        "\n"
        "\n"
        " 100 in = 98 out + 2 skipped + 0 under way                       Ctrl-C ends it\n";
    struct buf out;

    buf_init(&out, 1 << 20);
    run_a_second(&f->flow);
    view_draw(&view, &out);
    check_lines(buf_text(&out), expected);
    buf_fini(&out);
}

/* Columns of a line without escape sequences: every character of the picture is one wide. */
static size_t columns(const char *line, size_t len)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        if (line[i] == '\x1b') {
            while (i < len && line[i] != 'm')
                i++;
        } else {
            n += ((unsigned char)line[i] & 0xc0) != 0x80;
        }
    }
    return n;
}

static void no_picture_is_larger_than_its_screen(void **state)
{
    static const size_t sizes[][2] = {{80, 24},  {81, 25},   {100, 30}, {140, 40},
                                      {200, 60}, {300, 200}, {62, 10},  {80, 1}};
    struct chain_fixture *f = *state;

    run_a_second(&f->flow);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct view view = {&f->flow, "user-login", "127.0.0.1:40001", "joining",
                            0,        sizes[i][0],  sizes[i][1],       true};
        size_t lines = 0;
        struct buf out;

        buf_init(&out, 1 << 20);
        view_draw(&view, &out);
        assert_false(out.failed);
        for (const char *at = buf_text(&out), *stop; (stop = strchr(at, '\n')); at = stop + 1, lines++) {
            if (columns(at, (size_t)(stop - at)) > view.width - 1)
                fail_msg("%zux%zu: line %zu has %zu columns", view.width, view.height, lines,
                         columns(at, (size_t)(stop - at)));
        }
        if (lines > view.height)
            fail_msg("%zux%zu: %zu lines", view.width, view.height, lines);
        buf_fini(&out);
    }
}

static void the_summary_says_whether_records_are_missing(void **state)
{
    static const struct {
        const char *name;
        uint64_t in;
        const char *last;
    } rows[] = {
        {"all there", 100, "100 in = 98 out + 2 skipped: nothing was lost.\n"},
        {"three missing", 103, "103 in = 98 out + 2 skipped + 3 that did not arrive.\n"},
        {"two too many", 98, "98 in = 98 out + 2 skipped - 2 that arrived twice.\n"},
    };
    struct chain_fixture *f = *state;

    run_a_second(&f->flow);
    assert_true(f->flow.can_balance);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *last;
        struct buf out;

        buf_init(&out, 4096);
        f->flow.in = rows[i].in;
        view_add_summary(&f->flow, &out);
        last = strstr(buf_text(&out), rows[i].last);
        if (!last || strlen(last) != strlen(rows[i].last))
            fail_msg("%s: got\n%s", rows[i].name, buf_text(&out));
        buf_fini(&out);
    }
}

static void records_that_two_sinks_take_are_not_balanced(void **state)
{
    struct chain_fixture *f = *state;

    flow_fini(&f->flow);
    f->stages[6].from = (struct weir_list){NULL, 0};
    assert_true(flow_init(&f->flow, &f->conf));
    assert_false(f->flow.can_balance);
}

static void numbers_have_commas(void **state)
{
    static const struct {
        uint64_t n;
        const char *text;
    } rows[] = {{0, "0"},
                {999, "999"},
                {1000, "1,000"},
                {12345678, "12,345,678"},
                {UINT64_MAX, "18,446,744,073,709,551,615"}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[32];

        assert_string_equal(view_number(text, rows[i].n), rows[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_shipped_chain_is_whole_at_80_by_24, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_picture_is_larger_than_its_screen, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_summary_says_whether_records_are_missing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(records_that_two_sinks_take_are_not_balanced, set_up, tear_down),
        cmocka_unit_test(numbers_have_commas),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
