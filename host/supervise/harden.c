/* harden.c: see harden.h.
 *
 * memory_max is RLIMIT_DATA, which counts what is private and writable, touched or not. RLIMIT_AS was
 * rejected: it counts the space that malloc sets aside, too, gigabytes of it. Stacks of threads do count in
 * full, and librdkafka makes a dozen of them, so under a limit new threads get small ones.
 *
 * Only soft limits are lowered: what a reload takes back must not need another process. */
#include "supervise/harden.h"

#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define SMALL_STACK ((size_t)1 << 20)

static bool set_soft(int which, rlim_t value)
{
    struct rlimit limit;

    if (getrlimit((__rlimit_resource_t)which, &limit) < 0)
        return false;
    limit.rlim_cur = value < limit.rlim_max ? value : limit.rlim_max;
    return setrlimit((__rlimit_resource_t)which, &limit) == 0;
}

/* Every signal does what the kernel does by default, but for those that a terminal or an init system sends to
 * a whole group, of which the supervisor decides, and those that an error of write() tells of, too. */
static bool set_signals(void)
{
    static const int ignored[] = {SIGHUP, SIGINT, SIGTERM, SIGPIPE, SIGXFSZ};
    sigset_t none;

    for (int i = 1; i < NSIG; i++)
        sigaction(i, &(struct sigaction){.sa_handler = SIG_DFL},
                  NULL); /* some numbers have none: no matter */
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++) {
        if (sigaction(ignored[i], &(struct sigaction){.sa_handler = SIG_IGN}, NULL) < 0)
            return false;
    }
    sigemptyset(&none);
    return sigprocmask(SIG_SETMASK, &none, NULL) == 0;
}

bool harden_secrets(bool core_dumps)
{
    return set_soft(RLIMIT_CORE, core_dumps ? RLIM_INFINITY : 0) &&
           prctl(PR_SET_DUMPABLE, core_dumps ? 1 : 0) == 0;
}

bool harden(pid_t parent)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return false;
    if (getppid() != parent) { /* it died before the line above */
        errno = ESRCH;
        return false;
    }
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && harden_secrets(false) &&
           set_soft(RLIMIT_NOFILE, RLIM_INFINITY) && set_signals();
}

static void make_stacks_small(void)
{
    pthread_attr_t attr;

    if (pthread_attr_init(&attr) != 0)
        return;
    if (pthread_attr_setstacksize(&attr, SMALL_STACK) == 0)
        pthread_setattr_default_np(&attr);
    pthread_attr_destroy(&attr);
}

void harden_limits(bool core_dumps, int64_t memory_max)
{
    if (!harden_secrets(core_dumps))
        log_warn("core_dumps cannot be set: %s", strerror(errno));
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* their shadow would count */
    if (memory_max > 0)
        make_stacks_small();
    if (!set_soft(RLIMIT_DATA, memory_max > 0 ? (rlim_t)memory_max : RLIM_INFINITY))
        log_warn("memory_max cannot be set: %s", strerror(errno));
#else
    (void)memory_max;
    (void)make_stacks_small;
#endif
}
