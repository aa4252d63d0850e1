/* colour.h: colours by what they mean. The sixteen of the terminal's own theme, so that they suit its
 * background.
 */
#ifndef WEIR_CLI_COLOUR_H
#define WEIR_CLI_COLOUR_H

#include <stdbool.h>

enum colour {
    COLOUR_NONE, /* back to normal */
    COLOUR_STRONG,
    COLOUR_FAINT,
    COLOUR_GOOD,
    COLOUR_WARN,
    COLOUR_BAD,
    COLOUR_SIDE, /* what runs beside the main thing */
    COLOUR_NAME
};

/** The escape sequence; "" where colours are off. */
const char *colour_code(bool on, enum colour colour);

/** True where this is a terminal that understands escape sequences. */
bool colour_terminal(int fd);

/** The same for colours: true where it is one, and NO_COLOR is not set. */
bool colour_wanted(int fd);

#endif
