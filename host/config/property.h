/* property.h: the librdkafka properties that the host does not let through. */
#ifndef WEIR_CONFIG_PROPERTY_H
#define WEIR_CONFIG_PROPERTY_H

#include "base/str.h"

/** Why a property cannot be set: `weir owns it: use "group" under [chain NAME]`. NULL: it can. */
const char *property_refused(struct weir_str name);

/** The same of a value, as it is given to librdkafka. NULL: it may have it. */
const char *property_value_refused(struct weir_str name, struct weir_str value);

/** True for a property that holds a secret: nothing may show its value, also as it stands in the file. */
bool property_is_secret(struct weir_str name);

#endif
