/* properties.h: librdkafka's properties, from the configuration file to a configuration object.
 *
 * In this order, the later wins: weir's own defaults, [kafka], the chain's `consumer.` or `producer.` keys,
 * what weir must have.
 */
#ifndef WEIR_KAFKA_PROPERTIES_H
#define WEIR_KAFKA_PROPERTIES_H

#include <librdkafka/rdkafka.h>

#include "chain/io.h"
#include "kafka/settings.h"

enum client_kind { CLIENT_CONSUMER, CLIENT_PRODUCER, CLIENT_SOLO_PRODUCER };

/** A configuration for a client of this kind. Every refusal goes to diag at the line that set it.
 *  Owns: the caller. NULL where there was an error. */
rd_kafka_conf_t *properties_new(enum client_kind kind, const struct settings *settings, struct diag *diag);

/** The topic's properties on top of the client's. Owns: the caller. NULL where there was an error. */
rd_kafka_topic_conf_t *properties_for_topic(rd_kafka_t *rk, const struct weir_topic *topic,
                                            struct diag *diag);

/** Reports why librdkafka makes no client, at the line that set the property which its text names, or at the
 * chain's. A text that may quote a value which must not be shown is kept back. */
void properties_refused(const struct settings *settings, enum client_kind kind, const char *text,
                        struct diag *diag);

/** Reports which of the chain's own properties a client of this kind will ignore, by a log line of
 * librdkafka's. */
void properties_ignored(const struct settings *settings, enum client_kind kind, const char *line,
                        struct diag *diag);

/** What is wrong with the librdkafka that runs here; NULL: nothing. */
const char *properties_library_fault(int version);

/** Bytes that a consumer may prefetch, a part of the chain's memory. */
int64_t properties_prefetch(const struct settings *settings);

#endif
