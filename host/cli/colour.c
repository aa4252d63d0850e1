/* colour.c: see colour.h. NO_COLOR is the convention of no-color.org: set and not empty. */
#include "cli/colour.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *colour_code(bool on, enum colour colour)
{
    static const char *const codes[] = {
        [COLOUR_NONE] = "\x1b[0m",  [COLOUR_STRONG] = "\x1b[1m", [COLOUR_FAINT] = "\x1b[2m",
        [COLOUR_GOOD] = "\x1b[32m", [COLOUR_WARN] = "\x1b[33m",  [COLOUR_BAD] = "\x1b[31m",
        [COLOUR_SIDE] = "\x1b[36m", [COLOUR_NAME] = "\x1b[94m",
    };

    return on ? codes[colour] : "";
}

bool colour_terminal(int fd)
{
    const char *term = getenv("TERM");

    return isatty(fd) && term && *term && strcmp(term, "dumb") != 0;
}

bool colour_wanted(int fd)
{
    const char *no = getenv("NO_COLOR");

    return colour_terminal(fd) && !(no && *no);
}
