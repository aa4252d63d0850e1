/* record.c: see record.h. */
#include "kafka/record.h"

#include <stdlib.h>

void record_room_fini(struct record_room *room)
{
    free(room->headers);
    *room = (struct record_room){NULL, 0};
}

static bool make_room(struct record_room *room, size_t n)
{
    struct weir_header *more;

    if (n <= room->room)
        return true;
    more = realloc(room->headers, n * sizeof *more);
    if (!more)
        return false;
    room->headers = more;
    room->room = n;
    return true;
}

static bool read_headers(struct record_room *room, const rd_kafka_message_t *m, size_t *count)
{
    rd_kafka_headers_t *headers;
    const char *name;
    const void *value;
    size_t i, size;

    *count = 0;
    if (rd_kafka_message_headers(m, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return true; /* it has none */
    if (!make_room(room, rd_kafka_header_cnt(headers)))
        return false;
    for (i = 0; i < room->room && !rd_kafka_header_get_all(headers, i, &name, &value, &size); i++)
        room->headers[i] = (struct weir_header){str_of(name), str_make(value, size)};
    *count = i;
    return true;
}

bool record_read(struct record_room *room, const rd_kafka_message_t *m, struct weir_str topic,
                 struct record *out)
{
    rd_kafka_timestamp_type_t type;
    int64_t timestamp = rd_kafka_message_timestamp(m, &type);

    *out = (struct record){
        .key = str_make(m->key, m->key ? m->key_len : 0),
        .value = str_make(m->payload, m->payload ? m->len : 0),
        .has_timestamp = type != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE,
        .timestamp_ms = timestamp,
        .topic = topic,
        .partition = m->partition,
        .offset = m->offset,
    };
    if (!read_headers(room, m, &out->n_headers))
        return false;
    out->headers = room->headers;
    return true;
}
