/* consumer.h: the member of a group as librdkafka has it, and what lives and dies with it.
 *
 * A client that is finished can be closed, and another opened in its place. The table of partitions stays, so
 * that tickets from before are told from new ones.
 *
 * Thread: the task's.
 */
#ifndef WEIR_KAFKA_CONSUMER_H
#define WEIR_KAFKA_CONSUMER_H

#include "kafka/awake.h"
#include "kafka/client.h"
#include "kafka/commits.h"
#include "kafka/positions.h"

struct consumer {
    const char *topic;
    struct client client;
    rd_kafka_topic_t *handle; /* to ask about the topic */
    struct partitions partitions;
    struct positions positions;
    struct commits commits;
    struct awake *awake;
    bool paused;
};

/** Opens the client; joins nothing yet. topic, client.chain, client.owner and client.wake_fd are the caller's
 * to set before. False: diag says why. */
bool consumer_open(struct consumer *c, const struct settings *settings,
                   const struct client_callbacks *callbacks, struct diag *diag);

/** Leaves the group and closes; its callbacks may still run. No message of it may be left. */
void consumer_close(struct consumer *c);

/** After consumer_close(). */
void consumer_fini(struct consumer *c);

/** Joins the group. */
rd_kafka_resp_err_t consumer_subscribe(struct consumer *c);

/** In the rebalance callback: gives partitions to librdkafka to read, or takes them from it. */
void consumer_assign(struct consumer *c, rd_kafka_topic_partition_list_t *list);
void consumer_unassign(struct consumer *c, rd_kafka_topic_partition_list_t *list);

/** There: takes none of what the group gives. Not by consumer_unassign(): librdkafka would go on to wait for
 * an assignment, and take no new subscription meanwhile. */
void consumer_assign_none(struct consumer *c);

/** Pauses or resumes all that are assigned. */
void consumer_pause(struct consumer *c, bool paused);

/** New ones are as the others. */
void consumer_pause_all(struct consumer *c);

/** Records behind what is safe, of all partitions; -1: not known yet. */
int64_t consumer_lag(const struct consumer *c);

#endif
