/* names.h: what the names in a configuration may look like. */
#ifndef WEIR_CONFIG_NAMES_H
#define WEIR_CONFIG_NAMES_H

#include "base/str.h"

#define NAME_MAX_LEN 64 /* bytes of a chain's, stage's, route's or plugin's name */

/** A chain or stage: [a-z0-9][a-z0-9_-]*, at most 64 bytes. */
bool name_is_chain(struct weir_str s);
/** A route: [a-z][a-z0-9_-]*, at most 64 bytes. */
bool name_is_route(struct weir_str s);
/** A plugin or an option: [a-z][a-z0-9_]*, at most 64 bytes. */
bool name_is_plugin(struct weir_str s);

/** Why Kafka would not take this as a topic's name, as a predicate ("is empty"); NULL where it would. */
const char *name_topic_fault(struct weir_str s);

#endif
