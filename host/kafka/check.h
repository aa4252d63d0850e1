/* check.h: what only librdkafka can say about a chain's settings, asked without a broker.
 *
 * Thread: any.
 */
#ifndef WEIR_KAFKA_CHECK_H
#define WEIR_KAFKA_CHECK_H

#include "chain/io.h"
#include "kafka/settings.h"

struct diag;

/** Makes the clients and topics of a chain against no broker, and reports everything that librdkafka refuses
 * at the line that set it. True: no new errors. */
bool client_check(const struct settings *settings, struct weir_topic *const *topics, size_t n_topics,
                  struct diag *diag);

#endif
