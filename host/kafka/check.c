/* check.c: see check.h.
 *
 * rd_kafka_new() finds what no single property shows: two of them that do not go together, a certificate that
 * cannot be read, a mechanism that this build lacks. It also starts to connect, so the brokers are taken out
 * first: the client then has nobody to talk to, and goes away within milliseconds. */
#include "kafka/check.h"

#include "config/diag.h"
#include "kafka/client.h"
#include "kafka/trouble.h"

/** One kind of client, while it is looked at. */
struct look {
    const struct settings *settings;
    enum client_kind kind;
    struct diag *diag;
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

static bool has_brokers(rd_kafka_conf_t *conf)
{
    char text[4];
    size_t size = sizeof text;

    return rd_kafka_conf_get(conf, "bootstrap.servers", text, &size) == RD_KAFKA_CONF_OK && size > 1;
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
    if (kind == CLIENT_CONSUMER && !has_brokers(conf))
        diag_error(look->diag, look->settings->place, "no brokers: set bootstrap.servers under [kafka]");
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
    struct look look = {settings, CLIENT_CONSUMER, diag};
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
