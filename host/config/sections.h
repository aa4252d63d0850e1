/* sections.h: what one section of each kind means: the host's option tables bound to the structs of config.h.
 */
#ifndef WEIR_CONFIG_SECTIONS_H
#define WEIR_CONFIG_SECTIONS_H

#include "config/config.h"
#include "config/inifile.h"

/** Fills c->host from c->host_keys, and checks c->kafka. */
void section_host(struct config *c, struct diag *d);
void section_kafka(struct config *c, struct diag *d);

/** Fills a chain (its name and place are set) from its section. kafka: what it inherits. */
void section_chain(struct config_chain *chain, const struct config_keys *keys,
                   const struct config_keys *kafka, struct arena *a, struct diag *d);

/** Fills a stage (its name and place are set) from its section. */
void section_stage(struct config_stage *stage, const struct config_keys *keys, struct arena *a,
                   struct diag *d);

#endif
