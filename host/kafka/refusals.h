/* refusals.h: what brokers refused in a transaction that was aborted, to answer the same send at once when
 * its record comes again.
 *
 * Thread: one.
 */
#ifndef WEIR_KAFKA_REFUSALS_H
#define WEIR_KAFKA_REFUSALS_H

#include "chain/io.h"

struct refusal {
    struct send_origin origin;
    int err; /* librdkafka's */
};

struct refusals {
    struct refusal *items; /* in the order of their origins */
    size_t count, room;
};

void refusals_fini(struct refusals *r);

/** False: no memory. What is known already is known once. */
bool refusals_add(struct refusals *r, const struct send_origin *origin, int err);

/** NULL: not known to be refused. Borrowed until the next call of another function. */
const struct refusal *refusals_find(const struct refusals *r, const struct send_origin *origin);

/** Forgets those that will not come again: below the offset that committed() gives for their partition; and
 * those that belong to no record. */
void refusals_forget(struct refusals *r, int64_t (*committed)(void *self, int32_t partition), void *self);

#endif
