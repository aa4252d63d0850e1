/* test_harden.c: what a worker takes from itself, looked at from within, in a child for each case. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervise/harden.h"

#define NOBODY 65534

/* 0: good; else the number of what is wrong. */
static int run(int (*child)(void))
{
    int status;
    pid_t pid = fork();

    if (pid == 0)
        _exit(child());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static rlim_t soft(int which)
{
    struct rlimit limit = {0, 0};

    getrlimit((__rlimit_resource_t)which, &limit);
    return limit.rlim_cur;
}

static bool ignores(int number)
{
    struct sigaction action = {0};

    sigaction(number, NULL, &action);
    return action.sa_handler == SIG_IGN;
}

static int look_at_all(void)
{
    struct rlimit files;
    sigset_t blocked;
    int death = 0;

    sigaction(SIGALRM, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = 64;
    setrlimit(RLIMIT_NOFILE, &files);
    sigfillset(&blocked);
    sigprocmask(SIG_SETMASK, &blocked, NULL);
    if (!harden(getppid()))
        return 1;
    getrlimit(RLIMIT_NOFILE, &files);
    sigprocmask(SIG_SETMASK, NULL, &blocked);
    if (prctl(PR_GET_PDEATHSIG, &death) < 0 || death != SIGKILL)
        return 2;
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
        return 3;
    if (prctl(PR_GET_DUMPABLE) != 0 || soft(RLIMIT_CORE) != 0)
        return 4;
    if (files.rlim_cur != files.rlim_max)
        return 5;
    if (sigismember(&blocked, SIGUSR1) || sigismember(&blocked, SIGALRM))
        return 6;
    if (ignores(SIGALRM))
        return 7;
    if (!ignores(SIGTERM) || !ignores(SIGINT) || !ignores(SIGHUP) || !ignores(SIGPIPE))
        return 8;
    return 0;
}

static int with_a_stranger_for_a_parent(void)
{
    return harden(getppid() + 1) ? 1 : 0;
}

static int allow_core_dumps_and_forbid_them(void)
{
    struct rlimit limit;

    if (!harden(getppid()))
        return 1;
    harden_limits(true, 0);
    getrlimit(RLIMIT_CORE, &limit);
    if (prctl(PR_GET_DUMPABLE) != 1 || limit.rlim_cur != limit.rlim_max)
        return 2;
    harden_limits(false, 0);
    return prctl(PR_GET_DUMPABLE) == 0 && soft(RLIMIT_CORE) == 0 ? 0 : 3;
}

/* What a loader and a crash handler need of /proc, though the kernel gives it to root. */
static int as_nobody(void)
{
    int memory = memfd_create("test", MFD_CLOEXEC), fd;
    char path[32], byte;

    if (geteuid() == 0 && setresuid(NOBODY, NOBODY, NOBODY) < 0)
        return 1;
    if (!harden(getppid()))
        return 2;
    fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, &byte, 1) != 1)
        return 3;
    snprintf(path, sizeof path, "/proc/self/fd/%d", memory);
    if (open(path, O_RDONLY | O_CLOEXEC) < 0)
        return 4;
    return open("/proc/self/exe", O_RDONLY | O_CLOEXEC) < 0 ? 5 : 0;
}

static int with_little_memory(void)
{
    void *volatile much; /* or a compiler that sees no use of it asks nobody for it */

    harden_limits(false, (int64_t)64 << 20);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return 0;
#endif
    much = malloc((size_t)128 << 20);
    if (much)
        return 1;
    much = malloc((size_t)8 << 20);
    if (!much)
        return 2;
    free(much);
    harden_limits(false, 0);
    much = malloc((size_t)128 << 20);
    return much ? 0 : 3;
}

static void a_worker_is_hardened(void **state)
{
    static const struct {
        const char *name;
        int (*child)(void);
    } rows[] = {
        {"all of it", look_at_all},
        {"the parent is another process by now", with_a_stranger_for_a_parent},
        {"core_dumps", allow_core_dumps_and_forbid_them},
        {"its own files in /proc can be read", as_nobody},
        {"memory_max", with_little_memory},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        print_message("  %s\n", rows[i].name);
        assert_int_equal(run(rows[i].child), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_worker_is_hardened)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
