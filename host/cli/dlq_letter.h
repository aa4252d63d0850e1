/* dlq_letter.h: what a record of a dead letter queue says of itself.
 *
 * Where the original stands and why it failed is told by Kafka Connect's headers, __connect.errors.…; the
 * sink appends them, so the last of a name counts. The masked content and the time of the failure are in the
 * value:
 * {"user_id": …, "error_type": "…", "message_content": {…}, "timestamp": 1729894075}. */
#ifndef WEIR_CLI_DLQ_LETTER_H
#define WEIR_CLI_DLQ_LETTER_H

#include "base/buf.h"
#include "chain/io.h"

#define REPLAY_COUNT_HEADER "weir.replay.count"
#define REPLAY_TIMESTAMP_HEADER "weir.replay.timestamp"
#define REPLAY_LETTER_HEADER "weir.replay.letter"

struct letter {
    struct weir_str topic; /* of the original; absent: the letter does not tell where that is */
    int32_t partition;
    int64_t offset;
    struct weir_str stage, reason; /* absent: not told */
    struct weir_str content;       /* raw JSON that came through the chain's masker; absent: none */
    struct weir_str omitted;       /* what it had to leave out: "size" */
    bool has_time;
    int64_t time_ms; /* when it failed; where the value does not tell, the record's own timestamp */
    int64_t replays; /* how often the original had been replayed when it failed */
};

/** False: this is no dead letter. Borrows from the record, and from room, which it resets. */
bool letter_read(const struct record *record, struct buf *room, struct letter *letter);

/** The last header of that name, if it holds a whole number from 0 on; else absent. */
int64_t letter_number(const struct record *record, const char *name, int64_t absent);

#endif
