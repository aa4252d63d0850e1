/* client.h: one client of librdkafka: made from the settings, its log lines and troubles made ours.
 *
 * Thread: librdkafka's threads only write its log lines; everything else is for the thread that polls it.
 */
#ifndef WEIR_KAFKA_CLIENT_H
#define WEIR_KAFKA_CLIENT_H

#include "kafka/placement.h"
#include "kafka/properties.h"
#include "kafka/trouble.h"

struct client {
    rd_kafka_t *rk; /* NULL: not open */
    enum client_kind kind;
    const char *chain; /* for the log */
    void *owner;       /* for the callbacks of whoever opened it */
    int wake_fd;       /* an eventfd that is written when there is something to poll; -1: none */
    bool tells_end;    /* a consumer: an event says where a partition ends */
    bool uncommitted;  /* a consumer: it waits for the end of no transaction, also not with offsets */
    bool away;         /* it has been said that brokers cannot be reached */
    struct trouble trouble;
    int log_level;     /* as it is set for librdkafka, a syslog number */
    int64_t sticky_ms; /* of a producer: see placement.h */
    struct placement *placements;
    char *fatal; /* why this client is finished; NULL: it is not */
};

/** What a client needs beyond the settings; callbacks may be NULL. client.owner is in their opaque's `owner`:
 *  the opaque is the struct client. */
struct client_callbacks {
    void (*rebalance)(rd_kafka_t *, rd_kafka_resp_err_t, rd_kafka_topic_partition_list_t *, void *client);
    void (*committed)(rd_kafka_t *, rd_kafka_resp_err_t, rd_kafka_topic_partition_list_t *, void *client);
    void (*delivered)(rd_kafka_t *, const rd_kafka_message_t *, void *client);
};

/** Opens a client. client->chain, owner, wake_fd, tells_end and uncommitted are the caller's to set before.
 * False: diag says why. */
bool client_open(struct client *client, enum client_kind kind, const struct settings *settings,
                 const struct client_callbacks *callbacks, struct diag *diag);

/** Closes it; may take as long as librdkafka's threads need to end. Topic handles must be gone. */
void client_close(struct client *client);

/** A handle for a topic that a sink sends to. Owns: the caller. NULL: diag says why. */
rd_kafka_topic_t *client_topic(struct client *client, const struct weir_topic *topic, struct diag *diag);

/** Brokers answered: takes back, once, that they are away. */
void client_well(struct client *client);

/** Asks the brokers about one topic: exists, may be used, and how many partitions it has. Waits at most
 * timeout_ms. */
rd_kafka_resp_err_t client_look(struct client *client, rd_kafka_topic_t *topic, int timeout_ms,
                                int32_t *partitions);

#endif
