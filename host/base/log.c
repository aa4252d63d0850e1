/* log.c: see log.h. A line is built on the stack and written at once, so that lines of two threads or
 * processes never mix; a text that is too long for it is cut, and control characters become spaces, so that
 * no text can forge a line.
 *
 * A reader that is there and does not read (a log shipper that hangs, a terminal that was stopped) would hold
 * up whoever writes to it, the supervisor's only thread among them. So a line that cannot be written within a
 * second is lost, those behind it at once, until there is room again. A pipe has room for a whole line where
 * poll() says so, a terminal perhaps for one byte: it is opened once more for each line, without blocking.
 * O_NONBLOCK for all was rejected: it would be set for all who share the descriptor. */
#include "base/log.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 1000
#define NAP_MS 10

static _Atomic int32_t lowest = WEIR_LOG_INFO;
static _Atomic uint32_t lost; /* lines, since one could be written */
static _Atomic bool broken;   /* the last one that was written ends in its middle */

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

/** What to write to: a terminal anew, which is for the caller to close. */
static int open_terminal(void)
{
    return isatty(STDERR_FILENO) ? open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC) : -1;
}

static bool is_writable(int fd, int64_t until)
{
    int64_t left;
    int n;

    do {
        left = until - clock_mono_ms();
        n = poll(&(struct pollfd){fd, POLLOUT, 0}, 1, left > 0 ? (int)left : 0);
    } while (n < 0 && errno == EINTR);
    return n != 0;
}

/** False: there was no room for all of it in time. */
static bool put(int fd, const char *line, size_t n, int64_t until)
{
    size_t done = 0;
    ssize_t w;

    while (done < n && is_writable(fd, until)) {
        w = write(fd, line + done, n - done);
        if (w > 0)
            done += (size_t)w;
        else if (w == 0 || errno != EAGAIN)
            return true; /* nowhere left to say so */
        else if (clock_mono_ms() >= until)
            break;
        else
            poll(NULL, 0, NAP_MS); /* a newline takes a terminal two bytes */
    }
    if (done > 0)
        atomic_store(&broken, done < n);
    return done == n;
}

static bool put_lost(int fd, uint32_t lines, int64_t until)
{
    char line[256] = "\n";
    size_t n = atomic_load(&broken) ? 1 : 0;

    n += add_head(line + n, sizeof line - n, (struct log_place){NULL, NULL}, WEIR_LOG_WARN);
    n += clamp(snprintf(line + n, sizeof line - n, "nobody read the log, lines are lost: lines=%u\n",
                        (unsigned)lines),
               sizeof line - n);
    return put(fd, line, n, until);
}

static bool put_line(int fd, const char *line, size_t n)
{
    int64_t until = clock_mono_ms() + (atomic_load(&lost) ? 0 : PATIENCE_MS);
    uint32_t missing;

    if (!is_writable(fd, until))
        return false;
    missing = atomic_exchange(&lost, 0);
    if (missing && !put_lost(fd, missing, until)) {
        atomic_fetch_add(&lost, missing);
        return false;
    }
    return put(fd, line, n, until);
}

void log_vat(struct log_place place, int32_t level, const char *fmt, va_list ap)
{
    char line[2048];
    int terminal;
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
    terminal = open_terminal();
    if (!put_line(terminal < 0 ? STDERR_FILENO : terminal, line, n))
        atomic_fetch_add(&lost, 1);
    if (terminal >= 0)
        close(terminal);
}

void log_at(struct log_place place, int32_t level, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    log_vat(place, level, fmt, ap);
    va_end(ap);
}
