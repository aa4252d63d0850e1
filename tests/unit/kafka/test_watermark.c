/* The watermark against a model that remembers everything, and the tickets of the partitions' table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "kafka/partitions.h"

static void watermark_moves_over_a_contiguous_run_only(void **state)
{
    struct watermark w;
    uint64_t n[4];
    static const int64_t offsets[] = {10, 11, 15, 99}; /* with holes */
    static const struct {
        const char *name;
        int done;
        int64_t safe;
    } rows[] = {
        {"the second first: nothing moves", 1, 7},
        {"the first: over both", 0, 12},
        {"the last: nothing moves", 3, 12},
        {"the third: to the end, behind the real offset", 2, 100},
    };
    size_t i;

    (void)state;
    watermark_init(&w);
    watermark_reset(&w, 7);
    for (i = 0; i < 4; i++)
        assert_true(watermark_push(&w, offsets[i], &n[i]));
    for (i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_true(watermark_done(&w, n[rows[i].done]));
        if (w.safe != rows[i].safe)
            fail_msg("%s: safe %lld, want %lld", rows[i].name, (long long)w.safe, (long long)rows[i].safe);
    }
    assert_int_equal(w.open, 0);
    watermark_fini(&w);
}

static void watermark_takes_a_number_once(void **state)
{
    struct watermark w;
    uint64_t a, b;

    (void)state;
    watermark_init(&w);
    watermark_push(&w, 0, &a);
    watermark_push(&w, 1, &b);
    assert_true(watermark_done(&w, b));
    assert_false(watermark_done(&w, b));
    assert_false(watermark_done(&w, b + 1));
    assert_true(watermark_done(&w, a));
    assert_false(watermark_done(&w, a));
    assert_int_equal(w.safe, 2);
    watermark_fini(&w);
}

static void watermark_can_go_back_to_the_first_offset(void **state)
{
    struct watermark w;
    uint64_t n;

    (void)state;
    watermark_init(&w);
    watermark_reset(&w, 50);
    watermark_push(&w, -1, &n); /* what stands before offset 0 */
    assert_true(watermark_done(&w, n));
    assert_int_equal(w.safe, 0);
    watermark_fini(&w);
}

#define MODEL 5000

/* Pushes, dones and resets at random, the model beside it. */
static void watermark_agrees_with_a_model(void **state)
{
    static int64_t offsets[MODEL];
    static uint64_t numbers[MODEL];
    static int done[MODEL];
    unsigned seed;

    (void)state;
    for (seed = 1; seed <= 40; seed++) {
        struct watermark w;
        size_t n = 0, first = 0, life = 0;
        int64_t next = 0, safe = 0;

        srand(seed);
        watermark_init(&w);
        watermark_reset(&w, 0);
        while (n < MODEL) {
            int dice = rand() % 1000;

            if (dice < 550 + (int)(seed % 5) * 50) {
                next += 1 + rand() % 3;
                offsets[n] = next;
                done[n] = 0;
                assert_true(watermark_push(&w, next, &numbers[n]));
                n++;
            } else if (dice < 998 && n > 0) {
                size_t at = (size_t)rand() % n;
                int fresh = at >= life && !done[at];

                if (rand() % 4)
                    at = first < n ? first : at, fresh = at >= life && !done[at];
                assert_int_equal(watermark_done(&w, numbers[at]), fresh);
                done[at] = 1;
            } else if (dice >= 998) {
                life = first = n;
                safe = next;
                watermark_reset(&w, next);
            }
            while (first < n && done[first])
                safe = offsets[first++] + 1;
            if (w.safe != safe || w.first != (first < n ? numbers[first] : w.next))
                fail_msg("seed %u: safe %lld, want %lld", seed, (long long)w.safe, (long long)safe);
        }
        watermark_fini(&w);
    }
}

static void tickets_of_an_earlier_assignment_are_harmless(void **state)
{
    struct partitions p = {0};
    void *old[300], *fresh;
    int i;

    (void)state;
    assert_true(partitions_assign(&p, 3, 100, 100));
    for (i = 0; i < 300; i++)
        assert_true(partitions_push(&p, 3, 100 + i, &old[i]));
    partitions_revoke(&p, 3);
    assert_false(partitions_done(&p, old[0]));
    assert_true(partitions_assign(&p, 3, 100, 100));
    assert_true(partitions_push(&p, 3, 100, &fresh));
    for (i = 0; i < 300; i++)
        assert_false(partitions_done(&p, old[i]));
    assert_int_equal(partitions_find(&p, 3)->mark.safe, 100);
    assert_true(partitions_done(&p, fresh));
    assert_int_equal(partitions_find(&p, 3)->mark.safe, 101);
    partitions_fini(&p);
}

static void tickets_are_never_null_and_find_their_partition(void **state)
{
    struct partitions p = {0};
    void *a, *b;

    (void)state;
    assert_true(partitions_assign(&p, 0, 0, WATERMARK_NONE));
    assert_true(partitions_assign(&p, 9, 5, 5));
    assert_true(partitions_push(&p, 0, 0, &a));
    assert_true(partitions_push(&p, 9, 5, &b));
    assert_non_null(a);
    assert_true(partitions_done(&p, b));
    assert_int_equal(partitions_find(&p, 9)->mark.safe, 6);
    assert_int_equal(partitions_find(&p, 0)->mark.safe, 0);
    assert_int_equal(partitions_open(&p, NULL), 1);
    assert_null(partitions_find(&p, 1));
    assert_null(partitions_find(&p, 10));
    assert_null(partitions_find(&p, -1));
    partitions_fini(&p);
}

static void only_what_is_safe_and_new_is_committed(void **state)
{
    struct partitions p = {0};
    rd_kafka_topic_partition_list_t *list;
    void *ticket;

    (void)state;
    partitions_assign(&p, 0, 10, 10);             /* nothing new */
    partitions_assign(&p, 1, 20, WATERMARK_NONE); /* its start is not committed yet */
    partitions_assign(&p, 2, 30, 30);
    partitions_push(&p, 2, 30, &ticket);
    partitions_push(&p, 2, 31, &ticket); /* done, but behind one that is not */
    partitions_done(&p, ticket);
    list = partitions_uncommitted(&p, "t");
    assert_non_null(list);
    assert_int_equal(list->cnt, 1);
    assert_int_equal(list->elems[0].partition, 1);
    assert_int_equal(list->elems[0].offset, 20);
    rd_kafka_topic_partition_list_destroy(list);
    partitions_revoke(&p, 1);
    assert_null(partitions_uncommitted(&p, "t"));
    partitions_fini(&p);
}

static void a_partition_goes_back_and_its_tickets_are_void(void **state)
{
    struct partitions p = {0};
    struct partition *part;
    void *before, *after;

    (void)state;
    partitions_assign(&p, 0, 10, 10);
    partitions_push(&p, 0, 10, &before);
    partitions_done(&p, before);
    partitions_push(&p, 0, 11, &before);
    part = partitions_find(&p, 0);
    assert_int_equal(part->mark.safe, 11);
    partitions_rewind(part, 10, 10);
    assert_int_equal(part->mark.safe, 10);
    assert_int_equal(part->position, 10);
    assert_int_equal(partitions_open(&p, NULL), 0);
    assert_null(partitions_uncommitted(&p, "t"));
    partitions_push(&p, 0, 10, &after);
    assert_false(partitions_done(&p, before));
    assert_int_equal(part->mark.safe, 10);
    assert_true(partitions_done(&p, after));
    assert_int_equal(part->mark.safe, 11);
    partitions_revoke_all(&p);
    assert_null(partitions_find(&p, 0));
    assert_int_equal(p.assigned, 0);
    partitions_fini(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(watermark_moves_over_a_contiguous_run_only),
        cmocka_unit_test(watermark_takes_a_number_once),
        cmocka_unit_test(watermark_can_go_back_to_the_first_offset),
        cmocka_unit_test(watermark_agrees_with_a_model),
        cmocka_unit_test(tickets_of_an_earlier_assignment_are_harmless),
        cmocka_unit_test(tickets_are_never_null_and_find_their_partition),
        cmocka_unit_test(only_what_is_safe_and_new_is_committed),
        cmocka_unit_test(a_partition_goes_back_and_its_tickets_are_void),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
