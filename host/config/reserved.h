/* reserved.h: what the configuration has words for, and this version does not do yet. */
#ifndef WEIR_CONFIG_RESERVED_H
#define WEIR_CONFIG_RESERVED_H

#include "config/key.h"

/** Reports each key of a section of this kind ("chain") that asks for something reserved, and marks it
 * broken, so that no second message follows. owner: `chain "x"`. */
void reserved_check(const char *kind, const char *owner, struct config_keys *keys, struct diag *d);

#endif
