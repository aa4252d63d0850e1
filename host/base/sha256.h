/* sha256.h: SHA-256 of a text. */
#ifndef WEIR_BASE_SHA256_H
#define WEIR_BASE_SHA256_H

#include "base/str.h"

#define SHA256_HEX 65 /* lower-case hex, with its end */

void sha256_hex(struct weir_str text, char hex[SHA256_HEX]);

#endif
