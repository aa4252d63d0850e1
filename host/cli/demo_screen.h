/* demo_screen.h: the terminal, borrowed for a picture and given back as it was. */
#ifndef WEIR_CLI_DEMO_SCREEN_H
#define WEIR_CLI_DEMO_SCREEN_H

#include "base/buf.h"

#include <termios.h>

struct screen {
    bool open;
    bool echo_saved, stderr_saved;
    struct termios before;
    int stderr_was, stderr_now; /* standard error, while it must not write into the picture */
    struct buf frame;
};

/** Turns to the alternate screen; standard error is kept back where it goes to the same terminal. */
void screen_open(struct screen *screen);

/** Gives the terminal back. with_log: then writes what came on standard error meanwhile. Takes a closed one.
 */
void screen_close(struct screen *screen, bool with_log);

/** Columns and rows; 80 by 24 where it does not say. */
void screen_size(size_t *width, size_t *height);

/** Shows these lines in place of those before. */
void screen_show(struct screen *screen, struct weir_str lines);

#endif
