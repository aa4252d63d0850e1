/* rate.h: records a second, from what a worker's ledger says now and said a little earlier. */
#ifndef WEIR_SUPERVISE_RATE_H
#define WEIR_SUPERVISE_RATE_H

#include "supervise/ledger.h"

#define RATE_WINDOW_MS 2000

/** Zeroed, it knows nothing yet. */
struct rate {
    int64_t at_ms;  /* when the window began; 0: none has */
    uint64_t taken; /* at that time */
    bool known;
    double per_second; /* in the last whole window */
};

/** Looks, as often as one likes; more seldom than a window makes it an average of that time. ledger may be
 * NULL. A worker that is not the one of the last look begins anew. Units: now is of the monotonic clock, in
 * ms. */
void rate_look(struct rate *rate, const struct ledger *ledger, int64_t now);

#endif
