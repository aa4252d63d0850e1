/* metrics: makes one record about every record that ended on a topic.
 *
 *     [stage metrics]              ; behind the sinks: it tells where a record really ended
 *     plugin = metrics
 *     from   = *
 *     id     = user_id             ; absent, null, empty, no string, or withheld: Unknown
 *     since  = timestamp           ; since 1970: a number, or a string that reads as one
 *     ; unit = s                   ; what that member counts: s (the default) or ms
 *     emit   = metrics
 *
 *     {"message_details": [{"message_id": "u-1", "processing_time": 0.012, "topic": "processed-output",
 *                           "timestamp": 1729894075.250}]}         (on one line)
 *
 * processing_time is now minus `since`; where that is not usable (or 10^12 seconds and more), minus
 * Kafka's timestamp; where there is none, 0.000. An id over 256 bytes is cut between two characters. The sink
 * batches.
 *
 * This runs for every record, so nothing is printed: an id without escapes is copied as it stands in the
 * value, times are whole milliseconds, and what follows the processing time is kept for the next record,
 * which most often ended on the same topic in the same millisecond.
 */
#include <string.h>
#include <weir/plugin.h>

#define MAX_ID 256
#define MAX_TOPIC 256
#define MAX_SECONDS 1e12
#define ROOM(bytes) (6 * (bytes) + 128) /* every byte may be escaped as \u0000 */
#define PUT(p, literal) ((char *)memcpy(p, literal, sizeof(literal) - 1) + sizeof(literal) - 1)

struct metrics {
    const struct weir_field *id, *since;
    int32_t unit;
    int64_t now; /* these two made the end */
    char topic[MAX_TOPIC];
    size_t topic_len, end_len;
    char end[ROOM(MAX_TOPIC)];
};

static const char *const units[] = {"s", "ms", NULL};
static const double in_seconds[] = {1, 1e-3};

static const struct weir_option options[] = {
    WEIR_OPT_FIELD(struct metrics, id, .required = true, .help = "the member that names the record"),
    WEIR_OPT_FIELD(struct metrics, since, .help = "the member that holds when it began"),
    WEIR_OPT_CHOICE(struct metrics, unit, .def = "s", .choices = units,
                    .help = "what that member counts since 1970"),
    WEIR_OPT_END};

/* When the record began, in Unix milliseconds. */
static bool read_start(const struct metrics *m, struct weir_envelope *env, int64_t *ms)
{
    double s;

    if (!m->since || weir_get_number(env, m->since, &s) != WEIR_OK)
        return weir_timestamp_ms(env, ms);
    s *= in_seconds[m->unit];
    if (!(s > -MAX_SECONDS && s < MAX_SECONDS))
        return weir_timestamp_ms(env, ms);
    *ms = (int64_t)(s < 0 ? s * 1000 - 0.5 : s * 1000 + 0.5);
    return true;
}

/* The text (which is valid UTF-8), quoted and escaped. */
static char *put_string(char *p, struct weir_str s)
{
    *p++ = '"';
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];

        if (c < 0x20) {
            p = PUT(p, "\\u00");
            *p++ = "01"[c >> 4];
            *p++ = "0123456789abcdef"[c & 15];
            continue;
        }
        if (c == '"' || c == '\\')
            *p++ = '\\';
        *p++ = (char)c;
    }
    *p++ = '"';
    return p;
}

/* Milliseconds as seconds with three decimals. */
static char *put_seconds(char *p, int64_t ms)
{
    uint64_t n = ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms;
    uint64_t seconds = n / 1000;
    unsigned rest = (unsigned)(n % 1000);
    char digits[20]; /* backwards */
    size_t len = 0;

    if (ms < 0)
        *p++ = '-';
    do
        digits[len++] = (char)('0' + seconds % 10);
    while ((seconds /= 10) > 0);
    while (len > 0)
        *p++ = digits[--len];
    p[0] = '.';
    p[1] = (char)('0' + rest / 100);
    p[2] = (char)('0' + rest / 10 % 10);
    p[3] = (char)('0' + rest % 10);
    return p + 4;
}

static char *put_id(char *p, const struct metrics *m, struct weir_envelope *env)
{
    struct weir_str id;

    if (weir_get_raw(env, m->id, &id) == WEIR_OK && id.ptr[0] == '"' && id.len > strlen("\"\"") &&
        id.len <= MAX_ID && !memchr(id.ptr, '\\', id.len))
        return mempcpy(p, id.ptr, id.len);
    if (weir_get_string(env, m->id, &id) != WEIR_OK || id.len == 0)
        return PUT(p, "\"Unknown\"");
    if (id.len > MAX_ID)
        for (id.len = MAX_ID; ((unsigned char)id.ptr[id.len] & 0xC0) == 0x80; id.len--)
            ;
    return put_string(p, id);
}

static char *put_end(char *p, struct metrics *m, struct weir_str topic, int64_t now)
{
    char *end = m->end;

    if (m->end_len == 0 || now != m->now || topic.len != m->topic_len ||
        memcmp(topic.ptr, m->topic, topic.len) != 0) {
        m->now = now;
        m->topic_len = topic.len;
        memcpy(m->topic, topic.ptr, topic.len);
        end = put_string(PUT(end, ", \"topic\": "), topic);
        end = put_seconds(PUT(end, ", \"timestamp\": "), now);
        m->end_len = (size_t)(PUT(end, "}]}") - m->end);
    }
    return mempcpy(p, m->end, m->end_len);
}

static int32_t process(struct weir_stage *stage, void *self, struct weir_envelope *env)
{
    struct metrics *m = self;
    struct weir_str topic = weir_ended_topic(env);
    int64_t now = weir_now_ms(stage), start, took = 0;
    char text[ROOM(MAX_ID) + ROOM(MAX_TOPIC)], *p = text;

    if (!topic.ptr || topic.len > MAX_TOPIC)
        return WEIR_PASS;
    if (read_start(m, env, &start) && __builtin_sub_overflow(now, start, &took))
        took = start < 0 ? INT64_MAX : INT64_MIN;
    p = put_id(PUT(p, "{\"message_details\": [{\"message_id\": "), m, env);
    p = put_seconds(PUT(p, ", \"processing_time\": "), took);
    p = put_end(p, m, topic, now);
    if (weir_emit(stage, (struct weir_str){NULL, 0}, (struct weir_str){text, (size_t)(p - text)}) != WEIR_OK)
        return weir_stop(env, "a metrics record cannot be emitted");
    return WEIR_PASS;
}

static int32_t create(struct weir_stage *stage, void *self)
{
    const struct metrics *m = self;

    if (!m->since && weir_is_set(stage, "unit"))
        return weir_error(stage, "unit means something only with since");
    return WEIR_OK;
}

WEIR_PLUGIN(.name = "metrics", .version = "1.0.0",
            .help = "makes one record about every record that ended on a topic", .options = options,
            .self_size = sizeof(struct metrics), .flags = WEIR_EMITS, .create = create, .process = process)
