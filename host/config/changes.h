/* changes.h: what differs between two configurations, for a reload. */
#ifndef WEIR_CONFIG_CHANGES_H
#define WEIR_CONFIG_CHANGES_H

#include "config/config.h"

/** True where a chain is the same in both: its settings, stages and their order, all values resolved, and
 * what it inherits from [kafka] and [host]. Comments and the place in the file do not count, nor do the
 * plugins' files. */
bool config_chain_same(const struct config *a, const struct config_chain *chain_a, const struct config *b,
                       const struct config_chain *chain_b);

/** True where the chain's consumer and producer can stay as they are: nothing differs that they were opened
 * with, nor how many tasks there are. */
bool config_chain_keeps_clients(const struct config *a, const struct config_chain *chain_a,
                                const struct config *b, const struct config_chain *chain_b);

/** A setting whose change needs another consumer or producer. */
struct config_change {
    struct weir_str what; /* `chain "user-login": "group"` */
    struct place place;   /* in the new configuration; where it is gone, in the old one */
};
struct config_changes {
    struct config_change *items;
    size_t count;
};

/** Lists them: chains added or removed, source, group, delivery, tasks, instance, [kafka], consumer.*,
 * producer.*. Owns: the arena; places point into both configurations. False where memory ends. */
bool config_client_changes(const struct config *before, const struct config *now, struct arena *a,
                           struct config_changes *out);

#endif
