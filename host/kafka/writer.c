/* writer.c: see writer.h. */
#include "kafka/writer.h"

#include <stdlib.h>

#include "kafka/client.h"
#include "kafka/errors.h"

struct writer {
    struct client client;
    struct settings settings;
    rd_kafka_topic_t *topic;
    char *name; /* of the topic */
    struct writer_counts counts;
    struct buf refusal;
};

static void refused(struct writer *w, rd_kafka_resp_err_t err)
{
    w->counts.refused++;
    errors_send_phrase(&w->refusal, err, str_of(w->name));
}

static void on_delivered(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    struct writer *w = ((struct client *)opaque)->owner;

    (void)rk;
    if (message->err)
        refused(w, message->err);
    else
        w->counts.acknowledged++;
}

struct writer *writer_new(const char *name, const struct config_keys *kafka, const char *topic,
                          struct diag *diag)
{
    static const struct client_callbacks callbacks = {.delivered = on_delivered};
    struct writer *w = calloc(1, sizeof *w);
    struct weir_topic about = {.name = str_of(topic), .stage = name};

    if (!w || !(w->name = str_dup(str_of(topic)))) {
        diag_error(diag, (struct place){NULL, 0}, "no memory");
        goto failed;
    }
    buf_init(&w->refusal, 4096);
    settings_for_tool(&w->settings, name, kafka);
    w->client.owner = w;
    w->client.wake_fd = -1;
    if (client_open(&w->client, CLIENT_PRODUCER, &w->settings, &callbacks, diag))
        w->topic = client_topic(&w->client, &about, diag);
    if (w->topic)
        return w;
failed:
    writer_destroy(w);
    return NULL;
}

void writer_destroy(struct writer *w)
{
    if (!w)
        return;
    if (w->client.rk)
        rd_kafka_purge(w->client.rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    if (w->topic)
        rd_kafka_topic_destroy(w->topic);
    client_close(&w->client);
    buf_fini(&w->refusal);
    free(w->name);
    free(w);
}

static rd_kafka_headers_t *make_headers(const struct record *record)
{
    rd_kafka_headers_t *headers;
    size_t i;

    if (!record->n_headers)
        return NULL;
    headers = rd_kafka_headers_new(record->n_headers);
    for (i = 0; i < record->n_headers; i++)
        rd_kafka_header_add(headers, record->headers[i].name.ptr, (ssize_t)record->headers[i].name.len,
                            record->headers[i].value.ptr, (ssize_t)record->headers[i].value.len);
    return headers;
}

bool writer_send(struct writer *w, const struct record *record)
{
    rd_kafka_headers_t *headers = make_headers(record);
    void *key = (void *)(uintptr_t)record->key.ptr, *value = (void *)(uintptr_t)record->value.ptr;
    rd_kafka_resp_err_t err;

    err = rd_kafka_producev(w->client.rk, RD_KAFKA_V_RKT(w->topic), RD_KAFKA_V_PARTITION(record->partition),
                            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                            RD_KAFKA_V_VALUE(value, record->value.len), RD_KAFKA_V_KEY(key, record->key.len),
                            RD_KAFKA_V_TIMESTAMP(record->has_timestamp ? record->timestamp_ms : 0),
                            RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
    if (err && headers)
        rd_kafka_headers_destroy(headers);
    if (err == RD_KAFKA_RESP_ERR__QUEUE_FULL)
        return false;
    w->counts.sent++;
    if (err)
        refused(w, err);
    return true;
}

void writer_poll(struct writer *w, int timeout_ms)
{
    rd_kafka_poll(w->client.rk, timeout_ms);
}

bool writer_flush(struct writer *w, int timeout_ms)
{
    return !rd_kafka_flush(w->client.rk, timeout_ms);
}

struct writer_counts writer_counts(const struct writer *w)
{
    return w->counts;
}

const char *writer_refusal(const struct writer *w)
{
    return w->refusal.len ? w->refusal.ptr : NULL;
}
