/* routes.h: the named tracks of a chain, and the check that every path ends.
 *
 * A route is a number from 0 on; a set of routes is a word with a bit for each.
 */
#ifndef WEIR_CHAIN_ROUTES_H
#define WEIR_CHAIN_ROUTES_H

#include "base/str.h"

#define ROUTES_MAX 64

enum { ROUTE_MAIN = 0, ROUTE_FAILED = 1 };

struct chain;
struct diag;

struct routes {
    struct weir_str names[ROUTES_MAX]; /* borrowed from the configuration */
    size_t count;
    uint64_t emitted; /* those that `emit` names: only who names them sees them */
};

void routes_init(struct routes *routes);

/** The number of that route, a new one if need be. -1: there are too many. */
int32_t routes_intern(struct routes *routes, struct weir_str name);

/** Walks every path that an envelope can take, and reports to diag what must not be: a route without a sink
 *  behind it, a stage that can see nothing, a sink before a fail-closed stage, …; and warns of what is
 *  unwise. The stages of the chain must be in place. */
void routes_check(struct chain *chain, struct diag *diag);

#endif
