/* spawn.c: see spawn.h.
 *
 * A fork and an exec, not a fork alone: a worker begins with the memory of a fresh process, so that nothing
 * of the supervisor's is there to be broken, or to be read. Between the two only calls are made that are safe
 * in a child; the supervisor has one thread.
 *
 * The environment is empty but for what the chain's configuration names, and what the loader, the C library
 * and the sanitizers must have to work at all. */
#include "supervise/spawn.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SELF "/proc/self/exe"
#define VARS_MAX 512

static const char *const kept[] = {"LD_LIBRARY_PATH", "GLIBC_TUNABLES", "TZ",           "TZDIR",
                                   "SSL_CERT_FILE",   "SSL_CERT_DIR",   "ASAN_OPTIONS", "LSAN_OPTIONS",
                                   "TSAN_OPTIONS",    "UBSAN_OPTIONS"};

extern char **environ;

/* The entry NAME=value of our own environment; NULL: it is not set. */
static const char *entry(const char *name)
{
    size_t n = strlen(name);

    for (char **e = environ; *e; e++) {
        if (strncmp(*e, name, n) == 0 && (*e)[n] == '=')
            return *e;
    }
    return NULL;
}

static void make_environment(const char **to, char *const *vars)
{
    size_t n = 0;

    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        if (entry(kept[i]))
            to[n++] = entry(kept[i]);
    }
    for (size_t i = 0; vars && vars[i] && n < VARS_MAX - 1; i++)
        to[n++] = vars[i];
    to[n] = NULL;
}

/* In the child. Both are moved out of the way first: either may be where the other goes. */
static bool place_descriptors(const struct spawn *how)
{
    int socket = fcntl(how->socket, F_DUPFD, WORKER_LEDGER_FD + 1);
    int ledger = fcntl(how->ledger, F_DUPFD, WORKER_LEDGER_FD + 1);

    if (socket < 0 || ledger < 0 || dup2(socket, WORKER_SOCKET_FD) < 0 || dup2(ledger, WORKER_LEDGER_FD) < 0)
        return false;
    close(socket);
    close(ledger);
    return true;
}

pid_t spawn_worker(const struct spawn *how)
{
    static const char *const modes[] = {NULL, "--again", "--probe"};
    const char *vars[VARS_MAX];
    char parent[24];
    const char *argv[] = {"weir", "worker", parent, how->label, modes[how->start], NULL};
    sigset_t none;
    pid_t pid;

    make_environment(vars, how->vars);
    snprintf(parent, sizeof parent, "%d", (int)getpid());
    sigemptyset(&none);
    pid = fork();
    if (pid != 0)
        return pid;
    if (place_descriptors(how) && sigprocmask(SIG_SETMASK, &none, NULL) == 0)
        execve(SELF, (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)vars);
    log_error("a worker cannot be started, it needs descriptors and " SELF ": task=%s error=\"%s\"",
              how->label, strerror(errno));
    _exit(127);
}
