/* test_json.c: what is JSON and what is not, held against the table of json_cases.inc, and text in and out of
 * strings. test_json_portable.c runs the same without vector instructions. */
#include "json_support.h"

struct row {
    const char *name;
    bool valid;
    struct weir_str text;
};

#define Y(name, text) {"y_" #name, true, {text, sizeof(text) - 1}},
#define N(name, text) {"n_" #name, false, {text, sizeof(text) - 1}},
static const struct row rows[] = {
#include "json_cases.inc"
};
#undef Y
#undef N

enum { N_ROWS = sizeof rows / sizeof rows[0] };

/* before + text + after, on the heap in its exact length. */
static struct weir_str join(const char *before, struct weir_str text, const char *after)
{
    struct buf b;
    struct weir_str all;

    buf_init(&b, SIZE_MAX);
    buf_add_text(&b, before);
    buf_add(&b, text);
    buf_add_text(&b, after);
    assert_false(b.failed);
    all = str_make(json_exact(buf_str(&b)), b.len);
    buf_fini(&b);
    return all;
}

static void drop(struct weir_str s)
{
    union {
        const char *in;
        char *out;
    } ptr = {s.ptr};

    free(ptr.out);
}

static bool checks(const char *before, struct weir_str text, const char *after)
{
    struct weir_str all = join(before, text, after);
    bool valid = json_check(all);

    drop(all);
    return valid;
}

static bool parses(struct json_fixture *x, const char *before, struct weir_str text, const char *after)
{
    struct weir_str all = join(before, text, after);
    struct json_error err;
    bool valid = json_parse(x, all, &err) == WEIR_OK;

    if (valid != !err.what || err.at > all.len)
        fail_msg("fault \"%s\" at %zu of %zu", err.what ? err.what : "none", err.at, all.len);
    drop(all);
    return valid;
}

static void json_check_holds_the_table(void **state)
{
    static const char *const before[] = {"", " ", "       ", "               ", "                "};
    size_t i, j;

    (void)state;
    assert_true(N_ROWS > 400);
    for (i = 0; i < N_ROWS; i++) {
        for (j = 0; j < sizeof before / sizeof before[0]; j++) {
            if (checks(before[j], rows[i].text, "") != rows[i].valid)
                fail_msg("%s: accepted %d, expected %d", rows[i].name, !rows[i].valid, rows[i].valid);
        }
    }
}

/* Bound, unbound, on the way to a bound one, and below one: each is another way through the reader. */
static void doc_parse_holds_the_table(void **state)
{
    static const char *const before[] = {
        "{\"k\":", "{\"unbound\":", "{\"way\":", "{\"way\":{\"k\":", "{\"a\":1,\"k\": "};
    static const char *const after[] = {"}", "}", "}", "}}", " ,\"z\":2}"};
    struct json_fixture x;
    size_t i, j;

    (void)state;
    json_setup(&x, "k way.k way.a");
    for (i = 0; i < N_ROWS; i++) {
        bool object = rows[i].valid && json_is_object(rows[i].text);

        for (j = 0; j < 5; j++) {
            if (parses(&x, before[j], rows[i].text, after[j]) != rows[i].valid)
                fail_msg("%s behind %s: accepted %d", rows[i].name, before[j], !rows[i].valid);
        }
        if (parses(&x, "", rows[i].text, "") != object)
            fail_msg("%s as a document: accepted %d, expected %d", rows[i].name, !object, object);
    }
    json_teardown(&x);
}

static void a_document_that_is_cut_is_refused(void **state)
{
    static const char text[] =
        "{\"user\": \"\\u00e9\xc3\xa9 0123456789abcdef\", \"n\": [-1.5e+3, true, null], "
        "\"o\":{\"x\":{\"y\":0}}}";
    struct json_fixture x;
    size_t n;

    (void)state;
    json_setup(&x, "user n o.x");
    for (n = 0; n < sizeof text; n++) {
        if (parses(&x, "", str_make(text, n), "") != (n == sizeof text - 1))
            fail_msg("cut at %zu", n);
    }
    json_teardown(&x);
}

/* n times `open`, then `middle`, then n times `close`. */
static struct weir_str nest(const char *open, const char *middle, const char *close, size_t n)
{
    struct buf b;
    struct weir_str all;
    size_t i;

    buf_init(&b, SIZE_MAX);
    for (i = 0; i < n; i++)
        buf_add_text(&b, open);
    buf_add_text(&b, middle);
    for (i = 0; i < n; i++)
        buf_add_text(&b, close);
    all = str_make(json_exact(buf_str(&b)), b.len);
    buf_fini(&b);
    return all;
}

static void nesting_ends_at_512(void **state)
{
    static const struct {
        const char *name, *open, *middle, *close;
        size_t n;
        bool valid, inside; /* by itself, and as a member's value */
    } cases[] = {
        {"y_arrays_511", "[", "", "]", 511, true, true},
        {"y_arrays_512", "[", "", "]", 512, true, false},
        {"n_arrays_513", "[", "", "]", 513, false, false},
        {"n_arrays_10000", "[", "", "]", 10000, false, false},
        {"n_arrays_100000_open", "[", "", "", 100000, false, false},
        {"y_objects_511", "{\"a\":", "{}", "}", 511, true, false},
        {"n_objects_513", "{\"a\":", "{}", "}", 512, false, false},
        {"n_objects_10000", "{\"a\":", "1", "}", 10000, false, false},
        {"n_objects_100000_open", "{\"a\":", "", "", 100000, false, false},
        {"y_both_512", "{\"a\":[", "1", "]}", 256, true, false},
        {"n_both_513", "{\"a\":[", "[]", "]}", 256, false, false},
        {"n_mismatch_at_100", "[", "}", "]", 100, false, false},
        {"y_many_side_by_side", "[[[]],", "0", "]", 500, true, true},
    };
    struct json_fixture x;
    size_t i;

    (void)state;
    json_setup(&x, "a.a.a.a b");
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct weir_str text = nest(cases[i].open, cases[i].middle, cases[i].close, cases[i].n);

        if (json_check(text) != cases[i].valid)
            fail_msg("%s: accepted %d", cases[i].name, !cases[i].valid);
        if (*text.ptr == '{' && parses(&x, "", text, "") != cases[i].valid)
            fail_msg("%s as a document: accepted %d", cases[i].name, !cases[i].valid);
        if (parses(&x, "{\"b\":", text, "}") != cases[i].inside)
            fail_msg("%s as a bound member: accepted %d", cases[i].name, !cases[i].inside);
        if (parses(&x, "{\"unbound\":", text, "}") != cases[i].inside)
            fail_msg("%s as a member: accepted %d", cases[i].name, !cases[i].inside);
        drop(text);
    }
    json_teardown(&x);
}

/* The tree of paths is walked by recursion, everything else is not: both must end at the same depth. */
static void nesting_ends_at_512_along_a_path(void **state)
{
    struct weir_str path = nest("a.", "a", "", 511), text;
    struct json_fixture x;
    const struct weir_field *f;
    const char *why;
    int64_t n;

    (void)state;
    json_setup(&x, NULL);
    f = paths_add(x.paths, path, &why);
    assert_non_null(f);
    doc_init(&x.doc, x.paths);
    text = nest("{\"a\":", "7", "}", 512);
    assert_true(parses(&x, "", text, ""));
    drop(text);
    text = nest("{\"a\":", "{}", "}", 512);
    assert_false(parses(&x, "", text, ""));
    drop(text);
    text = nest("{\"a\":", "7", "}", 512);
    assert_int_equal(doc_parse(&x.doc, &x.arena, text, &(struct json_error){0}), WEIR_OK);
    assert_int_equal(doc_get_int(&x.doc, f, &n), WEIR_OK);
    assert_int_equal(n, 7);
    assert_int_equal(doc_set_raw(&x.doc, f, STR("[]")), WEIR_INVALID);
    assert_int_equal(doc_set_raw(&x.doc, f, STR("8")), WEIR_OK);
    drop(text);
    drop(path);
    json_teardown(&x);
}

static void a_fault_has_words_and_a_place(void **state)
{
    static const struct {
        const char *name;
        struct weir_str text;
        const char *what;
        size_t at;
    } cases[] = {
        {"absent", {NULL, 0}, "no value", 0},
        {"empty", {"", 0}, "empty value", 0},
        {"blanks", {"  ", 2}, "unexpected end", 2},
        {"array", {" []", 3}, "not an object", 1},
        {"string", {"\"a\"", 3}, "not an object", 0},
        {"number", {"-1", 2}, "not an object", 0},
        {"null", {"null", 4}, "not an object", 0},
        {"word", {"hello", 5}, "unexpected character", 0},
        {"nul", {"\0", 1}, "unexpected character", 0},
        {"bom", {"\xef\xbb\xbf{}", 5}, "byte-order mark", 0},
        {"latin1", {"{\"a\":\"caf\xe9\"}", 12}, "invalid UTF-8", 9},
        {"outside", {"{\"a\":\xff}", 7}, "invalid UTF-8", 5},
        {"control", {"{\"a\":\"b\nc\"}", 11}, "control character in a string", 7},
        {"control_in_name", {"{\"a\t\":1}", 8}, "control character in a string", 3},
        {"escape", {"{\"a\":\"\\x\"}", 10}, "bad escape", 6},
        {"escape_u", {"{\"a\":\"\\u12g4\"}", 14}, "bad escape", 6},
        {"leading_zero", {"{\"k\":01}", 8}, "bad number", 6},
        {"dot_last", {"{\"k\":1.}", 8}, "bad number", 7},
        {"dot_first", {"{\"k\":.5}", 8}, "bad number", 5},
        {"plus", {"{\"k\":+1}", 8}, "bad number", 5},
        {"minus", {"{\"k\":-}", 7}, "bad number", 6},
        {"nan", {"{\"k\":NaN}", 9}, "unexpected character", 5},
        {"word_cut", {"{\"k\":nul}", 9}, "unexpected character", 8},
        {"cut", {"{\"k\":", 5}, "unexpected end", 5},
        {"cut_string", {"{\"k\":\"ab", 8}, "unexpected end", 8},
        {"cut_escape", {"{\"k\":\"\\u1", 9}, "unexpected end", 9},
        {"no_comma", {"{\"k\":1 \"j\":2}", 13}, "unexpected character", 7},
        {"comma_last", {"{\"k\":1,}", 8}, "unexpected character", 7},
        {"comma_last_in_array", {"{\"k\":[1,]}", 10}, "unexpected character", 8},
        {"behind", {"{} x", 4}, "text after the value", 3},
        {"nul_behind", {"{}\0", 3}, "text after the value", 2},
    };
    struct json_fixture x;
    struct weir_str deep = nest("{\"k\":", "1", "}", 513);
    struct json_error err;
    size_t i;

    (void)state;
    json_setup(&x, "k");
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(json_parse(&x, cases[i].text, &err), WEIR_INVALID);
        if (strcmp(err.what, cases[i].what) != 0 || err.at != cases[i].at)
            fail_msg("%s: %s at %zu, expected %s at %zu", cases[i].name, err.what, err.at, cases[i].what,
                     cases[i].at);
    }
    assert_int_equal(json_parse(&x, deep, &err), WEIR_INVALID);
    assert_string_equal(err.what, "nested too deep");
    assert_int_equal(err.at, 512 * 5);
    drop(deep);
    json_teardown(&x);
}

/* UTF-8 from its definition, not from a table of lead bytes: decode, then ask whether that was the only way.
 */
static bool is_sequence(const unsigned char *b, size_t n)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint32_t point = b[0] & (0x7fu >> n);
    size_t i;

    if (n == 1)
        return b[0] < 0x80;
    if ((unsigned)b[0] >> (7 - n) != (0xffu >> (7 - n)) - 1)
        return false;
    for (i = 1; i < n; i++) {
        if ((b[i] & 0xc0) != 0x80)
            return false;
        point = point << 6 | (b[i] & 0x3f);
    }
    return point >= least[n] && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
}

static size_t sequence_length(const unsigned char *b, size_t room)
{
    size_t n;

    for (n = 1; n <= 4 && n <= room; n++) {
        if (is_sequence(b, n))
            return n;
    }
    return 0;
}

static void utf8_is_what_its_definition_says(void **state)
{
    static const unsigned char edges[] = {0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90,
                                          0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xff};
    unsigned a, b;
    size_t c, d, room;

    (void)state;
    for (a = 0; a < 256; a++) {
        for (b = 0; b < 256; b++) {
            for (c = 0; c < sizeof edges; c++) {
                for (d = 0; d < sizeof edges; d++) {
                    unsigned char bytes[4] = {(unsigned char)a, (unsigned char)b, edges[c], edges[d]};

                    for (room = 1; room <= 4; room++) {
                        const char *at = (const char *)bytes;

                        if (json_utf8(at, at + room) != sequence_length(bytes, room))
                            fail_msg("%02x %02x %02x %02x of %zu", a, b, edges[c], edges[d], room);
                    }
                }
            }
        }
    }
}

/* Every beginning and every end of the text: plain is what ends before `stop` or begins behind it. */
static bool all_plain_as_long_as(struct weir_str text, size_t stop)
{
    size_t n;

    for (n = 0; n <= text.len; n++) {
        if (json_all_plain(text.ptr, n) != (n <= stop))
            return false;
        if (json_all_plain(text.ptr + n, text.len - n) != (n > stop || stop == text.len))
            return false;
    }
    return true;
}

/* Every byte at every place of a string longer than two blocks. */
static void a_byte_is_judged_alike_wherever_it_stands(void **state)
{
    unsigned byte;
    size_t at, len = 40;

    (void)state;
    for (byte = 0; byte < 256; byte++) {
        bool plain = byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';

        for (at = 0; at < len; at++) {
            char text[40];
            struct weir_str all;

            memset(text, 'x', len);
            text[at] = (char)byte;
            all = join("", str_make(text, len), "");
            if (json_plain(all.ptr, all.ptr + len) != all.ptr + (plain ? len : at))
                fail_msg("byte %02x at %zu", byte, at);
            if (!all_plain_as_long_as(all, plain ? len : at))
                fail_msg("byte %02x at %zu of a whole text", byte, at);
            drop(all);
            if (byte != '\\' && checks("\"", str_make(text, len), "\"") != plain)
                fail_msg("string with byte %02x at %zu", byte, at);
        }
    }
}

/* Numbers of every length, at every distance from the end. */
static void digits_are_counted_wherever_they_stand(void **state)
{
    size_t n, blanks, at;

    (void)state;
    for (n = 1; n <= 40; n++) {
        for (blanks = 0; blanks <= 20; blanks++) {
            char text[60];

            memset(text, ' ', sizeof text);
            memset(text, '7', n);
            if (!checks("", str_make(text, n + blanks), "") || !checks("-", str_make(text, n + blanks), "") ||
                !checks("0.", str_make(text, n + blanks), "") ||
                !checks("1e", str_make(text, n + blanks), ""))
                fail_msg("%zu digits, %zu blanks", n, blanks);
            at = n * blanks / 21;
            text[at] = blanks % 2 ? ':' : '/';
            if (checks("", str_make(text, n + blanks), ""))
                fail_msg("%zu digits, no digit at %zu", n, at);
        }
    }
}

static void quoting_escapes_only_what_must_be(void **state)
{
    static const struct {
        const char *name;
        struct weir_str text;
        const char *json; /* NULL: refused */
    } cases[] = {
        {"empty", {"", 0}, "\"\""},
        {"plain", {"abc /<>&'", 9}, "\"abc /<>&'\""},
        {"quote", {"a\"b", 3}, "\"a\\\"b\""},
        {"backslash", {"a\\b", 3}, "\"a\\\\b\""},
        {"short_escapes", {"\b\f\n\r\t", 5}, "\"\\b\\f\\n\\r\\t\""},
        {"long_escapes", {"\0\x01\x1f", 3}, "\"\\u0000\\u0001\\u001f\""},
        {"delete", {"\x7f", 1}, "\"\x7f\""},
        {"utf8", {"\xc3\xa9\"\xf0\x9f\x98\x80\n", 8}, "\"\xc3\xa9\\\"\xf0\x9f\x98\x80\\n\""},
        {"absent", {NULL, 0}, NULL},
        {"latin1", {"caf\xe9", 4}, NULL},
        {"surrogate", {"\xed\xa0\x80", 3}, NULL},
    };
    struct buf b;
    size_t i;

    (void)state;
    buf_init(&b, 1000);
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool ok = json_quote(&b, cases[i].text);

        if (ok != !!cases[i].json || !str_is(buf_str(&b), ok ? cases[i].json : ""))
            fail_msg("%s: " STR_FMT, cases[i].name, STR_ARG(buf_str(&b)));
        buf_reset(&b);
    }
    buf_fini(&b);
}

static void decoding_undoes_every_escape(void **state)
{
    static const struct {
        const char *name, *raw;
        struct weir_str text; /* absent: a lone surrogate */
    } cases[] = {
        {"plain", "abc", {"abc", 3}},
        {"empty", "", {"", 0}},
        {"short", "\\\"\\\\\\/\\b\\f\\n\\r\\t", {"\"\\/\b\f\n\r\t", 8}},
        {"ascii", "\\u0041\\u007F", {"A\x7f", 2}},
        {"nul", "a\\u0000b", {"a\0b", 3}},
        {"two_bytes", "\\u00e9\\u07FF", {"\xc3\xa9\xdf\xbf", 4}},
        {"three_bytes", "\\u20AC\\uffff", {"\xe2\x82\xac\xef\xbf\xbf", 6}},
        {"pair", "x\\uD83D\\uDE00y", {"x\xf0\x9f\x98\x80y", 6}},
        {"pair_first", "\\ud800\\udc00", {"\xf0\x90\x80\x80", 4}},
        {"pair_like_a_surrogate", "\\ud837\\ude00", {"\xf0\x9d\xb8\x80", 4}},
        {"pair_last", "\\udbff\\udfff", {"\xf4\x8f\xbf\xbf", 4}},
        {"mixed", "\xc3\xa9\\n\xc3\xa9", {"\xc3\xa9\n\xc3\xa9", 5}},
        {"lone_high", "a\\ud800", {NULL, 0}},
        {"lone_low", "\\udc00b", {NULL, 0}},
        {"high_high", "\\ud800\\ud800\\udc00", {NULL, 0}},
        {"high_text", "\\ud800abcdef", {NULL, 0}},
        {"high_escape", "\\ud800\\nabcd", {NULL, 0}},
        {"high_bmp", "\\ud800\\u0041", {NULL, 0}},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct weir_str raw = join("", str_of(cases[i].raw), "");
        char *out = json_exact(raw); /* room for the raw length must be enough */
        size_t len = 0;
        bool ok = json_decode(raw, out, &len);

        if (ok != !!cases[i].text.ptr || (ok && !str_eq(str_make(out, len), cases[i].text)))
            fail_msg("%s: %d, " STR_FMT, cases[i].name, ok, (int)len, out);
        if (ok != json_decodes_to(raw, cases[i].text) || json_decodes_to(raw, STR("abc ")))
            fail_msg("%s does not compare", cases[i].name);
        free(out);
        drop(raw);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_check_holds_the_table),
        cmocka_unit_test(doc_parse_holds_the_table),
        cmocka_unit_test(a_document_that_is_cut_is_refused),
        cmocka_unit_test(nesting_ends_at_512),
        cmocka_unit_test(nesting_ends_at_512_along_a_path),
        cmocka_unit_test(a_fault_has_words_and_a_place),
        cmocka_unit_test(utf8_is_what_its_definition_says),
        cmocka_unit_test(a_byte_is_judged_alike_wherever_it_stands),
        cmocka_unit_test(digits_are_counted_wherever_they_stand),
        cmocka_unit_test(quoting_escapes_only_what_must_be),
        cmocka_unit_test(decoding_undoes_every_escape),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
