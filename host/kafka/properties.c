/* properties.c: see properties.h.
 *
 * librdkafka says itself what it does not know or take, so there is no list of its properties here: only what
 * weir prefers and what it must have. A property under [kafka] that fits only the
 * other kind of client is taken and ignored by librdkafka, which is what a shared section wants. */
#include "kafka/properties.h"

#include <stdio.h>
#include <strings.h>

#include "base/buf.h"
#include "config/diag.h"
#include "config/property.h"

#define PIECE 8                      /* bytes of a value, of which no text may hold so many in a row */
#define EAGER_ONLY_BEFORE 0x020601ff /* cooperative assignors lose records or hang below */
#define KIP_848_FROM 0x020c00ff      /* group.protocol = consumer is finished */

struct property {
    const char *name, *value;
};

/* What weir prefers; the user may set it otherwise. Not every library knows them all. */
static const struct property consumer_defaults[] = {
    {"queued.min.messages", "10000000"},  /* out of the way: prefetch is bounded by bytes */
    {"fetch.queue.backoff.ms", "20"},     /* from 2.2.0; before it, see awake.h */
    {"reconnect.backoff.max.ms", "1000"}, /* a restarted broker is found again within a session */
    {"socket.keepalive.enable", "true"},  {"socket.nagle.disable", "true"},
    {"enable.metrics.push", "false"},     {NULL, NULL},
};
/* In the consumer protocol of KIP-848 these are the brokers' business, and refused. */
static const struct property classic_defaults[] = {
    {"session.timeout.ms", "10000"},
    {"partition.assignment.strategy", "range"},
    {NULL, NULL},
};
static const struct property producer_defaults[] = {
    {"linger.ms", "10"},
    {"compression.type", "lz4"},
    {"partitioner", "murmur2_random"}, /* keyed records where the Java clients put them */
    {"queue.buffering.max.messages", "1000000"},
    {"socket.keepalive.enable", "true"},
    {"reconnect.backoff.max.ms", "1000"},
    {"socket.nagle.disable", "true"},
    {"enable.metrics.push", "false"},
    {NULL, NULL},
};

/* What no user may set otherwise: config/property.c refuses these. */
static const struct property consumer_musts[] = {
    {"enable.auto.commit", "false"},   {"enable.auto.offset.store", "false"}, {"auto.offset.reset", "error"},
    {"enable.partition.eof", "false"}, {"isolation.level", "read_committed"}, {NULL, NULL},
};
static const struct property producer_musts[] = {
    {"enable.idempotence", "true"},
    {"acks", "all"},
    {"message.timeout.ms", "0"},
    {NULL, NULL},
};
static const struct property solo_musts[] = {
    {"batch.num.messages", "1"},
    {"linger.ms", "0"},
    {NULL, NULL},
};

const char *properties_library_fault(int version)
{
    if (version < 0x020002ff)
        return "weir needs librdkafka 2.0.2 or later";
    if (version >= 0x02010000 && version < 0x02030000)
        return "librdkafka 2.1 and 2.2 lose commits and hang in group rebalances: take another version";
    return NULL;
}

int64_t properties_prefetch(const struct settings *settings)
{
    const int64_t mib = 1 << 20;
    int64_t bytes = settings->memory / 4;

    return bytes < mib ? mib : bytes > 4 * mib ? 4 * mib : bytes;
}

/* ---- setting one property */

/** Those that a library does not know or was not built with do not matter. */
static void set_all(rd_kafka_conf_t *conf, const struct property *list)
{
    for (; list->name; list++)
        rd_kafka_conf_set(conf, list->name, list->value, NULL, 0);
}

static void must_set(rd_kafka_conf_t *conf, const char *name, const char *value,
                     const struct settings *settings, struct diag *diag)
{
    char why[512];

    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) != RD_KAFKA_CONF_OK)
        diag_error(diag, settings->place, "librdkafka says: %s", why);
}

/* ---- the user's */

static bool assignor_is_safe(const struct config_key *key, struct diag *diag)
{
    if (!str_is(key->name, "partition.assignment.strategy") || rd_kafka_version() >= EAGER_ONLY_BEFORE)
        return true;
    if (!strstr(key->value.ptr, "cooperative"))
        return true;
    diag_error(diag, key->place,
               "partition.assignment.strategy: cooperative assignors are not safe before "
               "librdkafka 2.6.1, and this is %s",
               rd_kafka_version_str());
    return false;
}

static bool is_consumer_protocol(const struct config_key *key)
{
    return str_is(key->name, "group.protocol") && !key->broken && strcasecmp(key->value.ptr, "consumer") == 0;
}

static bool protocol_is_finished(const struct config_key *key, struct diag *diag)
{
    if (!is_consumer_protocol(key) || rd_kafka_version() >= KIP_848_FROM)
        return true;
    diag_error(diag, key->place,
               "group.protocol: the consumer protocol is not finished before librdkafka 2.12, and this is %s",
               rd_kafka_version_str());
    return false;
}

static bool is_quiet(const struct config_key *key)
{
    return key->hidden || property_is_secret(key->name);
}

/** Reports a refusal. What librdkafka says of a value quotes it whole, in part, or as the number that it took
 * it for: so where the value must not be shown, nothing of that is told. Of a name that it does not know it
 * tells the name only. */
static void refused(const struct config_key *key, const char *name, rd_kafka_conf_res_t result,
                    const char *complaint, struct diag *diag)
{
    if (result == RD_KAFKA_CONF_UNKNOWN || !is_quiet(key))
        diag_error(diag, key->place, "%s: librdkafka says: %s", name, complaint);
    else if (property_is_secret(key->name))
        diag_error(diag, key->place, "%s: librdkafka does not take its value", name);
    else
        diag_error(diag, key->place, "%s: librdkafka does not take \"" STR_FMT "\"", name,
                   STR_ARG(key->written));
}

static bool value_is_allowed(const struct config_key *key, struct diag *diag)
{
    const char *why = property_value_refused(key->name, key->value);

    if (why)
        diag_error(diag, key->place, STR_FMT ": %s", STR_ARG(key->name), why);
    return !why;
}

static void set_users(rd_kafka_conf_t *conf, const struct config_key *key, struct diag *diag)
{
    rd_kafka_conf_res_t result;
    char why[512];

    if (key->broken || property_refused(key->name) || !value_is_allowed(key, diag) ||
        !assignor_is_safe(key, diag) || !protocol_is_finished(key, diag))
        return;
    result = rd_kafka_conf_set(conf, key->name.ptr, key->value.ptr, why, sizeof why);
    if (result != RD_KAFKA_CONF_OK)
        refused(key, key->name.ptr, result, why, diag);
}

static const struct config_keys *users(const struct settings *s, enum client_kind kind)
{
    return kind == CLIENT_CONSUMER ? s->consumer : s->producer;
}

/* ---- whole configurations */

static void set_member(rd_kafka_conf_t *conf, const struct settings *s, struct diag *diag)
{
    char member[512];

    must_set(conf, "group.id", s->group, s, diag);
    if (!s->instance)
        return;
    snprintf(member, sizeof member, "%s/%s/%u", s->instance, s->chain, (unsigned)s->task);
    must_set(conf, "group.instance.id", member, s, diag);
}

/** The name is the same after a restart, so that the brokers end what a dead process left open. None of the
 * last three parts can hold a slash. The solo producer only asks, in transactions that it always aborts. */
static void set_transactions(rd_kafka_conf_t *conf, enum client_kind kind, const struct settings *s,
                             struct diag *diag)
{
    char text[1024];

    snprintf(text, sizeof text, "%s/%s/%s/%u%s", s->group, s->instance ? s->instance : "", s->chain,
             (unsigned)s->task, kind == CLIENT_SOLO_PRODUCER ? "/probe" : "");
    must_set(conf, "transactional.id", text, s, diag);
    if (kind == CLIENT_PRODUCER && s->batch_bytes) {
        snprintf(text, sizeof text, "%lld", (long long)s->batch_bytes);
        must_set(conf, "batch.size", text, s, diag);
    }
}

static bool is_classic(const struct config_keys *keys)
{
    bool classic = true;
    size_t i;

    for (i = 0; i < keys->count; i++) { /* the later one counts */
        if (str_is(keys->items[i].name, "group.protocol"))
            classic = !is_consumer_protocol(&keys->items[i]);
    }
    return classic;
}

static void set_defaults(rd_kafka_conf_t *conf, enum client_kind kind, const struct settings *s)
{
    char text[128];

    if (kind == CLIENT_CONSUMER && is_classic(users(s, kind)))
        set_all(conf, classic_defaults);
    set_all(conf, kind == CLIENT_CONSUMER ? consumer_defaults : producer_defaults);
    snprintf(text, sizeof text, "weir-%s", s->chain);
    rd_kafka_conf_set(conf, "client.id", text, NULL, 0);
    snprintf(text, sizeof text, "%lld", (long long)(properties_prefetch(s) / 1024));
    rd_kafka_conf_set(conf, "queued.max.messages.kbytes", text, NULL, 0);
}

rd_kafka_conf_t *properties_new(enum client_kind kind, const struct settings *settings, struct diag *diag)
{
    const char *fault = properties_library_fault(rd_kafka_version());
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    const struct config_keys *keys = users(settings, kind);
    size_t i, before = diag->errors;

    if (fault)
        diag_error(diag, settings->place, "%s (this is %s)", fault, rd_kafka_version_str());
    set_defaults(conf, kind, settings);
    for (i = 0; i < keys->count; i++)
        set_users(conf, &keys->items[i], diag);
    if (kind == CLIENT_CONSUMER) {
        set_all(conf, consumer_musts);
        set_member(conf, settings, diag);
    } else {
        set_all(conf, producer_musts);
    }
    if (kind == CLIENT_SOLO_PRODUCER)
        set_all(conf, solo_musts);
    if (kind != CLIENT_CONSUMER && settings->exactly_once)
        set_transactions(conf, kind, settings, diag);
    if (diag->errors == before)
        return conf;
    rd_kafka_conf_destroy(conf);
    return NULL;
}

static void set_topics(rd_kafka_topic_conf_t *conf, const struct config_key *key, struct diag *diag)
{
    const char *name = key->name.ptr + (str_starts(key->name, STR("topic.")) ? strlen("topic.") : 0);
    const char *why = property_refused(str_of(name));
    rd_kafka_conf_res_t result;
    char text[512];

    if (key->broken)
        return;
    if (why) {
        diag_error(diag, key->place, "topic.%s: %s", name, why);
        return;
    }
    result = rd_kafka_topic_conf_set(conf, name, key->value.ptr, text, sizeof text);
    if (result != RD_KAFKA_CONF_OK)
        refused(key, name, result, text, diag);
}

rd_kafka_topic_conf_t *properties_for_topic(rd_kafka_t *rk, const struct weir_topic *topic, struct diag *diag)
{
    rd_kafka_topic_conf_t *conf = rd_kafka_default_topic_conf_dup(rk);
    size_t i, before = diag->errors;

    for (i = 0; i < topic->n_settings; i++)
        set_topics(conf, topic->settings[i], diag);
    if (diag->errors == before)
        return conf;
    rd_kafka_topic_conf_destroy(conf);
    return NULL;
}

/* ---- which line was it */

static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._";

/** The next word of names' letters that holds a dot. False: there is none. */
static bool next_name(const char **text, struct weir_str *word)
{
    for (;;) {
        *text += strcspn(*text, letters);
        *word = str_make(*text, strspn(*text, letters));
        *text += word->len;
        while (word->len && word->ptr[word->len - 1] == '.')
            word->len--; /* the end of a sentence */
        if (!**text && !word->len)
            return false;
        if (word->len && memchr(word->ptr, '.', word->len))
            return true;
    }
}

/** True where the text names the property, or begins its name: librdkafka calls some by a shorter alias. */
static bool mentions(const char *text, struct weir_str name)
{
    struct weir_str word;

    while (next_name(&text, &word)) {
        if (str_starts(name, word))
            return true;
    }
    return false;
}

static const struct config_key *mentioned(const struct config_keys *keys, const char *text)
{
    size_t i;

    for (i = keys->count; i-- > 0;) { /* the later one counts */
        if (mentions(text, keys->items[i].name))
            return &keys->items[i];
    }
    return NULL;
}

/* ---- a text about several of them */

/** True where the text holds the word, which is not empty, and not within another one. */
static bool has_word(const char *text, struct weir_str word)
{
    const char *end = text + strlen(text), *at = text;

    for (; (at = memmem(at, (size_t)(end - at), word.ptr, word.len)) != NULL; at++) {
        bool begins = at == text || !strchr(letters, at[-1]);

        if (begins && !(at + word.len < end && strchr(letters, at[word.len])))
            return true;
    }
    return false;
}

/** True where the text holds so much of an item of the value that it may have been quoted. */
static bool quotes(const char *text, struct weir_str value)
{
    struct weir_str item;
    size_t i, len = strlen(text);

    while (str_split(&value, ',', &item)) {
        item = str_trim(item);
        if (item.len && item.len < PIECE && has_word(text, item))
            return true;
        for (i = 0; i + PIECE <= item.len; i++) { /* the text may be cut within it */
            if (memmem(text, len, item.ptr + i, PIECE))
                return true;
        }
    }
    return false;
}

/** A key whose value the text may quote, but must not. */
static const struct config_key *quoted(const struct config_keys *keys, const char *text)
{
    size_t i;

    for (i = 0; i < keys->count; i++) {
        const struct config_key *key = &keys->items[i];

        if (!key->broken && is_quiet(key) && quotes(text, key->value))
            return key;
    }
    return NULL;
}

void properties_refused(const struct settings *settings, enum client_kind kind, const char *text,
                        struct diag *diag)
{
    const struct config_keys *keys = users(settings, kind);
    const struct config_key *secret = quoted(keys, text), *key = mentioned(keys, text);
    struct place place = key ? key->place : secret ? secret->place : settings->place;

    if (secret)
        diag_error(diag, place, "librdkafka does not take it; what it says is not shown, as it may quote %s",
                   secret->name.ptr);
    else
        diag_error(diag, place, "librdkafka says: %s", text);
}

void properties_ignored(const struct settings *settings, enum client_kind kind, const char *line,
                        struct diag *diag)
{
    const struct config_keys *keys = users(settings, kind);
    const struct config_keys own = {keys->items + settings->shared, keys->count - settings->shared};
    const struct config_key *key = strstr(line, "will be ignored") ? mentioned(&own, line) : NULL;

    if (key)
        diag_warning(diag, key->place, "%s has no effect on a %s", key->name.ptr,
                     kind == CLIENT_CONSUMER ? "consumer" : "producer");
}
