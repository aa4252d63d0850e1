/* dlq_time.h: points in time as a person writes and reads them: always UTC. */
#ifndef WEIR_CLI_DLQ_TIME_H
#define WEIR_CLI_DLQ_TIME_H

#include "base/buf.h"

/** Adds "2024-10-25 22:07:55"; milliseconds where it cannot be shown so. */
void dlq_time_add(struct buf *out, int64_t ms);

/** Adds "2024-10-25T22:07:55Z", or the same milliseconds in quotes: a JSON string. */
void dlq_time_add_json(struct buf *out, int64_t ms);

/** Reads "2024-10-25", "2024-10-25T22:07", "2024-10-25T22:07:55", with or without a Z, a blank for the T; or
 * a duration such as 2h, which is so long before now. False: it is none of these. */
bool dlq_time_read(const char *text, int64_t now_ms, int64_t *ms);

#endif
