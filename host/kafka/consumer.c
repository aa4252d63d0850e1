/* consumer.c: see consumer.h. */
#include "kafka/consumer.h"

#include "base/clock.h"
#include "base/log.h"
#include "kafka/properties.h"

#define CLOSE_MS 8000 /* a request to leave the group has 5 s */
#define CLOSE_LOOK_MS 50

static struct log_place place(const struct consumer *c)
{
    return (struct log_place){c->client.chain, NULL};
}

/* ---- open and closed */

bool consumer_open(struct consumer *c, const struct settings *settings,
                   const struct client_callbacks *callbacks, struct diag *diag)
{
    if (!client_open(&c->client, CLIENT_CONSUMER, settings, callbacks, diag))
        return false;
    c->handle = rd_kafka_topic_new(c->client.rk, c->topic, NULL);
    c->positions = (struct positions){c->client.rk, c->topic, &c->partitions, place(c)};
    c->commits.rk = c->client.rk;
    c->commits.topic = c->topic;
    c->commits.partitions = &c->partitions;
    c->commits.place = place(c);
    c->commits.pending = false;
    c->awake = awake_new(c->client.rk, c->topic, (size_t)properties_prefetch(settings));
    c->paused = false;
    return c->handle != NULL;
}

/* rd_kafka_consumer_close() waits without end, and has been seen to do so (2.0.2): when its coordinator goes
 * away at that moment, and when its topic was deleted. */
static bool leave(rd_kafka_t *rk)
{
    int64_t until = clock_mono_ms() + CLOSE_MS;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_error_t *error = rd_kafka_consumer_close_queue(rk, queue);
    rd_kafka_message_t *message;
    bool closed = error != NULL; /* a client that is fatal: to destroy it is all there is to do */

    while (!closed && clock_mono_ms() < until) {
        message = rd_kafka_consume_queue(queue, CLOSE_LOOK_MS); /* and calls what is to be called */
        if (message)
            rd_kafka_message_destroy(message);
        closed = rd_kafka_consumer_closed(rk);
    }
    if (error)
        rd_kafka_error_destroy(error);
    rd_kafka_queue_destroy(queue);
    return closed;
}

/* One that does not close is left as it is: to destroy it would wait as long. Its process is about to end. */
static void abandon(struct consumer *c)
{
    log_at(
        place(c), WEIR_LOG_WARN,
        "the consumer does not close, leaving it: the group gives its partitions to others after a session");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    rd_kafka_set_logger(c->client.rk, NULL); /* the only way to silence a client that lives on without us */
#pragma GCC diagnostic pop
    c->handle = NULL;
    c->client.rk = NULL;
}

void consumer_close(struct consumer *c)
{
    awake_destroy(c->awake);
    c->awake = NULL;
    commits_settle(&c->commits, false);
    if (c->client.rk && !leave(c->client.rk))
        abandon(c);
    if (c->handle)
        rd_kafka_topic_destroy(c->handle);
    c->handle = NULL;
    client_close(&c->client);
}

void consumer_fini(struct consumer *c)
{
    partitions_fini(&c->partitions);
}

/* ---- the group */

rd_kafka_resp_err_t consumer_subscribe(struct consumer *c)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_resp_err_t err;

    rd_kafka_topic_partition_list_add(list, c->topic, RD_KAFKA_PARTITION_UA);
    err = rd_kafka_subscribe(c->client.rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    return err;
}

static void tell_awake(struct consumer *c)
{
    rd_kafka_topic_partition_list_t *all = partitions_list(&c->partitions, c->topic);

    awake_assigned(c->awake, all);
    rd_kafka_topic_partition_list_destroy(all);
}

static void add(struct consumer *c, rd_kafka_topic_partition_list_t *list)
{
    if (positions_cooperative(c->client.rk))
        rd_kafka_error_destroy(rd_kafka_incremental_assign(c->client.rk, list));
    else
        rd_kafka_assign(c->client.rk, list);
}

void consumer_assign_none(struct consumer *c)
{
    rd_kafka_topic_partition_list_t *none = rd_kafka_topic_partition_list_new(0);

    add(c, none);
    rd_kafka_topic_partition_list_destroy(none);
}

void consumer_assign(struct consumer *c, rd_kafka_topic_partition_list_t *list)
{
    add(c, list);
    consumer_pause_all(c);
    client_well(&c->client);
    tell_awake(c);
}

void consumer_unassign(struct consumer *c, rd_kafka_topic_partition_list_t *list)
{
    if (positions_cooperative(c->client.rk))
        rd_kafka_error_destroy(rd_kafka_incremental_unassign(c->client.rk, list));
    else
        rd_kafka_assign(c->client.rk, NULL);
    tell_awake(c);
}

/* ---- pauses */

void consumer_pause(struct consumer *c, bool paused)
{
    rd_kafka_topic_partition_list_t *all = partitions_list(&c->partitions, c->topic);

    if (paused)
        rd_kafka_pause_partitions(c->client.rk, all);
    else
        rd_kafka_resume_partitions(c->client.rk, all);
    rd_kafka_topic_partition_list_destroy(all);
    log_at(place(c), WEIR_LOG_DEBUG, "partitions %s", paused ? "paused" : "resumed");
    c->paused = paused;
}

void consumer_pause_all(struct consumer *c)
{
    if (c->paused)
        consumer_pause(c, true);
}

/* ---- figures */

int64_t consumer_lag(const struct consumer *c)
{
    int64_t sum = 0;
    size_t i;

    for (i = 0; i < c->partitions.count; i++) {
        const struct partition *part = &c->partitions.items[i];
        int64_t low, high;

        if (!part->assigned)
            continue;
        if (rd_kafka_get_watermark_offsets(c->client.rk, c->topic, (int32_t)i, &low, &high) || high < 0)
            return -1;
        sum += high > part->mark.safe ? high - part->mark.safe : 0;
    }
    return sum;
}
