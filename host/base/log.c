/* log.c: see log.h. A line is built on the stack and written at once, so that lines of two threads or
 * processes never mix; a text that is too long for it is cut, and control characters become spaces, so that
 * no text can forge a line.
 *
 * A reader that is there and does not read (a log shipper that hangs, a terminal that was stopped) would hold
 * up whoever writes to it, the supervisor's only thread among them. So a line that cannot be written within a
 * second is lost, those behind it at once, until there is room again. A pipe has room for a whole line where
 * poll() says so. O_NONBLOCK was rejected: it would be set for all who share the descriptor. */
#include "base/log.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 1000

static _Atomic int32_t lowest = WEIR_LOG_INFO;
static _Atomic uint32_t lost; /* lines, since one could be written */

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

static bool is_writable(void)
{
    struct pollfd fd = {STDERR_FILENO, POLLOUT, 0};
    int n;

    do
        n = poll(&fd, 1, atomic_load(&lost) ? 0 : PATIENCE_MS);
    while (n < 0 && errno == EINTR);
    return n != 0;
}

static void put(const char *line, size_t n)
{
    size_t done = 0;

    while (done < n) {
        ssize_t w = write(STDERR_FILENO, line + done, n - done);

        if (w <= 0)
            break; /* nowhere left to say so */
        done += (size_t)w;
    }
}

static void put_lost(uint32_t lines)
{
    char line[256];
    size_t n = add_head(line, sizeof line, (struct log_place){NULL, NULL}, WEIR_LOG_WARN);

    n += clamp(snprintf(line + n, sizeof line - n, "nobody read the log, lines are lost: lines=%u\n",
                        (unsigned)lines),
               sizeof line - n);
    put(line, n);
}

void log_vat(struct log_place place, int32_t level, const char *fmt, va_list ap)
{
    char line[2048];
    uint32_t missing;
    size_t n, i;

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
    if (!is_writable()) {
        atomic_fetch_add(&lost, 1);
        return;
    }
    missing = atomic_exchange(&lost, 0);
    if (missing)
        put_lost(missing);
    put(line, n);
}

void log_at(struct log_place place, int32_t level, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    log_vat(place, level, fmt, ap);
    va_end(ap);
}
