/* dlq_time.c: see dlq_time.h. */
#include "cli/dlq_time.h"

#include "cli/args.h"

#include <time.h>

static bool add(struct buf *out, int64_t ms, const char *format)
{
    time_t s = (time_t)(ms / 1000 - (ms % 1000 < 0));
    struct tm tm;
    char text[64];

    if (!gmtime_r(&s, &tm) || tm.tm_year < 0 || tm.tm_year >= 8100 ||
        !strftime(text, sizeof text, format, &tm))
        return false;
    buf_add_text(out, text);
    return true;
}

void dlq_time_add(struct buf *out, int64_t ms)
{
    if (!add(out, ms, "%Y-%m-%d %H:%M:%S"))
        buf_add_fmt(out, "%lld ms", (long long)ms);
}

void dlq_time_add_json(struct buf *out, int64_t ms)
{
    if (!add(out, ms, "\"%Y-%m-%dT%H:%M:%SZ\""))
        buf_add_fmt(out, "\"%lld ms\"", (long long)ms);
}

/* strptime() takes the 31st of any month; timegm() makes the 1st of the next out of it. */
static bool is_real(const struct tm *read)
{
    struct tm real = *read;

    timegm(&real);
    return real.tm_mday == read->tm_mday && real.tm_sec == read->tm_sec;
}

bool dlq_time_read(const char *text, int64_t now_ms, int64_t *ms)
{
    static const char *const formats[] = {"%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S",
                                          "%Y-%m-%d %H:%M:%S"};
    int64_t ago;

    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        struct tm tm = {0};
        const char *rest = strptime(text, formats[i], &tm);

        if (!rest || strcmp(rest + (*rest == 'Z'), "") != 0 || !is_real(&tm))
            continue;
        *ms = (int64_t)timegm(&tm) * 1000;
        return true;
    }
    if (!args_duration(&ago, text))
        return false;
    *ms = now_ms - ago;
    return true;
}
