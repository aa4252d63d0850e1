/* trouble.c: see trouble.h.
 *
 * librdkafka has one text for every certificate that it does not take, and it names ssl.ca.location, which is
 * wrong for one that has expired or is for another host. OpenSSL's own verdict reaches us only through the
 * callback that may overrule it; client.c's never does, it only hands it on. It runs in threads of
 * librdkafka, hence the atomic pointer, to a constant. */
#include "kafka/trouble.h"

#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <string.h>

#define SCRAM_MENDED 0x020601ff /* before, its last message repeats the nonce, which Kafka 4.0 refuses */

static const struct {
    int verdict;
    const char *phrase;
} certificates[] = {
    {X509_V_ERR_CERT_HAS_EXPIRED, "the broker's certificate has expired"},
    {X509_V_ERR_CERT_NOT_YET_VALID, "the broker's certificate is not valid yet: is the clock right here?"},
    {X509_V_ERR_CERT_REVOKED, "the broker's certificate was revoked"},
    {X509_V_ERR_HOSTNAME_MISMATCH, "the broker's certificate is for another host than the one connected to"},
    {X509_V_ERR_IP_ADDRESS_MISMATCH,
     "the broker's certificate is for another host than the one connected to"},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT,
     "the broker's certificate is signed by no authority in ssl.ca.location"},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
     "the broker's certificate is signed by no authority in ssl.ca.location"},
    {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE,
     "the broker's certificate is signed by no authority in ssl.ca.location"},
    {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
     "the broker's certificate is signed by no authority in ssl.ca.location"},
    {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
     "the broker's certificate is signed by itself, and is not in ssl.ca.location"},
};

const char *trouble_certificate(struct trouble *trouble, int verdict)
{
    const char *phrase = NULL;
    size_t i;

    for (i = 0; i < sizeof certificates / sizeof *certificates; i++) {
        if (certificates[i].verdict == verdict)
            phrase = certificates[i].phrase;
    }
    atomic_store(&trouble->certificate, phrase);
    return phrase ? phrase : "the broker's certificate was not accepted";
}

void trouble_note(struct trouble *trouble, const char *said)
{
    snprintf(trouble->connection, sizeof trouble->connection, "%s", said);
}

bool trouble_scram(int version)
{
    return version < SCRAM_MENDED;
}

const char *trouble_hint(const struct trouble *trouble, rd_kafka_resp_err_t err, const char *said)
{
    const char *certificate = atomic_load(&trouble->certificate);

    if (err == RD_KAFKA_RESP_ERR__SSL && strstr(said, "certificate") && certificate)
        return certificate;
    if (err == RD_KAFKA_RESP_ERR__AUTHENTICATION && strstr(said, "SCRAM") &&
        trouble_scram(rd_kafka_version()))
        return "librdkafka before 2.6.1 cannot log in by SCRAM to Kafka 4.0 or later; else user or password";
    return "";
}
