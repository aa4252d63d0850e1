/* brokers.h: which cluster a client is of, as far as its settings tell. */
#ifndef WEIR_CONFIG_BROKERS_H
#define WEIR_CONFIG_BROKERS_H

#include "config/key.h"

/** True where two clients with these properties of librdkafka's name a broker in common, or one of them none:
 * they are of one cluster. Two that share none are taken for two clusters. Thread: any. */
bool brokers_shared(const struct config_keys *a, const struct config_keys *b);

#endif
