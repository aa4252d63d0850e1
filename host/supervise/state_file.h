/* state_file.h: what the stages of a task have saved, as a piece of memory that goes from process to process.
 */
#ifndef WEIR_SUPERVISE_STATE_FILE_H
#define WEIR_SUPERVISE_STATE_FILE_H

#include "chain/chain.h"

/** Saves the state of a chain. A descriptor; -1: why says why. why: a text that the chain owns, or a
 * constant. */
int state_file_save(struct chain *chain, const char **why);
/** Gives a chain what such a file has; fd stays the caller's. */
bool state_file_restore(struct chain *chain, int fd, const char **why);

#endif
