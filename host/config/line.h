/* line.h: one physical line of a configuration file.
 *
 *     [kind]  [kind name]     opens a section
 *     key = value             the first '=' splits; blanks around both sides go
 *     ; comment  # comment    from the start of a line
 *     key = value ; comment   behind a value: a blank, then ';'
 *     key = one \; two        a value that needs ' ;' (or ' #') writes ' \;' (' \#'): between a blank, or the
 *                             start of the value, and a ';' or '#', one backslash goes
 *
 * Everything that another reader of such files would take in another way is an error here, not a guess: an
 * indented line (elsewhere it continues the value above), ' #' behind a value (elsewhere a comment), a quoted
 * value that a comment cuts, text behind ']', a ':' that separates. */
#ifndef WEIR_CONFIG_LINE_H
#define WEIR_CONFIG_LINE_H

#include "base/arena.h"

#define LINE_MAX_LEN 65536 /* bytes, without the line end */

enum line_kind { LINE_NOTHING, LINE_SECTION, LINE_KEY };

struct line {
    enum line_kind kind;
    struct weir_str head; /* the section's kind, or the key */
    struct weir_str tail; /* the section's name (absent: none), or the value */
    const char *fault;    /* what is wrong with the line; NULL: nothing. It holds no part of the line. */
};

/** Reads a line without its LF, and without the CR before it. head and tail are copies in the arena. */
struct line line_read(struct weir_str text, struct arena *a);

#endif
