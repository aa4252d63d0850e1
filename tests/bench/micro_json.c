/* micro_json.c: what the JSON fields of one record cost, beside json-c doing the same.
 *
 *   micro_json [RECORDS]
 *
 * The work is the reference pipeline's: parse a login event, read its seven members, replace two
 * of them, and make the bytes that a sink sends. The best of several rounds is printed: it is what the code
 * costs, the others what the machine had to do besides. Then the memory that one record takes of its arena:
 * thousands are in flight, so what a record holds is what the caches lose. */
#include "base/clock.h"
#include "chain/doc.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROUNDS = 15, FIELDS = 7 };

static const char record[] =
    "{\"user_id\": \"62001a69-dc2c-4b28-8650-521ac278de26\", \"app_version\": \"2.3.0\", "
    "\"ip\": \"70.201.62.158\", \"locale\": \"KS\", \"device_id\": \"f6a1baa4-af52-443f-b54f-0eeccb502f12\", "
    "\"timestamp\": 1729894074, \"device_type\": \"iOS\"}";

static const char *const names[FIELDS] = {"user_id",   "ip",          "device_id", "app_version",
                                          "timestamp", "device_type", "locale"};

static const char masked_ip[] = "70.201.62.xxx";
static const char hash[] = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

struct bench {
    struct paths *paths;
    const struct weir_field *fields[FIELDS];
    struct doc doc;
    struct arena arena;
    unsigned long records; /* in a round */
    size_t bytes;          /* read and made, so that no work can be left out */
};

static void must(bool ok)
{
    if (!ok)
        abort();
}

static void read_by_doc(struct bench *b)
{
    struct weir_str s;
    int64_t number;
    int i;

    for (i = 0; i < FIELDS; i++) {
        if (i == 4) {
            must(doc_get_int(&b->doc, b->fields[i], &number) == WEIR_OK);
            b->bytes += number != 0;
        } else {
            must(doc_get_string(&b->doc, b->fields[i], &s) == WEIR_OK);
            b->bytes += s.len;
        }
    }
}

static void parse_only(struct bench *b)
{
    struct json_error err;

    arena_reset(&b->arena);
    must(doc_parse(&b->doc, &b->arena, str_make(record, sizeof record - 1), &err) == WEIR_OK);
}

static void by_doc(struct bench *b)
{
    struct weir_str out;

    parse_only(b);
    read_by_doc(b);
    must(doc_set_string(&b->doc, b->fields[1], str_of(masked_ip)) == WEIR_OK);
    must(doc_set_string(&b->doc, b->fields[2], str_of(hash)) == WEIR_OK);
    out = doc_splice(&b->doc, &b->arena);
    must(out.ptr != NULL);
    b->bytes += out.len;
}

static void by_json_c(struct bench *b)
{
    struct json_tokener *tok = json_tokener_new();
    struct json_object *root, *member;
    int i;

    root = json_tokener_parse_ex(tok, record, (int)sizeof record - 1);
    for (i = 0; i < FIELDS; i++) {
        must(json_object_object_get_ex(root, names[i], &member));
        b->bytes += i == 4 ? json_object_get_int64(member) != 0 : (size_t)json_object_get_string_len(member);
    }
    json_object_object_add(root, "ip", json_object_new_string(masked_ip));
    json_object_object_add(root, "device_id", json_object_new_string(hash));
    b->bytes += strlen(json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN));
    json_object_put(root);
    json_tokener_free(tok);
}

static void measure(struct bench *b, const char *what, void (*work)(struct bench *))
{
    double best = 0;
    unsigned long i;
    int round;

    for (round = 0; round < ROUNDS; round++) {
        int64_t begin = clock_mono_ns();
        double ns;

        for (i = 0; i < b->records; i++)
            work(b);
        ns = (double)(clock_mono_ns() - begin) / (double)b->records;
        if (round == 0 || ns < best)
            best = ns;
    }
    printf("%-34s %7.1f ns a record\n", what, best);
}

int main(int argc, char **argv)
{
    struct bench b = {.paths = paths_new(), .records = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000};
    const char *why;
    size_t parsed;
    int i;

    must(b.paths);
    for (i = 0; i < FIELDS; i++) {
        b.fields[i] = paths_add(b.paths, str_of(names[i]), &why);
        must(b.fields[i]);
    }
    doc_init(&b.doc, b.paths);
    arena_init(&b.arena, 4096, 1 << 20);
    printf("record of %zu bytes\n", sizeof record - 1);
    measure(&b, "parse", parse_only);
    parsed = arena_used(&b.arena);
    measure(&b, "parse, 7 gets, 2 sets, splice", by_doc);
    printf("%zu bytes of arena for the places, %zu with the changes and what was spliced; %zu for the doc\n",
           parsed, arena_used(&b.arena), sizeof b.doc);
    measure(&b, "json-c: the same", by_json_c);
    printf("(%zu bytes)\n", b.bytes);
    arena_fini(&b.arena);
    paths_destroy(b.paths);
    return 0;
}
