/* test_json_fields.c: numbers, paths, and what must hold of fields beyond single values: linear time, no
 * memory in the steady state, nothing changed by a call that failed. test_json_edits.c has the tables of
 * changes. */
#include "json_support.h"

static void numbers_are_exact_or_out_of_range(void **state)
{
    static const struct {
        const char *json;
        int32_t int_status;
        int64_t i;
        int32_t double_status;
        double d;
    } cases[] = {
        {"0", WEIR_OK, 0, WEIR_OK, 0},
        {"-0", WEIR_OK, 0, WEIR_OK, -0.0},
        {"42", WEIR_OK, 42, WEIR_OK, 42},
        {"9223372036854775807", WEIR_OK, INT64_MAX, WEIR_OK, 9223372036854775807.0},
        {"-9223372036854775808", WEIR_OK, INT64_MIN, WEIR_OK, -9223372036854775808.0},
        {"9223372036854775808", WEIR_RANGE, 0, WEIR_OK, 9223372036854775808.0},
        {"-9223372036854775809", WEIR_RANGE, 0, WEIR_OK, -9223372036854775808.0},
        {"123456789012345", WEIR_OK, 123456789012345, WEIR_OK, 123456789012345},
        {"-12345678901234", WEIR_OK, -12345678901234, WEIR_OK, -12345678901234},
        {"1234567890123456", WEIR_OK, 1234567890123456, WEIR_OK, 1234567890123456},
        {"1.0", WEIR_RANGE, 0, WEIR_OK, 1},
        {"-0.00", WEIR_RANGE, 0, WEIR_OK, -0.0},
        {"-1234567890.123", WEIR_RANGE, 0, WEIR_OK, -1234567890.123},
        {"0.0000000000001", WEIR_RANGE, 0, WEIR_OK, 1e-13},
        {"1e3", WEIR_RANGE, 0, WEIR_OK, 1000},
        {"0.1", WEIR_RANGE, 0, WEIR_OK, 0.1},
        {"1729894075.250", WEIR_RANGE, 0, WEIR_OK, 1729894075.25},
        {"1.7976931348623157e308", WEIR_RANGE, 0, WEIR_OK, 1.7976931348623157e308},
        {"1e999", WEIR_RANGE, 0, WEIR_RANGE, 0},
        {"-1e999", WEIR_RANGE, 0, WEIR_RANGE, 0},
        {"5e-324", WEIR_RANGE, 0, WEIR_OK, 5e-324},
        {"0.1000000000000000055511151231257827021181583404541015625000000000000000000001", WEIR_RANGE, 0,
         WEIR_OK, 0.1000000000000000055511151231257827021181583404541015625000000000000000000001},
        {"\"42\"", WEIR_TYPE, 0, WEIR_TYPE, 0},
        {"null", WEIR_TYPE, 0, WEIR_TYPE, 0},
        {"true", WEIR_TYPE, 0, WEIR_TYPE, 0},
        {"[1]", WEIR_TYPE, 0, WEIR_TYPE, 0},
    };
    struct json_fixture x;
    struct json_error err;
    size_t k;

    (void)state;
    json_setup(&x, "a");
    for (k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        int64_t i = 0;
        double d = 0;

        assert_int_equal(json_parse(&x, STR("{}"), &err), WEIR_OK);
        assert_int_equal(doc_get_int(&x.doc, json_bind(&x, "a"), &i), WEIR_ABSENT);
        assert_int_equal(doc_set_raw(&x.doc, json_bind(&x, "a"), str_of(cases[k].json)), WEIR_OK);
        if (doc_get_int(&x.doc, json_bind(&x, "a"), &i) != cases[k].int_status || i != cases[k].i)
            fail_msg("%s as integer: %lld", cases[k].json, (long long)i);
        if (doc_get_double(&x.doc, json_bind(&x, "a"), &d) != cases[k].double_status ||
            memcmp(&d, &cases[k].d, sizeof d) != 0)
            fail_msg("%s as double: %.17g", cases[k].json, d);
    }
    json_teardown(&x);
}

static void paths_are_read_as_written(void **state)
{
    static const struct {
        const char *path, *why; /* NULL: good */
    } cases[] = {
        {"a", NULL},
        {"a.b.c", NULL},
        {"we\\.ird", NULL},
        {"back\\\\slash", NULL},
        {"\\.", NULL},
        {"a b", NULL},
        {"a[0]", NULL},
        {"", "has an empty name"},
        {".", "has an empty name"},
        {"a.", "has an empty name"},
        {".a", "has an empty name"},
        {"a..b", "has an empty name"},
        {"a\\", "has a stray backslash (write \\. for a dot in a name, \\\\ for a backslash)"},
        {"a\\n", "has a stray backslash (write \\. for a dot in a name, \\\\ for a backslash)"},
        {"caf\xe9", "is not UTF-8"},
    };
    struct paths *paths = paths_new();
    const char *why;
    size_t i;

    (void)state;
    assert_non_null(paths);
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct weir_field *f = paths_add(paths, str_of(cases[i].path), &why);

        if (!f != !!cases[i].why || (why && strcmp(why, cases[i].why) != 0))
            fail_msg("\"%s\": %s", cases[i].path, why ? why : "accepted");
        if (f &&
            (!str_is(paths_name(f), cases[i].path) || f != paths_add(paths, str_of(cases[i].path), &why)))
            fail_msg("\"%s\" has another handle", cases[i].path);
    }
    assert_null(paths_add(paths, STR_ABSENT, &why));
    paths_destroy(paths);
    paths_destroy(NULL);
}

/* Names that fill the table and meet in it. */
static void many_names_are_told_apart(void **state)
{
    enum { NAMES = 500 };
    struct json_fixture x;
    struct json_error err;
    struct buf value;
    int64_t n;
    int i;

    (void)state;
    json_setup(&x, NULL);
    buf_init(&value, SIZE_MAX);
    for (i = 0; i < NAMES; i++) {
        char path[32];

        snprintf(path, sizeof path, "name_%d_end", i);
        json_bind(&x, path);
        buf_add_fmt(&value, "%s\"%s\":%d,\"no%s\":0", i ? "," : "{", path, i, path);
    }
    buf_add_text(&value, "}");
    doc_init(&x.doc, x.paths);
    assert_int_equal(json_parse(&x, buf_str(&value), &err), WEIR_OK);
    for (i = 0; i < NAMES; i++) {
        char path[32];

        snprintf(path, sizeof path, "name_%d_end", i);
        assert_int_equal(doc_get_int(&x.doc, json_bind(&x, path), &n), WEIR_OK);
        assert_int_equal(n, i);
    }
    buf_fini(&value);
    json_teardown(&x);
}

/* A bound name of each length, among members that differ from it in one byte. */
static void names_of_every_length_are_told_apart(void **state)
{
    enum { MOST = 40 };
    size_t len, i;

    (void)state;
    for (len = 1; len <= MOST; len++) {
        char name[MOST + 1] = "";
        struct json_fixture x;
        struct json_error err;
        struct buf value;
        int64_t n;

        memset(name, 'a', len);
        json_setup(&x, name);
        buf_init(&value, SIZE_MAX);
        buf_add_char(&value, '{');
        for (i = 0; i < len; i++) {
            name[i] = 'b';
            buf_add_fmt(&value, "\"%s\":%zu,", name, i);
            name[i] = 'a';
        }
        buf_add_fmt(&value, "\"%s\":1000,\"%sa\":%zu}", name, name, i);
        assert_int_equal(json_parse(&x, buf_str(&value), &err), WEIR_OK);
        assert_int_equal(doc_get_int(&x.doc, json_bind(&x, name), &n), WEIR_OK);
        assert_int_equal(n, 1000);
        buf_fini(&value);
        json_teardown(&x);
    }
}

/* The reader guesses what comes next from the record before: each of these behind each other. */
static void a_record_reads_the_same_behind_any_other(void **state)
{
    static const char *const paths[] = {"ip",   "b",   "user_id", "user_id_of_more_than_sixteen",
                                        "o.ip", "o.b", "o.p.q"};
    static const struct {
        const char *json;
        int64_t n[7]; /* by path; 0: absent */
    } records[] = {
        {"{}", {0}},
        {"{\"b\":1}", {0, 1}},
        {"{\"ip\":1,\"b\":2}", {1, 2}},
        {"{\"b\":1,\"ip\":2}", {2, 1}},
        {"{\"ip\" :1, \"b\": 2, \"user_id\": 3, \"user_id_of_more_than_sixteen\": 4}", {1, 2, 3, 4}},
        {"{\"ip\":1,\"bb\":9,\"user_ie\":9,\"user_id_of_more_than_sixteem\":9}", {1}},
        {"{\"ip\":1,\"b\":2,\"user_id\":3,\"x\":9,\"user_id_of_more_than_sixteen\":4}", {1, 2, 3, 4}},
        {"{\"ip\":1,\"ip\":2,\"b\":3,\"ip\":4,\"user_id\":5}", {4, 3, 5}},
        {"{\"\\u0069p\":1,\"\\u0062\":2,\"user\\u005fid\":3}", {1, 2, 3}},
        {"{\"ip\":1,\"o\":{\"ip\":5,\"b\":6},\"b\":2}", {1, 2, 0, 0, 5, 6}},
        {"{\"o\":{\"p\":{\"q\":7},\"b\":6},\"user_id\":3,\"o\":{\"ip\":5,\"p\":{\"q\":8}}}",
         {0, 0, 3, 0, 5, 0, 8}},
    };
    enum { N = sizeof records / sizeof records[0] };
    struct json_fixture x;
    struct json_error err;
    size_t i, j;

    (void)state;
    json_setup(&x, "ip b user_id user_id_of_more_than_sixteen o.ip o.b o.p.q");
    for (i = 0; i < N * N * 2; i++) {
        size_t which = i % 2 ? i / 2 % N : i / 2 / N;
        char *value = json_exact(str_of(records[which].json));

        assert_int_equal(json_parse(&x, str_make(value, strlen(records[which].json)), &err), WEIR_OK);
        for (j = 0; j < sizeof paths / sizeof paths[0]; j++) {
            int64_t n = 0;

            doc_get_int(&x.doc, json_bind(&x, paths[j]), &n);
            if (n != records[which].n[j])
                fail_msg("%s, step %zu: %s is %lld", records[which].json, i, paths[j], (long long)n);
        }
        free(value);
    }
    json_teardown(&x);
}

/* A backslash and an n are another name than a line feed, which JSON writes with just these two. */
static void a_name_is_what_it_decodes_to(void **state)
{
    struct json_fixture x;
    struct json_error err;
    int64_t n;

    (void)state;
    json_setup(&x, "a\\\\n");
    assert_int_equal(json_parse(&x, STR("{\"a\\n\":1}"), &err), WEIR_OK);
    assert_int_equal(doc_get_int(&x.doc, json_bind(&x, "a\\\\n"), &n), WEIR_ABSENT);
    assert_int_equal(json_parse(&x, STR("{\"a\\\\n\":2}"), &err), WEIR_OK);
    assert_int_equal(doc_get_int(&x.doc, json_bind(&x, "a\\\\n"), &n), WEIR_OK);
    assert_int_equal(n, 2);
    json_teardown(&x);
}

/* Refused by its length alone: no byte of it is read. */
static void a_value_that_cannot_be_counted_is_refused(void **state)
{
    struct json_fixture x;
    struct json_error err;

    (void)state;
    json_setup(&x, "a");
    assert_int_equal(json_parse(&x, str_make("{}", (size_t)INT32_MAX + 1), &err), WEIR_INVALID);
    assert_string_equal(err.what, "larger than 2 GiB");
    assert_int_equal(err.at, 0);
    assert_int_equal(doc_type(&x.doc, json_bind(&x, "a")), WEIR_JSON_ABSENT);
    json_teardown(&x);
}

/* As many changes as there are members, backwards and again forwards. */
static void many_changes_find_their_places(void **state)
{
    enum { NAMES = 200 };
    struct json_fixture x;
    struct json_error err;
    struct buf value, expected;
    struct weir_str out;
    int i;

    (void)state;
    json_setup(&x, NULL);
    buf_init(&value, SIZE_MAX);
    buf_init(&expected, SIZE_MAX);
    for (i = 0; i < NAMES; i++) {
        char path[32];

        snprintf(path, sizeof path, "n%d", i);
        json_bind(&x, path);
        buf_add_fmt(&value, "%s\"%s\": \"%d\"", i ? ", " : "{", path, i);
        buf_add_fmt(&expected, "%s\"%s\": %d", i ? ", " : "{", path, 2 * i);
    }
    buf_add_char(&value, '}');
    buf_add_char(&expected, '}');
    doc_init(&x.doc, x.paths);
    assert_int_equal(json_parse(&x, buf_str(&value), &err), WEIR_OK);
    for (i = 0; i < 2 * NAMES; i++) {
        int n = i < NAMES ? NAMES - 1 - i : i - NAMES;
        char path[32], text[32];

        snprintf(path, sizeof path, "n%d", n);
        snprintf(text, sizeof text, "%d", i < NAMES ? -1 : 2 * n);
        assert_int_equal(doc_set_raw(&x.doc, json_bind(&x, path), str_of(text)), WEIR_OK);
    }
    out = doc_splice(&x.doc, &x.arena);
    assert_non_null(out.ptr);
    assert_true(str_eq(out, buf_str(&expected)));
    buf_fini(&value);
    buf_fini(&expected);
    json_teardown(&x);
}

static void a_million_duplicates_take_linear_time(void **state)
{
    enum { MANY = 1000000 };
    struct json_fixture x;
    struct json_error err;
    struct buf value;
    struct weir_str out, s;
    int i;

    (void)state;
    json_setup(&x, "ip b");
    buf_init(&value, SIZE_MAX);
    buf_add_text(&value, "{\"b\":0");
    for (i = 0; i < MANY; i++)
        buf_add_text(&value, i % 2 ? ",\"ip\":\"1.2.3.4\"" : ",\"\\u0069p\":\"5.6.7.8\"");
    buf_add_text(&value, "}");
    assert_int_equal(json_parse(&x, buf_str(&value), &err), WEIR_OK);
    assert_int_equal(doc_get_string(&x.doc, json_bind(&x, "ip"), &s), WEIR_OK);
    assert_true(str_is(s, "1.2.3.4"));
    assert_int_equal(doc_set_string(&x.doc, json_bind(&x, "ip"), STR("masked")), WEIR_OK);
    out = doc_splice(&x.doc, &x.arena);
    assert_non_null(out.ptr);
    assert_null(memmem(out.ptr, out.len, "1.2.3.4", 7));
    assert_null(memmem(out.ptr, out.len, "5.6.7.8", 7));
    assert_true(json_is_object(out));
    assert_int_equal(doc_remove(&x.doc, json_bind(&x, "ip")), WEIR_OK);
    out = doc_splice(&x.doc, &x.arena);
    assert_non_null(out.ptr);
    assert_true(str_is(out, "{\"b\":0}"));
    /* The next record has nothing of this one. */
    assert_int_equal(json_parse(&x, STR("{\"ip\":1}"), &err), WEIR_OK);
    assert_int_equal(doc_set_raw(&x.doc, json_bind(&x, "ip"), STR("2")), WEIR_OK);
    out = doc_splice(&x.doc, &x.arena);
    assert_non_null(out.ptr);
    assert_true(str_is(out, "{\"ip\":2}"));
    buf_fini(&value);
    json_teardown(&x);
}

static void a_value_that_is_refused_has_no_fields(void **state)
{
    struct json_fixture x;
    struct json_error err;
    struct weir_str s;

    (void)state;
    json_setup(&x, "a b.c");
    assert_int_equal(json_parse(&x, STR("{\"a\":\"1\"}"), &err), WEIR_OK);
    assert_int_equal(json_parse(&x, STR("{\"a\":\"1\""), &err), WEIR_INVALID);
    assert_int_equal(doc_type(&x.doc, json_bind(&x, "a")), WEIR_JSON_ABSENT);
    assert_int_equal(doc_get_string(&x.doc, json_bind(&x, "a"), &s), WEIR_ABSENT);
    assert_int_equal(doc_set_string(&x.doc, json_bind(&x, "a"), STR("1")), WEIR_ABSENT);
    assert_int_equal(doc_set_raw(&x.doc, json_bind(&x, "b.c"), STR("1")), WEIR_ABSENT);
    assert_int_equal(doc_remove(&x.doc, json_bind(&x, "a")), WEIR_ABSENT);
    assert_null(doc_splice(&x.doc, &x.arena).ptr);
    json_teardown(&x);
}

/* Whatever call meets the end of memory, the value is as it was before that call. */
static void a_call_without_memory_changes_nothing(void **state)
{
    static const char text[] = "{\"t\":{\"u\":\"1\"},\"a\":\"\\u0041\",\"a\":2,\"a\":3,\"a\":4}";
    struct json_fixture x;
    struct json_error err;
    size_t cap, fed = 0;

    (void)state;
    json_setup(&x, "a b c o.x o.y o.p.q t t.u t.u.v");
    for (cap = 0; cap < 8000; cap += 16) {
        struct weir_str before, after;
        struct arena big;
        int i;

        arena_fini(&x.arena);
        arena_init(&x.arena, 256, cap);
        arena_init(&big, 4096, SIZE_MAX);
        i = doc_parse(&x.doc, &x.arena, str_of(text), &err);
        if (i != WEIR_OK)
            assert_int_equal(i, WEIR_NOMEM);
        for (i = 0; (before = doc_splice(&x.doc, &big)).ptr && i < 7; i++) {
            static const char *const path[] = {"t.u", "b", "a", "t", "t.u", "t.u.v", "c"};
            const struct weir_field *f = json_bind(&x, path[i]);
            int32_t status = i == 2 ? doc_remove(&x.doc, f) : doc_set_raw(&x.doc, f, STR("{\"u\":0}"));

            after = doc_splice(&x.doc, &big);
            assert_non_null(after.ptr);
            fed += status == WEIR_OK;
            if (status != WEIR_OK &&
                ((status != WEIR_NOMEM && status != WEIR_TYPE) || !str_eq(before, after)))
                fail_msg("cap %zu, call %d: status %d, " STR_FMT, cap, i, status, STR_ARG(after));
        }
        arena_fini(&big);
    }
    assert_true(fed > 100);
    json_teardown(&x);
}

/* What a record needs depends on the paths, not on the record; what is changed comes to that. */
static void every_record_costs_the_same_memory(void **state)
{
    static const char *const values[] = {
        "{}",
        "{\"a\":1,\"o\":{\"x\":1,\"y\":2,\"p\":{\"q\":3}},\"t\":{\"u\":{\"v\":1}},\"z\":[1,2]}",
        "{\"a\":1,\"a\":1,\"a\":1,\"a\":1,\"a\":1,\"a\":1,\"a\":1,\"a\":1}",
    };
    struct json_fixture x;
    struct json_error err;
    size_t used = 0, i;

    (void)state;
    json_setup(&x, "a b c o.x o.y o.p.q t t.u t.u.v");
    for (i = 0; i < sizeof values / sizeof values[0]; i++) {
        assert_int_equal(json_parse(&x, str_of(values[i]), &err), WEIR_OK);
        if (i > 0)
            assert_int_equal(arena_used(&x.arena), used);
        used = arena_used(&x.arena);
    }
    assert_true(used < 150);
    assert_int_equal(doc_set_raw(&x.doc, json_bind(&x, "a"), STR("2")), WEIR_OK);
    assert_true(arena_used(&x.arena) < used + 50);
    json_teardown(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_exact_or_out_of_range),
        cmocka_unit_test(paths_are_read_as_written),
        cmocka_unit_test(many_names_are_told_apart),
        cmocka_unit_test(names_of_every_length_are_told_apart),
        cmocka_unit_test(a_record_reads_the_same_behind_any_other),
        cmocka_unit_test(a_name_is_what_it_decodes_to),
        cmocka_unit_test(a_value_that_cannot_be_counted_is_refused),
        cmocka_unit_test(many_changes_find_their_places),
        cmocka_unit_test(a_million_duplicates_take_linear_time),
        cmocka_unit_test(a_value_that_is_refused_has_no_fields),
        cmocka_unit_test(a_call_without_memory_changes_nothing),
        cmocka_unit_test(every_record_costs_the_same_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
