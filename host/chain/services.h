/* services.h: the table of host services that plugins call (see weir/plugin.h). */
#ifndef WEIR_CHAIN_SERVICES_H
#define WEIR_CHAIN_SERVICES_H

#include "base/str.h"

extern const struct weir_host services;

#endif
