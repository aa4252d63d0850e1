/* interrupt.h: SIGINT, SIGTERM and a changed window, as something that a loop can wait for.
 *
 * The signals are blocked and come through a file descriptor, so they interrupt nothing: no handler, no flag
 * at file scope. Threads must be started after interrupt_open(), which makes them deaf to these signals, too.
 */
#ifndef WEIR_CLI_INTERRUPT_H
#define WEIR_CLI_INTERRUPT_H

#include <stdbool.h>
#include <stdint.h>

struct interrupt {
    int fd;
    bool asked;   /* to end: SIGINT or SIGTERM came */
    bool resized; /* the window has changed since somebody set this back to false */
};

/** False: no descriptor left. */
bool interrupt_open(struct interrupt *i);
/** The signals do again what they did before. */
void interrupt_close(struct interrupt *i);

/** Waits for a signal, at most so long. Returns i->asked. */
bool interrupt_wait(struct interrupt *i, int64_t ms);

#endif
