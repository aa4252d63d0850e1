/* dlq_letter.c: see dlq_letter.h.
 *
 * The value is walked by the chain's own scanner, and its content handed on as it is written: a JSON library
 * would show numbers and repeated members otherwise than they are. */
#include "cli/dlq_letter.h"

#include "chain/json.h"
#include "chain/own_headers.h"

#include <ctype.h>

#define TOPIC_MAX 249

/* The last header of that name; absent: there is none, or it is null. */
static struct weir_str header(const struct record *record, const char *name)
{
    for (size_t i = record->n_headers; i-- > 0;) {
        if (str_is(record->headers[i].name, name))
            return record->headers[i].value;
    }
    return STR_ABSENT;
}

int64_t letter_number(const struct record *record, const char *name, int64_t absent)
{
    struct weir_str text = header(record, name);
    int64_t n;

    return text.ptr && str_to_int(text, &n) && n >= 0 ? n : absent;
}

/* As Kafka takes it: so it can be printed anywhere. */
static bool is_topic(struct weir_str name)
{
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];

        if (c >= 0x80 || !(isalnum(c) || strchr("._-", c) != NULL) || !c)
            return false;
    }
    return name.len > 0 && name.len <= TOPIC_MAX;
}

/* All three, or none of them counts. */
static void read_coordinates(const struct record *record, struct letter *letter)
{
    struct weir_str topic = header(record, CONNECT_PREFIX "topic");
    int64_t partition = letter_number(record, CONNECT_PREFIX "partition", -1);
    int64_t offset = letter_number(record, CONNECT_PREFIX "offset", -1);

    letter->partition = -1;
    letter->offset = -1;
    if (!is_topic(topic) || partition < 0 || partition > INT32_MAX || offset < 0)
        return;
    letter->topic = topic;
    letter->partition = (int32_t)partition;
    letter->offset = offset;
}

struct members {
    struct weir_str error_type, content, timestamp; /* raw; absent: not there */
};

/* The members of a checked object; of two with the same name, the last. */
static void find_members(struct weir_str value, struct members *found)
{
    const struct {
        const char *name;
        struct weir_str *to;
    } wanted[] = {{"error_type", &found->error_type},
                  {"message_content", &found->content},
                  {"timestamp", &found->timestamp}};
    struct json_scan scan = {.end = value.ptr + value.len};
    const char *at = json_skip_space(value.ptr, scan.end);

    at = json_skip_space(at + 1, scan.end);
    while (*at == '"') {
        const char *name = at + 1, *behind = json_scan_string(&scan, name);
        struct weir_str raw = str_make(name, (size_t)(behind - 1 - name));
        const char *begin = json_scan_colon(&scan, behind), *stop = json_scan_value(&scan, begin, 1);

        for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
            if (json_decodes_to(raw, str_of(wanted[i].name)))
                *wanted[i].to = str_make(begin, (size_t)(stop - begin));
        }
        at = json_skip_space(stop, scan.end);
        if (*at == ',')
            at = json_skip_space(at + 1, scan.end);
    }
}

/* A JSON string as text; absent where it is none. */
static struct weir_str decode(struct weir_str raw, struct buf *room)
{
    size_t len;

    if (!raw.len || raw.ptr[0] != '"' || !buf_reserve(room, raw.len))
        return STR_ABSENT;
    if (!json_decode(str_make(raw.ptr + 1, raw.len - 2), room->ptr, &len))
        return STR_ABSENT;
    return str_make(room->ptr, len);
}

static void read_time(const struct record *record, struct weir_str seconds, struct letter *letter)
{
    int64_t s;

    letter->has_time = record->has_timestamp;
    letter->time_ms = record->timestamp_ms;
    if (seconds.ptr && str_to_int(seconds, &s) && s > -INT64_C(1000000000000) && s < INT64_C(1000000000000)) {
        letter->has_time = true;
        letter->time_ms = s * 1000;
    }
}

bool letter_read(const struct record *record, struct buf *room, struct letter *letter)
{
    struct members members = {STR_ABSENT, STR_ABSENT, STR_ABSENT};
    bool is_weirs;

    buf_reset(room);
    *letter = (struct letter){.stage = header(record, CONNECT_PREFIX "stage"),
                              .reason = header(record, CONNECT_PREFIX "exception.message"),
                              .omitted = header(record, OMITTED_HEADER),
                              .replays = letter_number(record, REPLAY_COUNT_HEADER, 0)};
    read_coordinates(record, letter);
    if (record->value.ptr && json_is_object(record->value))
        find_members(record->value, &members);
    is_weirs = members.error_type.len && members.error_type.ptr[0] == '"';
    if (is_weirs) /* else it may be anything: Connect's dead letters are the bare originals */
        letter->content = members.content;
    if (is_weirs && !letter->reason.ptr)
        letter->reason = decode(members.error_type, room);
    read_time(record, is_weirs ? members.timestamp : STR_ABSENT, letter);
    return is_weirs || letter->topic.ptr || letter->stage.ptr || letter->omitted.ptr;
}
