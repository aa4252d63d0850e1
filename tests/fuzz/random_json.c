/* random_json.c: random documents and random steps through the fuzz target of JSON fields.
 *
 * A fuzzer finds odd bytes; this finds odd documents: valid ones with duplicate and escaped names, members of
 * all types under the names that are bound, and blanks everywhere, one in eight with a byte broken. The
 * numbers come from a fixed seed, so a failure comes again. */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t roll(uint64_t *seed, uint32_t sides)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return (uint32_t)(*seed >> 32) % sides;
}

#define PICK(seed, array) (array)[roll(seed, (uint32_t)(sizeof(array) / sizeof(array)[0]))]

static void add_blank(struct buf *b, uint64_t *seed)
{
    static const char *const blanks[] = {"", "", "", "", " ", "\n\t", "  \r\n "};

    buf_add_text(b, PICK(seed, blanks));
}

static void add_value(struct buf *b, uint64_t *seed, int depth);

static void add_object(struct buf *b, uint64_t *seed, int depth)
{
    static const char *const names[] = {
        "a", "b",       "c\xc3\xa9", "c\\u00E9", "o",    "\\u006f", "x",
        "y", "\\u0078", "p",         "q",        "t",    "\\u0074", "u",
        "v", "z",       "aa",        "",         "a\\n", "\\ud800", "longer than one block of bytes \\\" x"};
    uint32_t i, n = roll(seed, depth ? 6 : 12);

    buf_add_text(b, "{");
    for (i = 0; i < n; i++) {
        add_blank(b, seed);
        buf_add_fmt(b, "\"%s\"", PICK(seed, names));
        add_blank(b, seed);
        buf_add_text(b, ":");
        add_blank(b, seed);
        add_value(b, seed, depth + 1);
        add_blank(b, seed);
        if (i + 1 < n)
            buf_add_text(b, ",");
    }
    add_blank(b, seed);
    buf_add_text(b, "}");
}

static void add_array(struct buf *b, uint64_t *seed, int depth)
{
    uint32_t i, n = roll(seed, 4);

    buf_add_text(b, "[");
    for (i = 0; i < n; i++) {
        buf_add_text(b, i ? "," : "");
        add_blank(b, seed);
        add_value(b, seed, depth + 1);
        add_blank(b, seed);
    }
    buf_add_text(b, "]");
}

static void add_value(struct buf *b, uint64_t *seed, int depth)
{
    static const char *const scalars[] = {"null",
                                          "true",
                                          "false",
                                          "0",
                                          "-0",
                                          "1",
                                          "-17",
                                          "9223372036854775807",
                                          "-9223372036854775808",
                                          "9223372036854775808",
                                          "123456789012345678901234567890",
                                          "1.0",
                                          "0.1",
                                          "1e3",
                                          "-2.5E-3",
                                          "1e999",
                                          "5e-324",
                                          "1.7976931348623157e308",
                                          "\"\"",
                                          "\"text\"",
                                          "\"a longer text than a block\"",
                                          "\"\\u0041\\n\\\"\"",
                                          "\"\\ud83d\\ude00\"",
                                          "\"\\ud800\"",
                                          "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"",
                                          "\"{,}\"",
                                          "\"\\\\\""};
    uint32_t kind = depth > 4 ? 3 : roll(seed, 8);

    if (kind < 2)
        add_object(b, seed, depth);
    else if (kind == 2)
        add_array(b, seed, depth);
    else
        buf_add_text(b, PICK(seed, scalars));
}

int main(int argc, char **argv)
{
    int64_t n = 0, rounds = 20000;
    uint64_t seed = UINT64_C(0x57454952);
    struct buf b;

    if (argc == 2 && !str_to_int(str_of(argv[1]), &rounds))
        return 2;
    buf_init(&b, 1 << 20);
    for (n = 0; n < rounds && !b.failed; n++) {
        uint32_t i, steps = roll(&seed, 12);
        uint64_t here = seed;

        buf_reset(&b);
        buf_add_char(&b, (char)steps);
        for (i = 0; i < steps * 2; i++)
            buf_add_char(&b, (char)roll(&here, 256));
        add_blank(&b, &here);
        add_object(&b, &here, 0);
        if (roll(&here, 8) == 0)
            b.ptr[1 + 2 * steps + roll(&here, (uint32_t)b.len - 1 - 2 * steps)] = (char)roll(&here, 256);
        LLVMFuzzerTestOneInput((const uint8_t *)b.ptr, b.len);
    }
    printf("%lld documents\n", (long long)n);
    buf_fini(&b);
    return 0;
}
