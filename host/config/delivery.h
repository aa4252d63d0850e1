/* delivery.h: what `delivery = exactly-once` asks of the other settings. */
#ifndef WEIR_CONFIG_DELIVERY_H
#define WEIR_CONFIG_DELIVERY_H

#include "config/config.h"

/** Puts in the defaults that differ in exactly-once, and reports settings that contradict it. The chain, its
 * stages and the host are filled. */
void delivery_settle(const struct config *c, struct config_chain *chain, struct diag *d);

#endif
