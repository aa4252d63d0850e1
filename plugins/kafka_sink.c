/* kafka_sink: sends records to a topic.
 *
 *     [stage processed-errors]
 *     plugin = kafka_sink
 *     from   = failed
 *     topic  = processed-errors
 *     format = error                    ; record (the default), error or cleaned
 *     id     = user_id                  ; absent, null, empty, no string, or withheld: Unknown
 *     ; key  = user_id                  ; a member instead of the record's own key
 *     ; partition = source              ; to the partition of the same number; else by the key
 *     ; header.source   = weir          ; a header to add
 *     ; connect_headers = no            ; error: without Kafka Connect's headers __connect.errors.…
 *     ; topic.compression.type = zstd   ; any property of librdkafka for this topic
 *
 * record sends the value as it stands, a tombstone as null. The other two wrap it:
 *
 *     {"user_id": "…", "error_type": "Missing fields: ip", "message_content": {…}, "timestamp": 1729894075}
 *     {"user_id": "…", "message_content": {…}, "clean_type": "filtered_app_version", "timestamp": 1729894075}
 *
 * where the first member is called as `id` is written (without `id` it is left out), timestamp is now, and a
 * missing value is {}. Key, headers and timestamp of the record go with it; added headers follow its own, and
 * are not seen by the stages behind. An error record is sent such that brokers cannot refuse it for the
 * record's own fault: its spare has the id Unknown and the content {}. Headers __connect.errors.…,
 * weir.omitted and weir.timestamp of the record itself do not go with it, connect_headers or not: the host
 * leaves them out (WEIR_SEND_ALWAYS), since `weir dlq replay` believes them, and a producer can write any.
 *
 *     batch = 100, batch_wait = 1s, join = message_details
 *
 * makes one record out of up to 100: {"message_details": [ the elements of that array of each ]}, without key
 * and headers. It goes when it is full, or larger than 512 KiB, or batch_wait after its first record; its
 * acknowledgement releases all of them. A batch without join is librdkafka's own business (linger.ms).
 *
 * The id is copied as it is written in JSON, so only the reason and a name are escaped here.
 */
#include <stdlib.h>
#include <string.h>
#include <weir/plugin.h>

#define MAX_BATCH (512 * 1024) /* bytes */
#define MAX_DIGITS 24          /* of a 64-bit number, with its sign */
#define CONNECT_HEADERS 5
#define TEXT(literal) ((struct weir_str){literal, sizeof(literal) - 1})
#define CONCAT(env, ...)                                                                                     \
    concat(env, (const struct weir_str[]){__VA_ARGS__},                                                      \
           sizeof((const struct weir_str[]){__VA_ARGS__}) / sizeof(struct weir_str))

enum { RECORD, ERROR, CLEANED };
static const char *const formats[] = {"record", "error", "cleaned", NULL};
enum { BY_KEY, AS_SOURCE };
static const char *const partitions[] = {"key", "source", NULL};

struct kafka_sink {
    const struct weir_topic *topic;
    struct weir_pairs topic_properties, headers;
    const struct weir_field *id, *key, *join;
    struct weir_str join_name;
    int32_t format, partition;
    bool connect_headers;
    char *opening; /* of a wrapped record with an id: {"NAME": */
    size_t opening_len;
    int64_t batch, batch_wait;
    char *joined; /* the open batch: {"NAME": [elements */
    size_t begin, len, room;
    int64_t held; /* records in it */
};

static const struct weir_option options[] = {
    WEIR_OPT_TOPIC(struct kafka_sink, topic, .required = true, .help = "the topic to send to"),
    WEIR_OPT_PREFIX(struct kafka_sink, topic_properties, .name = "topic.",
                    .help = "properties of librdkafka for this topic"),
    WEIR_OPT_CHOICE(struct kafka_sink, format, .def = "record", .choices = formats,
                    .help = "the record as it stands, or wrapped as an error or cleaned record"),
    WEIR_OPT_FIELD(struct kafka_sink, id, .help = "the member that names the record, for error and cleaned"),
    WEIR_OPT_FIELD(struct kafka_sink, key, .help = "the member that is the key, instead of the record's own"),
    WEIR_OPT_CHOICE(struct kafka_sink, partition, .def = "key", .choices = partitions,
                    .help = "by the key, or the number of the partition that the record came from"),
    WEIR_OPT_PREFIX(struct kafka_sink, headers, .name = "header.", .help = "headers to add"),
    WEIR_OPT_BOOL(struct kafka_sink, connect_headers, .def = "yes",
                  .help = "add Kafka Connect's error headers; for format = error"),
    WEIR_OPT_INTEGER(struct kafka_sink, batch, .def = "1", .min = 1, .max = 10000,
                     .help = "records joined into one"),
    WEIR_OPT_DURATION(struct kafka_sink, batch_wait, .def = "1s", .min = 1, .max = 3600e3,
                      .help = "the longest wait of a record for its batch"),
    WEIR_OPT_FIELD(struct kafka_sink, join, .help = "the array whose elements are joined"),
    WEIR_OPT_END};

/* The pieces in one text, which lives as long as the envelope. Absent: over the envelope's memory, or a piece
 * is. */
static struct weir_str concat(struct weir_envelope *env, const struct weir_str *pieces, size_t count)
{
    size_t len = 0;
    char *text, *p;

    for (size_t i = 0; i < count; i++)
        len += pieces[i].len;
    text = p = weir_alloc(env, len + 1);
    for (size_t i = 0; p && i < count; i++)
        p = pieces[i].ptr ? mempcpy(p, pieces[i].ptr, pieces[i].len) : NULL;
    return (struct weir_str){p ? text : NULL, p ? len : 0};
}

/* Bytes of the valid UTF-8 character at p, 0 where there is none. */
static size_t character(const unsigned char *p, size_t left)
{
    size_t n = p[0] < 0xC2 ? 0 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : p[0] < 0xF5 ? 4 : 0;

    if (p[0] < 0x80)
        return 1;
    if (n > left || (p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F) ||
        (p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F))
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    return n;
}

static bool is_plain(char c)
{
    return c >= ' ' && c <= '~' && c != '"' && c != '\\';
}

/* A text of any bytes, escaped as it must be between quotes: at most six bytes for each. */
static char *put_escaped(char *p, struct weir_str s)
{
    for (size_t i = 0, n; i < s.len; i += n) {
        const unsigned char *c = (const unsigned char *)s.ptr + i;

        n = character(c, s.len - i);
        if (n == 0) {
            p = mempcpy(p, "\\ufffd", 6);
            n = 1;
        } else if (*c < 0x20) {
            p = mempcpy(p, (char[]){'\\', 'u', '0', '0', "01"[*c >> 4], "0123456789abcdef"[*c & 15]}, 6);
        } else {
            if (*c == '"' || *c == '\\')
                *p++ = '\\';
            for (size_t j = 0; j < n; j++)
                *p++ = (char)c[j];
        }
    }
    return p;
}

/* Most texts need no escape, and are taken as they are. */
static struct weir_str escape(struct weir_envelope *env, struct weir_str s)
{
    size_t plain = 0;
    char *text;

    while (plain < s.len && is_plain(s.ptr[plain]))
        plain++;
    if (plain == s.len)
        return s.ptr ? s : TEXT("");
    text = weir_alloc(env, 6 * s.len + 1);
    return (struct weir_str){text, text ? (size_t)(put_escaped(text, s) - text) : 0};
}

static struct weir_str number(struct weir_envelope *env, int64_t n)
{
    uint64_t rest = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
    char *text = weir_alloc(env, MAX_DIGITS);
    size_t begin = MAX_DIGITS;

    if (!text)
        return (struct weir_str){NULL, 0};
    do
        text[--begin] = (char)('0' + rest % 10);
    while ((rest /= 10) > 0);
    if (n < 0)
        text[--begin] = '-';
    return (struct weir_str){text + begin, MAX_DIGITS - begin};
}

/* An error or cleaned record. Absent: over the envelope's memory. */
static struct weir_str wrap(const struct kafka_sink *k, struct weir_envelope *env, struct weir_str id,
                            struct weir_str content, struct weir_str reason, struct weir_str now)
{
    struct weir_str none = TEXT(""), opening = TEXT("{"), comma = none;

    if (k->id) {
        opening = (struct weir_str){k->opening, k->opening_len};
        comma = TEXT(", ");
    } else {
        id = none;
    }
    if (k->format == ERROR)
        return CONCAT(env, opening, id, comma, TEXT("\"error_type\": \""), reason,
                      TEXT("\", \"message_content\": "), content, TEXT(", \"timestamp\": "), now, TEXT("}"));
    return CONCAT(env, opening, id, comma, TEXT("\"message_content\": "), content,
                  TEXT(", \"clean_type\": \""), reason, TEXT("\", \"timestamp\": "), now, TEXT("}"));
}

static bool make_value(struct weir_stage *stage, const struct kafka_sink *k, struct weir_envelope *env,
                       struct weir_message *message)
{
    const struct weir_str unknown = TEXT("\"Unknown\""), nothing = TEXT("{}");
    struct weir_str content, id, reason, now;
    int32_t status = weir_value(env, &content);
    int64_t now_ms;

    if (k->format == RECORD) {
        message->value = status == WEIR_OK ? content : (struct weir_str){NULL, 0};
        return status != WEIR_NOMEM;
    }
    if (status != WEIR_OK)
        content = nothing;
    if (!k->id || weir_get_raw(env, k->id, &id) != WEIR_OK || id.ptr[0] != '"' || id.len == strlen("\"\""))
        id = unknown;
    now_ms = weir_now_ms(stage);
    now = number(env, now_ms / 1000 - (now_ms % 1000 < 0));
    reason = escape(env, weir_reason(env));
    message->value = wrap(k, env, id, content, reason, now);
    if (k->format == ERROR) {
        message->flags |= WEIR_SEND_ALWAYS;
        message->spare = wrap(k, env, unknown, nothing, reason, now);
        if (!message->value.ptr)
            message->value = message->spare; /* the whole does not fit into the envelope's memory */
    }
    return message->value.ptr != NULL;
}

/* Those of the option, then Connect's, of which a stage knows what stands here. */
static bool add_headers(const struct kafka_sink *k, struct weir_envelope *env, struct weir_message *message)
{
    struct weir_coordinates source;
    struct weir_header *h;

    if (k->headers.count == 0 && !k->connect_headers)
        return true;
    source = weir_source(env);
    h = weir_alloc(env, (k->headers.count + CONNECT_HEADERS) * sizeof(*h));
    message->headers = h;
    if (!h)
        return false;
    for (size_t i = 0; i < k->headers.count; i++)
        *h++ = (struct weir_header){k->headers.items[i].name, k->headers.items[i].value};
    if (k->connect_headers && source.partition >= 0) {
        *h++ = (struct weir_header){TEXT("__connect.errors.topic"), source.topic};
        *h++ = (struct weir_header){TEXT("__connect.errors.partition"), number(env, source.partition)};
        *h++ = (struct weir_header){TEXT("__connect.errors.offset"), number(env, source.offset)};
    }
    if (k->connect_headers) {
        *h++ = (struct weir_header){TEXT("__connect.errors.stage"), weir_failed_stage(env)};
        *h++ = (struct weir_header){TEXT("__connect.errors.exception.message"), weir_reason(env)};
    }
    message->n_headers = (size_t)(h - message->headers);
    return true;
}

/* A member's text, or its JSON where it is no string. */
static struct weir_str read_key(const struct kafka_sink *k, struct weir_envelope *env)
{
    struct weir_str key;

    if (!k->key)
        return weir_key(env);
    if (weir_get_string(env, k->key, &key) == WEIR_OK)
        return key;
    if (weir_field_type(env, k->key) == WEIR_JSON_NULL || weir_get_raw(env, k->key, &key) != WEIR_OK)
        return (struct weir_str){NULL, 0};
    return key;
}

static int32_t send_one(struct weir_stage *stage, const struct kafka_sink *k, struct weir_envelope *env)
{
    struct weir_message message = WEIR_MESSAGE_INIT;

    message.topic = k->topic;
    message.flags = WEIR_SEND_HEADERS;
    message.key = read_key(k, env);
    if (k->partition == AS_SOURCE)
        message.partition = weir_source(env).partition;
    if (k->partition == AS_SOURCE && message.partition >= 0)
        message.flags |= WEIR_SEND_PARTITION;
    if (weir_timestamp_ms(env, &message.timestamp_ms))
        message.flags |= WEIR_SEND_TIMESTAMP;
    if (!add_headers(k, env, &message) || !make_value(stage, k, env, &message) ||
        weir_send(stage, env, &message) != WEIR_OK)
        return weir_fail(env, "Publishing error: out of memory");
    return WEIR_PASS;
}

/* Appends to the open batch, and leaves room for its end. */
static bool append(struct kafka_sink *k, struct weir_str s)
{
    size_t need = k->len + s.len + strlen("]}");
    char *joined = need > k->room ? realloc(k->joined, 2 * need) : k->joined;

    if (!joined)
        return false;
    if (need > k->room)
        k->room = 2 * need;
    k->joined = joined;
    memcpy(k->joined + k->len, s.ptr, s.len);
    k->len += s.len;
    return true;
}

static int32_t send_batch(struct weir_stage *stage, void *self)
{
    struct kafka_sink *k = self;
    struct weir_message message = WEIR_MESSAGE_INIT;

    if (k->held == 0)
        return WEIR_PASS;
    memcpy(k->joined + k->len, "]}", 2);
    message.topic = k->topic;
    message.value = (struct weir_str){k->joined, k->len + 2};
    k->held = 0;
    k->len = k->begin;
    if (weir_send(stage, NULL, &message) != WEIR_OK || weir_set_timer(stage, -1) != WEIR_OK)
        return WEIR_STOP;
    return WEIR_PASS;
}

static int32_t join_one(struct weir_stage *stage, struct kafka_sink *k, struct weir_envelope *env)
{
    struct weir_str array, elements;
    size_t len;

    if (weir_field_type(env, k->join) != WEIR_JSON_ARRAY || weir_get_raw(env, k->join, &array) != WEIR_OK)
        return weir_fail(env, "Publishing error: %.*s: not an array", (int)k->join_name.len,
                         k->join_name.ptr);
    elements = (struct weir_str){array.ptr + 1, array.len - 2};
    if (strspn(elements.ptr, " \t\r\n") == elements.len) /* it ends at the bracket */
        return WEIR_PASS;
    if (k->len + elements.len > MAX_BATCH && send_batch(stage, k) != WEIR_PASS)
        return weir_stop(env, "a batch cannot be sent");
    len = k->len;
    if ((k->held > 0 && !append(k, TEXT(", "))) || !append(k, elements)) {
        k->len = len;
        return weir_fail(env, "Publishing error: out of memory");
    }
    if (weir_hold(stage, env) != WEIR_OK || (k->held == 0 && weir_set_timer(stage, k->batch_wait) != WEIR_OK))
        return weir_stop(env, "a record cannot wait for its batch");
    k->held++;
    if ((k->held == k->batch || k->len >= MAX_BATCH) && send_batch(stage, k) != WEIR_PASS)
        return weir_stop(env, "a batch cannot be sent");
    return WEIR_PASS;
}

static int32_t process(struct weir_stage *stage, void *self, struct weir_envelope *env)
{
    struct kafka_sink *k = self;

    return k->join ? join_one(stage, k, env) : send_one(stage, k, env);
}

/* Writes what every batch begins with. */
static int32_t open_batch(struct weir_stage *stage, struct kafka_sink *k)
{
    k->join_name = weir_field_name(stage, k->join);
    for (size_t i = 0; i < k->join_name.len; i++)
        if (strchr(".\\\"", k->join_name.ptr[i]) || (unsigned char)k->join_name.ptr[i] < ' ')
            return weir_error(stage, "join takes the plain name of a member of the value itself");
    if (!append(k, TEXT("{\"")) || !append(k, k->join_name) || !append(k, TEXT("\": ["))) {
        free(k->joined);
        return weir_error(stage, "out of memory");
    }
    k->begin = k->len;
    return WEIR_OK;
}

static int32_t write_opening(struct weir_stage *stage, struct kafka_sink *k)
{
    struct weir_str name = weir_field_name(stage, k->id);
    char *p;

    k->opening = malloc(6 * name.len + strlen("{\"\": "));
    if (!k->opening)
        return weir_error(stage, "out of memory");
    p = put_escaped(mempcpy(k->opening, "{\"", 2), name);
    p = mempcpy(p, "\": ", 3);
    k->opening_len = (size_t)(p - k->opening);
    return WEIR_OK;
}

static int32_t create(struct weir_stage *stage, void *self)
{
    struct kafka_sink *k = self;

    if ((k->batch > 1) != (k->join != NULL))
        return weir_error(stage,
                          "batch and join need each other: join names the array whose elements become one");
    if (k->join && (k->format != RECORD || k->key || k->headers.count || k->partition == AS_SOURCE))
        return weir_error(stage, "a joined record has no key, no headers, no source and no other format");
    if (k->format != RECORD && !weir_json_values(stage))
        return weir_error(stage, "format = %s wraps JSON, and this chain's values are bytes",
                          formats[k->format]);
    if (k->format == RECORD && k->id)
        return weir_error(stage, "id is for format = error and format = cleaned");
    if (k->format != ERROR && weir_is_set(stage, "connect_headers"))
        return weir_error(stage, "connect_headers is for format = error");
    k->connect_headers &= k->format == ERROR;
    if (k->id)
        return write_opening(stage, k);
    return k->join ? open_batch(stage, k) : WEIR_OK;
}

static void destroy(struct weir_stage *stage, void *self)
{
    struct kafka_sink *k = self;

    (void)stage;
    free(k->joined);
    free(k->opening);
}

WEIR_PLUGIN(.name = "kafka_sink", .version = "1.0.0", .help = "sends records to a topic", .options = options,
            .self_size = sizeof(struct kafka_sink), .flags = WEIR_SINK, .create = create, .destroy = destroy,
            .process = process, .timer = send_batch, .flush = send_batch)
