/* Login events: the same seed gives the same events, in the shares that were asked for, in the reference's
 * form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "chain/json.h"
#include "cli/login.h"
#include "cli/pace.h"

#define NOW INT64_C(1729894074000)

static void first_event_of_a_seed_never_changes(void **state)
{
    static const char *const expected =

        "{\"user_id\": \"cb435c8e-7461-4796-a775-dc7701564f61\", \"app_version\": \"2.3.0\", "
        "\"ip\": \"87.182.108.99\", \"locale\": \"MD\", \"device_id\": "
        "\"9afcd44d-14cf-4bfe-b476-cf8a4baa5dc0\", "
        "\"timestamp\": 1729894074, \"device_type\": \"iOS\"}";
    struct login_maker maker;
    struct login login;
    struct buf text;

    (void)state;
    buf_init(&text, 4096);
    login_init(&maker, 1);
    assert_true(login_next(&maker, NOW, &text, &login));
    assert_string_equal(buf_text(&text), expected);
    buf_fini(&text);
}

static void events_repeat_with_their_seed_and_differ_without(void **state)
{
    struct login_maker a, b, c;
    struct buf ta, tb, tc;
    struct login la, lb, lc;

    (void)state;
    buf_init(&ta, 4096);
    buf_init(&tb, 4096);
    buf_init(&tc, 4096);
    login_init(&a, 7);
    login_init(&b, 7);
    login_init(&c, 8);
    for (int i = 0; i < 1000; i++) {
        assert_true(login_next(&a, NOW, &ta, &la) && login_next(&b, NOW, &tb, &lb) &&
                    login_next(&c, NOW, &tc, &lc));
        assert_true(str_eq(la.value, lb.value));
        assert_false(str_eq(la.value, lc.value));
    }
    buf_fini(&ta);
    buf_fini(&tb);
    buf_fini(&tc);
}

/* What must hold for every event of a kind. */
static void check_event(const struct login *login)
{
    static const char *const members[] = {"user_id",   "app_version", "ip",         "locale",
                                          "device_id", "timestamp",   "device_type"};
    bool valid = json_is_object(login->value);

    if (valid == (login->kind == LOGIN_MALFORMED))
        fail_msg("%s: %.*s", login_kind_name(login->kind), (int)login->value.len, login->value.ptr);
    assert_int_equal(login->timestamp_ms, login->kind == LOGIN_OLD ? NOW - 120000 : NOW);
    assert_null(memchr(login->value.ptr, '\n', login->value.len));
    for (size_t i = 0; valid && i < sizeof members / sizeof members[0]; i++) {
        bool there = memmem(login->value.ptr, login->value.len, members[i], strlen(members[i])) != NULL;

        if (there == (i == 6 && login->kind == LOGIN_MISSING))
            fail_msg("%s: %s in %.*s", login_kind_name(login->kind), members[i], (int)login->value.len,
                     login->value.ptr);
    }
    if (valid)
        assert_int_equal(memmem(login->value.ptr, login->value.len, "\"2.3.0\"", 7) == NULL,
                         login->kind == LOGIN_VERSION);
}

static void kinds_come_in_their_shares(void **state)
{
    static const struct {
        const char *name;
        double shares[LOGIN_KINDS];
        uint64_t made[LOGIN_KINDS]; /* exactly, of 10,000 with seed 42 */
    } rows[] = {
        {"default", {0, 0.05, 0, 0, 0}, {9471, 529, 0, 0, 0}},
        {"none", {0, 0, 0, 0, 0}, {10000, 0, 0, 0, 0}},
        {"all of one", {0, 0, 0, 1, 0}, {0, 0, 0, 10000, 0}},
        {"some of each", {0, 0.1, 0.2, 0.05, 0.05}, {5950, 1017, 1983, 502, 548}},
        {"nothing good", {0, 0.25, 0.25, 0.25, 0.25}, {0, 2489, 2536, 2547, 2428}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct login_maker maker;
        struct login login;
        struct buf text;

        buf_init(&text, 4096);
        login_init(&maker, 42);
        memcpy(maker.shares, rows[i].shares, sizeof maker.shares);
        assert_true(login_shares_fit(&maker));
        for (int n = 0; n < 10000; n++) {
            assert_true(login_next(&maker, NOW, &text, &login));
            check_event(&login);
        }
        assert_int_equal(login_total(&maker), 10000);
        for (int kind = 0; kind < LOGIN_KINDS; kind++) {
            if (maker.made[kind] != rows[i].made[kind])
                fail_msg("%s: %s: made %llu, expected %llu", rows[i].name,
                         login_kind_name((enum login_kind)kind), (unsigned long long)maker.made[kind],
                         (unsigned long long)rows[i].made[kind]);
        }
        buf_fini(&text);
    }
}

static void shares_above_one_do_not_fit(void **state)
{
    struct login_maker maker;

    (void)state;
    login_init(&maker, 1);
    maker.shares[LOGIN_OLD] = 0.95;
    assert_true(login_shares_fit(&maker));
    maker.shares[LOGIN_MALFORMED] = 0.01;
    assert_false(login_shares_fit(&maker));
}

static void a_share_moves_no_other_events(void **state)
{
    struct login_maker a, b;
    struct buf ta, tb;
    struct login la, lb;

    (void)state;
    buf_init(&ta, 4096);
    buf_init(&tb, 4096);
    login_init(&a, 3);
    login_init(&b, 3);
    b.shares[LOGIN_VERSION] = 0.2;
    for (int i = 0; i < 1000; i++) {
        assert_true(login_next(&a, NOW, &ta, &la) && login_next(&b, NOW, &tb, &lb));
        if (la.kind == LOGIN_GOOD && lb.kind == LOGIN_GOOD)
            assert_true(str_eq(la.value, lb.value));
    }
    buf_fini(&ta);
    buf_fini(&tb);
}

static void a_pace_makes_its_rate_in_any_steps(void **state)
{
    static const struct {
        const char *name;
        int64_t rate, step, until, expected;
    } rows[] = {
        {"ten a second", 10, 7, 10000, 100},          {"one a second", 1, 300, 10000, 10},
        {"a thousand, slowly", 1000, 50, 1000, 1000}, {"three a second", 3, 1, 9000, 27},
        {"a million", 1000000, 10, 2000, 2000000},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pace pace;
        int64_t made = 0;

        pace_init(&pace, rows[i].rate, 500);
        for (int64_t t = 0; t < rows[i].until; t += rows[i].step)
            made += pace_due(&pace, 500 + t, INT64_MAX);
        made += pace_due(&pace, 500 + rows[i].until, INT64_MAX);
        if (made != rows[i].expected)
            fail_msg("%s: made %lld, expected %lld", rows[i].name, (long long)made,
                     (long long)rows[i].expected);
    }
}

static void a_pace_sleeps_until_the_next_and_forgets_a_long_pause(void **state)
{
    struct pace pace;

    (void)state;
    pace_init(&pace, 4, 1000);
    assert_int_equal(pace_due(&pace, 1000, 100), 0);
    assert_int_equal(pace_wait_ms(&pace, 1000), 250);
    assert_int_equal(pace_wait_ms(&pace, 1100), 150);
    assert_int_equal(pace_due(&pace, 1000 + 250, 100), 1);
    assert_int_equal(pace_wait_ms(&pace, 1250), 250);
    assert_int_equal(pace_due(&pace, 61000, 100), 1);
    assert_int_equal(pace_wait_ms(&pace, 61000), 250);
    pace_init(&pace, 0, 0);
    assert_int_equal(pace_due(&pace, 0, 100), 100);
    assert_int_equal(pace_wait_ms(&pace, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_event_of_a_seed_never_changes),
        cmocka_unit_test(events_repeat_with_their_seed_and_differ_without),
        cmocka_unit_test(kinds_come_in_their_shares),
        cmocka_unit_test(shares_above_one_do_not_fit),
        cmocka_unit_test(a_share_moves_no_other_events),
        cmocka_unit_test(a_pace_makes_its_rate_in_any_steps),
        cmocka_unit_test(a_pace_sleeps_until_the_next_and_forgets_a_long_pause),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
