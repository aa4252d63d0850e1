/* client.c: see client.h.
 *
 * librdkafka logs every failed connection of every broker; a person wants to hear once that brokers are away.
 * So those lines go to debug, and the first error callback says it in our words. */
#include "kafka/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "config/diag.h"
#include "kafka/errors.h"

static const char *role(const struct client *client)
{
    return client->kind == CLIENT_CONSUMER ? "consumer" : "producer";
}

static struct log_place place_of(const struct client *client)
{
    return (struct log_place){client->chain, NULL};
}

/** librdkafka tells of it nowhere else. No partition is ever taken from a topic: this one was deleted. */
static bool tells_of_fewer(const char *facility, const char *text)
{
    const char *from = strcmp(facility, "PARTCNT") == 0 ? strstr(text, "count changed from ") : NULL;
    const char *to = from ? strstr(from, " to ") : NULL;

    return to &&
           strtol(to + strlen(" to "), NULL, 10) < strtol(from + strlen("count changed from "), NULL, 10);
}

/** Called by any of librdkafka's threads. */
static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    const struct client *client = rd_kafka_opaque(rk);
    int32_t ours = level <= 4 ? WEIR_LOG_WARN : level <= 6 ? WEIR_LOG_INFO : WEIR_LOG_DEBUG;

    if (!client || strcmp(facility, "CONFWARN") == 0)
        return;
    if (tells_of_fewer(facility, text))
        log_at(place_of(client), WEIR_LOG_ERROR,
               "a topic was deleted while it was in use, or made anew with fewer partitions: stop weir, see "
               "that the topic is what it should be, start weir again");
    if (level > client->log_level && level <= LOG_NOTICE)
        return;
    if (strcmp(facility, "FAIL") == 0 || strcmp(facility, "ERROR") == 0 || strcmp(facility, "FATAL") == 0 ||
        strcmp(facility, "CERTVERIFY") == 0)
        ours = WEIR_LOG_DEBUG; /* on_error says it */
    if (strcmp(facility, "GETPID") == 0)
        ours = WEIR_LOG_DEBUG; /* a broker that has just come up; librdkafka tries again */
    log_at(place_of(client), ours, "librdkafka: client=%s facility=%s %s", role(client), facility, text);
}

/** Called by librdkafka's threads. 1: the certificate is good; what OpenSSL found stays as it is. */
static int on_certificate(rd_kafka_t *rk, const char *broker, int32_t id, int *verdict, int depth,
                          const char *certificate, size_t size, char *text, size_t text_size, void *opaque)
{
    struct client *client = opaque;

    (void)rk, (void)broker, (void)id, (void)depth, (void)certificate, (void)size;
    if (!*verdict)
        return 1;
    snprintf(text, text_size, "%s", trouble_certificate(&client->trouble, *verdict));
    return 0;
}

static void on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
    struct client *client = opaque;
    char text[512];

    if (err == RD_KAFKA_RESP_ERR__FATAL) {
        rd_kafka_fatal_error(rk, text, sizeof text);
        if (!client->fatal)
            client->fatal = str_dup(str_of(text));
        return;
    }
    if (err == RD_KAFKA_RESP_ERR__AUTHENTICATION || err == RD_KAFKA_RESP_ERR__SSL) {
        log_at(place_of(client), client->away ? WEIR_LOG_DEBUG : WEIR_LOG_ERROR,
               "brokers refuse the connection, waiting (see sasl.* and ssl.* under [kafka]): client=%s "
               "hint=\"%s\" error=\"%s\"",
               role(client), trouble_hint(&client->trouble, err, reason), reason);
        client->away = true;
    } else if (err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && !client->away) {
        log_at(place_of(client), WEIR_LOG_WARN,
               "no broker can be reached, waiting: client=%s error=\"%s\" last=\"%s\"", role(client), reason,
               client->trouble.connection);
        client->away = true;
    } else {
        trouble_note(&client->trouble, reason);
        log_at(place_of(client), WEIR_LOG_DEBUG, "librdkafka: client=%s error=\"%s\"", role(client), reason);
    }
}

void client_well(struct client *client)
{
    if (!client->away)
        return;
    client->away = false;
    log_at(place_of(client), WEIR_LOG_INFO, "brokers are back: client=%s", role(client));
}

static void wake_by(struct client *client, rd_kafka_queue_t *queue)
{
    static const uint64_t one = 1;

    if (queue && client->wake_fd >= 0)
        rd_kafka_queue_io_event_enable(queue, client->wake_fd, &one, sizeof one);
    if (queue)
        rd_kafka_queue_destroy(queue);
}

/** A log_level below its notices would keep from us what tells_of_fewer() looks for. */
static int keep_notices(rd_kafka_conf_t *conf)
{
    char text[16] = "";
    size_t size = sizeof text;
    int64_t level;

    if (rd_kafka_conf_get(conf, "log_level", text, &size) || !str_to_int(str_of(text), &level) ||
        level >= LOG_NOTICE)
        return LOG_NOTICE;
    rd_kafka_conf_set(conf, "log_level", "5", NULL, 0);
    return (int)level;
}

static rd_kafka_conf_t *make_conf(struct client *client, const struct settings *settings,
                                  const struct client_callbacks *callbacks, struct diag *diag)
{
    rd_kafka_conf_t *conf = properties_new(client->kind, settings, diag);

    if (!conf)
        return NULL;
    client->sticky_ms = client->kind == CLIENT_PRODUCER ? placement_take_over(conf) : 0;
    client->log_level = keep_notices(conf);
    rd_kafka_conf_set_opaque(conf, client);
    rd_kafka_conf_set_log_cb(conf, on_log);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_ssl_cert_verify_cb(conf, on_certificate); /* without TLS: says no */
    if (client->tells_end)
        rd_kafka_conf_set(conf, "enable.partition.eof", "true", NULL, 0);
    if (client->uncommitted)
        rd_kafka_conf_set(conf, "isolation.level", "read_uncommitted", NULL, 0);
    if (callbacks->rebalance)
        rd_kafka_conf_set_rebalance_cb(conf, callbacks->rebalance);
    if (callbacks->committed)
        rd_kafka_conf_set_offset_commit_cb(conf, callbacks->committed);
    if (callbacks->delivered)
        rd_kafka_conf_set_dr_msg_cb(conf, callbacks->delivered);
    return conf;
}

bool client_open(struct client *client, enum client_kind kind, const struct settings *settings,
                 const struct client_callbacks *callbacks, struct diag *diag)
{
    bool consumes = kind == CLIENT_CONSUMER;
    rd_kafka_conf_t *conf;
    char text[512];

    client->kind = kind;
    conf = make_conf(client, settings, callbacks, diag);
    if (!conf)
        return false;
    client->rk = rd_kafka_new(consumes ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER, conf, text, sizeof text);
    if (!client->rk) {
        rd_kafka_conf_destroy(conf);
        properties_refused(settings, kind, text, diag);
        return false;
    }
    if (consumes) {
        rd_kafka_poll_set_consumer(client->rk);
        wake_by(client, rd_kafka_queue_get_consumer(client->rk));
    } else {
        wake_by(client, rd_kafka_queue_get_main(client->rk));
    }
    return true;
}

void client_close(struct client *client)
{
    if (client->rk)
        rd_kafka_destroy(client->rk);
    client->rk = NULL;
    placement_free(client->placements);
    client->placements = NULL;
    free(client->fatal);
    client->fatal = NULL;
}

rd_kafka_topic_t *client_topic(struct client *client, const struct weir_topic *topic, struct diag *diag)
{
    rd_kafka_topic_conf_t *conf = properties_for_topic(client->rk, topic, diag);
    rd_kafka_topic_t *handle = NULL;
    char *name = str_dup(topic->name);

    if (conf && client->sticky_ms)
        client->placements = placement_add(conf, client->sticky_ms, client->placements);
    if (conf && name)
        handle = rd_kafka_topic_new(client->rk, name, conf);
    if (!handle && conf) { /* where that has failed, nobody knows whether conf is free already */
        const char *said = rd_kafka_err2str(rd_kafka_last_error());

        diag_error(diag, topic->n_settings ? topic->settings[0]->place : (struct place){NULL, 0},
                   "stage \"%s\": topic \"" STR_FMT "\": librdkafka says: %s", topic->stage,
                   STR_ARG(topic->name), name ? said : "no memory");
    }
    free(name);
    return handle;
}

rd_kafka_resp_err_t client_look(struct client *client, rd_kafka_topic_t *topic, int timeout_ms,
                                int32_t *partitions)
{
    const struct rd_kafka_metadata *about;
    rd_kafka_resp_err_t err = rd_kafka_metadata(client->rk, 0, topic, &about, timeout_ms);

    *partitions = 0;
    if (err)
        return err;
    client_well(client);
    if (about->topic_cnt == 1)
        err = about->topics[0].err;
    if (about->topic_cnt == 1 && !err)
        *partitions = about->topics[0].partition_cnt;
    rd_kafka_metadata_destroy(about);
    return err;
}
