/* pii_masker: masks personal data before any sink sees it, and fails closed.
 *
 *     [stage pii]
 *     plugin   = pii_masker
 *     mask_ip  = ip                       ; 70.201.62.158 -> 70.201.62.xxx, 2001:db8:1:2::3 -> 2001:db8:1::
 *     hash     = device_id                ; SHA-256 of the text, in lower-case hex
 *     hash_key = ${file:/etc/weir/secrets:pii_key}    ; makes it HMAC-SHA-256
 *     redact   = email                    ; any value becomes the text in redact_with
 *     remove   = session
 *     key      = hash                     ; keep (the default), hash, redact or remove the record's key
 *     remove_headers = x-forwarded-for    ; also hash_headers and redact_headers
 *
 * Absent and null are nothing to mask. What cannot be masked is a string that is no IP address (mask_ip), a
 * value that is no string or no valid text (mask_ip, hash), a member whose parent is not an object, or
 * anything on an internal error. On route main such a record fails with `Transformation error: FIELD: WHAT`,
 * and all that this stage protects is removed from it, whatever its state. On every other route, where
 * records are already on their way to an error or side topic, just what cannot be masked is removed; route
 * and reason stay. If even a removal fails, the chain stops. Of a withheld value no sink sees anything: only
 * key and headers are masked.
 *
 * A parent that is not an object (`device.id` where device is a string) may hold the datum itself, so what is
 * removed is that parent. Get sees only the last of several members of a name, but set and remove reach all:
 * so a null is set to null again, and each parent, on the way to its field, to what it is.
 *
 * SHA-256 is made by OpenSSL's plain functions, which it calls deprecated since 3.0 and keeps: 60 ns a text.
 * EVP takes 110, and its first call wakes all of libcrypto: 2 MB. With a key it is EVP all the same, 180 ns
 * with a context that is made once: a HMAC by hand would have to be right, too.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <arpa/inet.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <weir/plugin.h>

#define DIGEST SHA256_DIGEST_LENGTH
#define MAX_DEPTH 8
#define SAFE_KEY 16 /* bytes */

/* The first four are the choices of key, in order. */
enum mode { KEEP, HASH, REDACT, REMOVE, MASK_IP, MODES };
static const char *const key_modes[] = {"keep", "hash", "redact", "remove", NULL};

/* One thing that is protected: a field, the headers of one name, or the key. */
struct rule {
    enum mode mode;
    enum { KEY, HEADER, FIELD } what;
    size_t item; /* of the option's list, from 0 */
    struct weir_str name;
    const struct weir_field *field, *parents[MAX_DEPTH]; /* the outermost parent first */
    size_t depth;
};
struct pii_masker {
    struct weir_fields fields[MODES];
    struct weir_list headers[MODES];
    int32_t key_mode;
    struct weir_str hash_key, redact_with;
    struct rule *rules;
    size_t count;
    EVP_MAC_CTX *hmac; /* NULL: no key */
};
struct scratch {
    char text[2 * DIGEST];
};

#define FIELDS(mode, key, text) WEIR_OPT_FIELDS(struct pii_masker, fields[mode], .name = key, .help = text)
#define HEADERS(mode, key, text) WEIR_OPT_LIST(struct pii_masker, headers[mode], .name = key, .help = text)
static const struct weir_option options[] = {
    FIELDS(MASK_IP, "mask_ip", "IP addresses to shorten"),
    FIELDS(HASH, "hash", "strings to replace by their hash"),
    WEIR_OPT_SECRET(struct pii_masker, hash_key, .help = "the key that makes the hash HMAC-SHA-256"),
    FIELDS(REDACT, "redact", "values to replace by a text"),
    WEIR_OPT_STRING(struct pii_masker, redact_with, .def = "[redacted]",
                    .help = "the text that redact puts in their place"),
    FIELDS(REMOVE, "remove", "members to remove"),
    WEIR_OPT_CHOICE(struct pii_masker, key_mode, .name = "key", .def = "keep", .choices = key_modes,
                    .help = "what to do with the record's key"),
    HEADERS(HASH, "hash_headers", "headers to replace by their hash"),
    HEADERS(REDACT, "redact_headers", "headers to replace by a text"),
    HEADERS(REMOVE, "remove_headers", "headers to remove"),
    WEIR_OPT_END};

static bool same(struct weir_str a, struct weir_str b)
{
    return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
}

/* Calculated and not looked up: so the compiler does many at once. */
static char hex_digit(unsigned n)
{
    return (char)(n + (n < 10 ? '0' : 'a' - 10));
}

static const char *hash_text(struct pii_masker *m, struct weir_str in, struct scratch *s,
                             struct weir_str *out)
{
    const unsigned char *bytes = (const unsigned char *)in.ptr;
    unsigned char digest[DIGEST] = {0};
    SHA256_CTX sha;
    size_t len;
    int ok;

    if (m->hmac)
        ok = EVP_MAC_init(m->hmac, NULL, 0, NULL) && EVP_MAC_update(m->hmac, bytes, in.len) &&
             EVP_MAC_final(m->hmac, digest, &len, sizeof(digest));
    else
        ok = SHA256_Init(&sha) && SHA256_Update(&sha, bytes, in.len) && SHA256_Final(digest, &sha);
    for (size_t i = 0; i < DIGEST; i++) {
        s->text[2 * i] = hex_digit(digest[i] >> 4);
        s->text[2 * i + 1] = hex_digit(digest[i] & 15);
    }
    *out = (struct weir_str){s->text, sizeof(s->text)};
    return ok ? NULL : "cannot be hashed";
}

/* Over a number up to 255 without a zero in front. NULL: there is none. */
static const char *skip_group(const char *p, const char *end)
{
    const char *begin = p, *limit = end - p > 3 ? p + 3 : end;
    int n = 0;

    while (p < limit && *p >= '0' && *p <= '9')
        n = n * 10 + (*p++ - '0');
    return p > begin && n <= 255 && (*begin != '0' || p - begin == 1) ? p : NULL;
}

/* Where the last group of an IPv4 address begins. NULL: the text is none, which inet_pton() says of the same
 * texts. */
static const char *last_group(struct weir_str s)
{
    const char *group = s.ptr, *end = group + s.len, *p = skip_group(group, end);

    for (int i = 0; i < 3; i++) {
        if (!p || p == end || *p != '.')
            return NULL;
        group = p + 1;
        p = skip_group(group, end);
    }
    return p == end ? group : NULL;
}

static const char *mask_ipv6_text(struct weir_str in, struct scratch *s, struct weir_str *out)
{
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff}, v6_to_v4[2] = {0x20, 0x02};
    unsigned char address[16];
    size_t kept = 6;
    bool is_v4;

    if (in.len >= INET6_ADDRSTRLEN || memchr(in.ptr, '\0', in.len))
        return "not an IP address";
    *(char *)mempcpy(s->text, in.ptr, in.len) = '\0';
    if (inet_pton(AF_INET6, s->text, address) != 1)
        return "not an IP address";
    is_v4 = memcmp(address, mapped, sizeof(mapped)) == 0;
    if (memcmp(address, v6_to_v4, sizeof(v6_to_v4)) == 0)
        kept = 5; /* of the IPv4 address behind that, all but the last group */
    if (!is_v4)
        memset(address + kept, 0, sizeof(address) - kept);
    inet_ntop(AF_INET6, address, s->text, sizeof(s->text));
    if (is_v4)
        memcpy(strrchr(s->text, '.') + 1, "xxx", sizeof("xxx"));
    *out = (struct weir_str){s->text, strlen(s->text)};
    return NULL;
}

static const char *mask_ip_text(struct weir_str in, struct scratch *s, struct weir_str *out)
{
    const char *group = last_group(in);
    size_t kept;

    if (!group)
        return mask_ipv6_text(in, s, out);
    kept = (size_t)(group - in.ptr);
    memcpy(mempcpy(s->text, in.ptr, kept), "xxx", 3);
    *out = (struct weir_str){s->text, kept + 3};
    return NULL;
}

/* What becomes of a text. Returns NULL, or why it cannot be masked. */
static const char *mask_text(struct pii_masker *m, enum mode mode, struct weir_str in, struct scratch *s,
                             struct weir_str *out)
{
    if (mode == HASH)
        return hash_text(m, in, s, out);
    if (mode == MASK_IP)
        return mask_ip_text(in, s, out);
    *out = m->redact_with;
    return NULL;
}

/* Goes the way to a field. Where a parent stands twice, get sees the last only: makes each of them that one,
 * so that no other keeps a datum. Returns ABSENT where the way ends in nothing or null. On any other status
 * but OK, *way is the parent that is in the way. */
static int32_t reach(struct weir_envelope *env, const struct rule *r, const struct weir_field **way)
{
    struct weir_str raw;

    for (size_t i = 0; i < r->depth; i++) {
        int32_t status = weir_get_raw(env, r->parents[i], &raw);
        char first = status == WEIR_OK ? raw.ptr[0] : '\0';

        *way = r->parents[i];
        if (status == WEIR_OK)
            status = weir_set_raw(env, *way, raw);
        if (status == WEIR_OK && first != '{')
            status = first == 'n' ? WEIR_ABSENT : WEIR_TYPE;
        if (status != WEIR_OK)
            return status;
    }
    *way = r->field;
    return WEIR_OK;
}

/* Removes what the rule protects, or what is in the way to it. */
static bool drop(struct weir_envelope *env, const struct rule *r)
{
    const struct weir_field *way;

    if (r->what == KEY)
        return weir_set_key(env, (struct weir_str){NULL, 0}) == WEIR_OK;
    if (r->what == HEADER)
        return weir_header_remove(env, r->name, NULL) <= WEIR_ABSENT;
    return reach(env, r, &way) == WEIR_ABSENT || weir_remove(env, way) <= WEIR_ABSENT;
}

static const char *mask_field(struct pii_masker *m, struct weir_envelope *env, const struct rule *r)
{
    const struct weir_str null = {"null", 4};
    struct weir_str text;
    struct scratch scratch;
    const struct weir_field *way;
    const char *fault;
    int32_t status = reach(env, r, &way), type = WEIR_JSON_STRING;

    if (status != WEIR_OK)
        return status == WEIR_ABSENT ? NULL
               : status == WEIR_TYPE ? "its parent is not an object"
                                     : "cannot be masked";
    if (r->mode == REMOVE)
        return weir_remove(env, r->field) <= WEIR_ABSENT ? NULL : "cannot be removed";
    if (r->mode != REDACT)
        status = weir_get_string(env, r->field, &text);
    if (r->mode == REDACT || status == WEIR_TYPE)
        type = weir_field_type(env, r->field);
    if (status == WEIR_ABSENT || type == WEIR_JSON_ABSENT)
        return NULL;
    if (type == WEIR_JSON_NULL)
        return weir_set_raw(env, r->field, null) == WEIR_OK ? NULL : "cannot be masked";
    if (status != WEIR_OK)
        return status == WEIR_TYPE      ? "not a string"
               : status == WEIR_INVALID ? "not valid text"
                                        : "cannot be read";
    fault = mask_text(m, r->mode, text, &scratch, &text);
    return fault || weir_set_string(env, r->field, text) == WEIR_OK ? fault : "cannot be masked";
}

static const char *mask_headers(struct pii_masker *m, struct weir_envelope *env, const struct rule *r)
{
    size_t count = weir_header_count(env);
    const char *fault = NULL;
    struct weir_header h;
    struct scratch scratch;

    for (size_t i = 0; i < count && !fault; i++) {
        if (weir_header_at(env, i, &h) != WEIR_OK || !same(h.name, r->name) || !h.value.ptr)
            continue;
        fault = mask_text(m, r->mode, h.value, &scratch, &h.value);
        if (!fault && weir_header_replace(env, i, h.value) != WEIR_OK)
            fault = "cannot be masked";
    }
    return fault;
}

static const char *mask_key(struct pii_masker *m, struct weir_envelope *env, const struct rule *r)
{
    struct weir_str key = weir_key(env);
    struct scratch scratch;
    const char *fault = key.ptr ? mask_text(m, r->mode, key, &scratch, &key) : NULL;

    return fault || !key.ptr || weir_set_key(env, key) == WEIR_OK ? fault : "cannot be masked";
}

/* Masks what one rule protects. Returns NULL, or why it could not. */
static const char *mask(struct pii_masker *m, struct weir_envelope *env, const struct rule *r)
{
    if (r->what == FIELD)
        return mask_field(m, env, r);
    if (r->mode == REMOVE)
        return drop(env, r) ? NULL : "cannot be removed";
    return r->what == KEY ? mask_key(m, env, r) : mask_headers(m, env, r);
}

static int32_t process(struct weir_stage *stage, void *self, struct weir_envelope *env)
{
    struct pii_masker *m = self;
    const struct rule *end = m->rules + m->count, *broken = NULL;
    bool safe = true;
    const char *fault = NULL;

    (void)stage;
    for (const struct rule *r = m->rules; r < end && !broken; r++) {
        fault = mask(m, env, r);
        if (fault && same(weir_route(env), (struct weir_str){"main", 4}))
            broken = r;
        else if (fault)
            safe &= drop(env, r);
    }
    for (const struct rule *r = m->rules; r < end && broken; r++)
        safe &= drop(env, r); /* all of them, whatever their state */
    if (!safe)
        return weir_stop(env, "protected data cannot be removed");
    if (!broken)
        return WEIR_PASS;
    return weir_fail(env, "Transformation error: %.*s: %s", (int)broken->name.len, broken->name.ptr, fault);
}

/* No text of an item is told: it may come from ${env:…}. */
static int32_t refuse(struct weir_stage *stage, const struct rule *r, const char *what)
{
    return weir_error(stage, "%s%s: item %zu %s", r->mode == MASK_IP ? "mask_ip" : key_modes[r->mode],
                      r->what == HEADER ? "_headers" : "", r->item + 1, what);
}

/* Binds every parent of the field: what stands before each dot of its path that is not escaped. */
static int32_t bind_parents(struct weir_stage *stage, struct rule *r)
{
    char *path = strndup(r->name.ptr, r->name.len);
    int32_t status = path ? WEIR_OK : weir_error(stage, "out of memory");

    for (size_t i = 0; i < r->name.len && status == WEIR_OK; i++) {
        if (path[i] == '\\') {
            i++;
        } else if (path[i] == '.' && r->depth == MAX_DEPTH) {
            status = refuse(stage, r, "is too deep a path");
        } else if (path[i] == '.') {
            path[i] = '\0';
            r->parents[r->depth] = weir_field(stage, path);
            status = r->parents[r->depth++] ? WEIR_OK : WEIR_INVALID; /* the host has said why */
            path[i] = '.';
        }
    }
    free(path);
    return status;
}

static int32_t add_rule(struct weir_stage *stage, struct pii_masker *m, struct rule rule)
{
    for (size_t i = 0; i < m->count; i++)
        if (rule.what == m->rules[i].what && same(rule.name, m->rules[i].name))
            return refuse(stage, &rule, "is to be masked twice");
    m->rules[m->count++] = rule;
    return rule.what == FIELD ? bind_parents(stage, &m->rules[m->count - 1]) : WEIR_OK;
}

static int32_t add_rules(struct weir_stage *stage, struct pii_masker *m)
{
    int32_t status = WEIR_OK;

    if (m->key_mode != KEEP)
        status = add_rule(stage, m,
                          (struct rule){.mode = (enum mode)m->key_mode, .what = KEY, .name = {"key", 3}});
    for (enum mode mode = HASH; mode < MODES; mode++) {
        for (size_t i = 0; i < m->fields[mode].count && status == WEIR_OK; i++) {
            const struct weir_field *field = m->fields[mode].items[i];
            struct weir_str name = weir_field_name(stage, field);

            status =
                add_rule(stage, m,
                         (struct rule){.mode = mode, .what = FIELD, .item = i, .name = name, .field = field});
        }
        for (size_t i = 0; i < m->headers[mode].count && status == WEIR_OK; i++) {
            struct weir_str name = m->headers[mode].items[i];

            status = add_rule(stage, m, (struct rule){.mode = mode, .what = HEADER, .item = i, .name = name});
        }
    }
    return status;
}

static bool open_hmac(struct pii_masker *m)
{
    char sha256[] = "SHA256";
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, sha256, 0),
                           OSSL_PARAM_construct_end()};
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);

    m->hmac = mac ? EVP_MAC_CTX_new(mac) : NULL;
    EVP_MAC_free(mac); /* the context keeps its own reference */
    return m->hmac && EVP_MAC_init(m->hmac, (const unsigned char *)m->hash_key.ptr, m->hash_key.len, params);
}

static void destroy(struct weir_stage *stage, void *self)
{
    struct pii_masker *m = self;

    (void)stage;
    EVP_MAC_CTX_free(m->hmac);
    free(m->rules);
}

static int32_t create(struct weir_stage *stage, void *self)
{
    struct pii_masker *m = self;
    size_t total = m->key_mode != KEEP;
    int32_t status;

    for (size_t mode = 0; mode < MODES; mode++)
        total += m->fields[mode].count + m->headers[mode].count;
    if (total == 0)
        return weir_error(stage, "nothing to mask: give mask_ip, hash, redact, remove, key or headers");
    if (m->hash_key.ptr && m->hash_key.len < SAFE_KEY)
        weir_warn(stage, "hash_key", "shorter than %d bytes: it can be found by trying", SAFE_KEY);
    if (!m->hash_key.ptr && (m->fields[HASH].count || m->headers[HASH].count || m->key_mode == HASH))
        weir_warn(stage, "hash",
                  "a guessable identifier needs hash_key: an unkeyed hash is reversed by trying them all");
    m->rules = calloc(total, sizeof(*m->rules));
    if (m->rules && (!m->hash_key.ptr || open_hmac(m)))
        status = add_rules(stage, m);
    else
        status = weir_error(stage, "OpenSSL has no HMAC-SHA-256 for it, or no memory is left");
    if (status != WEIR_OK)
        destroy(stage, m);
    return status;
}

WEIR_PLUGIN(.name = "pii_masker", .version = "1.0.0", .help = "masks personal data, and fails closed",
            .options = options, .self_size = sizeof(struct pii_masker), .flags = WEIR_FAIL_CLOSED,
            .create = create, .destroy = destroy, .process = process)
