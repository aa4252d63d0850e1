/* plan.h: one loaded configuration: what conf.d/ says, its plugins, its chains.
 *
 * `weir check`, `weir run` and every reload read the same way; what one of them accepts, all do. `weir pipe`
 * does, too, but for the settings of Kafka's clients, which it has none of.
 */
#ifndef WEIR_SUPERVISE_PLAN_H
#define WEIR_SUPERVISE_PLAN_H

#include "chain/chain.h"
#include "chain/loader.h"
#include "config/config.h"

struct snapshot; /* supervise/snapshot.h */

/** What to load. */
struct plan_from {
    const char *dir;                 /* from the disk; */
    const struct snapshot *snapshot; /* or, not NULL, what was read before, */
    struct config *config;           /* with its configuration, which becomes the plan's in any case */
    struct weir_str only;            /* the one chain to make; absent: all */
    uint32_t task;                   /* which of a chain's tasks it is for */
    bool no_kafka;                   /* librdkafka is not asked about its properties */
};

struct plan {
    struct config *config;
    struct chain **chains; /* one for each of config->chains; taken out by who runs it (then NULL), and NULL
                              where it was not asked for */
    size_t count;
};

/** Reads the configuration, unless that was done, loads the plugins, makes the chains, and asks librdkafka
 * about its properties. Whatever is wrong or unwise is in diag. NULL where there is an error. Owns: the
 * caller, by plan_destroy(); the loader must outlive it, a snapshot need not. */
struct plan *plan_load(const struct plan_from *from, struct loader *loader, struct diag *diag);

/** With the chains that are still in it. Takes NULL. */
void plan_destroy(struct plan *plan);

/** Lets the loader search plugin_path of the configuration (NULL: none), then the places where weir's own
 *  plugins are: `plugins` beside the program, and where they are installed. False: no memory. */
bool plan_plugin_path(struct loader *loader, const struct config *config);

#endif
