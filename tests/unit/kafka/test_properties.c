/* Properties of librdkafka from a configuration: what is refused, at which line, and what `weir check` finds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/clock.h"
#include "config/diag.h"
#include "kafka/check.h"
#include "kafka/properties.h"
#include "kafka/trouble.h"

#define KEYS_MAX 6

/* `name = value` at line 10, 11, … under [kafka], 20, 21, … in the chain. */
struct row {
    const char *name;
    const char *kafka[KEYS_MAX][2];
    const char *consumer[KEYS_MAX][2];
    const char *producer[KEYS_MAX][2];
    const char *topic[2];
    bool hidden;
    const char *message; /* a part of the only message; NULL: none */
    unsigned line;
};

struct room {
    struct config_key consumer[2 * KEYS_MAX], producer[2 * KEYS_MAX], topic;
    struct config_keys consumers, producers;
    struct settings settings;
};

static void add(struct config_key *items, size_t *count, const char *const (*pairs)[2], unsigned line,
                bool hidden)
{
    size_t i;

    for (i = 0; i < KEYS_MAX && pairs[i][0]; i++)
        items[(*count)++] = (struct config_key){str_of(pairs[i][0]),
                                                str_of("${…}"),
                                                str_of(pairs[i][1]),
                                                {"x.conf", line + (unsigned)i},
                                                hidden,
                                                false};
}

static void set_up(struct room *room, const struct row *row)
{
    *room = (struct room){.consumers = {room->consumer, 0}, .producers = {room->producer, 0}};
    add(room->consumer, &room->consumers.count, row->kafka, 10, row->hidden);
    add(room->producer, &room->producers.count, row->kafka, 10, row->hidden);
    room->settings = (struct settings){
        .chain = "c",
        .source = "in",
        .group = "g",
        .instance = "host1",
        .place = {"x.conf", 5},
        .consumer = &room->consumers,
        .producer = &room->producers,
        .shared = room->consumers.count,
        .memory = 64 << 20,
    };
    add(room->consumer, &room->consumers.count, row->consumer, 20, row->hidden);
    add(room->producer, &room->producers.count, row->producer, 20, row->hidden);
    room->topic = (struct config_key){str_of(row->topic[0]), str_of("${…}"), str_of(row->topic[1]),
                                      {"x.conf", 30},        row->hidden,    false};
}

#define BROKERS                                                                                              \
    {                                                                                                        \
        "bootstrap.servers", "127.0.0.1:9"                                                                   \
    }

#define KEYSTORE                                                                                             \
    {                                                                                                        \
        "ssl.keystore.password", "p"                                                                         \
    }

/* librdkafka cuts what it says at 512 bytes. */
#define LONG "hunter2hunter2hunter2hunter2hunter2hunter2hunter2hunter2hunter2hunter2hunter2hunter2hunter2"
#define LONGER LONG LONG LONG LONG LONG LONG LONG LONG LONG LONG

#define LOGIN                                                                                                \
    {"sasl.username", "u"},                                                                                  \
    {                                                                                                        \
        "sasl.password", "p"                                                                                 \
    }

static const struct row rows[] = {
    {.name = "nothing special", .kafka = {BROKERS}},
    {.name = "no brokers", .message = "set bootstrap.servers under [kafka]", .line = 5},
    {.name = "unknown property under [kafka]",
     .kafka = {BROKERS, {"bootstrap.server", "x"}},
     .message = "No such configuration property: \"bootstrap.server\"",
     .line = 11},
    {.name = "unknown property of the consumer",
     .kafka = {BROKERS},
     .consumer = {{"fetch.max", "1"}},
     .message = "No such configuration property: \"fetch.max\"",
     .line = 20},
    {.name = "value that is no number",
     .kafka = {BROKERS},
     .producer = {{"linger.ms", "soon"}},
     .message = "linger.ms: librdkafka says: Invalid value",
     .line = 20},
    {.name = "value out of range",
     .kafka = {BROKERS},
     .producer = {{"linger.ms", "5"}, {"batch.size", "-1"}},
     .message = "\"batch.size\" value -1 is outside allowed range",
     .line = 21},
    {.name = "a pair that rd_kafka_new refuses, in the chain",
     .kafka = {BROKERS},
     .consumer = {{"session.timeout.ms", "50000"}, {"max.poll.interval.ms", "20000"}},
     .message = "`max.poll.interval.ms`must be >= `session.timeout.ms`",
     .line = 21},
    {.name = "a pair that rd_kafka_new refuses, under [kafka]",
     .kafka = {BROKERS, {"max.in.flight.requests.per.connection", "10"}},
     .message = "librdkafka says: `max.in.flight",
     .line = 11},
    {.name = "a certificate that is not there",
     .kafka = {BROKERS, {"security.protocol", "ssl"}, {"ssl.ca.location", "/does/not/exist.pem"}},
     .message = "ssl.ca.location",
     .line = 12},
    {.name = "properties of one kind of client under [kafka]",
     .kafka = {BROKERS, {"linger.ms", "5"}, {"fetch.wait.max.ms", "10"}}},
    {.name = "a property of a consumer given to the producer",
     .kafka = {BROKERS},
     .producer = {{"fetch.wait.max.ms", "10"}},
     .message = "fetch.wait.max.ms has no effect on a producer",
     .line = 20},
    {.name = "properties of a topic for both",
     .kafka = {BROKERS},
     .producer = {{"compression.type", "gzip"}}},
    {.name = "a topic's own property", .kafka = {BROKERS}, .topic = {"topic.compression.type", "none"}},
    {.name = "an unknown property of a topic",
     .kafka = {BROKERS},
     .topic = {"topic.compress", "none"},
     .message = "No such configuration property: \"compress\"",
     .line = 30},
    {.name = "a wrong value of a topic's property",
     .kafka = {BROKERS},
     .topic = {"topic.compression.codec", "best"},
     .message = "compression.codec",
     .line = 30},
    {.name = "a topic's property that is weir's",
     .kafka = {BROKERS},
     .topic = {"topic.acks", "1"},
     .message = "topic.acks: weir always produces with acks=all",
     .line = 30},
    {.name = "a provider that is a file",
     .kafka = {BROKERS, {"ssl.providers", "default,/tmp/x.so"}},
     .message = "ssl.providers: a path would load code",
     .line = 11},
    {.name = "a principal with a command",
     .kafka = {BROKERS, {"sasl.kerberos.principal", "x; touch /tmp/y"}},
     .message = "sasl.kerberos.principal: it is given to a shell",
     .line = 11},
    {.name = "a keytab with a command",
     .kafka = {BROKERS, {"sasl.kerberos.keytab", "/etc/a$(id)"}},
     .message = "sasl.kerberos.keytab: it is given to a shell",
     .line = 11},
    {.name = "a principal and a keytab",
     .kafka = {BROKERS,
               {"sasl.kerberos.principal", "weir/host-1.example.com@EXAMPLE.COM"},
               {"sasl.kerberos.keytab", "/etc/weir/weir_1.keytab"}}},
    {.name = "brokers for the consumer only",
     .consumer = {BROKERS},
     .message = "no brokers for the producer: set bootstrap.servers under [kafka], or producer.bootstrap",
     .line = 5},
    {.name = "a login without a token",
     .kafka = {BROKERS, {"security.protocol", "sasl_ssl"}, {"sasl.mechanism", "OAUTHBEARER"}},
     .message = "OAUTHBEARER needs sasl.oauthbearer.method = oidc",
     .line = 12},
    {.name = "heartbeats that come too late",
     .kafka = {BROKERS},
     .consumer = {{"heartbeat.interval.ms", "10001"}},
     .message = "heartbeat.interval.ms is above session.timeout.ms",
     .line = 20},
    {.name = "a queue for less than a record",
     .kafka = {BROKERS},
     .producer = {{"queue.buffering.max.kbytes", "100"}},
     .message = "queue.buffering.max.kbytes must hold a record",
     .line = 20},
    {.name = "SASL by PLAIN",
     .kafka = {BROKERS, {"security.protocol", "sasl_plaintext"}, {"sasl.mechanism", "PLAIN"}, LOGIN}},
    {.name = "a value from outside is not shown",
     .kafka = {{"compression.type", "hunter2"}, BROKERS},
     .hidden = true,
     .message = "compression.type: librdkafka does not take \"${…}\"",
     .line = 10},
    {.name = "a part of a value from outside is not shown",
     .kafka = {{"debug", "ahunter2 value ,x"}, BROKERS},
     .hidden = true,
     .message = "debug: librdkafka does not take \"${…}\"",
     .line = 10},
    {.name = "a long value from outside is not shown",
     .kafka = {{"compression.type", LONGER}, BROKERS},
     .hidden = true,
     .message = "compression.type: librdkafka does not take \"${…}\"",
     .line = 10},
    {.name = "a number from outside is not shown",
     .kafka = {BROKERS},
     .producer = {{"linger.ms", "-0x1f"}},
     .hidden = true,
     .message = "linger.ms: librdkafka does not take \"${…}\"",
     .line = 20},
    {.name = "a topic's value from outside is not shown",
     .kafka = {BROKERS},
     .topic = {"topic.compression.codec", "hunter2"},
     .hidden = true,
     .message = "compression.codec: librdkafka does not take \"${…}\"",
     .line = 30},
    {.name = "an unknown property with a value from outside",
     .kafka = {BROKERS, {"bootstrap.server", "hunter2"}},
     .hidden = true,
     .message = "No such configuration property: \"bootstrap.server\"",
     .line = 11},
    {.name = "a place from outside that rd_kafka_new does not find is not shown",
     .kafka = {BROKERS, {"security.protocol", "ssl"}, {"ssl.keystore.location", "/hunter2/a.p12"}, KEYSTORE},
     .hidden = true,
     .message = "not shown, as it may quote ssl.keystore.location",
     .line = 12},
    {.name = "a long one of which rd_kafka_new tells the beginning is not shown",
     .kafka = {BROKERS, {"security.protocol", "ssl"}, {"ssl.keystore.location", LONGER}, KEYSTORE},
     .hidden = true,
     .message = "not shown, as it may quote ssl.keystore.location",
     .line = 12},
    {.name = "a mechanism from outside that rd_kafka_new does not know is not shown",
     .kafka = {BROKERS, {"security.protocol", "sasl_plaintext"}, {"sasl.mechanism", "hunter2"}},
     .hidden = true,
     .message = "not shown, as it may quote sasl.mechanism",
     .line = 12},
    {.name = "what rd_kafka_new says of no value from outside is shown",
     .kafka = {BROKERS, {"security.protocol", "ssl"}, {"ssl.ca.location", "/hunter2"}},
     .consumer = {{"session.timeout.ms", "50000"}, {"max.poll.interval.ms", "20000"}},
     .producer = {{"security.protocol", "plaintext"}},
     .hidden = true,
     .message = "`max.poll.interval.ms`must be >= `session.timeout.ms`",
     .line = 21},
};

/** Some faults are found once by each client: the list keeps one. */
static void check_row(const struct row *row)
{
    struct room room;
    struct diag diag;
    const struct config_key *keys[] = {&room.topic};
    struct weir_topic topic = {
        .name = STR("out"), .settings = keys, .n_settings = row->topic[0] != NULL, .stage = "sink"};
    struct weir_topic *topics[] = {&topic};

    set_up(&room, row);
    diag_init(&diag);
    client_check(&room.settings, topics, 1, &diag);
    if (diag.count != (row->message ? 1 : 0))
        fail_msg("%s: %zu messages: %s", row->name, diag.count, diag.count ? diag.items[0].text : "");
    if (row->message && !strstr(diag.items[0].text, row->message))
        fail_msg("%s: got \"%s\", want \"%s\"", row->name, diag.items[0].text, row->message);
    if (row->message && diag.items[0].place.line != row->line)
        fail_msg("%s: line %u, want %u", row->name, diag.items[0].place.line, row->line);
    if (row->message && strstr(diag.items[0].text, "hunter2"))
        fail_msg("%s: shows the value: %s", row->name, diag.items[0].text);
    diag_fini(&diag);
}

static void check_reports_what_librdkafka_refuses_at_its_line(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < sizeof rows / sizeof *rows; i++)
        check_row(&rows[i]);
}

static void check_refuses_a_cooperative_assignor_where_the_library_is_not_safe_with_it(void **state)
{
    struct row row = {.name = "a cooperative assignor",
                      .kafka = {BROKERS},
                      .consumer = {{"partition.assignment.strategy", "cooperative-sticky"}},
                      .message = "not safe before",
                      .line = 20};

    (void)state;
    if (rd_kafka_version() >= 0x020601ff)
        row.message = NULL;
    check_row(&row);
}

static void check_takes_the_consumer_protocol_where_the_library_has_it(void **state)
{
    struct row row = {.name = "KIP-848",
                      .kafka = {BROKERS},
                      .consumer = {{"group.protocol", "Consumer"}},
                      .message = "not finished before librdkafka 2.12",
                      .line = 20};

    (void)state;
    if (rd_kafka_version() >= 0x020c00ff)
        row.message = NULL;
    check_row(&row);
}

static const struct row scram[] = {
    {.name = "SCRAM, under [kafka]",
     .kafka = {BROKERS, {"security.protocol", "sasl_plaintext"}, {"sasl.mechanism", "SCRAM-SHA-256"}, LOGIN},
     .message = "sasl.mechanism: by SCRAM, librdkafka before 2.6.1",
     .line = 12},
    {.name = "SCRAM by the other name, in the chain",
     .kafka = {BROKERS, {"security.protocol", "sasl_plaintext"}, LOGIN},
     .consumer = {{"sasl.mechanisms", "PLAIN"}},
     .producer = {{"sasl.mechanisms", "SCRAM-SHA-512"}},
     .message = "sasl.mechanisms: by SCRAM, librdkafka before 2.6.1",
     .line = 20},
};

static void check_warns_of_scram_where_the_library_cannot_do_it_everywhere(void **state)
{
    static const struct {
        int version;
        bool broken;
    } versions[] = {{0x020002ff, true}, {0x020600ff, true}, {0x020601ff, false}, {0x020801ff, false}};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof versions / sizeof *versions; i++) {
        if (trouble_scram(versions[i].version) != versions[i].broken)
            fail_msg("%08x: %s", (unsigned)versions[i].version, versions[i].broken ? "good" : "broken");
    }
    for (i = 0; i < sizeof scram / sizeof *scram; i++) {
        struct row row = scram[i];

        if (!trouble_scram(rd_kafka_version()))
            row.message = NULL;
        check_row(&row);
    }
}

static void check_is_quick(void **state)
{
    int64_t start = clock_mono_ms();

    (void)state;
    check_row(&rows[0]);
    assert_true(clock_mono_ms() - start < 1000);
}

static const char *get(rd_kafka_conf_t *conf, const char *name, char *text, size_t size)
{
    return rd_kafka_conf_get(conf, name, text, &size) == RD_KAFKA_CONF_OK ? text : "(none)";
}

static void weirs_own_settings_hold_and_its_wishes_give_way(void **state)
{
    static const struct {
        const char *name;
        enum client_kind kind;
        const char *property, *value;
    } want[] = {
        {"the user's linger", CLIENT_PRODUCER, "linger.ms", "77"},
        {"a refused record goes alone", CLIENT_SOLO_PRODUCER, "batch.num.messages", "1"},
        {"at once", CLIENT_SOLO_PRODUCER, "linger.ms", "0"},
        {"idempotence", CLIENT_PRODUCER, "enable.idempotence", "true"},
        {"all replicas", CLIENT_PRODUCER, "acks", "-1"},
        {"no end of waiting", CLIENT_PRODUCER, "message.timeout.ms", "0"},
        {"keys where Java puts them", CLIENT_PRODUCER, "partitioner", "murmur2_random"},
        {"compressed", CLIENT_PRODUCER, "compression.type", "lz4"},
        {"no commits of its own", CLIENT_CONSUMER, "enable.auto.commit", "false"},
        {"no resets of its own", CLIENT_CONSUMER, "auto.offset.reset", "error"},
        {"static member", CLIENT_CONSUMER, "group.instance.id", "host1/c/0"},
        {"session", CLIENT_CONSUMER, "session.timeout.ms", "10000"},
        {"prefetch by bytes", CLIENT_CONSUMER, "queued.max.messages.kbytes", "4096"},
        {"the eager assignor", CLIENT_CONSUMER, "partition.assignment.strategy", "range"},
    };
    struct row row = {.kafka = {BROKERS}, .producer = {{"linger.ms", "77"}}};
    struct room room;
    struct diag diag;
    size_t i;

    (void)state;
    set_up(&room, &row);
    diag_init(&diag);
    for (i = 0; i < sizeof want / sizeof *want; i++) {
        rd_kafka_conf_t *conf = properties_new(want[i].kind, &room.settings, &diag);
        char text[256] = "";

        assert_non_null(conf);
        if (strcmp(get(conf, want[i].property, text, sizeof text), want[i].value) != 0)
            fail_msg("%s: %s is %s, want %s", want[i].name, want[i].property, text, want[i].value);
        rd_kafka_conf_destroy(conf);
    }
    diag_fini(&diag);
}

static void transactions_are_named_after_group_instance_chain_and_task(void **state)
{
    static const struct {
        const char *name;
        enum client_kind kind;
        const char *property, *value;
    } want[] = {
        {"the producer", CLIENT_PRODUCER, "transactional.id", "g/host1/c/0"},
        {"the one that only asks", CLIENT_SOLO_PRODUCER, "transactional.id", "g/host1/c/0/probe"},
        {"committed records only", CLIENT_CONSUMER, "isolation.level", "read_committed"},
        {"smaller batches", CLIENT_PRODUCER, "batch.size", "777"},
    };
    struct row row = {.kafka = {BROKERS}, .producer = {{"transaction.timeout.ms", "9000"}}};
    struct room room;
    struct diag diag;
    size_t i;

    (void)state;
    set_up(&room, &row);
    room.settings.exactly_once = true;
    room.settings.batch_bytes = 777;
    diag_init(&diag);
    for (i = 0; i < sizeof want / sizeof *want; i++) {
        rd_kafka_conf_t *conf = properties_new(want[i].kind, &room.settings, &diag);
        char text[256] = "";

        assert_non_null(conf);
        if (strcmp(get(conf, want[i].property, text, sizeof text), want[i].value) != 0)
            fail_msg("%s: %s is %s, want %s", want[i].name, want[i].property, text, want[i].value);
        rd_kafka_conf_destroy(conf);
    }
    assert_true(client_check(&room.settings, NULL, 0, &diag)); /* rd_kafka_new() takes them together */
    assert_int_equal(diag.count, 0);
    diag_fini(&diag);
}

static void libraries_that_lose_records_are_refused(void **state)
{
    static const struct {
        int version;
        bool good;
    } want[] = {{0x010902ff, false}, {0x020001ff, false}, {0x020002ff, true}, {0x020100ff, false},
                {0x020200ff, false}, {0x020300ff, true},  {0x020800ff, true}, {0x020f00ff, true}};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof want / sizeof *want; i++) {
        if (!properties_library_fault(want[i].version) != want[i].good)
            fail_msg("%08x: %s", (unsigned)want[i].version, want[i].good ? "refused" : "taken");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_reports_what_librdkafka_refuses_at_its_line),
        cmocka_unit_test(check_refuses_a_cooperative_assignor_where_the_library_is_not_safe_with_it),
        cmocka_unit_test(check_takes_the_consumer_protocol_where_the_library_has_it),
        cmocka_unit_test(check_warns_of_scram_where_the_library_cannot_do_it_everywhere),
        cmocka_unit_test(check_is_quick),
        cmocka_unit_test(weirs_own_settings_hold_and_its_wishes_give_way),
        cmocka_unit_test(transactions_are_named_after_group_instance_chain_and_task),
        cmocka_unit_test(libraries_that_lose_records_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
