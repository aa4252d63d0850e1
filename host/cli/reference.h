/* reference.h: the reference of everything a configuration file may say, as Markdown, from the tables. */
#ifndef WEIR_CLI_REFERENCE_H
#define WEIR_CLI_REFERENCE_H

#include "chain/loader.h"

/** Prints the host's sections, then every plugin of the path. Returns how many plugins did not load. */
int reference_print(struct loader *loader);

/** What a plugin is, by its flags, for a person. */
const char *reference_kind(const struct weir_plugin *about);

#endif
