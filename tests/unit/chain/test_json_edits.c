/* test_json_edits.c: fields read, set and removed, to the byte.
 *
 * A case is a value, what is done to it step by step with the status of each step, and the bytes that come
 * out. A step that reads gives the text that it must find. */
#include "json_support.h"

enum op { END, SET, RAW, DEL, STRING, JSON, TYPE };

struct step {
    enum op op;
    const char *path;
    const char *text; /* to set, or to be found */
    int32_t status;   /* TYPE: a type */
};

struct change {
    const char *name, *value, *out;
    struct step steps[7];
};

static const char *const bound = "a b c d o.x o.y o.p.q t t.u t.u.v we\\.ird ba\\\\ck end\\\\ \xc3\xa9 q\"t";

/* ---- one member, set or removed */
static const struct change single[] = {
    {"nothing", " {\"a\" : 1 } ", " {\"a\" : 1 } ", {{END, NULL, NULL, 0}}},
    {"set_string", "{\"a\": \"x\", \"b\": 2}", "{\"a\": \"y\", \"b\": 2}", {{SET, "a", "y", WEIR_OK}}},
    {"set_keeps_spacing",
     " {\n\"z\" : 1.50 ,\t\"a\"  :  1e2  , \"b\":2 } ",
     " {\n\"z\" : 1.50 ,\t\"a\"  :  \"y\"  , \"b\":2 } ",
     {{SET, "a", "y", WEIR_OK}}},
    {"set_keeps_name_escapes", "{\"\\u0061\":1}", "{\"\\u0061\":\"y\"}", {{SET, "a", "y", WEIR_OK}}},
    {"set_escapes", "{\"a\":1}", "{\"a\":\"\\\"\\\\\\n\\u0001/\"}", {{SET, "a", "\"\\\n\x01/", WEIR_OK}}},
    {"set_not_utf8", "{\"a\":1}", "{\"a\":1}", {{SET, "a", "\xff", WEIR_INVALID}}},
    {"set_raw", "{\"a\":1}", "{\"a\":{\"k\": [1 ,2]}}", {{RAW, "a", " {\"k\": [1 ,2]}\n", WEIR_OK}}},
    {"set_raw_bad", "{\"a\":1}", "{\"a\":1}", {{RAW, "a", "01", WEIR_INVALID}}},
    {"set_raw_two", "{\"a\":1}", "{\"a\":1}", {{RAW, "a", "1,\"b\":2", WEIR_INVALID}}},
    {"set_raw_empty", "{\"a\":1}", "{\"a\":1}", {{RAW, "a", "", WEIR_INVALID}}},
    {"set_twice",
     "{\"a\":1}",
     "{\"a\":3}",
     {{RAW, "a", "2", WEIR_OK}, {RAW, "a", "3", WEIR_OK}, {JSON, "a", "3", WEIR_OK}}},
    {"append_empty", "{}", "{\"a\":1}", {{RAW, "a", "1", WEIR_OK}}},
    {"append_empty_blank", "{ }", "{\"a\":1 }", {{RAW, "a", "1", WEIR_OK}}},
    {"append", "{ \"z\": 0 }", "{ \"z\": 0,\"a\":1 }", {{RAW, "a", "1", WEIR_OK}}},
    {"append_two_in_order",
     "{\"z\":0}",
     "{\"z\":0,\"b\":2,\"a\":1}",
     {{RAW, "b", "2", WEIR_OK}, {RAW, "a", "1", WEIR_OK}}},
    {"append_then_set",
     "{\"z\":0}",
     "{\"z\":0,\"a\":2,\"b\":0}",
     {{RAW, "a", "1", WEIR_OK},
      {RAW, "b", "0", WEIR_OK},
      {RAW, "a", "2", WEIR_OK},
      {JSON, "a", "2", WEIR_OK}}},
    {"append_then_remove",
     "{\"z\":0}",
     "{\"z\":0}",
     {{RAW, "a", "1", WEIR_OK},
      {DEL, "a", "", WEIR_OK},
      {JSON, "a", NULL, WEIR_ABSENT},
      {DEL, "a", "", WEIR_ABSENT}}},
    {"append_remove_append",
     "{}",
     "{\"b\":2,\"a\":3}",
     {{RAW, "a", "1", WEIR_OK}, {RAW, "b", "2", WEIR_OK}, {DEL, "a", "", WEIR_OK}, {RAW, "a", "3", WEIR_OK}}},
    {"append_odd_names",
     "{}",
     "{\"we.ird\":1,\"ba\\\\ck\":2,\"\xc3\xa9\":3,\"q\\\"t\":4}",
     {{RAW, "we\\.ird", "1", WEIR_OK},
      {RAW, "ba\\\\ck", "2", WEIR_OK},
      {RAW, "\xc3\xa9", "3", WEIR_OK},
      {RAW, "q\"t", "4", WEIR_OK}}},
    {"remove_only", "{\"a\":1}", "{}", {{DEL, "a", "", WEIR_OK}, {JSON, "a", NULL, WEIR_ABSENT}}},
    {"remove_only_blanks", "{ \"a\" : 1 }", "{  }", {{DEL, "a", "", WEIR_OK}}},
    {"remove_first", "{\"a\": 1, \"b\": 2, \"c\": 3}", "{\"b\": 2, \"c\": 3}", {{DEL, "a", "", WEIR_OK}}},
    {"remove_middle", "{\"a\": 1, \"b\": 2, \"c\": 3}", "{\"a\": 1, \"c\": 3}", {{DEL, "b", "", WEIR_OK}}},
    {"remove_last", "{\"a\": 1, \"b\": 2, \"c\": 3}", "{\"a\": 1, \"b\": 2}", {{DEL, "c", "", WEIR_OK}}},
    {"remove_absent", "{\"z\":1}", "{\"z\":1}", {{DEL, "a", "", WEIR_ABSENT}}},
    {"remove_twice",
     "{\"a\":1,\"z\":1}",
     "{\"z\":1}",
     {{DEL, "a", "", WEIR_OK}, {DEL, "a", "", WEIR_ABSENT}}},
    {"remove_set_value",
     "{\"a\":1,\"z\":1}",
     "{\"z\":1}",
     {{RAW, "a", "5", WEIR_OK}, {DEL, "a", "", WEIR_OK}}},
    {"remove_then_set_goes_last",
     "{\"a\":1,\"z\":1}",
     "{\"z\":1,\"a\":2}",
     {{DEL, "a", "", WEIR_OK}, {RAW, "a", "2", WEIR_OK}, {JSON, "a", "2", WEIR_OK}}},
    {"remove_only_then_set",
     "{ \"a\": 1 }",
     "{ \"a\":2 }",
     {{DEL, "a", "", WEIR_OK}, {RAW, "a", "2", WEIR_OK}}},
    {"set_out_of_order",
     "{\"a\":1,\"z\":0,\"b\":2,\"o\":{\"x\":3},\"c\":4}",
     "{\"a\":8,\"z\":0,\"b\":6,\"o\":{\"x\":7},\"c\":9,\"d\":5}",
     {{RAW, "d", "5", WEIR_OK},
      {RAW, "b", "6", WEIR_OK},
      {RAW, "o.x", "7", WEIR_OK},
      {RAW, "a", "8", WEIR_OK},
      {RAW, "c", "9", WEIR_OK},
      {JSON, "o.x", "7", WEIR_OK},
      {JSON, "d", "5", WEIR_OK}}},
    {"set_remove_set_remove",
     "{\"a\":1,\"z\":1}",
     "{\"z\":1}",
     {{RAW, "a", "2", WEIR_OK},
      {DEL, "a", "", WEIR_OK},
      {RAW, "a", "3", WEIR_OK},
      {RAW, "a", "4", WEIR_OK},
      {JSON, "a", "4", WEIR_OK},
      {DEL, "a", "", WEIR_OK},
      {DEL, "a", "", WEIR_ABSENT}}},
    {"remove_odd_names",
     "{\"z\":0,\"q\\\"t\" : 1,\"ba\\\\ck\":2,\"end\\\\\" :3, \"\\u00e9\":4}",
     "{\"z\":0}",
     {{DEL, "q\"t", "", WEIR_OK},
      {DEL, "end\\\\", "", WEIR_OK},
      {DEL, "ba\\\\ck", "", WEIR_OK},
      {DEL, "\xc3\xa9", "", WEIR_OK}}},
};

/* ---- several members go */
static const struct change several[] = {
    {"first_two",
     "{\"a\": 1, \"b\": 2, \"c\": 3}",
     "{\"c\": 3}",
     {{DEL, "a", "", WEIR_OK}, {DEL, "b", "", WEIR_OK}}},
    {"last_two",
     "{\"a\": 1, \"b\": 2, \"c\": 3}",
     "{\"a\": 1}",
     {{DEL, "c", "", WEIR_OK}, {DEL, "b", "", WEIR_OK}}},
    {"ends",
     "{\"a\": 1, \"b\": 2, \"c\": 3}",
     "{\"b\": 2}",
     {{DEL, "c", "", WEIR_OK}, {DEL, "a", "", WEIR_OK}}},
    {"all",
     "{\"a\": 1, \"b\": 2 , \"c\": 3}",
     "{}",
     {{DEL, "b", "", WEIR_OK}, {DEL, "a", "", WEIR_OK}, {DEL, "c", "", WEIR_OK}}},
    {"all_then_append",
     "{\"a\":1,\"b\":2}",
     "{\"d\":4,\"a\":5}",
     {{DEL, "b", "", WEIR_OK}, {DEL, "a", "", WEIR_OK}, {RAW, "d", "4", WEIR_OK}, {RAW, "a", "5", WEIR_OK}}},
    {"first_then_append",
     "{\"a\":1,\"b\":2}",
     "{\"b\":2,\"d\":4}",
     {{DEL, "a", "", WEIR_OK}, {RAW, "d", "4", WEIR_OK}}},
    {"last_then_append",
     "{\"a\":1,\"b\":2 }",
     "{\"a\":1,\"d\":4 }",
     {{DEL, "b", "", WEIR_OK}, {RAW, "d", "4", WEIR_OK}}},
    {"around_set",
     "{\"a\":1,\"b\":2,\"c\":3}",
     "{\"b\":9}",
     {{DEL, "a", "", WEIR_OK}, {RAW, "b", "9", WEIR_OK}, {DEL, "c", "", WEIR_OK}}},
    {"around_unbound",
     "{\"a\":1,\"z\":2,\"b\":3}",
     "{\"z\":2}",
     {{DEL, "a", "", WEIR_OK}, {DEL, "b", "", WEIR_OK}}},
    {"adjacent_pairs",
     "{\"z\":0,\"a\":1,\"b\":2,\"y\":3,\"c\":4,\"d\":5}",
     "{\"z\":0,\"y\":3}",
     {{DEL, "a", "", WEIR_OK}, {DEL, "b", "", WEIR_OK}, {DEL, "c", "", WEIR_OK}, {DEL, "d", "", WEIR_OK}}},
    {"first_behind_nested",
     "{\"a\":1,\"o\":{\"x\":1},\"b\":2}",
     "{\"o\":{}}",
     {{DEL, "a", "", WEIR_OK}, {DEL, "o.x", "", WEIR_OK}, {DEL, "b", "", WEIR_OK}}},
    {"inner_all_gone_outer_append",
     "{\"o\":{\"x\":1}}",
     "{\"o\":{},\"a\":1}",
     {{DEL, "o.x", "", WEIR_OK}, {RAW, "a", "1", WEIR_OK}}},
};

/* ---- members that stand twice */
static const struct change twice[] = {
    {"get_last", "{\"a\":1,\"a\":2}", "{\"a\":1,\"a\":2}", {{JSON, "a", "2", WEIR_OK}}},
    {"get_last_escaped", "{\"a\":1,\"\\u0061\":2}", "{\"a\":1,\"\\u0061\":2}", {{JSON, "a", "2", WEIR_OK}}},
    {"set_all",
     "{\"a\":1,\"\\u0061\":2,\"b\":3,\"a\":4}",
     "{\"a\":0,\"\\u0061\":0,\"b\":3,\"a\":0}",
     {{RAW, "a", "0", WEIR_OK}}},
    {"remove_all", "{\"a\":1,\"\\u0061\":2,\"b\":3,\"a\":4}", "{\"b\":3}", {{DEL, "a", "", WEIR_OK}}},
    {"remove_all_only", "{\"a\":1, \"a\":2 ,\"a\":4}", "{}", {{DEL, "a", "", WEIR_OK}}},
    {"remove_all_then_set",
     "{\"a\":1,\"a\":2,\"z\":0}",
     "{\"z\":0,\"a\":5}",
     {{DEL, "a", "", WEIR_OK}, {RAW, "a", "5", WEIR_OK}}},
    {"parent_get_absent",
     "{\"o\":{\"x\":1},\"o\":{}}",
     "{\"o\":{\"x\":1},\"o\":{}}",
     {{JSON, "o.x", NULL, WEIR_ABSENT}}},
    {"parent_set_both",
     "{\"o\":{\"x\":1},\"o\":{}}",
     "{\"o\":{\"x\":5},\"o\":{\"x\":5}}",
     {{RAW, "o.x", "5", WEIR_OK}, {JSON, "o.x", "5", WEIR_OK}}},
    {"parent_set_again",
     "{\"o\":{\"x\":1},\"o\":{}}",
     "{\"o\":{\"x\":6},\"o\":{\"x\":6}}",
     {{RAW, "o.x", "5", WEIR_OK}, {RAW, "o.x", "6", WEIR_OK}}},
    {"parent_set_other_member",
     "{\"o\":{\"x\":1},\"o\":{\"y\":2}}",
     "{\"o\":{\"x\":1},\"o\":{\"y\":5}}",
     {{RAW, "o.y", "5", WEIR_OK}}},
    {"parent_remove_hidden",
     "{\"o\":{\"x\":1},\"o\":{}}",
     "{\"o\":{},\"o\":{}}",
     {{DEL, "o.x", "", WEIR_OK}, {DEL, "o.x", "", WEIR_ABSENT}}},
    {"parent_remove_both",
     "{\"o\":{\"x\":1,\"x\":2},\"o\":{\"x\":3}}",
     "{\"o\":{},\"o\":{}}",
     {{DEL, "o.x", "", WEIR_OK}}},
    {"parent_remove_then_set",
     "{\"o\":{\"x\":1},\"o\":{\"y\":0}}",
     "{\"o\":{},\"o\":{\"y\":0,\"x\":2}}",
     {{DEL, "o.x", "", WEIR_OK}, {RAW, "o.x", "2", WEIR_OK}}},
    {"parent_last_blocked",
     "{\"o\":{\"x\":1},\"o\":3}",
     "{\"o\":{\"x\":1},\"o\":3}",
     {{JSON, "o.x", NULL, WEIR_TYPE}, {RAW, "o.x", "1", WEIR_TYPE}, {TYPE, "o.x", NULL, WEIR_JSON_BLOCKED}}},
    {"parent_last_blocked_remove",
     "{\"o\":{\"x\":1},\"o\":3}",
     "{\"o\":{},\"o\":3}",
     {{DEL, "o.x", "", WEIR_OK}, {DEL, "o.x", "", WEIR_TYPE}}},
    {"parent_first_blocked",
     "{\"o\":3,\"o\":{\"x\":1}}",
     "{\"o\":3,\"o\":{\"x\":2}}",
     {{JSON, "o.x", "1", WEIR_OK}, {RAW, "o.x", "2", WEIR_OK}}},
    {"parent_set_both_then_remove",
     "{\"o\":{\"x\":1},\"o\":{}}",
     "{\"o\":{},\"o\":{}}",
     {{RAW, "o.x", "5", WEIR_OK}, {DEL, "o.x", "", WEIR_OK}, {JSON, "o.x", NULL, WEIR_ABSENT}}},
    {"several_among_each_other",
     "{\"a\":1,\"b\":2,\"b\":3,\"z\":0,\"a\":4,\"c\":5,\"a\":6}",
     "{\"b\":8,\"b\":8,\"z\":0,\"c\":9,\"d\":7}",
     {{RAW, "d", "7", WEIR_OK}, {RAW, "b", "8", WEIR_OK}, {DEL, "a", "", WEIR_OK}, {RAW, "c", "9", WEIR_OK}}},
    {"grandparent_hides",
     "{\"o\":{\"p\":{\"q\":1}},\"o\":{\"x\":2}}",
     "{\"o\":{\"p\":{}},\"o\":{\"x\":2}}",
     {{JSON, "o.p.q", NULL, WEIR_ABSENT}, {RAW, "o.p.q", "1", WEIR_ABSENT}, {DEL, "o.p.q", "", WEIR_OK}}},
};

/* ---- paths of several names */
static const struct change nested[] = {
    {"set",
     "{\"o\":{\"x\":1}}",
     "{\"o\":{\"x\":2}}",
     {{JSON, "o.x", "1", WEIR_OK}, {RAW, "o.x", "2", WEIR_OK}, {JSON, "o.x", "2", WEIR_OK}}},
    {"append", "{\"o\":{ } , \"a\":1}", "{\"o\":{\"x\":2 } , \"a\":1}", {{RAW, "o.x", "2", WEIR_OK}}},
    {"append_at_three",
     "{\"o\":{\"p\":{}}}",
     "{\"o\":{\"p\":{\"q\":3},\"y\":2},\"a\":1}",
     {{RAW, "a", "1", WEIR_OK}, {RAW, "o.y", "2", WEIR_OK}, {RAW, "o.p.q", "3", WEIR_OK}}},
    {"no_parent",
     "{\"a\":1}",
     "{\"a\":1}",
     {{JSON, "o.x", NULL, WEIR_ABSENT},
      {RAW, "o.x", "1", WEIR_ABSENT},
      {DEL, "o.x", "", WEIR_ABSENT},
      {TYPE, "o.x", NULL, WEIR_JSON_ABSENT}}},
    {"blocked_by_null",
     "{\"o\":null}",
     "{\"o\":null}",
     {{STRING, "o.x", NULL, WEIR_TYPE},
      {SET, "o.x", "1", WEIR_TYPE},
      {DEL, "o.x", "", WEIR_TYPE},
      {TYPE, "o.x", NULL, WEIR_JSON_BLOCKED}}},
    {"blocked_by_array",
     "{\"o\":[{\"x\":1}]}",
     "{\"o\":[{\"x\":1}]}",
     {{STRING, "o.x", NULL, WEIR_TYPE}, {TYPE, "o.p.q", NULL, WEIR_JSON_BLOCKED}}},
    {"blocked_further_up",
     "{\"o\":{\"p\":7}}",
     "{\"o\":{\"p\":7}}",
     {{TYPE, "o.p.q", NULL, WEIR_JSON_BLOCKED}, {TYPE, "o.x", NULL, WEIR_JSON_ABSENT}}},
    {"same_names_deeper_are_others",
     "{\"z\":{\"a\":1},\"o\":{\"a\":2,\"o\":{\"x\":3}}}",
     "{\"z\":{\"a\":1},\"o\":{\"a\":2,\"o\":{\"x\":3}}}",
     {{TYPE, "a", NULL, WEIR_JSON_ABSENT}, {TYPE, "o.x", NULL, WEIR_JSON_ABSENT}}},
};

/* ---- a bound path that leads through another: t, t.u, t.u.v */
static const struct change tangled[] = {
    {"set_parent",
     "{\"t\":{\"u\":1}}",
     "{\"t\":{\"u\":{\"v\":2}}}",
     {{RAW, "t", "{\"u\":{\"v\":2}}", WEIR_OK},
      {JSON, "t.u", "{\"v\":2}", WEIR_OK},
      {JSON, "t.u.v", "2", WEIR_OK}}},
    {"set_child",
     "{\"t\":{\"u\":1}}",
     "{\"t\":{\"u\":9}}",
     {{RAW, "t.u", "9", WEIR_OK}, {JSON, "t", "{\"u\":9}", WEIR_OK}}},
    {"set_parent_scalar",
     "{\"t\":{\"u\":1}}",
     "{\"t\":5}",
     {{RAW, "t", "5", WEIR_OK}, {JSON, "t.u", NULL, WEIR_TYPE}, {RAW, "t.u", "1", WEIR_TYPE}}},
    {"set_child_then_parent",
     "{\"t\":{\"u\":1}}",
     "{\"t\":{}}",
     {{RAW, "t.u", "9", WEIR_OK}, {RAW, "t", "{}", WEIR_OK}, {JSON, "t.u", NULL, WEIR_ABSENT}}},
    {"remove_parent",
     "{\"a\":0,\"t\":{\"u\":1}}",
     "{\"a\":0}",
     {{DEL, "t", "", WEIR_OK}, {JSON, "t.u", NULL, WEIR_ABSENT}}},
    {"remove_child",
     "{\"t\":{\"u\":1}}",
     "{\"t\":{}}",
     {{DEL, "t.u", "", WEIR_OK}, {JSON, "t", "{}", WEIR_OK}}},
    {"make_all",
     "{}",
     "{\"t\":{\"u\":{\"v\":1}}}",
     {{RAW, "t", "{}", WEIR_OK},
      {RAW, "t.u", "{}", WEIR_OK},
      {RAW, "t.u.v", "1", WEIR_OK},
      {JSON, "t", "{\"u\":{\"v\":1}}", WEIR_OK}}},
    {"with_others_waiting",
     "{\"a\":1,\"b\":2,\"t\":{\"u\":1}}",
     "{\"a\":5,\"t\":{\"u\":6},\"c\":7,\"d\":8}",
     {{RAW, "a", "5", WEIR_OK},
      {DEL, "b", "", WEIR_OK},
      {RAW, "c", "7", WEIR_OK},
      {RAW, "t.u", "6", WEIR_OK},
      {RAW, "d", "8", WEIR_OK},
      {JSON, "a", "5", WEIR_OK},
      {JSON, "c", "7", WEIR_OK}}},
    {"bad_change_changes_nothing",
     "{\"t\":{\"u\":1}}",
     "{\"t\":{\"u\":1}}",
     {{RAW, "t", "{", WEIR_INVALID}, {JSON, "t.u", "1", WEIR_OK}}},
};

/* ---- reading */
static const struct change reading[] = {
    {"string",
     "{\"a\":\"x y\"}",
     "{\"a\":\"x y\"}",
     {{STRING, "a", "x y", WEIR_OK}, {JSON, "a", "\"x y\"", WEIR_OK}, {TYPE, "a", NULL, WEIR_JSON_STRING}}},
    {"string_empty", "{\"a\":\"\"}", "{\"a\":\"\"}", {{STRING, "a", "", WEIR_OK}}},
    {"string_escapes",
     "{\"a\":\"\\u0041\\n\\ud83d\\ude00\"}",
     "{\"a\":\"\\u0041\\n\\ud83d\\ude00\"}",
     {{STRING, "a", "A\n\xf0\x9f\x98\x80", WEIR_OK}}},
    {"string_escapes_beside_none",
     "{\"\\u0061\":\"x\",\"b\":\"\\u0062\",\"c\":\"\xc3\xa9 and sixteen "
     "bytes\",\"d\":\"0123456789abcdef\\n\"}",
     "{\"\\u0061\":\"x\",\"b\":\"\\u0062\",\"c\":\"\xc3\xa9 and sixteen "
     "bytes\",\"d\":\"0123456789abcdef\\n\"}",
     {{STRING, "a", "x", WEIR_OK},
      {STRING, "b", "b", WEIR_OK},
      {STRING, "c", "\xc3\xa9 and sixteen bytes", WEIR_OK},
      {STRING, "d", "0123456789abcdef\n", WEIR_OK}}},
    {"string_lone_surrogate",
     "{\"a\":\"\\ud800\"}",
     "{\"a\":\"\\ud800\"}",
     {{STRING, "a", NULL, WEIR_INVALID}, {JSON, "a", "\"\\ud800\"", WEIR_OK}}},
    {"string_after_set",
     "{\"a\":1}",
     "{\"a\":\"q\\\"\"}",
     {{SET, "a", "q\"", WEIR_OK}, {STRING, "a", "q\"", WEIR_OK}}},
    {"string_of_null",
     "{\"a\":null}",
     "{\"a\":null}",
     {{STRING, "a", NULL, WEIR_TYPE}, {TYPE, "a", NULL, WEIR_JSON_NULL}}},
    {"string_of_number",
     "{\"a\":1}",
     "{\"a\":1}",
     {{STRING, "a", NULL, WEIR_TYPE}, {TYPE, "a", NULL, WEIR_JSON_NUMBER}}},
    {"types",
     "{\"a\":true,\"b\":false,\"c\":[ ],\"o\":{\"x\":{ },\"y\":-0}}",
     "{\"a\":true,\"b\":false,\"c\":[ ],\"o\":{\"x\":{ },\"y\":-0}}",
     {{TYPE, "a", NULL, WEIR_JSON_BOOL},
      {TYPE, "b", NULL, WEIR_JSON_BOOL},
      {TYPE, "c", NULL, WEIR_JSON_ARRAY},
      {TYPE, "o.x", NULL, WEIR_JSON_OBJECT},
      {TYPE, "o.y", NULL, WEIR_JSON_NUMBER},
      {TYPE, "d", NULL, WEIR_JSON_ABSENT}}},
    {"raw",
     "{\"c\" : [ 1, {\"a\":2} ] ,\"b\":1}",
     "{\"c\" : [ 1, {\"a\":2} ] ,\"b\":1}",
     {{JSON, "c", "[ 1, {\"a\":2} ]", WEIR_OK}}},
    {"odd_names",
     "{\"we.ird\":1,\"ba\\\\ck\":2,\"\\u00E9\":3,\"q\\u0022t\":4}",
     "{\"we.ird\":1,\"ba\\\\ck\":2,\"\\u00E9\":3,\"q\\u0022t\":4}",
     {{JSON, "we\\.ird", "1", WEIR_OK},
      {JSON, "ba\\\\ck", "2", WEIR_OK},
      {JSON, "\xc3\xa9", "3", WEIR_OK},
      {JSON, "q\"t", "4", WEIR_OK}}},
    {"near_names",
     "{\"A\":1,\"aa\":2,\"\":3,\"a \":4,\"a\\u0000\":5}",
     "{\"A\":1,\"aa\":2,\"\":3,\"a \":4,\"a\\u0000\":5}",
     {{TYPE, "a", NULL, WEIR_JSON_ABSENT}}},
};

static int32_t take_step(struct json_fixture *x, const struct step *s, const struct weir_field *f,
                         struct weir_str *got)
{
    switch (s->op) {
    case SET:
        return doc_set_string(&x->doc, f, str_of(s->text));
    case RAW:
        return doc_set_raw(&x->doc, f, str_of(s->text));
    case DEL:
        return doc_remove(&x->doc, f);
    case STRING:
        return doc_get_string(&x->doc, f, got);
    case JSON:
        return doc_get_raw(&x->doc, f, got);
    default:
        return doc_type(&x->doc, f);
    }
}

static void run_case(struct json_fixture *x, const struct change *c)
{
    char *value = json_exact(str_of(c->value));
    struct json_error err;
    struct weir_str out;
    size_t i;

    if (json_parse(x, str_make(value, strlen(c->value)), &err) != WEIR_OK)
        fail_msg("%s: %s at %zu", c->name, err.what, err.at);
    for (i = 0; i < sizeof c->steps / sizeof c->steps[0] && c->steps[i].op != END; i++) {
        const struct step *s = &c->steps[i];
        struct weir_str got = STR_ABSENT;
        int32_t status = take_step(x, s, json_bind(x, s->path), &got);
        bool reads = s->op == STRING || s->op == JSON;

        if (status != s->status)
            fail_msg("%s, step %zu: status %d, expected %d", c->name, i, status, s->status);
        if (reads && status == WEIR_OK && !str_is(got, s->text))
            fail_msg("%s, step %zu: " STR_FMT ", expected %s", c->name, i, STR_ARG(got), s->text);
    }
    out = doc_splice(&x->doc, &x->arena);
    if (!str_is(out, c->out))
        fail_msg("%s: " STR_FMT ", expected %s", c->name, STR_ARG(out), c->out);
    if (strcmp(c->value, c->out) == 0 && i == 0 && out.ptr != value)
        fail_msg("%s: copied without need", c->name);
    free(value);
}

static void run(const struct change *cases, size_t n)
{
    struct json_fixture x;
    size_t i;

    json_setup(&x, bound);
    for (i = 0; i < n; i++)
        run_case(&x, &cases[i]);
    json_teardown(&x);
}

#define RUN(table) run(table, sizeof(table) / sizeof(table)[0])

static void a_change_touches_its_own_bytes_only(void **state)
{
    (void)state;
    RUN(single);
}

static void removing_members_leaves_json(void **state)
{
    (void)state;
    RUN(several);
}

static void a_member_that_stands_twice_is_changed_everywhere(void **state)
{
    (void)state;
    RUN(twice);
}

/* Seven thousand times sixty kilobytes, of a record of a hundred: no set, but a remove. */
static void what_stands_many_times_does_not_make_a_value_huge(void **state)
{
    enum { TIMES = 7000, PAD = 60000 };
    struct buf value;
    const struct weir_field *o, *x;
    struct json_error error;
    struct json_fixture f;
    struct weir_str raw, text;

    (void)state;
    json_setup(&f, bound);
    o = json_bind(&f, "o");
    x = json_bind(&f, "o.x");
    buf_init(&value, 1 << 20);
    buf_add_text(&value, "{\"a\":0,");
    for (int i = 0; i < TIMES; i++)
        buf_add_text(&value, "\"o\":1,");
    buf_add_fmt(&value, "\"o\":{\"x\":\"%0*d\"}}", PAD, 0);
    assert_int_equal(doc_parse(&f.doc, &f.arena, buf_str(&value), &error), WEIR_OK);
    assert_int_equal(doc_get_raw(&f.doc, o, &raw), WEIR_OK);
    assert_int_equal(doc_set_raw(&f.doc, o, raw), WEIR_NOMEM);
    assert_int_equal(doc_get_string(&f.doc, x, &text), WEIR_OK); /* as it was */
    assert_int_equal(text.len, PAD);
    assert_true(str_is(doc_splice(&f.doc, &f.arena), buf_text(&value)));
    assert_int_equal(doc_set_raw(&f.doc, o, STR("{\"x\":1}")), WEIR_OK); /* a small one: why not */
    assert_int_equal(doc_remove(&f.doc, o), WEIR_OK);
    assert_true(str_is(doc_splice(&f.doc, &f.arena), "{\"a\":0}"));
    json_teardown(&f);
    buf_fini(&value);
}

static void paths_lead_through_objects(void **state)
{
    (void)state;
    RUN(nested);
}

static void paths_through_each_other_stay_right(void **state)
{
    (void)state;
    RUN(tangled);
}

static void what_is_read_is_what_stands_there(void **state)
{
    (void)state;
    RUN(reading);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_touches_its_own_bytes_only),
        cmocka_unit_test(removing_members_leaves_json),
        cmocka_unit_test(a_member_that_stands_twice_is_changed_everywhere),
        cmocka_unit_test(what_stands_many_times_does_not_make_a_value_huge),
        cmocka_unit_test(paths_lead_through_objects),
        cmocka_unit_test(paths_through_each_other_stay_right),
        cmocka_unit_test(what_is_read_is_what_stands_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
