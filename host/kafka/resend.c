/* resend.c: see resend.h. */
#include "kafka/resend.h"

#include <stdlib.h>

#include "kafka/client.h"
#include "kafka/errors.h"

#define UNDER_WAY_MAX ((size_t)32 << 20) /* bytes of payload; one record more may be larger */

struct resend {
    struct client client;
    struct settings settings;
    struct resend_events events;
    size_t count, bytes; /* under way */
    struct buf why;
};

static void tell(struct resend *r, size_t ticket, rd_kafka_resp_err_t err, const char *topic)
{
    const char *why = err ? errors_send_phrase(&r->why, err, str_of(topic)) : NULL;

    r->events.sent(r->events.self, ticket, errors_result(errors_fault(err)), why);
}

static void on_delivered(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    struct resend *r = ((struct client *)opaque)->owner;

    (void)rk;
    r->count--;
    r->bytes -= m->len + m->key_len;
    client_well(&r->client);
    tell(r, (size_t)(uintptr_t)m->_private, m->err, rd_kafka_topic_name(m->rkt));
}

struct resend *resend_new(const char *name, const struct config_keys *kafka,
                          const struct resend_events *events, struct diag *diag)
{
    static const struct client_callbacks callbacks = {.delivered = on_delivered};
    struct resend *r = calloc(1, sizeof *r);

    if (!r) {
        diag_error(diag, (struct place){NULL, 0}, "no memory");
        return NULL;
    }
    buf_init(&r->why, 4096);
    settings_for_tool(&r->settings, name, kafka);
    r->events = *events;
    r->client.owner = r;
    r->client.wake_fd = -1;
    if (client_open(&r->client, CLIENT_SOLO_PRODUCER, &r->settings, &callbacks, diag))
        return r;
    resend_destroy(r);
    return NULL;
}

void resend_destroy(struct resend *r)
{
    if (!r)
        return;
    if (r->client.rk)
        rd_kafka_purge(r->client.rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    client_close(&r->client);
    buf_fini(&r->why);
    free(r);
}

static rd_kafka_headers_t *make_headers(const struct record *record)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(record->n_headers);

    for (size_t i = 0; i < record->n_headers; i++)
        rd_kafka_header_add(headers, record->headers[i].name.ptr, (ssize_t)record->headers[i].name.len,
                            record->headers[i].value.ptr, (ssize_t)record->headers[i].value.len);
    return headers;
}

/** 0 is "now" to librdkafka: the first millisecond of 1970 becomes the second. */
static int64_t timestamp(const struct record *record)
{
    if (!record->has_timestamp)
        return 0;
    return record->timestamp_ms ? record->timestamp_ms : 1;
}

bool resend_send(struct resend *r, const char *topic, const struct record *record, size_t ticket)
{
    void *key = (void *)(uintptr_t)record->key.ptr, *value = (void *)(uintptr_t)record->value.ptr;
    rd_kafka_headers_t *headers;
    rd_kafka_resp_err_t err;

    if (r->bytes >= UNDER_WAY_MAX)
        return false;
    headers = make_headers(record);
    err = rd_kafka_producev(r->client.rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(record->partition),
                            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                            RD_KAFKA_V_VALUE(value, record->value.len), RD_KAFKA_V_KEY(key, record->key.len),
                            RD_KAFKA_V_TIMESTAMP(timestamp(record)), RD_KAFKA_V_HEADERS(headers),
                            RD_KAFKA_V_OPAQUE((void *)(uintptr_t)ticket), RD_KAFKA_V_END);
    if (err)
        rd_kafka_headers_destroy(headers);
    if (err == RD_KAFKA_RESP_ERR__QUEUE_FULL && r->count)
        return false;
    if (err) {
        tell(r, ticket, err, topic);
    } else {
        r->count++;
        r->bytes += record->value.len + record->key.len;
    }
    return true;
}

size_t resend_poll(struct resend *r, int timeout_ms)
{
    rd_kafka_poll(r->client.rk, timeout_ms);
    return r->count;
}

const char *resend_broken(const struct resend *r)
{
    return r->client.fatal;
}
