/* property.c: see property.h. A list, because each property has its own reason; whatever is not in it is
 * librdkafka's to judge. Refused are those on which the promise that nothing is lost rests, and those that
 * run code: whoever may write a configuration should not thereby load libraries into the host unseen. */
#include "config/property.h"

#include <string.h>

struct refused {
    const char *name, *why;
};

#define CODE "it runs code that is no plugin of weir: it is not allowed"
#define OFFSETS                                                                                              \
    "weir stores an offset only once everything that its record led to is safe: it cannot be changed"
#define TIMEOUT "weir waits for brokers that are away, and drops nothing: it cannot be changed"

static const struct refused list[] = {
    {"acks", "weir always produces with acks=all: it cannot be changed"},
    {"request.required.acks", "weir always produces with acks=all: it cannot be changed"},
    {"enable.idempotence", "weir's producer is always idempotent: it cannot be changed"},
    {"enable.gapless.guarantee", "weir decides what follows a failed send: it cannot be changed"},
    {"transactional.id", "weir names transactions itself: use \"delivery\" under [chain NAME]"},
    {"enable.auto.offset.store", OFFSETS},
    {"enable.auto.commit", OFFSETS},
    {"auto.commit.enable", OFFSETS},
    {"offset.store.method", OFFSETS},
    {"offset.store.path", OFFSETS},
    {"offset.store.sync.interval.ms", OFFSETS},
    {"auto.commit.interval.ms", "weir commits itself: use \"commit_interval\" under [chain NAME]"},
    {"auto.offset.reset",
     "weir owns the offset reset: use \"start\" and \"on_lost_offset\" under [chain NAME]"},
    {"group.id", "weir sets it: use \"group\" under [chain NAME]"},
    {"group.instance.id", "weir sets it: use \"instance\" under [host]"},
    {"isolation.level", "weir reads committed records only: it cannot be changed"},
    {"enable.partition.eof", "weir needs no ends of partitions, and librdkafka can skip records with them: "
                             "it cannot be changed"},
    {"delivery.report.only.error", "weir waits for every acknowledgement: it cannot be changed"},
    {"message.timeout.ms", TIMEOUT},
    {"delivery.timeout.ms", TIMEOUT},
    {"plugin.library.paths", CODE},
    {"sasl.kerberos.kinit.cmd", CODE},
    {"ssl.engine.location", CODE},
    {"internal.termination.signal", "it would have librdkafka send signals: it is not allowed"},
    {"log.queue", "weir reads librdkafka's log as it comes: it cannot be changed"},
    {"queuing.strategy", "weir keeps the order of records: it cannot be changed"},
    {"test.mock.num.brokers", "each client would talk to a cluster of its own: use \"weir demo\""},
};

static const char *const secrets[] = {"sasl.password",
                                      "ssl.key.password",
                                      "ssl.keystore.password",
                                      "ssl.key.pem",
                                      "sasl.oauthbearer.config",
                                      "sasl.oauthbearer.client.secret",
                                      "sasl.oauthbearer.client.credentials.client.secret",
                                      "sasl.oauthbearer.assertion.private.key.passphrase",
                                      "sasl.oauthbearer.assertion.private.key.pem"};

const char *property_refused(struct weir_str name)
{
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        if (str_is(name, list[i].name))
            return list[i].why;
    }
    return NULL;
}

/* Each becomes a part of a command line, which a shell reads. */
static bool is_of_kinit(struct weir_str name)
{
    return str_is(name, "sasl.kerberos.principal") || str_is(name, "sasl.kerberos.keytab") ||
           str_is(name, "sasl.kerberos.service.name");
}

static bool is_harmless(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("._/@:+=-", c));
}

const char *property_value_refused(struct weir_str name, struct weir_str value)
{
    if (str_is(name, "ssl.providers") && value.len && memchr(value.ptr, '/', value.len))
        return "a path would load code that is no plugin of weir: it takes names of providers only";
    for (size_t i = 0; is_of_kinit(name) && i < value.len; i++) {
        if (!is_harmless(value.ptr[i]))
            return "it is given to a shell: letters, digits and ._/@:+=- only";
    }
    return NULL;
}

bool property_is_secret(struct weir_str name)
{
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
        if (str_is(name, secrets[i]))
            return true;
    }
    return false;
}
