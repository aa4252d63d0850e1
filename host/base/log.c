/* log.c: see log.h. A line is built on the stack and written at once, so that lines of two threads or
 * processes never mix; a text that is too long for it is cut, and control characters become spaces, so that
 * no text can forge a line. */
#include "base/log.h"

#include "base/clock.h"

#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static _Atomic int32_t lowest = WEIR_LOG_INFO;

void log_set_level(int32_t level)
{
    atomic_store(&lowest, level);
}

bool log_wants(int32_t level)
{
    return level >= atomic_load_explicit(&lowest, memory_order_relaxed);
}

static size_t clamp(int written, size_t room)
{
    if (written < 0)
        return 0;
    return (size_t)written < room ? (size_t)written : room - 1;
}

static size_t add_head(char *line, size_t room, struct log_place place, int32_t level)
{
    static const char *const names[] = {"debug", "info ", "warn ", "error"};
    int64_t now = clock_wall_ms();
    time_t seconds = (time_t)(now / 1000);
    struct tm tm;
    size_t n;

    gmtime_r(&seconds, &tm);
    n = strftime(line, room, "%Y-%m-%dT%H:%M:%S", &tm);
    n += clamp(snprintf(line + n, room - n, ".%03dZ %s ", (int)(now % 1000), names[level & 3]), room - n);
    if (place.chain)
        n += clamp(snprintf(line + n, room - n, "chain=%s ", place.chain), room - n);
    if (place.stage)
        n += clamp(snprintf(line + n, room - n, "stage=%s ", place.stage), room - n);
    return n;
}

void log_vat(struct log_place place, int32_t level, const char *fmt, va_list ap)
{
    char line[2048];
    size_t n, i, done = 0;

    if (!log_wants(level))
        return;
    n = add_head(line, sizeof line - 1, place, level);
    i = n;
    n += clamp(vsnprintf(line + n, sizeof line - 1 - n, fmt, ap), sizeof line - 1 - n);
    for (; i < n; i++) {
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = ' ';
    }
    line[n++] = '\n';
    while (done < n) {
        ssize_t w = write(STDERR_FILENO, line + done, n - done);

        if (w <= 0)
            break; /* nowhere left to say so */
        done += (size_t)w;
    }
}

void log_at(struct log_place place, int32_t level, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    log_vat(place, level, fmt, ap);
    va_end(ap);
}
