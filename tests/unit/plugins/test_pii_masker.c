/* test_pii_masker.c: what is masked, and that nothing gets past a fault. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "fake_host.h"

#include <arpa/inet.h>

struct row {
    const char *name, *options, *json;
    const char *value;  /* behind the masker on main */
    const char *reason; /* NULL: passes */
    const char *side;   /* the value behind the masker on another route; NULL: as on main */
};

#define IP "mask_ip = ip"
#define HASH "hash = id"
#define BOTH "mask_ip = ip\nhash = id\nredact = mail\nremove = sid"
#define SHA_ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define SHA_EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define NO_IP "Transformation error: ip: not an IP address"
#define NO_STRING "Transformation error: ip: not a string"
#define MASKS(ip, masked)                                                                                    \
    {                                                                                                        \
        ip, IP, "{ \"ip\": \"" ip "\" }", "{ \"ip\": \"" masked "\" }", NULL, NULL                           \
    }
#define NOT_AN_IP(ip)                                                                                        \
    {                                                                                                        \
        ip, IP, "{ \"ip\": \"" ip "\" }", "{}", NO_IP, NULL                                                  \
    }

static const struct row rows[] = {
    MASKS("70.201.62.158", "70.201.62.xxx"),
    MASKS("0.0.0.0", "0.0.0.xxx"),
    MASKS("255.255.255.255", "255.255.255.xxx"),
    MASKS("2001:db8:1234:5678:9abc:def0:1234:5678", "2001:db8:1234::"),
    MASKS("2001:DB8:0012::1", "2001:db8:12::"),
    MASKS("fe80::1", "fe80::"),
    MASKS("::1", "::"),
    MASKS("::", "::"),
    MASKS("0:0:5::1", "0:0:5::"),
    MASKS("1:0:5::1", "1:0:5::"),
    MASKS("64:ff9b::1.2.3.4", "64:ff9b::"),
    MASKS("::ffff:1.2.3.4", "::ffff:1.2.3.xxx"),
    MASKS("::FFFF:102:304", "::ffff:1.2.3.xxx"),
    MASKS("::1.2.3.4", "::"),
    MASKS("2002:102:304::1", "2002:102:300::"), /* 6to4: 1.2.3.4 */
    MASKS("2003:102:304::1", "2003:102:304::"),
    NOT_AN_IP(""),
    NOT_AN_IP("1.2.3"),
    NOT_AN_IP("1.2.3.4.5"),
    NOT_AN_IP("1.2.3.256"),
    NOT_AN_IP("1.2.3.4 "),
    NOT_AN_IP(" 1.2.3.4"),
    NOT_AN_IP("1.2.3.4:80"),
    NOT_AN_IP("1.2.3.4/24"),
    NOT_AN_IP("1.2.3.xxx"),
    NOT_AN_IP("fe80::1%eth0"),
    NOT_AN_IP("[::1]"),
    NOT_AN_IP("::g"),
    NOT_AN_IP("1:2:3:4:5:6:7:8:9"),
    NOT_AN_IP("hello"),
    NOT_AN_IP("1.2.3.4\\u0000"),
    NOT_AN_IP("1111:2222:3333:4444:5555:6666:7777:8888:9999:0000"),
    {"ip: absent", IP, "{ \"a\": 1 }", "{ \"a\": 1 }", NULL, NULL},
    {"ip: null", IP, "{ \"ip\": null }", "{ \"ip\": null }", NULL, NULL},
    {"ip: a number", IP, "{ \"ip\": 16909060 }", "{}", NO_STRING, NULL},
    {"ip: a list", IP, "{ \"ip\": [ \"1.2.3.4\" ] }", "{}", NO_STRING, NULL},
    {"ip: no valid text", IP, "{ \"ip\": \"\xEF\xBF\xBD\" }", "{}",
     "Transformation error: ip: not valid text", NULL},
    {"hash", HASH, "{ \"id\": \"abc\" }", "{ \"id\": \"" SHA_ABC "\" }", NULL, NULL},
    {"hash: an empty text", HASH, "{ \"id\": \"\" }", "{ \"id\": \"" SHA_EMPTY "\" }", NULL, NULL},
    {"hash: the decoded text", HASH, "{ \"id\": \"\\u0061bc\" }", "{ \"id\": \"" SHA_ABC "\" }", NULL, NULL},
    {"hash: a number", HASH, "{ \"id\": 5 }", "{}", "Transformation error: id: not a string", NULL},
    {"hash: a bool", HASH, "{ \"id\": true }", "{}", "Transformation error: id: not a string", NULL},
    /* RFC 4231, case 2, with its key "Jefe" */
    {"hash with a key", "hash = id\nhash_key = Jefe", "{ \"id\": \"what do ya want for nothing?\" }",
     "{ \"id\": \"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843\" }", NULL, NULL},
    {"redact", "redact = a, b, c", "{ \"a\": \"x\", \"b\": { \"c\": 1 }, \"c\": null }",
     "{ \"a\": \"[redacted]\", \"b\": \"[redacted]\", \"c\": null }", NULL, NULL},
    {"redact with a text", "redact = a\nredact_with = \"gone\"", "{ \"a\": 5 }",
     "{ \"a\": \"\\\"gone\\\"\" }", NULL, NULL},
    {"remove", "remove = a, b.c, d", "{ \"a\": 1, \"b\": { \"c\": 2, \"e\": 3 }, \"d\": null }",
     "{ \"b\": { \"e\": 3 } }", NULL, NULL},
    {"a fault removes all that is protected", BOTH,
     "{ \"x\": 1, \"ip\": \"1.2.3.4\", \"id\": 5, \"mail\": \"a@b\", \"sid\": \"s\" }", "{ \"x\": 1 }",
     "Transformation error: id: not a string",
     "{ \"x\": 1, \"ip\": \"1.2.3.xxx\", \"mail\": \"[redacted]\" }"},
    {"also what is null or already masked", BOTH,
     "{ \"ip\": \"nowhere\", \"id\": null, \"mail\": null, \"sid\": null, \"x\": 1 }", "{ \"x\": 1 }", NO_IP,
     "{ \"id\": null, \"mail\": null, \"x\": 1 }"},
    {"nested", "hash = device.id", "{ \"device\": { \"id\": \"abc\" } }",
     "{ \"device\": { \"id\": \"" SHA_ABC "\" } }", NULL, NULL},
    {"nested: no parent", "hash = device.id", "{ \"x\": 1 }", "{ \"x\": 1 }", NULL, NULL},
    {"nested: a null parent", "hash = device.id", "{ \"device\": null }", "{ \"device\": null }", NULL, NULL},
    {"nested: the parent holds the datum itself", "hash = device.id", "{ \"x\": 1, \"device\": \"abc\" }",
     "{ \"x\": 1 }", "Transformation error: device.id: its parent is not an object", NULL},
    {"nested: in a list", "hash = device.id", "{ \"x\": 1, \"device\": [ { \"id\": \"abc\" } ] }",
     "{ \"x\": 1 }", "Transformation error: device.id: its parent is not an object", NULL},
    {"nested: the grandparent holds it", "remove = a.b.c", "{ \"x\": 1, \"a\": 5 }", "{ \"x\": 1 }",
     "Transformation error: a.b.c: its parent is not an object", NULL},
    {"nested: only the parent that is in the way goes", "remove = a.b.c", "{ \"a\": { \"b\": 5, \"d\": 6 } }",
     "{ \"a\": { \"d\": 6 } }", "Transformation error: a.b.c: its parent is not an object", NULL},
    {"a dot in a name", "hash = a\\.b", "{ \"a.b\": \"abc\" }", "{ \"a.b\": \"" SHA_ABC "\" }", NULL, NULL},
};

static void pii_masker_masks_or_fails(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i];
        struct fake *f = fake_open("pii_masker", row->options);
        int32_t verdict;

        assert_true(f->created);
        fake_record(f, row->json);
        verdict = fake_process(f);
        CHECK_TEXT(row->name, verdict == WEIR_PASS ? "(passes)" : f->env.said.ptr,
                   row->reason ? row->reason : "(passes)");
        CHECK_NUMBER(row->name, verdict, row->reason ? WEIR_FAIL : WEIR_PASS);
        CHECK_TEXT(row->name, strcmp(fake_value(f), "{ }") ? fake_value(f) : "{}", row->value);

        fake_record(f, row->json)->route = STR("failed");
        CHECK_NUMBER(row->name, fake_process(f), WEIR_PASS);
        CHECK_TEXT(row->name, strcmp(fake_value(f), "{ }") ? fake_value(f) : "{}",
                   row->side ? row->side : row->value);
        fake_close(f);
    }
}

/* One text of groups: what is an address is for inet_pton() to say. */
static void check_groups(struct fake *f, const char *text)
{
    char json[64], want[64];
    bool is_ip = inet_pton(AF_INET, text, (unsigned char[4]){0}) == 1;

    snprintf(json, sizeof json, "{ \"ip\": \"%s\" }", text);
    snprintf(want, sizeof want, is_ip ? "{ \"ip\": \"%.*s.xxx\" }" : "{ }", (int)(strrchr(text, '.') - text),
             text);
    fake_record(f, json);
    CHECK_NUMBER(text, fake_process(f), is_ip ? WEIR_PASS : WEIR_FAIL);
    CHECK_TEXT(text, fake_value(f), want);
}

static void pii_masker_takes_the_ipv4_addresses_that_inet_pton_takes(void **state)
{
    static const char *const groups[] = {"",    "0",   "00",  "01",  "7",    "10", "99", "099", "100",
                                         "255", "256", "260", "300", "1000", "x",  "+1", " 1"};
    const size_t n = sizeof groups / sizeof groups[0];
    struct fake *f = fake_open("pii_masker", IP);
    char text[32];

    (void)state;
    for (size_t i = 0; i < n * n * n * n; i++) {
        const char *a = groups[i % n], *b = groups[i / n % n], *c = groups[i / n / n % n],
                   *d = groups[i / n / n / n];

        snprintf(text, sizeof text, "%s.%s.%s.%s", a, b, c, d);
        check_groups(f, text);
    }
    for (int i = 0; i < 1100; i++) {
        snprintf(text, sizeof text, "1.22.%d.4", i);
        check_groups(f, text);
        snprintf(text, sizeof text, "1.22.255.%d", i);
        check_groups(f, text);
        snprintf(text, sizeof text, "1.22.255.4%c", 1 + i % 127);
        if (!strchr("\"\\", text[10]) && text[10] >= ' ')
            check_groups(f, text);
    }
    fake_close(f);
}

#define ALL_HEADERS "\nhash_headers = a\nredact_headers = b\nremove_headers = c"

static void set_headers(struct fake_envelope *env)
{
    static const struct weir_header headers[] = {
        {{"a", 1}, {"abc", 3}}, {{"b", 1}, {"x", 1}}, {{"c", 1}, {"y", 1}}, {{"a", 1}, {"abc", 3}},
        {{"a", 1}, {NULL, 0}},  {{"A", 1}, {"z", 1}}, {{"c", 1}, {"y", 1}},
    };

    env->key = STR("abc");
    memcpy(env->headers, headers, sizeof headers);
    env->n_headers = sizeof headers / sizeof headers[0];
}

static void pii_masker_masks_key_and_headers(void **state)
{
    static const struct {
        const char *options, *headers;
    } keys[] = {
        {"key = keep" ALL_HEADERS, "abc a=" SHA_ABC " b=[redacted] a=" SHA_ABC " a A=z"},
        {"key = hash", SHA_ABC " a=abc b=x c=y a=abc a A=z c=y"},
        {"key = redact\nremove_headers = a", "[redacted] b=x c=y A=z c=y"},
        {"key = remove\nremove_headers = a, c, q", "- b=x A=z"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        for (int withheld = 0; withheld < 2; withheld++) {
            struct fake *f = fake_open("pii_masker", keys[i].options);
            struct fake_envelope *env = fake_record(f, withheld ? NULL : "{}");

            env->withheld = withheld;
            env->route = withheld ? STR("failed") : STR("main");
            set_headers(env);
            CHECK_NUMBER(keys[i].options, fake_process(f), WEIR_PASS);
            CHECK_TEXT(keys[i].options, fake_headers(f), keys[i].headers);
            fake_close(f);
        }
    }
}

static void pii_masker_removes_key_and_headers_with_the_fields(void **state)
{
    struct fake *f = fake_open("pii_masker", "mask_ip = ip\nkey = hash" ALL_HEADERS);

    (void)state;
    set_headers(fake_record(f, "{\"ip\": 5}"));
    CHECK_NUMBER("verdict", fake_process(f), WEIR_FAIL);
    CHECK_TEXT("headers", fake_headers(f), "- A=z");
    fake_close(f);
}

static void pii_masker_fails_closed_without_memory(void **state)
{
    struct fake *f = fake_open("pii_masker", "key = hash\n" BOTH ALL_HEADERS);

    (void)state;
    set_headers(fake_record(f, "{ \"x\": 1, \"ip\": \"1.2.3.4\", \"id\": \"abc\" }"));
    f->no_set = true;
    CHECK_NUMBER("main", fake_process(f), WEIR_FAIL);
    CHECK_TEXT("main", f->env.said.ptr, "Transformation error: key: cannot be masked");
    CHECK_TEXT("main", fake_value(f), "{ \"x\": 1 }");
    CHECK_TEXT("main", fake_headers(f), "- A=z");

    set_headers(fake_record(f, "{ \"x\": 1, \"ip\": \"1.2.3.4\", \"id\": \"abc\" }"));
    f->env.route = STR("filtered");
    CHECK_NUMBER("side", fake_process(f), WEIR_PASS);
    CHECK_TEXT("side", fake_value(f), "{ \"x\": 1 }");
    CHECK_TEXT("side", fake_headers(f), "- A=z");

    fake_record(f, "{\"ip\": \"1.2.3.4\"}");
    f->no_remove = true;
    CHECK_NUMBER("main, not even a removal", fake_process(f), WEIR_STOP);
    fake_record(f, "{\"ip\": \"1.2.3.4\"}")->route = STR("filtered");
    CHECK_NUMBER("side, not even a removal", fake_process(f), WEIR_STOP);
    fake_close(f);
}

/* No text of an item is told: it may come from ${env:…}. */
static const struct {
    const char *options, *said;
    bool created;
} said[] = {
    {"mask_ip = ip", "", true},
    {"hash = a\nhash_key = 0123456789abcdef", "", true},
    {"hash = a", "a guessable identifier needs hash_key: an unkeyed hash is reversed by trying them all",
     true},
    {"key = hash", "a guessable identifier needs hash_key: an unkeyed hash is reversed by trying them all",
     true},
    {"hash = a\nhash_key = short", "shorter than 16 bytes: it can be found by trying", true},
    {"hash = a\nhash_key =", "stage: option \"hash_key\": its value is empty", false},
    {"", "nothing to mask: give mask_ip, hash, redact, remove, key or headers", false},
    {"mask_ip = a.b\nremove = a.b", "mask_ip: item 1 is to be masked twice", false},
    {"remove = a, b, a", "remove: item 3 is to be masked twice", false},
    {"remove_headers = h\nredact_headers = g, h", "remove_headers: item 1 is to be masked twice", false},
    {"remove = a, a.b.c.d.e.f.g.h.i.j", "remove: item 2 is too deep a path", false},
};

static void pii_masker_tells_what_is_unwise_or_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++) {
        struct fake *f = fake_open("pii_masker", said[i].options);

        CHECK_TEXT(said[i].options, fake_said(f), said[i].said);
        CHECK_NUMBER(said[i].options, f->created, said[i].created);
        fake_close(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pii_masker_masks_or_fails),
        cmocka_unit_test(pii_masker_takes_the_ipv4_addresses_that_inet_pton_takes),
        cmocka_unit_test(pii_masker_masks_key_and_headers),
        cmocka_unit_test(pii_masker_removes_key_and_headers_with_the_fields),
        cmocka_unit_test(pii_masker_fails_closed_without_memory),
        cmocka_unit_test(pii_masker_tells_what_is_unwise_or_wrong),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
