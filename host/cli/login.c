/* login.c: see login.h.
 *
 * The random numbers are SplitMix64: a counter and a mix of its bits, eight bytes of state, the same on every
 * machine. Nothing here is secret, and the C library's rand() differs from one to the next. Every event takes
 * the same count of numbers whatever its kind, so a share that is changed moves no other event's contents. */
#include "cli/login.h"

#include <stdio.h>

#define OLD_MS (2 * 60 * 1000)

static const char *const states[] = {
    "AL", "AK", "AZ", "AR", "CA", "CO", "CT", "DE", "FL", "GA", "HI", "ID", "IL", "IN", "IA", "KS", "KY",
    "LA", "ME", "MD", "MA", "MI", "MN", "MS", "MO", "MT", "NE", "NV", "NH", "NJ", "NM", "NY", "NC", "ND",
    "OH", "OK", "OR", "PA", "RI", "SC", "SD", "TN", "TX", "UT", "VT", "VA", "WA", "WV", "WI", "WY",
};
static const char *const devices[] = {"iOS", "android"};
static const char *const other_versions[] = {"2.2.9", "2.3.1", "2.4.0", "3.0.0"};

static uint64_t next_bits(struct login_maker *m)
{
    uint64_t z = m->random += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* From low to high, both inclusive. The bias of the remainder is far below anything that a demo can show. */
static unsigned between(struct login_maker *m, unsigned low, unsigned high)
{
    return low + (unsigned)(next_bits(m) % (high - low + 1));
}

/* A UUID of version 4. */
static void make_uuid(struct login_maker *m, char text[37])
{
    uint64_t a = next_bits(m), b = next_bits(m);

    snprintf(text, 37, "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(a >> 32), (unsigned)(a >> 16 & 0xffff),
             (unsigned)(a & 0xfff), (unsigned)(b >> 48 & 0x3fff) | 0x8000u,
             (unsigned long long)(b & UINT64_C(0xffffffffffff)));
}

/* What came when the client broke off, when a proxy answered, and when somebody wrote to the wrong topic. */
static void spoil(struct buf *text, unsigned how)
{
    if (how == 0)
        text->len -= text->len / 3;
    else if (how == 1)
        text->ptr[0] = '<';
    else
        text->ptr[text->len - 1] = ',';
}

static enum login_kind choose(struct login_maker *m)
{
    double at = (double)(next_bits(m) >> 11) * 0x1p-53;

    for (int kind = LOGIN_GOOD + 1; kind < LOGIN_KINDS; kind++) {
        at -= m->shares[kind];
        if (at < 0)
            return (enum login_kind)kind;
    }
    return LOGIN_GOOD;
}

void login_init(struct login_maker *maker, uint64_t seed)
{
    *maker = (struct login_maker){.random = seed, .shares[LOGIN_MISSING] = 0.05};
}

bool login_shares_fit(const struct login_maker *maker)
{
    double sum = 0;

    for (int kind = LOGIN_GOOD + 1; kind < LOGIN_KINDS; kind++)
        sum += maker->shares[kind];
    return sum <= 1 + 1e-9; /* ten times 0.1 is a little more than 1 */
}

bool login_next(struct login_maker *maker, int64_t now_ms, struct buf *text, struct login *out)
{
    enum login_kind kind = choose(maker);
    const char *state = states[between(maker, 0, sizeof states / sizeof states[0] - 1)];
    const char *device = devices[between(maker, 0, 1)], *version = other_versions[between(maker, 0, 3)];
    unsigned spoiling = between(maker, 0, 2), ip[4];
    char user[37], id[37];

    ip[0] = between(maker, 11, 126);
    for (int i = 1; i < 4; i++)
        ip[i] = between(maker, 1, 254);
    make_uuid(maker, user);
    make_uuid(maker, id);
    out->kind = kind;
    out->timestamp_ms = kind == LOGIN_OLD ? now_ms - OLD_MS : now_ms;
    buf_reset(text);
    buf_add_fmt(text,
                "{\"user_id\": \"%s\", \"app_version\": \"%s\", \"ip\": \"%u.%u.%u.%u\", \"locale\": \"%s\", "
                "\"device_id\": \"%s\", \"timestamp\": %lld",
                user, kind == LOGIN_VERSION ? version : "2.3.0", ip[0], ip[1], ip[2], ip[3], state, id,
                (long long)(out->timestamp_ms / 1000));
    if (kind != LOGIN_MISSING)
        buf_add_fmt(text, ", \"device_type\": \"%s\"", device);
    buf_add_char(text, '}');
    if (text->failed)
        return false;
    if (kind == LOGIN_MALFORMED)
        spoil(text, spoiling);
    out->value = buf_str(text);
    maker->made[kind]++;
    return true;
}

uint64_t login_total(const struct login_maker *maker)
{
    uint64_t sum = 0;

    for (int kind = 0; kind < LOGIN_KINDS; kind++)
        sum += maker->made[kind];
    return sum;
}

const char *login_kind_name(enum login_kind kind)
{
    static const char *const names[LOGIN_KINDS] = {"good", "missing field", "other version", "malformed",
                                                   "old"};

    return names[kind];
}
