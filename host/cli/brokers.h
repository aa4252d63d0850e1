/* brokers.h: where a command without a configuration finds Kafka: `-b`, else $KAFKA_BOOTSTRAP_SERVERS, else
 * localhost:9092; and librdkafka's properties for it, `-X NAME=VALUE`. */
#ifndef WEIR_CLI_BROKERS_H
#define WEIR_CLI_BROKERS_H

#include "config/key.h"

#define BROKERS_ENV "KAFKA_BOOTSTRAP_SERVERS"
#define BROKERS_KEYS_MAX 32

struct brokers {
    const char *bootstrap;                         /* of the command line; NULL: not given */
    struct config_key items[BROKERS_KEYS_MAX + 1]; /* the first is kept for bootstrap.servers */
    size_t count;
};

/** A take function of args.h for `-X`. The text must live as long as the brokers. */
bool brokers_property(void *brokers, const char *text);

/** Sets a property as our own choice, before those of the user. */
void brokers_prefer(struct brokers *b, const char *name, const char *value);

/** All of them, for host/kafka. Borrowed. */
struct config_keys brokers_keys(struct brokers *b);

/** The addresses that will be asked. */
const char *brokers_address(const struct brokers *b);

#endif
