/* login.h: login events in the form of the user-login pipeline, with faults in known shares.
 *
 * The same seed gives the same events in the same order, whatever the rate; only their timestamps come from
 * the clock. Each event is of one kind, so the counts of a run say how many records each topic must get. */
#ifndef WEIR_CLI_LOGIN_H
#define WEIR_CLI_LOGIN_H

#include "base/buf.h"

/** Kinds of events, by what the shipped chain makes of them. */
enum login_kind {
    LOGIN_GOOD,      /* processed */
    LOGIN_MISSING,   /* without device_type: an error */
    LOGIN_VERSION,   /* of another app_version: filtered */
    LOGIN_MALFORMED, /* no JSON: an error without content */
    LOGIN_OLD,       /* a Kafka timestamp two minutes back: skipped */
    LOGIN_KINDS
};

struct login_maker {
    double shares[LOGIN_KINDS]; /* from 0 to 1; that of LOGIN_GOOD is what the others leave */
    uint64_t random;            /* the state of the generator */
    uint64_t made[LOGIN_KINDS];
};

struct login {
    enum login_kind kind;
    struct weir_str value;
    int64_t timestamp_ms;
};

/** Shares are all 0 but that of LOGIN_MISSING, 5 %. */
void login_init(struct login_maker *maker, uint64_t seed);

/** True where the shares of the faults leave no less than nothing for good events. */
bool login_shares_fit(const struct login_maker *maker);

/** Makes the next event and counts it. Owns: its value is in `text`, which is overwritten.
 *  Errors: false: no memory. */
bool login_next(struct login_maker *maker, int64_t now_ms, struct buf *text, struct login *out);

uint64_t login_total(const struct login_maker *maker);

/** One word or two for each kind: "missing field". */
const char *login_kind_name(enum login_kind kind);

#endif
