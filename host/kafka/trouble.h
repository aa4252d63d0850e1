/* trouble.h: why brokers and this client do not come together, in words that say what to do.
 */
#ifndef WEIR_KAFKA_TROUBLE_H
#define WEIR_KAFKA_TROUBLE_H

#include <librdkafka/rdkafka.h>
#include <stdatomic.h>
#include <stdbool.h>

/** What a client remembers of its broken connections. Zero it. */
struct trouble {
    _Atomic(const char *) certificate; /* what is wrong with a broker's certificate; NULL: nothing */
    char connection[256];              /* the last words about a connection that could not be made or broke */
};

/** Notes OpenSSL's verdict on a broker's certificate, an X509_V_ number, and says it in words.
 * Thread: any. */
const char *trouble_certificate(struct trouble *trouble, int verdict);

/** Notes what librdkafka says about one connection.
 * Thread: the one that polls the client. */
void trouble_note(struct trouble *trouble, const char *said);

/** What may help with an error of kind _SSL or _AUTHENTICATION; "" where there is nothing to add. */
const char *trouble_hint(const struct trouble *trouble, rd_kafka_resp_err_t err, const char *said);

/** A librdkafka of this version cannot log in by SCRAM to Kafka 4.0 or later. */
bool trouble_scram(int version);

#endif
