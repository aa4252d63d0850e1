/* property.c: see property.h. A list, because each property has its own reason; whatever is not in it is
 * librdkafka's to judge. Refused are those on which the promise that nothing is lost rests, and those that
 * run code: whoever may write a configuration should not thereby load libraries into the host unseen. */
#include "config/property.h"

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

bool property_is_secret(struct weir_str name)
{
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
        if (str_is(name, secrets[i]))
            return true;
    }
    return false;
}
