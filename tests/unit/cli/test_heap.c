/* malloc() and its kin as a worker has them: in a thread that has asked for little, then in a busy one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/heap.h"

#define MANY 20000 /* more than a thread may ask for and not be busy */

/* Not to be seen through: a compiler may know what freed memory is worth. */
static void *volatile kept;
static volatile size_t huge = SIZE_MAX / 2;
static const size_t sizes[] = {0, 1, 8, 16, 24, 400, 5000, 8192, 8193, 300000};

#define N_SIZES (sizeof sizes / sizeof *sizes)

static void be_busy(void)
{
    for (size_t i = 0; i < MANY; i++) {
        kept = malloc(16);
        free(kept);
    }
}

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
    (void)state;
    errno = 0;
    kept = calloc(huge, 3);
    assert_null(kept);
    assert_int_equal(errno, ENOMEM);
    errno = 0;
    kept = malloc(huge);
    assert_null(kept);
    assert_int_equal(errno, ENOMEM);
    kept = malloc(100);
    errno = 0;
    assert_null(realloc(kept, huge));
    assert_int_equal(errno, ENOMEM);
    assert_null(reallocarray(kept, huge, 3));
    memset(kept, 1, 100); /* it is still there */
    free(kept);
}

static void a_block_keeps_its_bytes_as_its_size_changes(void **state)
{
    char *p = NULL;
    size_t had = 0;

    (void)state;
    for (size_t i = 1; i < 2 * N_SIZES - 1; i++) {
        size_t size = sizes[i < N_SIZES ? i : 2 * N_SIZES - 1 - i];

        p = i % 2 ? realloc(p, size) : reallocarray(p, size, 1);
        assert_non_null(p);
        assert_true(malloc_usable_size(p) >= size);
        for (size_t j = 0; j < size && j < had; j++)
            assert_int_equal(p[j], (char)(i - 1));
        memset(p, (char)i, size);
        had = size;
    }
    assert_null(realloc(p, 0));
}

/** Every way to a block, each at all sizes; a block that was free before carries no mark of it. */
static void what_is_given_out_again_can_be_freed(void **state)
{
    (void)state;
    for (size_t round = 0; round < 3; round++) {
        for (size_t i = 0; i < N_SIZES; i++) {
            void *blocks[] = {malloc(sizes[i]), calloc(1, sizes[i]), realloc(NULL, sizes[i]),
                              memalign(64, sizes[i]), strdup("abc")};

            assert_int_equal((uintptr_t)blocks[3] % 64, 0);
            for (size_t j = 0; j < sizeof blocks / sizeof *blocks; j++) {
                assert_non_null(blocks[j]);
                assert_int_equal((uintptr_t)blocks[j] % _Alignof(max_align_t), 0);
                free(blocks[j]);
            }
        }
    }
    free(NULL);
}

/* ---- whose it is */

/** glibc's has 8 bytes in front of a block, and gives what is left of its last 16. */
static bool is_of_the_c_library(size_t size)
{
    size_t usable;

    kept = malloc(size);
    usable = malloc_usable_size(kept);
    free(kept);
    return usable % 16 == 8;
}

static void *ask_little(void *arg)
{
    bool *it_is = arg;

    *it_is = is_of_the_c_library(100);
    return NULL;
}

static void who_asks_for_little_has_it_from_the_c_library(void **state)
{
    pthread_t thread;
    bool it_is = false;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, ask_little, &it_is), 0);
    pthread_join(thread, NULL);
    assert_true(it_is);
}

static void a_busy_thread_has_small_blocks_from_mimalloc(void **state)
{
    (void)state;
    be_busy();
    assert_false(is_of_the_c_library(100));
    assert_true(is_of_the_c_library(20000));
}

/* ---- freed twice */

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

static void by_growing(void *p)
{
    kept = realloc(p, 20000);
}

/** The signal that ends a process in which a busy thread's block of that size is freed by each of the two. */
static int ended_by(size_t size, void (*first)(void *), void (*second)(void *))
{
    const struct sigaction by_default = {.sa_handler = SIG_DFL};
    pid_t pid = fork();
    void *volatile block;
    int status;

    assert_true(pid >= 0);
    if (pid == 0) {
        sigaction(SIGABRT, &by_default, NULL);
        close(STDERR_FILENO);
        be_busy();
        block = malloc(size);
        first(block);
        second(block);
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
        assert_int_equal(ended_by(sizes[i], by_growing, in_this_one), SIGABRT);
    }
}

/* ---- without mimalloc */

/** In a process of its own. 0: it was told why, and the C library gives everything. */
static int without(void)
{
    if (!heap_use_mimalloc())
        return 1;
    be_busy();
    return is_of_the_c_library(100) ? 0 : 2;
}

static void without_mimalloc_the_c_library_gives_all(void **state)
{
    char folder[] = "/tmp/test-heap-XXXXXX", file[64];
    pid_t pid;
    int fd, status;

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(file, sizeof file, "%s/%s", folder, WEIR_MIMALLOC_FILE);
    fd = open(file, O_CREAT | O_WRONLY, 0600); /* empty: no library */
    assert_true(fd >= 0);
    close(fd);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        setenv("LD_LIBRARY_PATH", folder, 1);
        execl("/proc/self/exe", "test_heap", "without", NULL);
        _exit(3);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    unlink(file);
    rmdir(folder);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_comes_from_calloc_is_zero),
        cmocka_unit_test(more_than_there_is_gives_none),
        cmocka_unit_test(a_block_keeps_its_bytes_as_its_size_changes),
        cmocka_unit_test(what_is_given_out_again_can_be_freed),
        cmocka_unit_test(who_asks_for_little_has_it_from_the_c_library),
        cmocka_unit_test(a_block_that_is_freed_twice_ends_the_program),
        cmocka_unit_test(without_mimalloc_the_c_library_gives_all),
        cmocka_unit_test(a_busy_thread_has_small_blocks_from_mimalloc), /* from here on this one is busy */
    };
    const char *why;
    int failed;

    if (argc > 1 && strcmp(argv[1], "without") == 0)
        return without();
    why = heap_use_mimalloc();
    if (why) {
        fprintf(stderr, "heap_use_mimalloc: %s\n", why);
        return 1;
    }
    failed = cmocka_run_group_tests_name("a thread that asks for little", tests, NULL, NULL);
    return failed + cmocka_run_group_tests_name("a busy thread", tests, NULL, NULL);
}
