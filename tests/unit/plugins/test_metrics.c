/* test_metrics.c: one record about each that ended, to the byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "fake_host.h"

#define NONE INT64_C(-7777)
#define LETTERS "abcdefghijklmnopqrstuvwxyz0123456789-_./"
#define OUT(id, took)                                                                                        \
    "{\"message_details\": [{\"message_id\": \"" id "\", \"processing_time\": " took                         \
    ", \"topic\": \"processed-output\", \"timestamp\": 1729894075.250}]}\n"

struct row {
    const char *name, *json;
    int64_t timestamp; /* Kafka's; NONE: it has none */
    const char *out;
};

#define TIMED(name, text, took)                                                                              \
    {                                                                                                        \
        name, "{\"user_id\": \"u\", \"timestamp\": " text "}", FAKE_NOW - 12, OUT("u", took)                 \
    }

static const struct row rows[] = {
    TIMED("whole seconds", "1729894074", "1.250"),
    TIMED("a fraction", "1729894075.238", "0.012"),
    TIMED("a long fraction is rounded", "1729894075.2389999", "0.011"),
    TIMED("and down", "1729894075.23849", "0.012"),
    TIMED("a fraction below zero", "-0.0006", "1729894075.251"),
    TIMED("a string", "\"1729894075.238\"", "0.012"),
    TIMED("an exponent", "\"1729894075238e-3\"", "0.012"),
    TIMED("the future", "1729894076", "-0.750"),
    TIMED("the far past", "-1", "1729894076.250"),
    TIMED("zero", "0", "1729894075.250"),
    TIMED("the greatest", "\"999999999999\"", "-998270105923.750"),
    TIMED("one more is not usable", "\"1000000000000\"", "0.012"),
    TIMED("nor is a huge number", "1e300", "0.012"),
    TIMED("nor a text", "\"now\"", "0.012"),
    TIMED("nor null", "null", "0.012"),
    TIMED("nor true", "true", "0.012"),
    {"no member", "{\"user_id\": \"u\"}", FAKE_NOW - 12, OUT("u", "0.012")},
    {"no member, Kafka's in the future", "{\"user_id\": \"u\"}", FAKE_NOW + 5, OUT("u", "-0.005")},
    {"no time at all", "{\"user_id\": \"u\"}", NONE, OUT("u", "0.000")},
    {"the least timestamp", "{\"user_id\": \"u\"}", INT64_MIN, OUT("u", "9223372036854775.807")},
    {"the greatest timestamp", "{\"user_id\": \"u\"}", INT64_MAX, OUT("u", "-9223370306960700.557")},
    {"id: absent", "{}", NONE, OUT("Unknown", "0.000")},
    {"id: null", "{\"user_id\": null}", NONE, OUT("Unknown", "0.000")},
    {"id: empty", "{\"user_id\": \"\"}", NONE, OUT("Unknown", "0.000")},
    {"id: no string", "{\"user_id\": 5}", NONE, OUT("Unknown", "0.000")},
    {"id: no valid text", "{\"user_id\": \"\xEF\xBF\xBD\"}", NONE, OUT("Unknown", "0.000")},
    {"id: a tombstone", NULL, NONE, OUT("Unknown", "0.000")},
    {"id: escaped", "{\"user_id\": \"a\\\"b\\\\c\\nd\\u001f\xC3\xA4/\"}", NONE,
     OUT("a\\\"b\\\\c\\u000ad\\u001f\xC3\xA4/", "0.000")},
};

static void show(struct fake *f, const struct row *row)
{
    struct fake_envelope *env = fake_record(f, row->json);

    env->ended_topic = STR("processed-output");
    env->has_timestamp = row->timestamp != NONE;
    env->timestamp = row->timestamp;
    CHECK_NUMBER(row->name, fake_process(f), WEIR_PASS);
    CHECK_TEXT(row->name, fake_out(f), row->out);
}

static void metrics_writes_one_record_a_message(void **state)
{
    struct fake *f = fake_open("metrics", "id = user_id\nsince = timestamp");

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        show(f, &rows[i]);
    fake_close(f);
}

static void metrics_takes_milliseconds(void **state)
{
    static const struct row in_ms[] = {
        TIMED("milliseconds", "1729894075238", "0.012"),
        TIMED("a string of them", "\"1729894074250\"", "1.000"),
        TIMED("a fraction of one", "1729894075238.4", "0.012"),
        TIMED("the greatest", "999999999999999", "-998270105924.749"),
        TIMED("one more is not usable", "1000000000000000", "0.012"),
    };
    struct fake *f = fake_open("metrics", "id = user_id\nsince = timestamp\nunit = ms");

    (void)state;
    for (size_t i = 0; i < sizeof in_ms / sizeof in_ms[0]; i++)
        show(f, &in_ms[i]);
    fake_close(f);
}

static void metrics_refuses_a_unit_without_since(void **state)
{
    struct fake *f = fake_open("metrics", "id = user_id\nunit = ms");

    (void)state;
    assert_false(f->created);
    CHECK_TEXT("unit", fake_said(f), "unit means something only with since");
    fake_close(f);
}

static void metrics_needs_no_since(void **state)
{
    static const struct row row = {"since", "{\"user_id\": \"u\", \"timestamp\": 5}", FAKE_NOW - 1,
                                   OUT("u", "0.001")};
    struct fake *f = fake_open("metrics", "id = user_id");

    (void)state;
    show(f, &row);
    fake_close(f);
}

/* 256 bytes stay; of a character on the border, nothing. */
static void metrics_cuts_a_long_id_between_characters(void **state)
{
    struct fake *f = fake_open("metrics", "id = user_id");

    (void)state;
    for (size_t before = 250; before <= 257; before++) {
        char json[512], want[1024];
        size_t kept = before + 3 <= 256 ? before : before < 256 ? before : 256;
        bool euro = before + 3 <= 256;

        snprintf(json, sizeof json,
                 "{\"user_id\": \"%0*d\xE2\x82\xAC"
                 "zzzzzz\"}",
                 (int)before, 0);
        snprintf(want, sizeof want, OUT("%0*d%s%.*s", "0.000"), (int)kept, 0, euro ? "\xE2\x82\xAC" : "",
                 euro ? (int)(253 - before) : 0, "zzzzzz");
        fake_record(f, json)->ended_topic = STR("processed-output");
        fake_process(f);
        CHECK_TEXT("cut", fake_out(f), want);
    }
    fake_close(f);
}

/* An id is copied as it is written where nothing in it is escaped; and that is seen wherever it stands. */
static void metrics_escapes_an_id_at_every_place(void **state)
{
    static const struct {
        const char *json, *out;
    } escapes[] = {
        {"\\\"", "\\\""}, {"\\\\", "\\\\"}, {"\\n", "\\u000a"}, {"\\u0041", "A"}, {"\xC3\xA4", "\xC3\xA4"}};
    struct fake *f = fake_open("metrics", "id = user_id");

    (void)state;
    for (size_t i = 0; i < sizeof escapes / sizeof escapes[0]; i++) {
        for (size_t before = 0; before < 40; before++) {
            char json[128], want[256];
            int n = (int)before, rest = 39 - n;

            snprintf(json, sizeof json, "{\"user_id\": \"%.*s%s%.*s\"}", n, LETTERS, escapes[i].json, rest,
                     LETTERS);
            snprintf(want, sizeof want, OUT("%.*s%s%.*s", "0.000"), n, LETTERS, escapes[i].out, rest,
                     LETTERS);
            fake_record(f, json)->ended_topic = STR("processed-output");
            fake_process(f);
            CHECK_TEXT(json, fake_out(f), want);
        }
    }
    fake_close(f);
}

/* What follows the processing time is kept from one record to the next: for the same topic and time only. */
static void metrics_tells_the_topic_and_time_of_each_record(void **state)
{
    static const struct {
        const char *topic, *written;
        int64_t now;
    } ends[] = {
        {"a", "a", FAKE_NOW},
        {"a", "a", FAKE_NOW},
        {"b", "b", FAKE_NOW},
        {"a", "a", FAKE_NOW},
        {"ab", "ab", FAKE_NOW},
        {"ab", "ab", FAKE_NOW + 1},
        {"\"\n", "\\\"\\u000a", 999},
        {"", "", 0},
        {"", "", 0},
        {"a", "a", -1},
    };
    struct fake *f = fake_open("metrics", "id = user_id");

    (void)state;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        char want[256];

        f->now = ends[i].now;
        snprintf(want, sizeof want,
                 "{\"message_details\": [{\"message_id\": \"u\", \"processing_time\": 0.000, \"topic\": "
                 "\"%s\", \"timestamp\": %s%lld.%03lld}]}\n",
                 ends[i].written, ends[i].now < 0 ? "-" : "", llabs(ends[i].now) / 1000,
                 llabs(ends[i].now) % 1000);
        fake_record(f, "{\"user_id\": \"u\"}")->ended_topic = str_of(ends[i].topic);
        fake_process(f);
        CHECK_TEXT("end", fake_out(f), want);
    }
    fake_close(f);
}

/* The longest that fit: every byte is escaped. */
static void metrics_has_room_for_the_longest(void **state)
{
    char topic[257], escaped[6 * 256 + 1], want[2 * sizeof escaped + 256], json[sizeof escaped + 16];
    struct fake *f = fake_open("metrics", "id = user_id");

    (void)state;
    for (size_t i = 0; i < 256; i++)
        memcpy(escaped + 6 * i, "\\u001f", 7);
    memset(topic, 0x1f, 256);
    topic[256] = '\0';
    snprintf(json, sizeof json, "{\"user_id\": \"%s\"}", escaped);
    snprintf(want, sizeof want,
             "{\"message_details\": [{\"message_id\": \"%s\", \"processing_time\": -9223372036854775.807, "
             "\"topic\": \"%s\", \"timestamp\": -9223372036854775.808}]}\n",
             escaped, escaped);
    f->now = INT64_MIN;
    fake_record(f, json)->ended_topic = str_of(topic);
    f->env.has_timestamp = true;
    f->env.timestamp = -1;
    fake_process(f);
    CHECK_TEXT("longest", fake_out(f), want);
    fake_close(f);
}

static void metrics_is_silent_about_what_did_not_end(void **state)
{
    struct fake *f = fake_open("metrics", "id = user_id");

    (void)state;
    fake_record(f, "{\"user_id\": \"u\"}");
    CHECK_NUMBER("verdict", fake_process(f), WEIR_PASS);
    CHECK_TEXT("out", fake_out(f), "");
    fake_close(f);
}

static void metrics_stops_where_it_cannot_emit(void **state)
{
    struct fake *f = fake_open("metrics", "id = user_id");

    (void)state;
    fake_record(f, "{}")->ended_topic = STR("t");
    f->no_memory = true;
    CHECK_NUMBER("verdict", fake_process(f), WEIR_STOP);
    fake_close(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metrics_writes_one_record_a_message),
        cmocka_unit_test(metrics_takes_milliseconds),
        cmocka_unit_test(metrics_refuses_a_unit_without_since),
        cmocka_unit_test(metrics_needs_no_since),
        cmocka_unit_test(metrics_cuts_a_long_id_between_characters),
        cmocka_unit_test(metrics_escapes_an_id_at_every_place),
        cmocka_unit_test(metrics_tells_the_topic_and_time_of_each_record),
        cmocka_unit_test(metrics_has_room_for_the_longest),
        cmocka_unit_test(metrics_is_silent_about_what_did_not_end),
        cmocka_unit_test(metrics_stops_where_it_cannot_emit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
