/* What was refused in an aborted transaction: told of the same send again, forgotten once it is committed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "kafka/refusals.h"

static struct send_origin origin(int32_t partition, int64_t offset, uint32_t stage, uint32_t form)
{
    return (struct send_origin){partition, offset, stage, form};
}

static void only_the_very_same_send_is_known(void **state)
{
    struct refusals r = {NULL, 0, 0};
    struct send_origin known = origin(2, 100, 5, 0);
    static const struct {
        const char *name;
        struct send_origin origin;
        bool known;
    } rows[] = {
        {"itself", {2, 100, 5, 0}, true},          {"another partition", {1, 100, 5, 0}, false},
        {"another offset", {2, 101, 5, 0}, false}, {"another sink", {2, 100, 6, 0}, false},
        {"cured", {2, 100, 5, 1}, false},
    };
    size_t i;

    (void)state;
    assert_null(refusals_find(&r, &known));
    assert_true(refusals_add(&r, &known, 10));
    assert_true(refusals_add(&r, &known, 10));
    assert_int_equal(r.count, 1);
    for (i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct refusal *found = refusals_find(&r, &rows[i].origin);

        if ((found != NULL) != rows[i].known || (found && found->err != 10))
            fail_msg("%s: known %d, want %d", rows[i].name, found != NULL, rows[i].known);
    }
    refusals_fini(&r);
}

static void many_in_any_order_are_all_known(void **state)
{
    struct refusals r = {NULL, 0, 0};
    int i;

    (void)state;
    for (i = 0; i < 1000; i++) {
        struct send_origin o = origin(i % 7, i * 7919 % 1000, 1, 0);

        assert_true(refusals_add(&r, &o, i));
    }
    assert_int_equal(r.count, 1000);
    for (i = 0; i < 1000; i++) {
        struct send_origin o = origin(i % 7, i * 7919 % 1000, 1, 0);
        const struct refusal *found = refusals_find(&r, &o);

        assert_non_null(found);
        assert_int_equal(found->err, i);
    }
    refusals_fini(&r);
}

/* Partition 0 is committed up to 10, 1 is not ours. */
static int64_t committed(void *self, int32_t partition)
{
    (void)self;
    return partition == 0 ? 10 : INT64_MAX;
}

static void what_cannot_come_again_is_forgotten(void **state)
{
    struct refusals r = {NULL, 0, 0};
    const struct send_origin origins[] = {
        origin(0, 9, 1, 0), origin(0, 10, 1, 0),  origin(0, 11, 1, 0),
        origin(1, 5, 1, 0), origin(-1, -1, 1, 0),
    };
    size_t i;

    (void)state;
    for (i = 0; i < 5; i++)
        assert_true(refusals_add(&r, &origins[i], 1));
    refusals_forget(&r, committed, NULL);
    assert_int_equal(r.count, 2);
    assert_non_null(refusals_find(&r, &origins[1]));
    assert_non_null(refusals_find(&r, &origins[2]));
    refusals_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_very_same_send_is_known),
        cmocka_unit_test(many_in_any_order_are_all_known),
        cmocka_unit_test(what_cannot_come_again_is_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
