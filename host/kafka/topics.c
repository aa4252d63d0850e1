/* topics.c: see topics.h. */
#include "kafka/topics.h"

#include "kafka/client.h"

static bool check_results(rd_kafka_event_t *event, struct buf *why)
{
    const rd_kafka_CreateTopics_result_t *result = rd_kafka_event_CreateTopics_result(event);
    size_t i, count, before = why->len;
    const rd_kafka_topic_result_t **results;

    if (!result || rd_kafka_event_error(event)) {
        buf_add_text(why, rd_kafka_event_error_string(event));
        return false;
    }
    results = rd_kafka_CreateTopics_result_topics(result, &count);
    for (i = 0; i < count; i++) {
        rd_kafka_resp_err_t err = rd_kafka_topic_result_error(results[i]);

        if (err && err != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
            buf_add_fmt(why, "%stopic %s: %s", why->len > before ? "; " : "",
                        rd_kafka_topic_result_name(results[i]), rd_kafka_err2str(err));
    }
    return why->len == before;
}

/** Asks for topics[0 … count), and waits. */
static bool ask(rd_kafka_t *rk, rd_kafka_NewTopic_t **topics, size_t count, int timeout_ms, struct buf *why)
{
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(rk, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_event_t *event;
    bool good = false;

    rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, NULL, 0);
    rd_kafka_CreateTopics(rk, topics, count, options, queue);
    event = rd_kafka_queue_poll(queue, timeout_ms + 1000);
    if (event)
        good = check_results(event, why);
    else
        buf_add_text(why, "brokers did not answer");
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_AdminOptions_destroy(options);
    return good;
}

bool topics_create(const struct config_keys *kafka, const char *const *names, size_t count, int partitions,
                   int replicas, int timeout_ms, struct buf *why)
{
    static const struct client_callbacks none = {NULL, NULL, NULL};
    struct client client = {.wake_fd = -1};
    struct settings settings;
    struct diag diag;
    bool good = false;
    size_t i;

    diag_init(&diag);
    settings_for_tool(&settings, "weir-topics", kafka);
    if (!client_open(&client, CLIENT_PRODUCER, &settings, &none, &diag))
        buf_add_text(why, diag.count ? diag.items[0].text : "no memory");
    for (i = 0; client.rk && i < count; i++) {
        rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(names[i], partitions, replicas, NULL, 0);

        if (!topic)
            buf_add_fmt(why, "topic %s: not a name or number of partitions that Kafka takes", names[i]);
        good = topic && ask(client.rk, &topic, 1, timeout_ms, why);
        if (topic)
            rd_kafka_NewTopic_destroy(topic);
        if (!good)
            break;
    }
    client_close(&client);
    diag_fini(&diag);
    return good || (count == 0 && !why->len);
}
