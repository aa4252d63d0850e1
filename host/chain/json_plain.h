/* json_plain.h: how far a JSON string goes on with bytes that need no look, and a number with digits.
 *
 * Plain is every ASCII byte but the quote, the backslash and the control characters. Strings are most of a
 * record, so this is the loop that the speed of the whole parse hangs on: sixteen bytes at a time with SSE2
 * or NEON, eight with plain C. One signed comparison with 0x20 finds control characters and bytes from 0x80
 * alike, for those are negative. No variant reads at or behind `end`: what is left of a block goes by
 * eight, then byte by byte. WEIR_JSON_PORTABLE forces plain C, which the tests use to hold both against one
 * table.
 *
 * Rejected: wider vectors chosen at run time. The strings of a record are shorter than one block. */
#ifndef WEIR_CHAIN_JSON_PLAIN_H
#define WEIR_CHAIN_JSON_PLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(WEIR_JSON_PORTABLE)
#define JSON_PLAIN_STEP 8
#elif defined(__SSE2__)
#include <emmintrin.h>
#define JSON_PLAIN_STEP 16
#define JSON_PLAIN_SSE2
#elif defined(__ARM_NEON) && defined(__AARCH64EL__)
#include <arm_neon.h>
#define JSON_PLAIN_STEP 16
#define JSON_PLAIN_NEON
#else
#define JSON_PLAIN_STEP 8
#endif

static inline bool json_is_plain(char c)
{
    return (unsigned char)c >= 0x20 && (unsigned char)c < 0x80 && c != '"' && c != '\\';
}

static inline bool json_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

#if defined(JSON_PLAIN_SSE2)
/* With nothing but ones above its sixteen bits, so that a block without a stop counts as sixteen. */
static inline unsigned json_plain_count(__m128i v)
{
    __m128i high = _mm_cmpgt_epi8(v, _mm_set1_epi8(0x1f));
    __m128i quote = _mm_cmpeq_epi8(v, _mm_set1_epi8('"'));
    __m128i slash = _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'));
    int plain = _mm_movemask_epi8(_mm_andnot_si128(_mm_or_si128(quote, slash), high));

    return (unsigned)__builtin_ctz(~(unsigned)plain);
}

/** How many plain bytes the block begins with; JSON_PLAIN_STEP: all of it. */
static inline unsigned json_plain_block(const char *at)
{
    return json_plain_count(_mm_loadu_si128((const __m128i *)(const void *)at));
}

/** The same for eight bytes: zeros, which are not plain, stand in for the others. */
static inline unsigned json_plain_half(const char *at)
{
    return json_plain_count(_mm_loadl_epi64((const __m128i *)(const void *)at));
}

/** How many digits the block begins with. */
static inline unsigned json_digits_block(const char *at)
{
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)at);
    __m128i digit = _mm_sub_epi8(v, _mm_set1_epi8('0'));
    int digits = _mm_movemask_epi8(_mm_cmpeq_epi8(digit, _mm_min_epu8(digit, _mm_set1_epi8(9))));

    return (unsigned)__builtin_ctz(~(unsigned)digits);
}
#elif defined(JSON_PLAIN_NEON)
/* The first byte that is not zero; JSON_PLAIN_STEP: none. Four bits of a 64-bit word for every byte, for NEON
 * has no movemask. */
static inline unsigned json_plain_first(uint8x16_t stops)
{
    uint64_t bits = vget_lane_u64(vreinterpret_u64_u8(vshrn_n_u16(vreinterpretq_u16_u8(stops), 4)), 0);

    return bits ? (unsigned)__builtin_ctzll(bits) / 4 : JSON_PLAIN_STEP;
}

static inline unsigned json_plain_count(int8x16_t v)
{
    uint8x16_t low = vcltq_s8(v, vdupq_n_s8(0x20));
    uint8x16_t quote = vceqq_s8(v, vdupq_n_s8('"'));
    uint8x16_t slash = vceqq_s8(v, vdupq_n_s8('\\'));

    return json_plain_first(vorrq_u8(low, vorrq_u8(quote, slash)));
}

static inline unsigned json_plain_block(const char *at)
{
    return json_plain_count(vreinterpretq_s8_u8(vld1q_u8((const uint8_t *)at)));
}

static inline unsigned json_plain_half(const char *at)
{
    return json_plain_count(vreinterpretq_s8_u8(vcombine_u8(vld1_u8((const uint8_t *)at), vdup_n_u8(0))));
}

static inline unsigned json_digits_block(const char *at)
{
    uint8x16_t digit = vsubq_u8(vld1q_u8((const uint8_t *)at), vdupq_n_u8('0'));

    return json_plain_first(vcgtq_u8(digit, vdupq_n_u8(9)));
}
#else
static inline unsigned json_plain_block(const char *at)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
    uint64_t v, quote, slash, stops;
    unsigned n = 0;

    memcpy(&v, at, sizeof v);
    quote = v ^ ones * '"';
    slash = v ^ ones * '\\';
    /* A top bit for every byte that is zero in quote or slash, below 0x20, or above 0x7f. A borrow may set
     * one too many, never one too few. */
    stops = (((quote - ones) & ~quote) | ((slash - ones) & ~slash) | (v - ones * 0x20) | v) & tops;
    if (!stops)
        return JSON_PLAIN_STEP;
    while (n < JSON_PLAIN_STEP && json_is_plain(at[n]))
        n++;
    return n;
}

static inline unsigned json_plain_half(const char *at)
{
    return json_plain_block(at);
}

static inline unsigned json_digits_block(const char *at)
{
    unsigned n = 0;

    while (n < JSON_PLAIN_STEP && json_is_digit(at[n]))
        n++;
    return n;
}
#endif

/** The first byte from `at` on that is no digit, or `end`. */
static inline const char *json_digits(const char *at, const char *end)
{
    if (end - at >= JSON_PLAIN_STEP)
        at += json_digits_block(at);
    while (at < end && json_is_digit(*at))
        at++;
    return at;
}

/** The first byte from `at` on that is not plain, or `end`. */
static inline const char *json_plain(const char *at, const char *end)
{
    while (end - at >= JSON_PLAIN_STEP) {
        unsigned n = json_plain_block(at);

        if (n < JSON_PLAIN_STEP)
            return at + n;
        at += JSON_PLAIN_STEP;
    }
    if (end - at >= 8) {
        unsigned n = json_plain_half(at);

        if (n < 8)
            return at + n;
        at += 8;
    }
    while (at < end && json_is_plain(*at))
        at++;
    return at;
}

/** Whether all bytes are plain. The last block overlaps the one before it, so no byte goes alone. */
static inline bool json_all_plain(const char *at, size_t len)
{
    const char *end = at + len;

    if (len < 8)
        return json_plain(at, end) == end;
    if (len < JSON_PLAIN_STEP)
        return json_plain_half(at) == 8 && json_plain_half(end - 8) == 8;
    for (; end - at > JSON_PLAIN_STEP; at += JSON_PLAIN_STEP) {
        if (json_plain_block(at) != JSON_PLAIN_STEP)
            return false;
    }
    return json_plain_block(end - JSON_PLAIN_STEP) == JSON_PLAIN_STEP;
}

#endif
