/* malloc() and its kin as the program has them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Not to be seen through: a compiler may know what freed memory is worth. */
static void *volatile kept;
static volatile size_t huge = SIZE_MAX / 2;
static const size_t sizes[] = {0, 1, 8, 16, 24, 400, 5000, 300000};

#define N_SIZES (sizeof sizes / sizeof *sizes)

static void what_comes_from_calloc_is_zero(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_SIZES; i++) {
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
    void *p;

    (void)state;
    errno = 0;
    kept = calloc(huge, 3);
    assert_null(kept);
    assert_int_equal(errno, ENOMEM);
    errno = 0;
    kept = reallocarray(NULL, huge, 3);
    assert_null(kept);
    assert_int_equal(errno, ENOMEM);
    errno = 0;
    kept = malloc(huge);
    assert_null(kept);
    assert_int_equal(errno, ENOMEM);
    assert_int_equal(posix_memalign(&p, 64, huge), ENOMEM);
    assert_int_equal(posix_memalign(&p, 24, 8), EINVAL);
}

static void a_block_keeps_its_bytes_as_it_grows(void **state)
{
    char *p = NULL;

    (void)state;
    for (size_t i = 1; i < N_SIZES; i++) {
        p = realloc(p, sizes[i]);
        assert_non_null(p);
        for (size_t j = 0; i > 1 && j < sizes[i - 1]; j++)
            assert_int_equal(p[j], 7);
        memset(p, 7, sizes[i]);
    }
    assert_null(realloc(p, 0));
}

static void blocks_stand_where_they_are_asked_to(void **state)
{
    void *p;

    (void)state;
    for (size_t alignment = 8; alignment <= 1 << 16; alignment *= 2) {
        kept = memalign(alignment, 24);
        assert_int_equal((uintptr_t)kept % alignment, 0);
        free(kept);
        kept = aligned_alloc(alignment, alignment);
        assert_int_equal((uintptr_t)kept % alignment, 0);
        free(kept);
        assert_int_equal(posix_memalign(&p, alignment, 1), 0);
        assert_int_equal((uintptr_t)p % alignment, 0);
        free(p);
    }
    kept = valloc(1);
    assert_int_equal((uintptr_t)kept % (uintptr_t)sysconf(_SC_PAGESIZE), 0);
    free(kept);
}

/* ---- freed twice */

/** Every way to a block, each at all sizes; a block that was free before carries no mark of it. */
static void what_is_given_out_again_can_be_freed(void **state)
{
    (void)state;
    for (size_t round = 0; round < 3; round++) {
        for (size_t i = 0; i < N_SIZES; i++) {
            void *blocks[] = {malloc(sizes[i]), calloc(1, sizes[i]), realloc(NULL, sizes[i]),
                              memalign(32, sizes[i]), strdup("abc")};

            for (size_t j = 0; j < sizeof blocks / sizeof *blocks; j++) {
                assert_non_null(blocks[j]);
                free(blocks[j]);
            }
        }
    }
}

static void *free_it(void *p)
{
    free(p);
    return NULL;
}

static void by_another_thread(void *p)
{
    pthread_t thread;

    pthread_create(&thread, NULL, free_it, p);
    pthread_join(thread, NULL);
}

static void in_this_one(void *p)
{
    free(p);
}

static void by_realloc(void *p)
{
    kept = realloc(p, 800);
}

/** The signal that ends a process in which a block of that size is freed by each of the two. */
static int ended_by(size_t size, void (*first)(void *), void (*second)(void *))
{
    const struct sigaction by_default = {.sa_handler = SIG_DFL};
    pid_t pid = fork();
    int status;

    assert_true(pid >= 0);
    if (pid == 0) {
        sigaction(SIGABRT, &by_default, NULL);
        close(STDERR_FILENO);
        kept = malloc(size);
        first(kept);
        second(kept);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void a_block_that_is_freed_twice_ends_the_program(void **state)
{
    (void)state;
    for (size_t i = 0; sizes[i] <= 5000; i++) {
        assert_int_equal(ended_by(sizes[i], in_this_one, in_this_one), SIGABRT);
        assert_int_equal(ended_by(sizes[i], by_another_thread, in_this_one), SIGABRT);
        assert_int_equal(ended_by(sizes[i], in_this_one, by_another_thread), SIGABRT);
        assert_int_equal(ended_by(sizes[i], in_this_one, by_realloc), SIGABRT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_comes_from_calloc_is_zero),
        cmocka_unit_test(more_than_there_is_gives_none),
        cmocka_unit_test(a_block_keeps_its_bytes_as_it_grows),
        cmocka_unit_test(blocks_stand_where_they_are_asked_to),
        cmocka_unit_test(what_is_given_out_again_can_be_freed),
        cmocka_unit_test(a_block_that_is_freed_twice_ends_the_program),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
