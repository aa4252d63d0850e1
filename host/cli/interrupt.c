/* interrupt.c: see interrupt.h. */
#include "cli/interrupt.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

static void fill(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGWINCH);
}

bool interrupt_open(struct interrupt *i)
{
    sigset_t set;

    fill(&set);
    *i = (struct interrupt){.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)};
    return i->fd >= 0 && pthread_sigmask(SIG_BLOCK, &set, NULL) == 0;
}

/* What is still pending must not hit the default action now: it has been answered. */
void interrupt_close(struct interrupt *i)
{
    sigset_t set;

    if (i->fd < 0)
        return;
    interrupt_wait(i, 0);
    close(i->fd);
    i->fd = -1;
    fill(&set);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

bool interrupt_wait(struct interrupt *i, int64_t ms)
{
    struct pollfd p = {.fd = i->fd, .events = POLLIN};
    struct signalfd_siginfo info;

    if (poll(&p, 1, ms > 60000 ? 60000 : (int)ms) > 0) {
        while (read(i->fd, &info, sizeof info) == (ssize_t)sizeof info) {
            if (info.ssi_signo == SIGWINCH)
                i->resized = true;
            else
                i->asked = true;
        }
    }
    return i->asked;
}
