/* own_headers.h: the headers by which an error record tells what became of its record.
 *
 * Sinks and the host write them, `weir dlq` believes them: of a source record's own headers none of these
 * names may reach an error record (own_headers_has), or its producer would say what is replayed. The headers
 * of a replay, weir.replay.…, are not among them: they belong to the record, and go with it everywhere. */
#ifndef WEIR_CHAIN_OWN_HEADERS_H
#define WEIR_CHAIN_OWN_HEADERS_H

#include "base/str.h"

#define CONNECT_PREFIX "__connect.errors." /* Kafka Connect's, a family */
#define OMITTED_HEADER "weir.omitted"
#define TIMESTAMP_HEADER "weir.timestamp"

static inline bool own_headers_has(struct weir_str name)
{
    return str_starts(name, STR(CONNECT_PREFIX)) || str_is(name, OMITTED_HEADER) ||
           str_is(name, TIMESTAMP_HEADER);
}

#endif
