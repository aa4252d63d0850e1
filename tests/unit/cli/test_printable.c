/* What a record holds never commands a terminal, and JSON is set out so that a person can read it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/pretty.h"
#include "cli/printable.h"
#include "cli/record_text.h"

#define BYTES(literal)                                                                                       \
    {                                                                                                        \
        "" literal, sizeof(literal) - 1                                                                      \
    }

struct row {
    const char *name;
    struct weir_str in;
    size_t width;
    const char *out;
};

static void check(const struct row *row, struct buf *got)
{
    const char *text = buf_text(got);

    if (strcmp(text, row->out) != 0)
        fail_msg("%s:\n  got      \"%s\"\n  expected \"%s\"", row->name, text, row->out);
    for (size_t i = 0; i < got->len; i++) {
        if (((unsigned char)text[i] < 0x20 && text[i] != '\n') || text[i] == 0x7f)
            fail_msg("%s: a control character at byte %zu", row->name, i);
    }
    buf_fini(got);
}

static void text_of_strangers_becomes_printable(void **state)
{
    static const struct row rows[] = {
        {"plain", BYTES("abc"), 0, "abc"},
        {"empty", BYTES(""), 0, ""},
        {"umlauts and emoji", BYTES("\xc3\xa4 \xf0\x9f\x98\x80"), 0, "\xc3\xa4 \xf0\x9f\x98\x80"},
        {"an escape sequence", BYTES("\x1b[2J"), 0, "\\x1b[2J"},
        {"line ends", BYTES("a\r\n\tb"), 0, "a\\r\\n\\tb"},
        {"a NUL", BYTES("a\0b"), 0, "a\\x00b"},
        {"DEL", BYTES("\x7f"), 0, "\\x7f"},
        {"C1 as UTF-8: CSI",
         BYTES("\xc2\x9b"
               "2J"),
         0, "\\u{9b}2J"},
        {"C1 as a byte",
         BYTES("\x9b"
               "2J"),
         0, "\\x9b2J"},
        {"right-to-left override",
         BYTES("\xe2\x80\xae"
               "abc"),
         0, "\\u{202e}abc"},
        {"a zero-width space", BYTES("a\xe2\x80\x8b"), 0, "a\\u{200b}"},
        {"cut UTF-8", BYTES("\xe2\x82"), 0, "\\xe2\\x82"},
        {"overlong UTF-8", BYTES("\xc0\x9b"), 0, "\\xc0\\x9b"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf out;

        buf_init(&out, 4096);
        printable_add(&out, rows[i].in);
        check(&rows[i], &out);
    }
}

static void a_cut_text_fits_and_ends_with_an_ellipsis(void **state)
{
    static const struct row rows[] = {
        {"it fits", BYTES("abc"), 3, "abc"},
        {"one too long", BYTES("abcd"), 3, "ab…"},
        {"one column", BYTES("abcd"), 1, "…"},
        {"no column", BYTES("abcd"), 0, ""},
        {"an escape is not halved",
         BYTES("a\x1b"
               "b"),
         4, "a…"},
        {"wide ones count two", BYTES("\xe4\xb8\xad\xe4\xb8\xad"), 3, "\xe4\xb8\xad…"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf out;

        buf_init(&out, 4096);
        assert_true(printable_add_cut(&out, rows[i].in, rows[i].width) <= rows[i].width);
        check(&rows[i], &out);
    }
}

static void values_are_set_out(void **state)
{
    static const struct row rows[] = {
        {"short", BYTES("{\"a\":1 , \"b\":[true,null]}"), 40, "  {\"a\": 1, \"b\": [true, null]}\n"},
        {"a member a line", BYTES("{\"first\": \"12345678\", \"second\": \"12345678\"}"), 30,
         "  {\n    \"first\": \"12345678\",\n    \"second\": \"12345678\"\n  }\n"},
        {"inner ones stay together", BYTES("{\"a\": [1, 2, 3], \"b\": {\"c\": 1.50}, \"d\": {}}"), 26,
         "  {\n    \"a\": [1, 2, 3],\n    \"b\": {\"c\": 1.50},\n    \"d\": {}\n  }\n"},
        {"a column is left for a comma", BYTES("{\"a\": 12345}"), 15, "  {\"a\": 12345}\n"},
        {"and none for more", BYTES("{\"a\": 12345}"), 14, "  {\n    \"a\": 12345\n  }\n"},
        {"blanks around", BYTES(" [ ] "), 40, "  []\n"},
        {"a scalar", BYTES("-0.10e2"), 40, "  -0.10e2\n"},
        {"no JSON", BYTES("{\"a\": \x1b}"), 40, "  {\"a\": \\x1b}\n"},
        {"DEL in JSON", BYTES("[\"\x7f\"]"), 40, "  [\"\\x7f\"]\n"},
        {"a tombstone", {NULL, 0}, 40, "  (no value: a tombstone)\n"},
        {"empty", BYTES(""), 40, "  (empty)\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pretty pretty = {.width = rows[i].width, .indent = 2};
        struct buf out;

        buf_init(&out, 4096);
        pretty_add(&pretty, &out, rows[i].in);
        check(&rows[i], &out);
    }
}

static void deep_and_long_values_are_set_out_too(void **state)
{
    struct pretty pretty = {.width = 80, .indent = 2, .colour = true};
    struct buf in, out;

    (void)state;
    buf_init(&in, 1 << 20);
    buf_init(&out, 1 << 24);
    for (int i = 0; i < 512; i++)
        buf_add_char(&in, '[');
    for (int i = 0; i < 512; i++)
        buf_add_char(&in, ']');
    pretty_add(&pretty, &out, buf_str(&in));
    assert_false(out.failed);
    buf_reset(&in);
    buf_reset(&out);
    for (int i = 0; i < 100000; i++)
        buf_add_char(&in, 'x');
    pretty_add(&pretty, &out, buf_str(&in));
    assert_non_null(strstr(buf_text(&out), "the first 64 KiB of 100000 bytes"));
    buf_fini(&in);
    buf_fini(&out);
}

static void a_record_takes_no_more_lines_than_it_may(void **state)
{
    static const struct {
        struct row row;
        size_t lines;
    } rows[] = {
        {{"one line", BYTES("{\"a\":\"bcdefghij\"}"), 10, "{\"a\": \"bc…"}, 1},
        {{"two lines", BYTES("{\"a\":\"bcdefghij\"}"), 10, "{\"a\": \"bcd\nefghij\"}"}, 2},
        {{"two lines, cut", BYTES("{\"a\":\"bcdefghijklmnop\"}"), 10, "{\"a\": \"bcd\nefghijklm…"}, 2},
        {{"it fits in less", BYTES("[1]"), 10, "[1]"}, 3},
        {{"no JSON", BYTES("\x1b[2J"), 10, "\\x1b[2J"}, 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pretty pretty = {.width = rows[i].row.width};
        struct buf out;

        buf_init(&out, 4096);
        pretty_add_lines(&pretty, &out, rows[i].row.in, rows[i].lines);
        check(&rows[i].row, &out);
    }
}

static void records_are_shown_with_where_they_stand(void **state)
{
    static const struct {
        const char *name;
        struct record record;
        const char *out, *raw;
    } rows[] = {
        {"all of it",
         {.topic = BYTES("t"),
          .partition = 2,
          .offset = 7,
          .has_timestamp = true,
          .timestamp_ms = 1729894075250,
          .key = BYTES("k\n"),
          .value = BYTES("{\"a\":1}"),
          .n_headers = 2},
         "t  partition 2  offset 7  2024-10-25 22:07:55.250  key k\\n  2 headers\n  {\"a\": 1}\n\n",
         "t\t2\t7\t1729894075250\tk\\n\t{\"a\":1}\n"},
        {"a tombstone without a time",
         {.topic = BYTES("t"), .partition = 0, .offset = 0},
         "t  partition 0  offset 0  no time\n  (no value: a tombstone)\n\n",
         "t\t0\t0\t-\t-\t-\n"},
        {"a time that no calendar has",
         {.topic = BYTES("t"), .has_timestamp = true, .timestamp_ms = INT64_MIN, .value = BYTES("1")},
         "t  partition 0  offset 0  -9223372036854775808 ms\n  1\n\n",
         "t\t0\t0\t-9223372036854775808\t-\t1\n"},
        {"before 1970",
         {.topic = BYTES("t"), .has_timestamp = true, .timestamp_ms = -1, .value = BYTES("1")},
         "t  partition 0  offset 0  1969-12-31 23:59:59.999\n  1\n\n",
         NULL},
        {"metrics",
         {.topic = BYTES("m"),
          .value = BYTES("{\"message_details\": [{\"message_id\": \"u\\u001b\", \"processing_time\": 0.012, "
                         "\"topic\": \"p\", \"timestamp\": 1729894075.250}]}")},
         "m  partition 0  offset 0  no time\n  message id       u\\x1b\n  processing time  0.012\n"
         "  topic            p\n  timestamp        1729894075.250\n\n",
         NULL},
        {"not quite metrics",
         {.topic = BYTES("m"), .value = BYTES("{\"message_details\": 1}")},
         "m  partition 0  offset 0  no time\n  {\"message_details\": 1}\n\n",
         NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pretty pretty = {.width = 80, .indent = 2};
        struct row row = {.name = rows[i].name, .out = rows[i].out};
        struct buf out;

        buf_init(&out, 4096);
        record_text_add(&pretty, &out, &rows[i].record);
        check(&row, &out);
        if (!rows[i].raw)
            continue;
        buf_init(&out, 4096);
        record_text_add_raw(&out, &rows[i].record);
        assert_string_equal(buf_text(&out), rows[i].raw);
        buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_of_strangers_becomes_printable),
        cmocka_unit_test(a_cut_text_fits_and_ends_with_an_ellipsis),
        cmocka_unit_test(values_are_set_out),
        cmocka_unit_test(deep_and_long_values_are_set_out_too),
        cmocka_unit_test(a_record_takes_no_more_lines_than_it_may),
        cmocka_unit_test(records_are_shown_with_where_they_stand),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
