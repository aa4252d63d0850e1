/* text.h: which bytes may stand in a line of a configuration. */
#ifndef WEIR_CONFIG_TEXT_H
#define WEIR_CONFIG_TEXT_H

#include "base/str.h"

/** What is wrong with the bytes of a line ("a NUL byte"), or NULL: UTF-8 without control characters other
 * than the tab. */
const char *text_line_fault(struct weir_str line);

/** The same for a value from outside, which may have several lines (a PEM key in the environment). */
const char *text_value_fault(struct weir_str value);

#endif
