/* test_value.c: typed values, names and suggestions. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "config/names.h"
#include "config/suggest.h"
#include "config/value.h"

#define COUNT(rows) (sizeof(rows) / sizeof *(rows))

struct number_row {
    const char *text;
    int64_t want;
    const char *fault; /* NULL: it reads */
};

typedef bool number_reader(struct weir_str, int64_t *, struct value_fault *);

static void check_numbers(const struct number_row *rows, size_t n, number_reader *read)
{
    for (size_t i = 0; i < n; i++) {
        struct value_fault f = {.hide = false};
        int64_t got = -77;
        bool ok = read(str_of(rows[i].text), &got, &f);

        if (ok != !rows[i].fault || (ok && got != rows[i].want))
            fail_msg("\"%s\": got %lld (%s), want %lld (%s)", rows[i].text, (long long)got,
                     ok ? "read" : f.text, (long long)rows[i].want, rows[i].fault ? rows[i].fault : "read");
        if (!ok && strcmp(f.text, rows[i].fault) != 0)
            fail_msg("\"%s\": got \"%s\", want \"%s\"", rows[i].text, f.text, rows[i].fault);
        if (!ok && got != -77)
            fail_msg("\"%s\": a refused value was stored", rows[i].text);
    }
}

#define TIMES "ms, s, m, h, d"
#define SIZES "B, kB, KiB, MB, MiB, GB, GiB"

static void duration_takes_one_number_with_one_unit(void **state)
{
    static const struct number_row rows[] = {
        {"0s", 0, NULL},
        {"500ms", 500, NULL},
        {"60s", 60000, NULL},
        {"5m", 300000, NULL},
        {"2h", 7200000, NULL},
        {"7d", 604800000, NULL},
        {"0060s", 60000, NULL},
        {"9223372036854775807ms", INT64_MAX, NULL},
        {"9223372036854775s", 9223372036854775000, NULL},
        {"9223372036854775808ms", 0, "is too large"},
        {"9223372036854776s", 0, "is too large"},
        {"106751991168d", 0, "is too large"},
        {"60", 0, "has no unit (write \"60s\"; units are " TIMES ")"},
        {"0", 0, "has no unit (write \"0s\"; units are " TIMES ")"},
        {"60 s", 0, "has a blank before its unit (write the unit right behind the number)"},
        {"60S", 0, "has the unknown unit \"S\" (one number with one of " TIMES ")"},
        {"5min", 0, "has the unknown unit \"min\" (one number with one of " TIMES ")"},
        {"1h30m", 0, "has the unknown unit \"h30m\" (one number with one of " TIMES ")"},
        {"1.5s", 0, "is not a whole number with a unit (take a smaller unit: " TIMES ")"},
        {"1e3s", 0, "has the unknown unit \"e3s\" (one number with one of " TIMES ")"},
        {"-5s", 0, "is negative"},
        {"+5s", 0, "is not a duration (a whole number with one of " TIMES ")"},
        {"s", 0, "is not a duration (a whole number with one of " TIMES ")"},
        {"abc", 0, "is not a duration (a whole number with one of " TIMES ")"},
        {"", 0, "is empty"},
        {"60s, 5s", 0, "has the unknown unit \"s, 5s\" (one number with one of " TIMES ")"},
    };

    (void)state;
    check_numbers(rows, COUNT(rows), value_duration);
}

static void size_takes_one_number_with_one_unit(void **state)
{
    static const struct number_row rows[] = {
        {"100B", 100, NULL},
        {"64kB", 64000, NULL},
        {"64KiB", 65536, NULL},
        {"1MB", 1000000, NULL},
        {"1MiB", 1048576, NULL},
        {"1GB", 1000000000, NULL},
        {"1GiB", 1073741824, NULL},
        {"8589934591GiB", 9223372035781033984, NULL},
        {"8589934592GiB", 0, "is too large"},
        {"64", 0, "has no unit (write \"64MiB\"; units are " SIZES ")"},
        {"64K", 0, "has the unknown unit \"K\" (one number with one of " SIZES ")"},
        {"64KB", 0, "has the unknown unit \"KB\" (one number with one of " SIZES ")"},
        {"-1B", 0, "is negative"},
        {"", 0, "is empty"},
    };

    (void)state;
    check_numbers(rows, COUNT(rows), value_size);
}

static void integer_is_read_to_the_last_byte(void **state)
{
    static const struct number_row rows[] = {
        {"0", 0, NULL},
        {"-0", 0, NULL},
        {"42", 42, NULL},
        {"-42", -42, NULL},
        {"9223372036854775807", INT64_MAX, NULL},
        {"-9223372036854775808", INT64_MIN, NULL},
        {"9223372036854775808", 0, "is too large: it does not fit 64 bits"},
        {"-9223372036854775809", 0, "is too large: it does not fit 64 bits"},
        {"5s", 0, "is not a whole number"},
        {"1.0", 0, "is not a whole number"},
        {"1e3", 0, "is not a whole number"},
        {"0x10", 0, "is not a whole number"},
        {"+1", 0, "is not a whole number"},
        {"-", 0, "is not a whole number"},
        {"1 2", 0, "is not a whole number"},
        {"", 0, "is empty"},
    };

    (void)state;
    check_numbers(rows, COUNT(rows), value_integer);
}

static void float_is_finite_and_read_to_the_last_byte(void **state)
{
    static const struct {
        const char *text;
        double want;
        const char *fault;
    } rows[] = {
        {"0", 0, NULL},
        {"-1.5", -1.5, NULL},
        {"1e3", 1000, NULL},
        {"2.5E-1", 0.25, NULL},
        {"1e999", 0, "is too large"},
        {"inf", 0, "is not a number"},
        {"nan", 0, "is not a number"},
        {"0x1p3", 0, "is not a number"},
        {"1.", 0, "is not a number"},
        {".5", 0, "is not a number"},
        {"1,5", 0, "is not a number"},
        {"1e", 0, "is not a number"},
        {"1 ", 0, "is not a number"},
        {"--1", 0, "is not a number"},
        {"", 0, "is empty"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct value_fault f = {.hide = false};
        double got = -77;
        bool ok = value_float(str_of(rows[i].text), &got, &f);

        if (ok != !rows[i].fault || (ok && fabs(got - rows[i].want) > 0) ||
            (!ok && strcmp(f.text, rows[i].fault)))
            fail_msg("\"%s\": got %g (%s), want %g (%s)", rows[i].text, got, ok ? "read" : f.text,
                     rows[i].want, rows[i].fault ? rows[i].fault : "read");
    }
}

static void bool_has_six_words(void **state)
{
    static const char *const yes[] = {"yes", "true", "on"}, *const no[] = {"no", "false", "off"},
                             *const bad[] = {"Yes", "1", "y", "yes ", ""};
    struct value_fault f = {.hide = false};
    bool got;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        assert_true(value_bool(str_of(yes[i]), &got, &f) && got);
        assert_true(value_bool(str_of(no[i]), &got, &f) && !got);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        if (value_bool(str_of(bad[i]), &got, &f))
            fail_msg("\"%s\" reads as a bool", bad[i]);
    }
}

static void choice_suggests_a_word(void **state)
{
    static const char *const words[] = {"earliest", "latest", NULL};
    struct value_fault f = {.hide = false};
    int32_t got = -1;

    (void)state;
    assert_true(value_choice(STR("latest"), words, &got, &f));
    assert_int_equal(got, 1);
    assert_false(value_choice(STR("lastest"), words, &got, &f));
    assert_string_equal(f.text, "is none of earliest, latest (did you mean \"latest\"?)");
    assert_false(value_choice(STR("Earliest"), words, &got, &f));
    assert_string_equal(f.text, "is none of earliest, latest (did you mean \"earliest\"?)");
    f.hide = true;
    assert_false(value_choice(STR("lastest"), words, &got, &f));
    assert_string_equal(f.text, "is none of earliest, latest");
}

static void list_is_trimmed_and_has_no_empty_item(void **state)
{
    static const struct {
        const char *text, *want, *fault;
    } rows[] = {
        {"a", "a|", NULL},
        {"a,b", "a|b|", NULL},
        {" a b ,\tc ", "a b|c|", NULL},
        {"", "", "is empty"},
        {" ", "", "is empty"},
        {",", "", "has an empty item (number 1 of the list)"},
        {"a,", "", "has an empty item (number 2 of the list)"},
        {"a,,b", "", "has an empty item (number 2 of the list)"},
        {"a, ,b", "", "has an empty item (number 2 of the list)"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct value_fault f = {.hide = false};
        struct weir_list list = {NULL, 0};
        char got[64] = "";
        struct arena a;

        arena_init(&a, 1024, 65536);
        if (value_list(str_of(rows[i].text), &a, &list, &f) != !rows[i].fault ||
            (rows[i].fault && strcmp(f.text, rows[i].fault)))
            fail_msg("\"%s\": %s", rows[i].text, f.text);
        for (size_t j = 0; j < list.count; j++) {
            assert_int_equal(list.items[j].ptr[list.items[j].len], '\0');
            snprintf(got + strlen(got), sizeof got - strlen(got), "%s|", list.items[j].ptr);
        }
        if (strcmp(got, rows[i].want) != 0)
            fail_msg("\"%s\": got %s, want %s", rows[i].text, got, rows[i].want);
        arena_fini(&a);
    }
}

static void hidden_values_are_not_in_the_reason(void **state)
{
    struct value_fault f = {.hide = true};
    int64_t n;

    (void)state;
    assert_false(value_duration(STR("4711"), &n, &f));
    assert_null(strstr(f.text, "4711"));
    assert_false(value_duration(STR("4711secret"), &n, &f));
    assert_null(strstr(f.text, "secret"));
    assert_false(value_size(STR("4711secret"), &n, &f));
    assert_null(strstr(f.text, "secret"));
}

static void numbers_are_written_in_their_largest_unit(void **state)
{
    char text[32];

    (void)state;
    assert_string_equal(value_duration_text(0, text), "0ms");
    assert_string_equal(value_duration_text(90000, text), "90s");
    assert_string_equal(value_duration_text(60000, text), "1m");
    assert_string_equal(value_duration_text(86400000, text), "1d");
    assert_string_equal(value_duration_text(10, text), "10ms");
    assert_string_equal(value_size_text(65536, text), "64KiB");
    assert_string_equal(value_size_text(64000, text), "64kB");
    assert_string_equal(value_size_text(1048576, text), "1MiB");
    assert_string_equal(value_size_text(100, text), "100B");
}

static void suggestion_is_the_nearest_name_or_none(void **state)
{
    static const char *const names[] = {"max_age", "field", "from", "to", "retry_timeout", "unmasked", NULL};
    static const struct {
        const char *word, *hint;
    } rows[] = {
        {"max_aeg", " (did you mean \"max_age\"?)"},
        {"maxage", " (did you mean \"max_age\"?)"},
        {"MAX_AGE", " (did you mean \"max_age\"?)"},
        {"form", " (did you mean \"from\"?)"},
        {"feild", " (did you mean \"field\"?)"},
        {"retry_tiemuot", " (did you mean \"retry_timeout\"?)"},
        {"umasked", " (did you mean \"unmasked\"?)"},
        {"t", " (did you mean \"to\"?)"},
        {"zz", ""},
        {"something", ""},
        {"", ""},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct suggest s;
        const char *got = suggest_among(&s, str_of(rows[i].word), names);

        if (strcmp(got, rows[i].hint) != 0)
            fail_msg("\"%s\": got \"%s\", want \"%s\"", rows[i].word, got, rows[i].hint);
    }
}

static void topic_names_follow_kafkas_rules(void **state)
{
    char longest[251];

    (void)state;
    memset(longest, 'a', 250);
    longest[250] = '\0';
    assert_null(name_topic_fault(STR("User_login.v1-x")));
    assert_null(name_topic_fault(str_make(longest, 249)));
    assert_non_null(name_topic_fault(str_make(longest, 250)));
    assert_non_null(name_topic_fault(STR("")));
    assert_non_null(name_topic_fault(STR(".")));
    assert_non_null(name_topic_fault(STR("..")));
    assert_non_null(name_topic_fault(STR("a b")));
    assert_non_null(name_topic_fault(STR("\xc3\xa9")));
    assert_non_null(name_topic_fault(STR("a\0b")));
}

static void names_follow_their_rules(void **state)
{
    char longest[66];

    (void)state;
    memset(longest, 'a', 65);
    longest[65] = '\0';
    assert_true(name_is_chain(STR("0a-b_c")) && name_is_chain(str_make(longest, 64)));
    assert_false(name_is_chain(STR("-a")) || name_is_chain(STR("A")) || name_is_chain(STR("")));
    assert_false(name_is_chain(str_make(longest, 65)) || name_is_chain(STR("a\0b")));
    assert_true(name_is_route(STR("a-b")));
    assert_false(name_is_route(STR("0a")) || name_is_route(STR("*")));
    assert_true(name_is_plugin(STR("age_filter")));
    assert_false(name_is_plugin(STR("age-filter")) || name_is_plugin(STR("../x")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(duration_takes_one_number_with_one_unit),
        cmocka_unit_test(size_takes_one_number_with_one_unit),
        cmocka_unit_test(integer_is_read_to_the_last_byte),
        cmocka_unit_test(float_is_finite_and_read_to_the_last_byte),
        cmocka_unit_test(bool_has_six_words),
        cmocka_unit_test(choice_suggests_a_word),
        cmocka_unit_test(list_is_trimmed_and_has_no_empty_item),
        cmocka_unit_test(hidden_values_are_not_in_the_reason),
        cmocka_unit_test(numbers_are_written_in_their_largest_unit),
        cmocka_unit_test(suggestion_is_the_nearest_name_or_none),
        cmocka_unit_test(topic_names_follow_kafkas_rules),
        cmocka_unit_test(names_follow_their_rules),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
