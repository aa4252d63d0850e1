/* record_text.h: one record for `weir watch`: set out for a person, or on one line. */
#ifndef WEIR_CLI_RECORD_TEXT_H
#define WEIR_CLI_RECORD_TEXT_H

#include "chain/io.h"
#include "cli/pretty.h"

/** A line that says where the record stands, when, its key and how many headers; then its value, metrics as
 *  blocks. */
void record_text_add(const struct pretty *pretty, struct buf *out, const struct record *record);

/** Topic, partition, offset, timestamp, key and value between tabs; `-` for what is absent. */
void record_text_add_raw(struct buf *out, const struct record *record);

#endif
