/* printable.h: bytes from a stranger, made safe to show to a person at a terminal.
 *
 * What a record holds may be anything, terminal commands included. Text that is valid UTF-8 shows as it is;
 * all else becomes visible as an escape: \n \t, \x1b, \u{202e}. That goes for control characters (C0, DEL,
 * C1), bytes that are no UTF-8, and the invisible characters that reorder or hide text. */
#ifndef WEIR_CLI_PRINTABLE_H
#define WEIR_CLI_PRINTABLE_H

#include "base/buf.h"

/** One character as it is shown. */
struct printable {
    struct weir_str text; /* what to print; points into the input or to `escape` */
    size_t taken;         /* bytes of the input that it stands for */
    size_t columns;       /* at most so many on the screen */
    char escape[12];
};

/** Looks at the first character of at..end, which must not be empty. */
void printable_look(struct printable *p, const char *at, const char *end);

/** Adds all of it. */
void printable_add(struct buf *out, struct weir_str s);

/** Adds what fits into so many columns, the last of them an ellipsis where it is cut. Returns columns used.
 */
size_t printable_add_cut(struct buf *out, struct weir_str s, size_t columns);

#endif
