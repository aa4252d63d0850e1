/* pace.h: so many a second, without a busy loop: how many are due now, and how long to sleep until the next.
 *
 * Late ones are made up for, so a rate holds on average. After a pause of more than a second (brokers away, a
 * laptop asleep) what was missed is let go: a burst of it would be no steady rate either. */
#ifndef WEIR_CLI_PACE_H
#define WEIR_CLI_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct pace {
    int64_t rate;     /* a second; 0: no limit */
    int64_t start_ms; /* monotonic */
    int64_t made;     /* since the start */
};

void pace_init(struct pace *pace, int64_t rate, int64_t mono_ms);

/** How many may be made now, at most `most`; they count as made. */
int64_t pace_due(struct pace *pace, int64_t mono_ms, int64_t most);

/** Milliseconds until the next is due: 0 without a limit, at least 1 with one. */
int64_t pace_wait_ms(const struct pace *pace, int64_t mono_ms);

/** A take function of args.h: whole seconds into an int64_t of milliseconds. */
bool pace_seconds(void *ms, const char *value);

#endif
