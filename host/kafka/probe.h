/* probe.h: finds out which of the records of a refused batch the brokers mean.
 *
 * Thread: the task's.
 */
#ifndef WEIR_KAFKA_PROBE_H
#define WEIR_KAFKA_PROBE_H

#include "kafka/lane.h"

enum suspect_verdict { SUSPECT_OPEN, SUSPECT_CLEARED, SUSPECT_GUILTY };

struct suspect {
    struct send *send;
    rd_kafka_resp_err_t err; /* of its batch; of itself, where it is guilty */
    enum suspect_verdict verdict;
};

struct suspects {
    struct suspect *items;
    size_t count, room;
};

void suspects_fini(struct suspects *s);
/** False: no memory. */
bool suspects_add(struct suspects *s, struct send *send, rd_kafka_resp_err_t err);
/** Of payload, all together. */
size_t suspects_bytes(const struct suspects *s);

/** Gives each a verdict, as far as there is time: until is in monotonic milliseconds. lane: a transactional
 * one that is closed, of single-record batches; it is closed again afterwards, and has its old owner. */
void probe_run(struct suspects *s, const struct settings *settings, struct weir_topic *const *topics,
               size_t n_topics, struct lane *lane, int64_t until);

#endif
