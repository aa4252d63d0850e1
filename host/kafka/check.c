/* check.c: see check.h.
 *
 * rd_kafka_new() finds what no single property shows: two of them that do not go together, a certificate that
 * cannot be read, a mechanism that this build lacks. It also starts to connect, so the brokers are taken out
 * first: the client then has nobody to talk to, and goes away within milliseconds. */
#include "kafka/check.h"

#include "config/diag.h"
#include "kafka/client.h"
#include "kafka/trouble.h"

#include <string.h>
#include <strings.h>

/** One kind of client, while it is looked at. */
struct look {
    const struct settings *settings;
    enum client_kind kind;
    struct diag *diag;
    bool no_brokers; /* that is said */
};

/** Only during rd_kafka_new(), on our thread: it logs there what it will ignore. */
static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    const struct look *look = rd_kafka_opaque(rk);

    (void)level;
    if (look && strcmp(facility, "CONFWARN") == 0)
        properties_ignored(look->settings, look->kind, text, look->diag);
}

static void check_topics(rd_kafka_t *rk, struct weir_topic *const *topics, size_t n_topics, struct diag *diag)
{
    struct client client = {.rk = rk};
    size_t i;

    for (i = 0; i < n_topics; i++) {
        rd_kafka_topic_t *topic = client_topic(&client, topics[i], diag);

        if (topic)
            rd_kafka_topic_destroy(topic);
    }
}

/* ---- what librdkafka takes, and what would not work */

static void get(rd_kafka_conf_t *conf, const char *name, char *text, size_t room)
{
    if (rd_kafka_conf_get(conf, name, text, &room) != RD_KAFKA_CONF_OK)
        *text = '\0';
}

static int64_t get_number(rd_kafka_conf_t *conf, const char *name)
{
    char text[32];
    int64_t n;

    get(conf, name, text, sizeof text);
    return str_to_int(str_of(text), &n) ? n : -1;
}

static struct place place_of(const struct look *look, const char *name)
{
    const struct settings *s = look->settings;

    return config_keys_place(look->kind == CLIENT_CONSUMER ? s->consumer : s->producer, name, s->place);
}

static void check_brokers(struct look *look, rd_kafka_conf_t *conf)
{
    char text[4096];

    get(conf, "bootstrap.servers", text, sizeof text);
    if (*text || look->no_brokers)
        return;
    look->no_brokers = true;
    if (look->kind == CLIENT_CONSUMER)
        diag_error(look->diag, look->settings->place, "no brokers: set bootstrap.servers under [kafka]");
    else
        diag_error(look->diag, look->settings->place,
                   "no brokers for the producer: set bootstrap.servers under [kafka], or "
                   "producer.bootstrap.servers");
}

static void check_login(struct look *look, rd_kafka_conf_t *conf)
{
    char protocol[64], mechanism[64], method[64], plain[16];

    get(conf, "security.protocol", protocol, sizeof protocol);
    get(conf, "sasl.mechanisms", mechanism, sizeof mechanism);
    get(conf, "sasl.oauthbearer.method", method, sizeof method);
    get(conf, "enable.sasl.oauthbearer.unsecure.jwt", plain, sizeof plain);
    if (strncmp(protocol, "sasl", 4) == 0 && strcmp(mechanism, "OAUTHBEARER") == 0 &&
        strcmp(method, "oidc") != 0 && strcmp(plain, "true") != 0)
        diag_error(look->diag, place_of(look, "sasl.mechanism"),
                   "OAUTHBEARER needs sasl.oauthbearer.method = oidc: weir has no tokens of its own");
}

/** Values may come from outside, so none is shown. */
static void check_numbers(struct look *look, rd_kafka_conf_t *conf)
{
    char protocol[32];

    get(conf, "group.protocol", protocol, sizeof protocol);
    if (look->kind == CLIENT_CONSUMER && strcasecmp(protocol, "consumer") != 0 &&
        config_keys_find(look->settings->consumer, "heartbeat.interval.ms") &&
        get_number(conf, "heartbeat.interval.ms") > get_number(conf, "session.timeout.ms"))
        diag_error(look->diag, place_of(look, "heartbeat.interval.ms"),
                   "heartbeat.interval.ms is above session.timeout.ms, which is 10000 where it is not "
                   "set: the group would take the partitions away again and again");
    if (look->kind != CLIENT_CONSUMER &&
        get_number(conf, "queue.buffering.max.kbytes") < get_number(conf, "message.max.bytes") / 1024)
        diag_error(look->diag, place_of(look, "queue.buffering.max.kbytes"),
                   "queue.buffering.max.kbytes must hold a record of message.max.bytes: a larger one would "
                   "never be sent");
}

/** Returns the client, NULL where librdkafka refuses it, or refused a property before. */
static rd_kafka_t *make(struct look *look, enum client_kind kind)
{
    rd_kafka_conf_t *conf = properties_new(kind, look->settings, look->diag);
    rd_kafka_t *rk;
    char text[512];

    look->kind = kind;
    if (!conf)
        return NULL;
    check_brokers(look, conf);
    check_login(look, conf);
    check_numbers(look, conf);
    rd_kafka_conf_set(conf, "bootstrap.servers", NULL, NULL, 0);
    rd_kafka_conf_set(conf, "sasl.kerberos.min.time.before.relogin", "0", NULL, 0); /* runs no kinit */
    rd_kafka_conf_set_opaque(conf, look);
    rd_kafka_conf_set_log_cb(conf, on_log);
    rk = rd_kafka_new(kind == CLIENT_CONSUMER ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER, conf, text,
                      sizeof text);
    if (!rk) {
        rd_kafka_conf_destroy(conf);
        properties_refused(look->settings, kind, text, look->diag);
    }
    return rk;
}

/** What works with some brokers only is no error: nobody has asked them yet. */
static void check_scram(const struct config_keys *keys, struct diag *diag)
{
    size_t i;

    for (i = 0; i < keys->count; i++) {
        const struct config_key *key = &keys->items[i];

        if ((str_is(key->name, "sasl.mechanism") || str_is(key->name, "sasl.mechanisms")) &&
            str_starts(key->value, STR("SCRAM-")))
            diag_warning(
                diag, key->place,
                "%s: by SCRAM, librdkafka before 2.6.1 can log in to Kafka 3 only, not to 4.0 or later, "
                "and this is %s: for those use PLAIN over TLS, mutual TLS, or a newer librdkafka",
                key->name.ptr, rd_kafka_version_str());
    }
}

bool client_check(const struct settings *settings, struct weir_topic *const *topics, size_t n_topics,
                  struct diag *diag)
{
    struct look look = {settings, CLIENT_CONSUMER, diag, false};
    size_t before = diag->errors;
    rd_kafka_t *rk = make(&look, CLIENT_CONSUMER);

    if (trouble_scram(rd_kafka_version())) {
        check_scram(settings->consumer, diag);
        check_scram(settings->producer, diag);
    }
    if (rk)
        rd_kafka_destroy_flags(rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    rk = make(&look, CLIENT_PRODUCER);
    if (rk) {
        check_topics(rk, topics, n_topics, diag);
        rd_kafka_destroy(rk);
    }
    return diag->errors == before;
}
