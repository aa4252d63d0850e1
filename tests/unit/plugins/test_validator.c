/* test_validator.c: what is a fault, and how all faults are told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "fake_host.h"

struct row {
    const char *name, *options, *json;
    const char *reason; /* NULL: passes */
};

#define LOGIN                                                                                                \
    "required = user_id, ip, device_id, app_version, device_type, timestamp, locale\nnumber = timestamp"
#define GOOD_BUT(timestamp)                                                                                  \
    "{\"user_id\": \"u\", \"ip\": \"1.2.3.4\", \"device_id\": \"d\", \"app_version\": \"2.3.0\", "           \
    "\"device_type\": \"iOS\", \"locale\": \"KS\", \"timestamp\": " timestamp "}"
#define NAN_FAULT "Invalid fields: timestamp: not a number"

static const struct row rows[] = {
    {"a good login", LOGIN, GOOD_BUT("1729894074"), NULL},
    {"a timestamp as a string", LOGIN, GOOD_BUT("\"1729894074\""), NULL},
    {"with a fraction", LOGIN, GOOD_BUT("\"1729894074.25\""), NULL},
    {"with an exponent", LOGIN, GOOD_BUT("\"1.7E+9\""), NULL},
    {"below zero", LOGIN, GOOD_BUT("\"-1\""), NULL},
    {"minus zero", LOGIN, GOOD_BUT("\"-0\""), NULL},
    {"the greatest string", LOGIN, GOOD_BUT("\"999999999999\""), NULL},
    {"one more", LOGIN, GOOD_BUT("\"1000000000000\""), NAN_FAULT},
    {"one more below zero", LOGIN, GOOD_BUT("\"-1e12\""), NAN_FAULT},
    {"an infinite string", LOGIN, GOOD_BUT("\"1e999\""), NAN_FAULT},
    {"a blank before", LOGIN, GOOD_BUT("\" 1\""), NAN_FAULT},
    {"a blank behind", LOGIN, GOOD_BUT("\"1 \""), NAN_FAULT},
    {"an empty string", LOGIN, GOOD_BUT("\"\""), NAN_FAULT},
    {"a sign alone", LOGIN, GOOD_BUT("\"-\""), NAN_FAULT},
    {"a plus", LOGIN, GOOD_BUT("\"+1\""), NAN_FAULT},
    {"a leading zero", LOGIN, GOOD_BUT("\"01\""), NAN_FAULT},
    {"no digits before the point", LOGIN, GOOD_BUT("\".5\""), NAN_FAULT},
    {"no digits behind the point", LOGIN, GOOD_BUT("\"5.\""), NAN_FAULT},
    {"no digits in the exponent", LOGIN, GOOD_BUT("\"5e\""), NAN_FAULT},
    {"hexadecimal", LOGIN, GOOD_BUT("\"0x10\""), NAN_FAULT},
    {"nan", LOGIN, GOOD_BUT("\"nan\""), NAN_FAULT},
    {"a bool", LOGIN, GOOD_BUT("true"), NAN_FAULT},
    {"an object", LOGIN, GOOD_BUT("{}"), NAN_FAULT},
    {"null is missing", LOGIN, GOOD_BUT("null"), "Missing fields: timestamp"},
    {"missing ones in the order of the option", LOGIN,
     "{\"locale\": null, \"ip\": \"\", \"timestamp\": true}",
     "Missing fields: user_id, device_id, app_version, device_type, locale"},
    {"a tombstone misses everything", "required = a, b", NULL, "Missing fields: a, b"},
    {"an empty string is there", "required = a", "{\"a\": \"\"}", NULL},
    {"required first, no name twice", "non_empty = c, a, b\nrequired = b, a", "{}",
     "Missing fields: b, a, c"},
    {"non_empty: a text", "non_empty = a", "{\"a\": \"x\"}", NULL},
    {"non_empty: a number", "non_empty = a", "{\"a\": 0}", NULL},
    {"non_empty: false", "non_empty = a", "{\"a\": false}", NULL},
    {"non_empty: a list", "non_empty = a", "{\"a\": [0]}", NULL},
    {"non_empty: an empty text", "non_empty = a", "{\"a\": \"\"}", "Missing fields: a"},
    {"non_empty: an empty list", "non_empty = a", "{\"a\": [ ]}", "Missing fields: a"},
    {"non_empty: an empty object", "non_empty = a", "{\"a\": { }}", "Missing fields: a"},
    {"non_empty: a blank text is not empty", "non_empty = a", "{\"a\": \" \"}", NULL},
    {"message", "non_empty = user_id\nmessage = Missing user_id", "{\"user_id\": \"\"}", "Missing user_id"},
    {"message with a percent sign", "required = a\nmessage = 100%s", "{}", "100%s"},
    {"nested", "required = a.b", "{\"a\": {\"b\": 1}}", NULL},
    {"nested, missing", "required = a.b", "{\"a\": {}}", "Missing fields: a.b"},
    {"nested, blocked", "required = a.b", "{\"a\": 5}", "Missing fields: a.b"},
    {"a type judges what is there only", "string = a, b, c.d", "{\"b\": null, \"c\": 1}", NULL},
    {"types", "string = a\nnumber = b\ninteger = c\nboolean = d\nobject = e\narray = f",
     "{\"a\": \"x\", \"b\": 1.5, \"c\": 7, \"d\": false, \"e\": {}, \"f\": []}", NULL},
    {"wrong types", "string = a\nnumber = b\ninteger = c\nboolean = d\nobject = e\narray = f",
     "{\"a\": 1, \"b\": [], \"c\": 7.5, \"d\": 0, \"e\": [], \"f\": {}}",
     "Invalid fields: a: not a string; b: not a number; c: not an integer; d: not a boolean; "
     "e: not an object; f: not an array"},
    {"an integer is no string", "integer = a", "{\"a\": \"7\"}", "Invalid fields: a: not an integer"},
    {"missing hides invalid", "required = a\nstring = b", "{\"b\": 1}", "Missing fields: a"},
    {"one fault a field", "integer = a\nrange.a = 1..2", "{\"a\": \"x\"}",
     "Invalid fields: a: not an integer"},
    {"allowed", "allow.t = iOS, android", "{\"t\": \"android\"}", NULL},
    {"not allowed", "allow.t = iOS, android", "{\"t\": \"ios\"}", "Invalid fields: t: not an allowed value"},
    {"allowed number", "allow.t = 1, 2", "{\"t\": 2}", NULL},
    {"allowed: absent", "allow.t = 1", "{}", NULL},
    {"allowed: nested", "allow.a.t = x", "{\"a\": {\"t\": \"y\"}}",
     "Invalid fields: a.t: not an allowed value"},
    {"allowed: no valid text", "allow.t = x", "{\"t\": \"\xEF\xBF\xBD\"}",
     "Invalid fields: t: not an allowed value"},
    {"range: both ends", "range.a = 0..150\nrange.b = 0..150", "{\"a\": 0, \"b\": 150}", NULL},
    {"range: below", "range.a = 0..150", "{\"a\": -0.5}", "Invalid fields: a: out of range"},
    {"range: above", "range.a = 0..150", "{\"a\": 150.5}", "Invalid fields: a: out of range"},
    {"range: a string", "range.a = 0..150", "{\"a\": \"149\"}", NULL},
    {"range: no number", "range.a = 0..150", "{\"a\": true}", "Invalid fields: a: out of range"},
    {"range: open above", "range.a = 5..", "{\"a\": 1e300}", NULL},
    {"range: open below", "range.a = ..5", "{\"a\": 5.1}", "Invalid fields: a: out of range"},
    {"range: fractions", "range.a = -1.5..1.5", "{\"a\": -1.5}", NULL},
    {"range: blanks around the dots", "range.a = 0 .. 5", "{\"a\": 5}", NULL},
    {"allowed: a blank within", "allow.t = red wine , beer", "{\"t\": \"red wine\"}", NULL},
    {"range: a string of 10^12", "range.a = 0..", "{\"a\": \"1e12\"}", "Invalid fields: a: out of range"},
    {"length: characters, not bytes", "max_length.a = 3", "{\"a\": \"\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\"}",
     NULL},
    {"length: too long", "max_length.a = 3", "{\"a\": \"abcd\"}", "Invalid fields: a: too long"},
    {"length: no string", "max_length.a = 3", "{\"a\": 12345}", NULL},
};

static void validator_tells_every_fault_in_one_message(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fake *f = fake_open("validator", rows[i].options);
        int32_t verdict;

        CHECK_TEXT(rows[i].name, fake_said(f), "");
        fake_record(f, rows[i].json);
        verdict = fake_process(f);
        CHECK_TEXT(rows[i].name, verdict == WEIR_PASS ? "(passes)" : f->env.said.ptr,
                   rows[i].reason ? rows[i].reason : "(passes)");
        CHECK_NUMBER(rows[i].name, verdict, rows[i].reason ? WEIR_FAIL : WEIR_PASS);
        fake_close(f);
    }
}

static void validator_without_memory_still_fails_the_record(void **state)
{
    struct fake *f = fake_open("validator", "required = a");

    (void)state;
    fake_record(f, "{}");
    f->no_memory = true;
    CHECK_NUMBER("verdict", fake_process(f), WEIR_FAIL);
    fake_close(f);
}

static const struct row bad[] = {
    {"nothing", "", NULL, "nothing to check: give at least one check, such as required = NAME"},
    {"path", "allow.a. = x", NULL, "field \"a.\" is not a path"},
    {"allow", "allow.a =", NULL, "allow.a: needs at least one text"},
    {"range without dots", "range.a = 5", NULL, "range.a: needs a range such as 0..150, 0.. or ..150"},
    {"range of nothing", "range.a = ..", NULL, "range.a: needs a range such as 0..150, 0.. or ..150"},
    {"range of infinity", "range.a = 0..1e999", NULL, "range.a: needs a range such as 0..150, 0.. or ..150"},
    {"range without anything", "range.a =", NULL, "range.a: needs a range such as 0..150, 0.. or ..150"},
    {"length without anything", "max_length.a =", NULL, "max_length.a: needs a number of characters"},
    {"range upside down", "range.a = 5..1", NULL, "range.a: needs a range such as 0..150, 0.. or ..150"},
    {"range of words", "range.a = one..two", NULL, "range.a: needs a range such as 0..150, 0.. or ..150"},
    {"length", "max_length.a = -1", NULL, "max_length.a: needs a number of characters"},
};

static void validator_refuses_a_bad_table_of_checks(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct fake *f = fake_open("validator", bad[i].options);

        assert_false(f->created);
        CHECK_TEXT(bad[i].name, fake_said(f), bad[i].reason);
        fake_close(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(validator_tells_every_fault_in_one_message),
        cmocka_unit_test(validator_without_memory_still_fails_the_record),
        cmocka_unit_test(validator_refuses_a_bad_table_of_checks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
