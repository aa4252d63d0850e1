/* dlq_portion.h: a portion of dead letters whose originals are replayed together: fetched in the order in
 * which they stand in their topics, written anew, and waited for. */
#ifndef WEIR_CLI_DLQ_PORTION_H
#define WEIR_CLI_DLQ_PORTION_H

#include "cli/dlq_anew.h"
#include "cli/dlq_queue.h"
#include "kafka/fetch_one.h"
#include "kafka/resend.h"

#define PORTION_MAX 500 /* as many may be repeated where a run is killed */

/** What became of the letters that match. */
struct replay_counts {
    int64_t matching, replayed;
    int64_t before;         /* an earlier run has dealt with them */
    int64_t repeats;        /* of an original that another letter of this run has, too */
    int64_t retention;      /* originals that are gone by it */
    int64_t missing;        /* originals that do not exist for another reason */
    int64_t no_coordinates; /* nobody knows where the original is */
    int64_t refused;        /* by the brokers, for the record's own fault */
    int64_t given_up;       /* replayed too often */
};

struct portion {
    struct queue *queue;
    struct replay_counts *counts;
    struct lookup_patience patience;
    struct fetch_one fetch;
    struct resend *resend; /* NULL: a dry run */
    struct anew anew;
    int64_t max_replays;
    bool now;     /* the timestamp of what is sent */
    char *broken; /* why nothing can be sent */
    struct portion_item {
        const char *topic; /* of the original; equal names are equal pointers */
        int32_t partition;
        int64_t offset;
        int32_t letter_partition;
        int64_t letter_offset;
    } items[PORTION_MAX];
    size_t count;
};

/** Opens the clients; queue, counts, max_replays and now are set. DLQ_GO_ON, else the exit status, all being
 * said. portion_close() in any case. */
int portion_open(struct portion *p, bool dry_run);
void portion_close(struct portion *p);

/** Replays the items and empties the portion. DLQ_GO_ON: each has been acknowledged, or is counted and said
 * not to be; else the exit status. */
int portion_run(struct portion *p);

#endif
