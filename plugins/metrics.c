/* metrics: makes one record about every record that ended on a topic.
 *
 *     [stage metrics]              ; behind the sinks: it tells where a record really ended
 *     plugin = metrics
 *     from   = *
 *     id     = user_id             ; absent, null, empty, no string, or withheld: Unknown
 *     since  = timestamp           ; Unix seconds: a number, or a string that reads as one
 *     emit   = metrics
 *
 *     {"message_details": [{"message_id": "u-1", "processing_time": 0.012, "topic": "processed-output",
 *                           "timestamp": 1729894075.250}]}         (on one line)
 *
 * processing_time is now minus `since`; where that is not usable (or 10^12 and more), minus Kafka's
 * timestamp; where there is none, 0.000. An id over 256 bytes is cut between two characters. The sink
 * batches.
 *
 * Times are whole milliseconds, and written digit by digit: printf is slow, and this runs for every record.
 */
#include <string.h>
#include <weir/plugin.h>

#define MAX_ID 256
#define MAX_TOPIC 256
#define MAX_SECONDS 1e12
#define ROOM (6 * (MAX_ID + MAX_TOPIC) + 256) /* every byte may be escaped as \u0000 */

struct metrics {
    const struct weir_field *id, *since;
};

static const struct weir_option options[] = {
    WEIR_OPT_FIELD(struct metrics, id, .required = true, .help = "the member that names the record"),
    WEIR_OPT_FIELD(struct metrics, since, .help = "the member that holds when it began, in Unix seconds"),
    WEIR_OPT_END};

/* When the record began, in Unix milliseconds. */
static bool read_start(const struct metrics *m, struct weir_envelope *env, int64_t *ms)
{
    double s;

    if (!m->since || weir_get_number(env, m->since, &s) != WEIR_OK || !(s > -MAX_SECONDS && s < MAX_SECONDS))
        return weir_timestamp_ms(env, ms);
    *ms = (int64_t)(s < 0 ? s * 1000 - 0.5 : s * 1000 + 0.5);
    return true;
}

static char *put(char *p, const char *text)
{
    return (char *)mempcpy(p, text, strlen(text));
}

/* The text (which is valid UTF-8), quoted and escaped. */
static char *put_string(char *p, struct weir_str s)
{
    *p++ = '"';
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];

        if (c < 0x20) {
            p = put(p, "\\u00");
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
    char digits[24]; /* backwards */
    size_t len = 0;

    while (n > 0 || len < sizeof("0.000") - 1) {
        digits[len++] = (char)('0' + n % 10);
        n /= 10;
        if (len == 3)
            digits[len++] = '.';
    }
    if (ms < 0)
        *p++ = '-';
    while (len > 0)
        *p++ = digits[--len];
    return p;
}

static struct weir_str read_id(const struct metrics *m, struct weir_envelope *env)
{
    struct weir_str id;

    if (weir_get_string(env, m->id, &id) != WEIR_OK || id.len == 0)
        return (struct weir_str){"Unknown", 7};
    if (id.len > MAX_ID)
        for (id.len = MAX_ID; ((unsigned char)id.ptr[id.len] & 0xC0) == 0x80; id.len--)
            ;
    return id;
}

static int32_t process(struct weir_stage *stage, void *self, struct weir_envelope *env)
{
    const struct metrics *m = self;
    struct weir_str topic = weir_ended_topic(env);
    int64_t now = weir_now_ms(stage), start, took = 0;
    char text[ROOM], *p;

    if (!topic.ptr || topic.len > MAX_TOPIC)
        return WEIR_PASS;
    if (read_start(m, env, &start) && __builtin_sub_overflow(now, start, &took))
        took = start < 0 ? INT64_MAX : INT64_MIN;
    p = put_string(put(text, "{\"message_details\": [{\"message_id\": "), read_id(m, env));
    p = put_seconds(put(p, ", \"processing_time\": "), took);
    p = put_string(put(p, ", \"topic\": "), topic);
    p = put_seconds(put(p, ", \"timestamp\": "), now);
    p = put(p, "}]}");
    if (weir_emit(stage, (struct weir_str){NULL, 0}, (struct weir_str){text, (size_t)(p - text)}) != WEIR_OK)
        return weir_stop(env, "a metrics record cannot be emitted");
    return WEIR_PASS;
}

WEIR_PLUGIN(.name = "metrics", .version = "1.0.0",
            .help = "makes one record about every record that ended on a topic", .options = options,
            .self_size = sizeof(struct metrics), .flags = WEIR_EMITS, .process = process)
