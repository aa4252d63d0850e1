/* log.h: the log, one line an event on standard error.
 *
 * A line is the UTC time, the level, where it happened, then a fixed phrase followed by key=value:
 *
 *     2026-11-22T23:52:20.123Z warn  chain=user-login stage=age first record rejected: reason="too old"
 *
 * No line may hold a value of a record, a secret or anything personal: callers pass counts, names and
 * coordinates. Thread: any; a line is one write. It waits a second at most for who reads the log; lines that
 * are lost by that are counted in the log as soon as it is read again. */
#ifndef WEIR_BASE_LOG_H
#define WEIR_BASE_LOG_H

#include "base/str.h"

/** Lines below this level (WEIR_LOG_…) are not written. The default is WEIR_LOG_INFO. */
void log_set_level(int32_t level);
bool log_wants(int32_t level);

/** Where a line happened; both may be NULL. */
struct log_place {
    const char *chain, *stage;
};

void log_at(struct log_place place, int32_t level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void log_vat(struct log_place place, int32_t level, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));

#define log_debug(...) log_at((struct log_place){NULL, NULL}, WEIR_LOG_DEBUG, __VA_ARGS__)
#define log_info(...) log_at((struct log_place){NULL, NULL}, WEIR_LOG_INFO, __VA_ARGS__)
#define log_warn(...) log_at((struct log_place){NULL, NULL}, WEIR_LOG_WARN, __VA_ARGS__)
#define log_error(...) log_at((struct log_place){NULL, NULL}, WEIR_LOG_ERROR, __VA_ARGS__)

#endif
