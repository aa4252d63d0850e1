/* signals.h: signals as something to wait for, not as something that interrupts. */
#ifndef WEIR_SUPERVISE_SIGNALS_H
#define WEIR_SUPERVISE_SIGNALS_H

#include <stddef.h>

/** Blocks these signals in this thread and those that it will start, and ignores SIGPIPE and SIGXFSZ: what
 * they would say is the error of a write. SIGCHLD is as it is by default, whatever was inherited. A
 * descriptor, which never blocks, to read struct signalfd_siginfo from; -1: errno says why. */
int signals_open(const int *numbers, size_t count);

#endif
