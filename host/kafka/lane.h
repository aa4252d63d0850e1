/* lane.h: one producer client and the sends that are on their way through it, in order.
 *
 * Thread: the task's.
 */
#ifndef WEIR_KAFKA_LANE_H
#define WEIR_KAFKA_LANE_H

#include "kafka/client.h"
#include "kafka/errors.h"

enum { LANE_MAIN, LANE_SOLO, LANES };

struct offer;

/** What the world keeps in weir_topic.io: the topic's handle in each lane. */
struct outlet {
    rd_kafka_topic_t *handle[LANES];
};

/** What became of a send, not yet settled. */
struct report {
    struct send *send;
    rd_kafka_resp_err_t err;
};

struct lane {
    int index; /* LANE_… */
    struct client client;
    struct send *head, *tail; /* everything unanswered, in order; linked by next and io */
    struct send *unsent;      /* from here on librdkafka does not have it */
    size_t count;
    uint64_t answered; /* how often the head moved on */
    bool failed;       /* the client is finished, and wants replacing */
    unsigned failures; /* in a row */
    int64_t reopen_at; /* monotonic milliseconds: not before */
    bool transactional;
    bool in_transaction;    /* one is open: only then anything goes out */
    bool spoilt;            /* it can only be aborted */
    struct offer *offer;    /* the offsets of the transaction are on their way to the brokers; NULL: not */
    size_t with_client;     /* sends that librdkafka has, and will report, or has reported unread */
    struct report *reports; /* in order; room for all that librdkafka has */
    size_t n_reports, reports_room;
    bool settling; /* they are gone through: what is sent now goes out behind them, many at a time */
    void *owner;
    /** What became of a send that has left the lane. It may add new ones. In a transactional lane each report
     * comes here; one with an error, while the lane is spoilt, says nothing about that send alone. */
    void (*left)(void *owner, struct lane *lane, struct send *send, rd_kafka_resp_err_t err);
};

/** Opens the client, and a handle for each topic. False: diag says why. */
bool lane_open(struct lane *lane, const struct settings *settings, struct weir_topic *const *topics,
               size_t n_topics, struct diag *diag);
/** Waits for an offer that is under way. What librdkafka has reported and nobody has seen is forgotten. */
void lane_close(struct lane *lane, struct weir_topic *const *topics, size_t n_topics);

/** Takes a send over. Calls nobody. */
void lane_send(struct lane *lane, struct send *send);

/** Serves reports and sends what waits. */
void lane_poll(struct lane *lane);

/** The same, and waits up to timeout_ms for all that librdkafka has, which it sends without linger. */
void lane_hurry(struct lane *lane, int timeout_ms);

/** Takes the first send out, librdkafka having forgotten it; NULL: there is none. */
struct send *lane_pop(struct lane *lane);

#endif
