/* signals.c: see signals.h. */
#include "supervise/signals.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/signalfd.h>

static bool handle(int number, void (*handler)(int))
{
    return sigaction(number, &(struct sigaction){.sa_handler = handler}, NULL) == 0;
}

int signals_open(const int *numbers, size_t count)
{
    sigset_t set;

    sigemptyset(&set);
    for (size_t i = 0; i < count; i++)
        sigaddset(&set, numbers[i]);
    /* Where SIGCHLD is ignored, nothing is left of a child to wait for. */
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0 || !handle(SIGPIPE, SIG_IGN) ||
        !handle(SIGXFSZ, SIG_IGN) || !handle(SIGCHLD, SIG_DFL))
        return -1;
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}
