/* fleet.h: all crews of a supervisor, and the configuration that is in force. */
#ifndef WEIR_SUPERVISE_FLEET_H
#define WEIR_SUPERVISE_FLEET_H

#include "supervise/crew.h"

struct fleet {
    const char *dir;
    struct crew **crews;
    size_t count;
    struct edition newest; /* the last that was accepted, in whole or in part */
    uint64_t last_number;  /* of an edition, accepted or not */
    int64_t started_ms;    /* Unix */
};

struct crew *fleet_find(const struct fleet *fleet, struct weir_str name);
/** Adds a crew without workers. NULL: no memory. */
struct crew *fleet_add(struct fleet *fleet, struct weir_str name);
/** Destroys the crews that have ended, and whose chain is not in the newest configuration. */
void fleet_prune(struct fleet *fleet);
void fleet_fini(struct fleet *fleet);

#endif
