/* membership.h: whether a fenced member was fenced by another process, or by what it sent itself.
 *
 * Thread: the task's.
 */
#ifndef WEIR_KAFKA_MEMBERSHIP_H
#define WEIR_KAFKA_MEMBERSHIP_H

#include <stdbool.h>
#include <stdint.h>

/* Zero it. Times are monotonic milliseconds. */
struct membership {
    int64_t suspect_until; /* a fence before it is our own doing; INT64_MAX: not assigned again yet */
};

/** The session is over, or partitions were given up without an answer to their last commit. */
void membership_lost(struct membership *m);

/** Partitions were assigned. */
void membership_assigned(struct membership *m, int64_t now);

/** True where a fence that is heard of now is our own doing. False from here on, until the next loss. */
bool membership_forgives(struct membership *m, int64_t now);

#endif
