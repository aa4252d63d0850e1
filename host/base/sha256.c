/* sha256.c: see sha256.h.
 *
 * OpenSSL's plain functions, which it calls deprecated since 3.0 and keeps. What is to replace them (EVP)
 * asks a provider, and the first question wakes all of libcrypto, its configuration, names and messages:
 * 2 MB and a millisecond in each process (measured: weir idles in 9.5 MiB, with EVP in 11.7). Rejected: a
 * SHA-256 of our own, which would not know the processor's instructions for it. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/sha256.h"

#include <openssl/sha.h>

void sha256_hex(struct weir_str text, char hex[SHA256_HEX])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256_CTX sha;

    SHA256_Init(&sha);
    SHA256_Update(&sha, text.ptr, text.len);
    SHA256_Final(digest, &sha);
    for (size_t i = 0; i < sizeof digest; i++) {
        hex[2 * i] = digits[digest[i] >> 4];
        hex[2 * i + 1] = digits[digest[i] & 15];
    }
    hex[2 * sizeof digest] = '\0';
}
