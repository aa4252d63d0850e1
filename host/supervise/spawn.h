/* spawn.h: starts a worker process: this program again, with a socket, a ledger and nearly no environment. */
#ifndef WEIR_SUPERVISE_SPAWN_H
#define WEIR_SUPERVISE_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

/** How a worker tells what is wrong or unwise about its configuration, and what it looks at before it is
 * ready. */
enum start {
    START_FIRST, /* as `weir check` prints it */
    START_AGAIN, /* in the log, and only what is wrong: the rest was said before */
    START_PROBE  /* in the log, and to who waits for a reload; and its topics must be there */
};

/** A worker's descriptors, beside the three that every process has. */
#define WORKER_SOCKET_FD 3
#define WORKER_LEDGER_FD 4

struct spawn {
    const char *label; /* chain/task, for ps */
    enum start start;
    int socket, ledger; /* what they will be; stay the caller's */
    char *const *vars;  /* NAME=value, NULL at the end: what the configuration names */
};

/** -1: errno says why. Thread: of a process that has one only. */
pid_t spawn_worker(const struct spawn *how);

#endif
