/* The pool of envelopes: a few by themselves, many in slabs, more than those by themselves again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "chain/envelope.h"

#define MANY 20000
#define KEPT 16384

static struct envelope *taken[MANY];

static void take(struct envelopes *pool, struct paths *paths, int i)
{
    struct record record = {.key = STR("key"), .topic = STR("in"), .offset = i, .ticket = taken};
    char value[64];

    snprintf(value, sizeof value, "{\"number\": %d}", i);
    record.value = str_of(value);
    taken[i] = envelope_take(pool, NULL, paths);
    assert_non_null(taken[i]);
    assert_int_equal((uintptr_t)taken[i] % _Alignof(max_align_t), 0);
    assert_true(envelope_load(taken[i], &record));
    envelope_count(pool, taken[i]);
}

/* As a used one must be: nothing of the record before. */
static void check_new(const struct envelope *env)
{
    assert_int_equal(env->state, ENVELOPE_WALKING);
    assert_null(env->parent);
    assert_null(env->heir);
    assert_int_equal(env->children, 0);
    assert_int_equal(env->route, 0);
    assert_int_equal(env->at, 0);
    assert_false(env->parsed || env->withheld || env->emitted || env->quarantined || env->has_timestamp);
    assert_null(env->spliced.ptr);
    assert_null(env->reason.ptr);
    assert_null(env->failed_stage.ptr);
    assert_null(env->said.ptr);
    assert_null(env->ended);
    assert_int_equal(env->n_headers, 0);
    assert_int_equal(env->attempts, 0);
}

static void soil(struct envelope *env)
{
    env->state = ENVELOPE_ENDED;
    env->parent = env->heir = env;
    env->children = 3;
    env->route = 2;
    env->at = 7;
    env->parsed = env->withheld = env->emitted = env->quarantined = env->has_timestamp = true;
    env->spliced = env->reason = env->failed_stage = env->said = STR("old");
    env->ended = (const struct weir_topic *)env;
    env->attempts = 9;
    assert_true(envelope_add_header(env, (struct weir_header){STR("h"), STR("old")}));
    assert_non_null(arena_alloc(&env->arena, 3000)); /* a block more than its own */
}

static void many_are_under_way_and_come_back(void **state)
{
    struct envelopes pool = {0};
    struct paths *paths = paths_new();

    (void)state;
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < MANY; i++) {
            take(&pool, paths, i);
            check_new(taken[i]);
        }
        assert_int_equal(pool.in_flight, MANY);
        for (int i = 0; i < MANY; i++) {
            char value[64];

            snprintf(value, sizeof value, "{\"number\": %d}", i);
            assert_true(str_is(taken[i]->value, value));
            assert_true(str_is(taken[i]->key, "key"));
            assert_int_equal(taken[i]->offset, i);
            soil(taken[i]);
        }
        for (int i = 0; i < MANY; i++)
            envelope_give_back(&pool, taken[i]);
        assert_int_equal(pool.in_flight, 0);
        assert_int_equal(pool.bytes, 0);
        assert_int_equal(pool.n, KEPT); /* the others are freed */
    }
    envelopes_fini(&pool);
    paths_destroy(paths);
}

/* As at an abort: those that are out are freed, too. */
static void all_are_freed_at_the_end(void **state)
{
    struct envelopes pool = {0};
    struct paths *paths = paths_new();

    (void)state;
    for (int i = 0; i < 2000; i++) {
        take(&pool, paths, i);
        soil(taken[i]);
    }
    for (int i = 0; i < 1000; i++)
        envelope_give_back(&pool, taken[2 * i]);
    envelopes_fini(&pool);
    assert_int_equal(pool.n, 0);
    assert_null(pool.free);
    take(&pool, paths, 0);
    check_new(taken[0]);
    envelopes_fini(&pool);
    paths_destroy(paths);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_are_under_way_and_come_back),
        cmocka_unit_test(all_are_freed_at_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
