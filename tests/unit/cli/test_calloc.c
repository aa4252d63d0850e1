/* calloc() as the program has it; with a newer glibc it is that one's, and promises the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Not to be seen through: a compiler may know what freed memory is worth. */
static void *volatile kept;
static volatile size_t huge = SIZE_MAX / 2;

static void what_comes_is_zero(void **state)
{
    static const size_t sizes[] = {1, 24, 400, 5000, 300000};

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *p = malloc(sizes[i]);

        assert_non_null(p);
        memset(p, 0xff, sizes[i]);
        kept = p;
        free(kept);
        p = calloc(sizes[i], 1);
        assert_non_null(p);
        for (size_t j = 0; j < sizes[i]; j++)
            assert_int_equal(p[j], 0);
        free(p);
    }
}

static void more_than_there_is_gives_none(void **state)
{
    (void)state;
    errno = 0;
    kept = calloc(huge, 3);
    assert_null(kept);
    assert_int_equal(errno, ENOMEM);
}

static void a_block_just_freed_comes_again(void **state)
{
    (void)state;
    kept = calloc(1, 456);
    uintptr_t first = (uintptr_t)kept;
    free(kept);
    kept = calloc(1, 456);
    assert_int_equal((uintptr_t)kept, first);
    free(kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_comes_is_zero),
        cmocka_unit_test(more_than_there_is_gives_none),
        cmocka_unit_test(a_block_just_freed_comes_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
