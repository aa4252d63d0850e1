/* What `weir dlq` makes of dead letters, without brokers: how one is read, when one has been dealt with, what
 * an original looks like when it is sent anew, times, counts, the newest of many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/dlq_anew.h"
#include "cli/dlq_letter.h"
#include "cli/dlq_newest.h"
#include "cli/dlq_seen.h"
#include "cli/dlq_tally.h"
#include "cli/dlq_time.h"

#include <stdio.h>
#include <stdlib.h>

#define C "__connect.errors."
#define VALUE                                                                                                \
    "{\"user_id\": \"u\", \"error_type\": \"Missing \\u0069p\", \"message_content\": {\"n\": 1.0}, "         \
    "\"timestamp\": 1729894075}"

static void same(const char *row, const char *what, struct weir_str got, const char *expected)
{
    if (!got.ptr != !expected || (expected && !str_is(got, expected)))
        fail_msg("%s: %s: got \"" STR_FMT "\", expected \"%s\"", row, what, STR_ARG(got),
                 expected ? expected : "(absent)");
}

static void same_number(const char *row, const char *what, int64_t got, int64_t expected)
{
    if (got != expected)
        fail_msg("%s: %s: got %lld, expected %lld", row, what, (long long)got, (long long)expected);
}

/* headers: "name=value" with | between; a name alone is a null. */
static size_t make_headers(const char *text, struct weir_header *headers)
{
    struct weir_str rest = str_of(text), item;
    size_t n = 0;

    while (text && str_split(&rest, '|', &item)) {
        const char *is = memchr(item.ptr, '=', item.len);
        size_t len = is ? (size_t)(is - item.ptr) : item.len;

        headers[n].name = str_make(item.ptr, len);
        headers[n++].value = is ? str_make(is + 1, item.len - len - 1) : STR_ABSENT;
    }
    return n;
}

/* ---- letters */

struct letter_row {
    const char *name, *headers, *value;
    bool is_letter;
    const char *topic;
    int64_t partition, offset;
    const char *stage, *reason, *content;
    int64_t time_ms, replays;
};

static const struct letter_row letters[] = {
    {"as the sink writes it",
     C "topic=t|" C "partition=2|" C "offset=17|" C "stage=fields|" C "exception.message=why", VALUE, true,
     "t", 2, 17, "fields", "why", "{\"n\": 1.0}", 1729894075000, 0},
    {"the last of each header counts",
     C "topic=x|" C "partition=9|" C "offset=9|" C "topic=t|" C "partition=0|" C "offset=0", VALUE, true, "t",
     0, 0, NULL, "Missing ip", "{\"n\": 1.0}", 1729894075000, 0},
    {"without headers", NULL, VALUE, true, NULL, -1, -1, NULL, "Missing ip", "{\"n\": 1.0}", 1729894075000,
     0},
    {"too large for its headers", "weir.omitted=size", "{\"error_type\": \"x\", \"message_content\": {}}",
     true, NULL, -1, -1, NULL, "x", "{}", 5, 0},
    {"no offset: no coordinates", C "topic=t|" C "partition=0", VALUE, true, NULL, -1, -1, NULL, "Missing ip",
     "{\"n\": 1.0}", 1729894075000, 0},
    {"a partition that is no number", C "topic=t|" C "partition=1x|" C "offset=0", VALUE, true, NULL, -1, -1,
     NULL, "Missing ip", "{\"n\": 1.0}", 1729894075000, 0},
    {"a partition out of range", C "topic=t|" C "partition=2147483648|" C "offset=0", VALUE, true, NULL, -1,
     -1, NULL, "Missing ip", "{\"n\": 1.0}", 1729894075000, 0},
    {"a topic that no topic can be called", C "topic=t\x1b[2J|" C "partition=1|" C "offset=0", VALUE, true,
     NULL, -1, -1, NULL, "Missing ip", "{\"n\": 1.0}", 1729894075000, 0},
    {"a negative offset", C "topic=t|" C "partition=1|" C "offset=-1", VALUE, true, NULL, -1, -1, NULL,
     "Missing ip", "{\"n\": 1.0}", 1729894075000, 0},
    {"replayed before", "weir.replay.count=2|" C "topic=t|" C "partition=0|" C "offset=0", VALUE, true, "t",
     0, 0, NULL, "Missing ip", "{\"n\": 1.0}", 1729894075000, 2},
    {"a forged count", "weir.replay.count=-5", VALUE, true, NULL, -1, -1, NULL, "Missing ip", "{\"n\": 1.0}",
     1729894075000, 0},
    {"of Kafka Connect: the bare original is no content",
     C "topic=t|" C "partition=0|" C "offset=0|" C "stage=VALUE_CONVERTER",
     "{\"ip\": \"1.2.3.4\", \"timestamp\": 7}", true, "t", 0, 0, "VALUE_CONVERTER", NULL, NULL, 5, 0},
    {"a tombstone with headers", C "stage=s", NULL, true, NULL, -1, -1, "s", NULL, NULL, 5, 0},
    {"a reason with a lone surrogate", NULL, "{\"error_type\": \"\\ud800\"}", true, NULL, -1, -1, NULL, NULL,
     NULL, 5, 0},
    {"the last of two members", NULL,
     "{\"timestamp\":1,\"error_type\":\"a\",\"error_type\":\"b\",\"timestamp\":2}", true, NULL, -1, -1, NULL,
     "b", NULL, 2000, 0},
    {"a timestamp that is no whole number", NULL, "{\"error_type\":\"a\",\"timestamp\":1.5}", true, NULL, -1,
     -1, NULL, "a", NULL, 5, 0},
    {"blanks", NULL, " { \"error_type\" : \"a\" , \"message_content\" : 1 } ", true, NULL, -1, -1, NULL, "a",
     "1", 5, 0},
    {"an output record", "a=1", "{\"user_id\": \"u\", \"timestamp\": 1}", false, NULL, 0, 0, NULL, NULL, NULL,
     0, 0},
    {"an error_type that is no text", NULL, "{\"error_type\": 5}", false, NULL, 0, 0, NULL, NULL, NULL, 0, 0},
    {"not JSON", NULL, "{\"error_type\": \"x\"", false, NULL, 0, 0, NULL, NULL, NULL, 0, 0},
    {"an empty object", NULL, "{}", false, NULL, 0, 0, NULL, NULL, NULL, 0, 0},
    {"a tombstone", NULL, NULL, false, NULL, 0, 0, NULL, NULL, NULL, 0, 0},
};

static void a_dead_letter_tells_where_its_original_is(void **state)
{
    struct buf room;

    (void)state;
    buf_init(&room, 1 << 20);
    for (size_t i = 0; i < sizeof letters / sizeof letters[0]; i++) {
        const struct letter_row *row = &letters[i];
        struct weir_header headers[8];
        struct record record = {.value = str_of(row->value), .has_timestamp = true, .timestamp_ms = 5};
        struct letter l;

        record.n_headers = make_headers(row->headers, headers);
        record.headers = headers;
        same_number(row->name, "is a letter", letter_read(&record, &room, &l), row->is_letter);
        if (!row->is_letter)
            continue;
        same(row->name, "topic", l.topic, row->topic);
        same_number(row->name, "partition", l.partition, row->partition);
        same_number(row->name, "offset", l.offset, row->offset);
        same(row->name, "stage", l.stage, row->stage);
        same(row->name, "reason", l.reason, row->reason);
        same(row->name, "content", l.content, row->content);
        same_number(row->name, "time", l.time_ms, row->time_ms);
        same_number(row->name, "replays", l.replays, row->replays);
    }
    buf_fini(&room);
}

/* ---- anew */

struct anew_row {
    const char *name, *headers, *expected;
    int64_t timestamp_ms; /* -1: none */
    bool now;
    int64_t sent_ms; /* -1: none */
};

static const struct anew_row anews[] = {
    {"the first time", "a=1|b|a=2",
     "a=1|b|a=2|weir.replay.count=1|weir.replay.timestamp=77|weir.replay.letter=q/0/1", 77, true, -1},
    {"with its timestamp", NULL, "weir.replay.count=1|weir.replay.timestamp=77|weir.replay.letter=q/0/1", 77,
     false, 77},
    {"once more", "weir.replay.count=1|a=1|weir.replay.timestamp=5|weir.replay.letter=q/9/9|z=2",
     "a=1|z=2|weir.replay.count=2|weir.replay.timestamp=5|weir.replay.letter=q/0/1", 77, true, -1},
    {"once more with its first timestamp", "weir.replay.count=1|weir.replay.timestamp=5",
     "weir.replay.count=2|weir.replay.timestamp=5|weir.replay.letter=q/0/1", 77, false, 5},
    {"without a timestamp", NULL, "weir.replay.count=1|weir.replay.letter=q/0/1", -1, false, -1},
    {"a count that is none", "weir.replay.count=x|weir.replay.count",
     "weir.replay.count=1|weir.replay.timestamp=77|weir.replay.letter=q/0/1", 77, true, -1},
    {"the highest count", "weir.replay.count=9223372036854775807",
     "weir.replay.count=9223372036854775807|weir.replay.timestamp=77|weir.replay.letter=q/0/1", 77, true, -1},
};

static void an_original_is_sent_as_it_was_and_marked(void **state)
{
    struct anew a = {.room = 0};

    (void)state;
    for (size_t i = 0; i < sizeof anews / sizeof anews[0]; i++) {
        const struct anew_row *row = &anews[i];
        struct weir_header headers[8], expected[8];
        struct record original = {.key = STR("k"), .value = STR_ABSENT, .partition = 3};
        size_t n = make_headers(row->expected, expected);

        original.n_headers = make_headers(row->headers, headers);
        original.headers = headers;
        original.has_timestamp = row->timestamp_ms >= 0;
        original.timestamp_ms = row->timestamp_ms;
        assert_true(anew_make(&a, &original, STR("q/0/1"), row->now));
        same(row->name, "key", a.record.key, "k");
        same(row->name, "value", a.record.value, NULL);
        same_number(row->name, "partition", a.record.partition, 3);
        same_number(row->name, "headers", (int64_t)a.record.n_headers, (int64_t)n);
        for (size_t h = 0; h < n; h++) {
            if (!str_eq(a.record.headers[h].name, expected[h].name) ||
                !str_eq(a.record.headers[h].value, expected[h].value))
                fail_msg("%s: header %zu is " STR_FMT "=" STR_FMT, row->name, h,
                         STR_ARG(a.record.headers[h].name), STR_ARG(a.record.headers[h].value));
        }
        same_number(row->name, "timestamp", a.record.has_timestamp ? a.record.timestamp_ms : -1,
                    row->sent_ms);
    }
    anew_fini(&a);
}

/* ---- times */

static void times_are_read_as_people_write_them(void **state)
{
    static const struct {
        const char *text;
        int64_t ms; /* -1: refused */
    } rows[] = {
        {"1970-01-02", 86400000},
        {"2024-10-25T22:07", 1729894020000},
        {"2024-10-25T22:07:55", 1729894075000},
        {"2024-10-25T22:07:55Z", 1729894075000},
        {"2024-10-25 22:07:55", 1729894075000},
        {"2h", 1000000000000 - 7200000},
        {"90s", 1000000000000 - 90000},
        {"2024-02-30", -1},
        {"2024-13-01", -1},
        {"2024-10-25T22:07:55+02:00", -1},
        {"2024-10-25T", -1},
        {"yesterday", -1},
        {"5", -1},
        {"-2h", -1},
        {"", -1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t ms = -1;
        bool read = dlq_time_read(rows[i].text, INT64_C(1000000000000), &ms);

        same_number(rows[i].text, "read", read, rows[i].ms >= 0);
        if (read)
            same_number(rows[i].text, "milliseconds", ms, rows[i].ms);
    }
}

/* ---- counts */

static struct letter kind(const char *stage, const char *reason, int64_t time_ms)
{
    return (struct letter){.topic = STR("t"),
                           .stage = str_of(stage),
                           .reason = str_of(reason),
                           .has_time = time_ms >= 0,
                           .time_ms = time_ms};
}

static void letters_are_counted_by_stage_and_reason(void **state)
{
    struct tally *t = malloc(sizeof *t);
    const struct letter some[] = {kind("a", "x", 5000), kind("b", "x\x1b", 7000), kind("b", "x\x1b", 3000),
                                  kind(NULL, NULL, -1)};
    struct buf out;

    (void)state;
    assert_non_null(t);
    buf_init(&out, 1 << 20);
    tally_init(t);
    for (size_t i = 0; i < sizeof some / sizeof some[0]; i++)
        assert_true(tally_add(t, &some[i]));
    tally_add_json(t, &out, "q");
    assert_string_equal(
        buf_text(&out),
        "{\"topic\": \"q\", \"count\": 4, \"oldest\": \"1970-01-01T00:00:03Z\", \"newest\": "
        "\"1970-01-01T00:00:07Z\", \"without_coordinates\": 0, \"no_dead_letters\": 0, \"kinds\": "
        "[{\"stage\": "
        "\"b\", \"reason\": \"x\\u001b\", \"count\": 2, \"oldest\": \"1970-01-01T00:00:03Z\", \"newest\": "
        "\"1970-01-01T00:00:07Z\"}, {\"stage\": \"a\", \"reason\": \"x\", \"count\": 1, \"oldest\": "
        "\"1970-01-01T00:00:05Z\", \"newest\": \"1970-01-01T00:00:05Z\"}, {\"stage\": null, \"reason\": "
        "null, "
        "\"count\": 1, \"oldest\": null, \"newest\": null}]}\n");
    buf_reset(&out);
    tally_add_table(t, &out);
    assert_non_null(strstr(buf_text(&out), "1970-01-01 00:00:07  b      x\\x1b\n"));
    assert_null(strchr(buf_text(&out), '\x1b'));
    tally_fini(t);
    buf_fini(&out);
    free(t);
}

static void the_place_of_a_fault_is_no_reason_of_its_own(void **state)
{
    struct tally *t = malloc(sizeof *t);
    const struct letter some[] = {kind("parse", "unexpected end at byte 65", 1),
                                  kind("parse", "unexpected end at byte 7", 1), kind("s", " at byte 0", 1),
                                  kind("s", "at byte 7", 1), kind("s", "unexpected end at byte", 1)};
    const char *const reasons[] = {"unexpected end", "", "at byte 7", "unexpected end at byte"};

    (void)state;
    assert_non_null(t);
    tally_init(t);
    for (size_t i = 0; i < sizeof some / sizeof some[0]; i++)
        assert_true(tally_add(t, &some[i]));
    same_number("kinds", "count", (int64_t)t->count, sizeof reasons / sizeof reasons[0]);
    for (size_t i = 0; i < t->count; i++)
        assert_string_equal(t->kinds[i].reason, reasons[i]);
    same_number("the first kind", "count", t->kinds[0].count, 2);
    tally_fini(t);
    free(t);
}

static void too_many_reasons_are_counted_together(void **state)
{
    struct tally *t = malloc(sizeof *t);
    char reason[16];

    (void)state;
    assert_non_null(t);
    tally_init(t);
    for (int i = 0; i < TALLY_KINDS_MAX + 50; i++) {
        struct letter l;

        snprintf(reason, sizeof reason, "%d", i);
        l = kind("s", reason, 1);
        assert_true(tally_add(t, &l));
    }
    same_number("kinds", "count", (int64_t)t->count, TALLY_KINDS_MAX + 1);
    same_number("the last kind", "count", t->kinds[TALLY_KINDS_MAX].count, 50);
    assert_null(t->kinds[TALLY_KINDS_MAX].reason);
    same_number("total", "count", t->total.count, TALLY_KINDS_MAX + 50);
    tally_fini(t);
    free(t);
}

/* ---- the newest */

static void only_the_newest_are_kept_in_their_order(void **state)
{
    struct newest n;

    (void)state;
    assert_true(newest_init(&n, 4));
    for (int64_t i = 0; i < 100; i++) {
        struct record record = {.offset = i, .partition = 1};
        struct letter l = kind("s", "r", i * 37 % 100);
        char text[24];

        snprintf(text, sizeof text, "%lld", (long long)l.time_ms);
        if (newest_wants(&n, &record, &l))
            assert_true(newest_keep(&n, &record, &l, str_of(text)));
    }
    newest_sort(&n);
    same_number("kept", "count", (int64_t)n.count, 4);
    for (size_t i = 0; i < n.count; i++) {
        static const char *const expected[] = {"99", "98", "97", "96"};

        assert_string_equal(n.items[i].text, expected[i]);
    }
    newest_fini(&n);
}

/* ---- originals that were seen */

static void an_original_is_seen_once(void **state)
{
    struct seen s = {.room = 0};
    bool before;

    (void)state;
    for (int round = 0; round < 2; round++) {
        for (int64_t i = 0; i < 20000; i++) {
            assert_true(seen_add(&s, (struct seen_item){i / 4, (int32_t)(i % 2), 1 + (uint32_t)(i / 2 % 2)},
                                 &before));
            same_number("seen", "before", before, round == 1);
        }
    }
    same_number("seen", "count", (int64_t)s.count, 20000);
    seen_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dead_letter_tells_where_its_original_is),
        cmocka_unit_test(an_original_is_sent_as_it_was_and_marked),
        cmocka_unit_test(times_are_read_as_people_write_them),
        cmocka_unit_test(letters_are_counted_by_stage_and_reason),
        cmocka_unit_test(the_place_of_a_fault_is_no_reason_of_its_own),
        cmocka_unit_test(too_many_reasons_are_counted_together),
        cmocka_unit_test(only_the_newest_are_kept_in_their_order),
        cmocka_unit_test(an_original_is_seen_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
