/* pipe_input.h: the input of `weir pipe`, a record a line. */
#ifndef WEIR_CLI_PIPE_INPUT_H
#define WEIR_CLI_PIPE_INPUT_H

#include "base/arena.h"
#include "chain/io.h"

/** Reads one line of --envelopes into the record, whose members not given keep what they had. Owns: the
 * arena. Errors: false, and *why is a sentence without its subject. It never quotes the line. */
bool pipe_read_envelope(struct weir_str line, struct arena *arena, struct record *record, const char **why);

#endif
