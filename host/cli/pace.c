/* pace.c: see pace.h. */
#include "cli/pace.h"

#include "base/str.h"

void pace_init(struct pace *pace, int64_t rate, int64_t mono_ms)
{
    *pace = (struct pace){.rate = rate, .start_ms = mono_ms};
}

/* The seconds apart from the rest: the product of both with a rate would overflow after a long time. */
static int64_t due_by(const struct pace *pace, int64_t mono_ms)
{
    int64_t elapsed = mono_ms - pace->start_ms;

    return elapsed / 1000 * pace->rate + elapsed % 1000 * pace->rate / 1000;
}

int64_t pace_due(struct pace *pace, int64_t mono_ms, int64_t most)
{
    int64_t due = most;

    if (pace->rate > 0) {
        due = due_by(pace, mono_ms) - pace->made;
        if (due > pace->rate && due > 1) {
            pace_init(pace, pace->rate, mono_ms);
            return most > 0; /* one at once, and the next at its time from now */
        }
        if (due > most)
            due = most;
    }
    if (due < 0)
        due = 0;
    pace->made += due;
    return due;
}

int64_t pace_wait_ms(const struct pace *pace, int64_t mono_ms)
{
    int64_t at; /* when the next one is due, since the start */

    if (pace->rate <= 0)
        return 0;
    at = (pace->made + 1) / pace->rate * 1000 +
         ((pace->made + 1) % pace->rate * 1000 + pace->rate - 1) / pace->rate;
    at -= mono_ms - pace->start_ms;
    return at > 1 ? at : 1;
}

bool pace_seconds(void *ms, const char *value)
{
    int64_t n;

    if (!str_to_int(str_of(value), &n) || n < 0 || n > INT32_MAX)
        return false;
    *(int64_t *)ms = n * 1000;
    return true;
}
