/* test_crash.c: a process that crashes leaves behind what it died of, and where; and can the log name the
 * place.
 *
 * Each case is a child, which crashes in its own way with the handler on; its ledger is read when it is dead.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervise/backtrace.h"
#include "supervise/crash.h"

/* No sanitizer in between: the crash itself is wanted. */
#define CRASHES __attribute__((noinline, no_sanitize("address"), no_sanitize("undefined")))

static volatile int zero, sink;
static int *volatile nowhere;
static void (*volatile no_function)(void);

/* Not static, so that their names are in the file whatever becomes of it. */
CRASHES void crash_at_null(void);
CRASHES void crash_in_division(void);
CRASHES void crash_in_abort(void);
CRASHES void crash_in_call(void);
CRASHES int crash_of_depth(int depth);

CRASHES void crash_at_null(void)
{
    *nowhere = 1;
}

CRASHES void crash_in_division(void)
{
    sink = 7 / zero;
}

CRASHES void crash_in_abort(void)
{
    abort();
}

CRASHES void crash_in_call(void)
{
    no_function();
    sink = 2; /* no tail call */
}

CRASHES int crash_of_depth(int depth)
{
    volatile char room[4096];

    room[0] = (char)depth;
    return depth < 0 ? 0 : crash_of_depth(depth + 1) + room[0];
}

#if defined(__aarch64__)
#define TRAP SIGTRAP
#else
#define TRAP SIGILL
#endif

static void by_trap(void)
{
    __builtin_trap();
}

static void by_stack(void)
{
    sink = crash_of_depth(1);
}

static void by_truncated_file(void)
{
    int fd = memfd_create("test", MFD_CLOEXEC);
    volatile char *at;

    if (ftruncate(fd, 4096) < 0)
        return;
    at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (ftruncate(fd, 0) < 0)
        return;
    at[0] = 1;
}

static void by_outside(void)
{
    kill(getpid(), SIGSEGV);
    for (;;)
        pause();
}

static void *on_thread(void *how)
{
    void (*crash)(void);

    memcpy(&crash, &how, sizeof crash);
    crash_stack();
    crash();
    return NULL;
}

static void run_on_thread(void (*crash)(void))
{
    pthread_t thread;
    void *how;

    memcpy(&how, &crash, sizeof how);
    if (pthread_create(&thread, NULL, on_thread, how) == 0)
        pthread_join(thread, NULL);
}

struct died {
    struct ledger *ledger;
    int fd, status;
    pid_t pid;
};

static void crash_in_child(struct died *d, void (*crash)(void), bool thread)
{
    d->ledger = ledger_new(&d->fd);
    assert_non_null(d->ledger);
    d->pid = fork();
    if (d->pid == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        if (!crash_catch(&d->ledger->crash) || !crash_stack())
            _exit(1);
        if (thread)
            run_on_thread(crash);
        else
            crash();
        _exit(2);
    }
    assert_int_equal(waitpid(d->pid, &d->status, 0), d->pid);
}

static void died_fini(struct died *d)
{
    ledger_unmap(d->ledger);
    close(d->fd);
}

/* The whole of what a process writes to standard error while it looks at the crash. Returns how it ended. */
static int trace(const struct ledger_crash *crash, char *text, size_t room)
{
    FILE *file = tmpfile();
    int old = dup(STDERR_FILENO), status = -1;
    size_t n;
    pid_t pid;

    assert_non_null(file);
    dup2(fileno(file), STDERR_FILENO);
    pid = backtrace_log((struct log_place){"c", "s"}, crash, NULL);
    if (pid > 0)
        waitpid(pid, &status, 0);
    dup2(old, STDERR_FILENO);
    close(old);
    rewind(file);
    n = fread(text, 1, room - 1, file);
    text[n] = '\0';
    fclose(file);
    assert_true(pid > 0);
    return status;
}

static void read_backtrace(const struct ledger_crash *crash, char *text, size_t room)
{
    assert_int_equal(trace(crash, text, room), 0);
}

static const struct {
    const char *name;
    void (*crash)(void);
    int signal;
    const char *frame; /* NULL: none is promised */
    bool thread;
} rows[] = {
    {"a null pointer", crash_at_null, SIGSEGV, "#0 0x%s crash_at_null+0x", false},
    {"a null pointer on a thread", crash_at_null, SIGSEGV, "#0 0x%s crash_at_null+0x", true},
    {"a call of a null pointer", crash_in_call, SIGSEGV, "#1 0x%s crash_in_call+0x", false},
    {"abort", crash_in_abort, SIGABRT, " crash_in_abort+0x", false},
#if defined(__x86_64__)
    {"a division by zero", crash_in_division, SIGFPE, "#0 0x%s crash_in_division+0x", false},
#endif
    {"a trap of the compiler's", by_trap, TRAP, NULL, false},
    {"a file that became shorter", by_truncated_file, SIGBUS, NULL, false},
    {"the end of the stack", by_stack, SIGSEGV, " crash_of_depth+0x", false},
    {"the end of a thread's stack", by_stack, SIGSEGV, " crash_of_depth+0x", true},
    {"a signal from outside", by_outside, SIGSEGV, NULL, false},
};

static void every_way_to_crash_is_noted_and_named(void **state)
{
    static char text[100000];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct ledger_crash *crash;
        const char *frame = rows[i].frame, *rest = frame ? strstr(frame, "%s") : NULL;
        struct died d;

        print_message("  %s\n", rows[i].name);
        crash_in_child(&d, rows[i].crash, rows[i].thread);
        crash = &d.ledger->crash;
        assert_true(WIFSIGNALED(d.status));
        assert_int_equal(WTERMSIG(d.status), rows[i].signal);
        assert_int_equal(atomic_load(&crash->done), 1);
        assert_int_equal(crash->signal, rows[i].signal);
        assert_int_equal(crash->thread == d.pid, !rows[i].thread);
        assert_in_range(crash->n_frames, 1, LEDGER_FRAMES_MAX);
        assert_in_range(crash->maps_len, 1, LEDGER_MAPS_MAX);
        assert_int_equal(crash->maps[crash->maps_len - 1], '\n');
        read_backtrace(crash, text, sizeof text);
        if (frame && !strstr(text, rest ? rest + 2 : frame))
            fail_msg("%s is not in\n%s", frame, text);
        if (rest && strncmp(strstr(text, "backtrace: ") + strlen("backtrace: "), "#0", 2) != 0)
            fail_msg("no frame 0 in\n%s", text);
        died_fini(&d);
    }
}

static void a_line_of_the_source_is_named(void **state)
{
    static char text[100000];
    struct died d;

    (void)state;
    crash_in_child(&d, crash_at_null, false);
    read_backtrace(&d.ledger->crash, text, sizeof text);
    if (!strstr(text, "(test_crash.c:") || !strstr(text, "chain=c stage=s"))
        fail_msg("%s", text);
    died_fini(&d);
}

/* ---- what is in a ledger is anybody's */

static void a_ledger_that_was_written_over_harms_nobody(void **state)
{
    static const char self[] = "0-ffffffffffffffff r-xp 00000000 00:00 0 \n";
    static const struct {
        const char *name, *maps;
        uint32_t maps_len, n_frames;
    } spoilt[] = {
        {"no maps", "", 0, 3},
        {"more maps than there is room", "x", UINT32_MAX, 3},
        {"more frames than there is room", self, sizeof self - 1, UINT32_MAX},
        {"half a line", "5555-", 5, 2},
        {"no numbers", "zz-yy r-xp 0 0 0 /bin/sh\n", 25, 2},
        {"a file that is not there", "0-ffffffffffffffff r-xp 0 00:00 77 /nowhere/at/all\n", 50, 2},
        {"no regular file", "0-ffffffffffffffff r-xp 0 00:00 1 /dev/tty\n", 43, 2},
    };
    static char text[100000];

    (void)state;
    for (size_t i = 0; i < sizeof spoilt / sizeof *spoilt; i++) {
        struct ledger_crash *crash = calloc(1, sizeof *crash);

        print_message("  %s\n", spoilt[i].name);
        memcpy(crash->maps, spoilt[i].maps, strlen(spoilt[i].maps));
        crash->maps_len = spoilt[i].maps_len;
        crash->n_frames = spoilt[i].n_frames;
        atomic_store(&crash->done, 1);
        read_backtrace(crash, text, sizeof text);
        assert_non_null(strstr(text, "backtrace: #0 0x0"));
        free(crash);
    }
}

/* This program, with noise in its tables, as the file in which a crash was. */
static void copy_with_noise(FILE *to, unsigned seed)
{
    FILE *from = fopen("/proc/self/exe", "rb");
    uint32_t n = seed * 2654435761u + 1;
    int c;

    assert_non_null(from);
    while ((c = fgetc(from)) != EOF) {
        n = n * 1664525u + 1013904223u;
        fputc(n >> 24 == 0 && ftell(to) > 16 ? (int)(n >> 8 & 255) : c, to);
    }
    fclose(from);
    fflush(to);
}

static void a_broken_file_harms_nobody(void **state)
{
    static char text[100000];

    (void)state;
    for (unsigned seed = 0; seed < 20; seed++) {
        struct ledger_crash *crash = calloc(1, sizeof *crash);
        char path[64] = "/tmp/weir-test-crash-XXXXXX";
        int fd = mkstemp(path), n;
        struct stat st;
        FILE *file = fdopen(fd, "wb");

        assert_non_null(file);
        copy_with_noise(file, seed);
        assert_int_equal(fstat(fd, &st), 0);
        n = snprintf(crash->maps, sizeof crash->maps, "1000-ffffffff r-xp 1000 00:00 %llu %s\n",
                     (unsigned long long)st.st_ino, path);
        crash->maps_len = (uint32_t)n;
        for (uint32_t i = 0; i < 10; i++)
            crash->frames[i] = 0x1000 + i * 0x300;
        crash->n_frames = 10;
        atomic_store(&crash->done, 1);
        trace(crash, text, sizeof text); /* comes back, whatever became of the process */
        unlink(path);
        fclose(file);
        free(crash);
    }
}

static void a_crash_that_was_not_noted_has_no_backtrace(void **state)
{
    struct ledger_crash *crash = calloc(1, sizeof *crash);

    (void)state;
    crash->n_frames = 3;
    assert_int_equal(backtrace_log((struct log_place){NULL, NULL}, crash, NULL), -1);
    free(crash);
}

/* ---- a handler that crashes */

static void crash_with_a_bad_ledger(void)
{
    struct ledger *fixed = mmap(NULL, sizeof *fixed, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    crash_catch(&fixed->crash); /* cannot be written */
    crash_at_null();
}

static void a_crash_in_the_handler_ends_the_process(void **state)
{
    struct died d;

    (void)state;
    crash_in_child(&d, crash_with_a_bad_ledger, false);
    assert_true(WIFSIGNALED(d.status));
    assert_int_equal(WTERMSIG(d.status), SIGSEGV);
    assert_int_equal(atomic_load(&d.ledger->crash.done), 0);
    died_fini(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_way_to_crash_is_noted_and_named),
        cmocka_unit_test(a_line_of_the_source_is_named),
        cmocka_unit_test(a_ledger_that_was_written_over_harms_nobody),
        cmocka_unit_test(a_broken_file_harms_nobody),
        cmocka_unit_test(a_crash_that_was_not_noted_has_no_backtrace),
        cmocka_unit_test(a_crash_in_the_handler_ends_the_process),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
