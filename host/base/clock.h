/* clock.h: the two clocks. Wall time for what a record carries, monotonic time for every wait. */
#ifndef WEIR_BASE_CLOCK_H
#define WEIR_BASE_CLOCK_H

#include <stdint.h>

/** Unix milliseconds. */
int64_t clock_wall_ms(void);
/** Milliseconds since an unspecified start; never goes back. */
int64_t clock_mono_ms(void);
/** The same as of the kernel's last tick, up to 10 ms ago: for a fifth of the time. */
int64_t clock_coarse_ms(void);
/** clock_mono_ms() in nanoseconds. */
int64_t clock_mono_ns(void);

#endif
