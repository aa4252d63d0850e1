/* test_age_filter.c: what is too old, and what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "fake_host.h"

#define NONE INT64_C(-7777)

struct row {
    const char *name, *options;
    int64_t timestamp; /* Kafka's; NONE: it has none */
    const char *json;
    int32_t verdict;
};

#define OLD WEIR_REJECT
#define BY_FIELD "field = t"
#define BY_MS "field = t\nunit = ms"

static const struct row rows[] = {
    {"exactly max_age old passes", "", FAKE_NOW - 60000, "{}", WEIR_PASS},
    {"one millisecond more does not", "", FAKE_NOW - 60001, "{}", OLD},
    {"another max_age", "max_age = 10s", FAKE_NOW - 10001, "{}", OLD},
    {"no age at all", "max_age = 0s", FAKE_NOW - 1, "{}", OLD},
    {"now is not older than nothing", "max_age = 0s", FAKE_NOW, "{}", WEIR_PASS},
    {"no timestamp passes", "", NONE, "{}", WEIR_PASS},
    {"zero", "", 0, "{}", OLD},
    {"minus one", "", -1, "{}", OLD},
    {"the least", "", INT64_MIN, "{}", OLD},
    {"the greatest", "", INT64_MAX, "{}", WEIR_PASS},
    {"the future", "", FAKE_NOW + 86400000, "{}", WEIR_PASS},
    {"the greatest max_age", "max_age = 10000000d", INT64_MIN, "{}", OLD},
    {"a tombstone is judged by its timestamp", "", FAKE_NOW - 60001, NULL, OLD},
    {"a field: just in time", BY_FIELD, 0, "{\"t\": 1729894016}", WEIR_PASS},
    {"a field: exactly, with a fraction", BY_FIELD, 0, "{\"t\": 1729894015.25}", WEIR_PASS},
    {"a field: too old by a fraction", BY_FIELD, 0, "{\"t\": 1729894015.249}", OLD},
    {"a field: too old, as a string", BY_FIELD, 0, "{\"t\": \"1729894015\"}", OLD},
    {"a field: in time, as a string", BY_FIELD, 0, "{\"t\": \"1729894016\"}", WEIR_PASS},
    {"a field: an exponent", BY_FIELD, 0, "{\"t\": \"1.729894016e9\"}", WEIR_PASS},
    {"a field: an exponent below zero", BY_FIELD, 0, "{\"t\": \"1729894016000e-3\"}", WEIR_PASS},
    {"a field: what no number holds is no time", BY_FIELD, 0, "{\"t\": \"-1e99999999999999999999\"}",
     WEIR_PASS},
    {"a field: what no integer holds is far away", BY_FIELD, 0, "{\"t\": 1e300}", WEIR_PASS},
    {"a field: and so below zero", BY_FIELD, 0, "{\"t\": \"-1e300\"}", OLD},
    {"a field: an overflow in milliseconds", BY_FIELD, 0, "{\"t\": 1.7e308}", WEIR_PASS},
    {"a field: and below zero", BY_FIELD, 0, "{\"t\": -1.7e308}", OLD},
    {"a field: a fraction is rounded, down", BY_FIELD, 0, "{\"t\": 1729894015.2494}", OLD},
    {"a field: and up", BY_FIELD, 0, "{\"t\": 1729894015.2496}", WEIR_PASS},
    {"a field: a tiny one is zero", BY_FIELD, 0, "{\"t\": \"1e-99999999999999999999\"}", OLD},
    {"a field: more digits than an integer has", BY_FIELD, 0,
     "{\"t\": \"1729894015249000000000000000000000e-24\"}", OLD},
    {"a field: many digits, in time", BY_FIELD, 0, "{\"t\": \"1729894015250000000000000000000000e-24\"}",
     WEIR_PASS},
    {"a field: absent passes", BY_FIELD, 0, "{}", WEIR_PASS},
    {"a field: null passes", BY_FIELD, 0, "{\"t\": null}", WEIR_PASS},
    {"a field: true passes", BY_FIELD, 0, "{\"t\": true}", WEIR_PASS},
    {"a field: a text passes", BY_FIELD, 0, "{\"t\": \"yesterday\"}", WEIR_PASS},
    {"a field: an empty text passes", BY_FIELD, 0, "{\"t\": \"\"}", WEIR_PASS},
    {"a field: blanks make no number", BY_FIELD, 0, "{\"t\": \" 1\"}", WEIR_PASS},
    {"a field: a leading zero makes none", BY_FIELD, 0, "{\"t\": \"01\"}", WEIR_PASS},
    {"a field: a point needs digits", BY_FIELD, 0, "{\"t\": \"1.\"}", WEIR_PASS},
    {"a field: an exponent needs digits", BY_FIELD, 0, "{\"t\": \"1e+\"}", WEIR_PASS},
    {"a field: a tombstone passes", BY_FIELD, 0, NULL, WEIR_PASS},
    {"milliseconds: in time", BY_MS, 0, "{\"t\": 1729894015250}", WEIR_PASS},
    {"milliseconds: too old", BY_MS, 0, "{\"t\": 1729894015249}", OLD},
};

static void age_filter_rejects_what_is_too_old(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fake *f = fake_open("age_filter", rows[i].options);
        struct fake_envelope *env = fake_record(f, rows[i].json);

        CHECK_TEXT(rows[i].name, fake_said(f), "");
        env->has_timestamp = rows[i].timestamp != NONE;
        env->timestamp = rows[i].timestamp;
        CHECK_NUMBER(rows[i].name, fake_process(f), rows[i].verdict);
        if (rows[i].verdict == OLD)
            CHECK_TEXT(rows[i].name, env->said.ptr, "too old");
        fake_close(f);
    }
}

static void age_filter_refuses_a_unit_without_a_field(void **state)
{
    struct fake *f = fake_open("age_filter", "unit = ms");

    (void)state;
    assert_false(f->created);
    CHECK_TEXT("unit", fake_said(f), "unit means something only with field");
    fake_close(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(age_filter_rejects_what_is_too_old),
        cmocka_unit_test(age_filter_refuses_a_unit_without_a_field),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
