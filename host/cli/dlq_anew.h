/* dlq_anew.h: an original as it goes to its topic anew: key, value and headers as they were, then what marks
 * it as replayed:
 *
 *     weir.replay.count      how often, this time included
 *     weir.replay.timestamp  the timestamp of the very first original, Unix milliseconds
 *     weir.replay.letter     the dead letter that it was replayed for: topic/partition/offset */
#ifndef WEIR_CLI_DLQ_ANEW_H
#define WEIR_CLI_DLQ_ANEW_H

#include "cli/dlq_letter.h"

struct anew {
    struct record record;        /* what to send */
    struct weir_header *headers; /* its headers; grown as needed */
    size_t room;
    char count[24], timestamp[24];
};

void anew_fini(struct anew *a);

/** letter: coordinates of the dead letter, as text. now: with the time of sending, else with that of the
 * first original. Borrows from all of them. Errors: false: no memory. */
bool anew_make(struct anew *a, const struct record *original, struct weir_str letter, bool now);

#endif
