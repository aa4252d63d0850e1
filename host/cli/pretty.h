/* pretty.h: the value of a record as a person likes to read it.
 *
 * JSON is set out: what fits on a line stays on it, the rest goes a member a line. Its texts are made
 * printable on the way, so nothing of it can command a terminal. What is no JSON is shown as text with
 * escapes. */
#ifndef WEIR_CLI_PRETTY_H
#define WEIR_CLI_PRETTY_H

#include "base/buf.h"

struct pretty {
    bool colour;
    size_t width;  /* columns of the screen */
    size_t indent; /* columns that every line is moved in */
};

/** Adds the value, absent ones included, as whole lines. */
void pretty_add(const struct pretty *pretty, struct buf *out, struct weir_str value);

/** The same run together into at most so many lines of the width, then cut with an ellipsis; no end of the
 * last line, no indent. */
void pretty_add_lines(const struct pretty *pretty, struct buf *out, struct weir_str value, size_t lines);

#endif
