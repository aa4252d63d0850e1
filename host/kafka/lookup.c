/* lookup.c: see lookup.h.
 *
 * The end of a partition is told by librdkafka's own event, not by the last offset: the last one may be a
 * transaction's marker or a record that compaction took, and would be waited for in vain. */
#include "kafka/lookup.h"

#include <stdlib.h>

#include "kafka/client.h"
#include "kafka/errors.h"
#include "kafka/offsets.h"
#include "kafka/record.h"

#define ASK_MS 1000
#define POLL_MS 100

struct lookup {
    struct client client;
    struct settings settings;
    struct patience patience;
    struct record_room room;
    rd_kafka_message_t *message; /* the last that was handed out */
    struct buf text;             /* of the trouble */
};

struct lookup *lookup_new(const char *name, const char *group, const struct config_keys *kafka,
                          const struct lookup_patience *patience, struct diag *diag)
{
    static const struct client_callbacks none = {NULL, NULL, NULL};
    struct lookup *l = calloc(1, sizeof *l);

    if (!l) {
        diag_error(diag, (struct place){NULL, 0}, "no memory");
        return NULL;
    }
    buf_init(&l->text, 4096);
    settings_for_tool(&l->settings, name, kafka);
    l->settings.group = group;
    l->patience = (struct patience){patience->self, patience->wait};
    l->client.wake_fd = -1;
    l->client.tells_end = true;
    if (client_open(&l->client, CLIENT_CONSUMER, &l->settings, &none, diag))
        return l;
    lookup_destroy(l);
    return NULL;
}

void lookup_destroy(struct lookup *l)
{
    if (!l)
        return;
    if (l->message)
        rd_kafka_message_destroy(l->message);
    if (l->client.rk)
        rd_kafka_consumer_close(l->client.rk);
    client_close(&l->client);
    record_room_fini(&l->room);
    buf_fini(&l->text);
    free(l);
}

const char *lookup_trouble(const struct lookup *l)
{
    return l->text.len ? l->text.ptr : "no memory";
}

/** What an error means; its phrase is kept. */
static enum look judge(struct lookup *l, rd_kafka_resp_err_t err, const char *topic)
{
    enum look look = errors_look(err);

    buf_reset(&l->text);
    if (look == LOOK_AWAY)
        buf_add_fmt(&l->text, "the brokers do not answer: %s", rd_kafka_err2str(err));
    else if (look == LOOK_ABSENT)
        buf_add_fmt(&l->text, "topic %s does not exist", topic);
    else if (look == LOOK_BAD)
        errors_source_phrase(&l->text, err, topic, l->settings.group);
    buf_text(&l->text);
    return look;
}

enum look lookup_partitions(struct lookup *l, const char *topic, int32_t *count)
{
    rd_kafka_topic_t *handle = rd_kafka_topic_new(l->client.rk, topic, NULL);
    const struct rd_kafka_metadata *about;
    rd_kafka_resp_err_t err;

    *count = 0;
    if (!handle)
        return judge(l, RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, topic);
    do {
        err = rd_kafka_metadata(l->client.rk, 0, handle, &about, ASK_MS);
        if (err)
            continue;
        err = about->topic_cnt == 1 ? about->topics[0].err : RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
        *count = err ? 0 : about->topics[0].partition_cnt;
        rd_kafka_metadata_destroy(about);
    } while (errors_look(err) == LOOK_AWAY && l->patience.wait(l->patience.self));
    rd_kafka_topic_destroy(handle);
    return judge(l, err, topic);
}

enum look lookup_range(struct lookup *l, const char *topic, int32_t partition, int64_t *low, int64_t *high)
{
    return judge(l, offsets_range(l->client.rk, topic, partition, low, high, &l->patience), topic);
}

bool lookup_at(struct lookup *l, const char *topic, int32_t partition, int64_t offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_resp_err_t err;

    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = offset;
    err = rd_kafka_assign(l->client.rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    return judge(l, err, topic) == LOOK_GOOD;
}

/** What a message that is no record means. LOOKUP_RECORD: nothing, go on. */
static enum lookup_found event(struct lookup *l, const rd_kafka_message_t *m)
{
    switch ((int)m->err) {
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        return LOOKUP_END;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
        return LOOKUP_OUT_OF_RANGE;
    default:
        if (judge(l, m->err, m->rkt ? rd_kafka_topic_name(m->rkt) : "?") == LOOK_AWAY)
            return LOOKUP_RECORD; /* it is asked again */
        return LOOKUP_FAILED;
    }
}

enum lookup_found lookup_next(struct lookup *l, struct record *record)
{
    enum lookup_found found = LOOKUP_RECORD;

    judge(l, RD_KAFKA_RESP_ERR__TIMED_OUT, "");
    do {
        if (l->message)
            rd_kafka_message_destroy(l->message);
        l->message = rd_kafka_consumer_poll(l->client.rk, POLL_MS);
        if (l->message && !l->message->err) {
            struct weir_str topic = str_of(rd_kafka_topic_name(l->message->rkt));

            client_well(&l->client);
            if (record_read(&l->room, l->message, topic, record))
                return LOOKUP_RECORD;
            buf_reset(&l->text);
            return LOOKUP_FAILED;
        }
        if (l->message)
            found = event(l, l->message);
    } while (found == LOOKUP_RECORD && l->patience.wait(l->patience.self));
    return found == LOOKUP_RECORD ? LOOKUP_FAILED : found;
}

static rd_kafka_topic_partition_list_t *one(const char *topic, int32_t partition)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

    rd_kafka_topic_partition_list_add(list, topic, partition);
    return list;
}

enum look lookup_committed(struct lookup *l, const char *topic, int32_t partition, int64_t *offset,
                           struct buf *text)
{
    rd_kafka_topic_partition_list_t *list = one(topic, partition);
    rd_kafka_resp_err_t err = offsets_committed(l->client.rk, list, &l->patience);
    const rd_kafka_topic_partition_t *found = &list->elems[0];

    buf_reset(text);
    *offset = err || found->offset < 0 ? -1 : found->offset;
    if (*offset >= 0 && found->metadata)
        buf_add(text, str_make(found->metadata, found->metadata_size));
    rd_kafka_topic_partition_list_destroy(list);
    return judge(l, text->failed ? RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE : err, topic);
}

static bool is_passing(rd_kafka_resp_err_t err)
{
    return errors_look(err) == LOOK_AWAY;
}

enum look lookup_commit(struct lookup *l, const char *topic, int32_t partition, int64_t offset,
                        struct weir_str text)
{
    rd_kafka_resp_err_t err;

    do {
        rd_kafka_topic_partition_list_t *list = one(topic, partition);

        list->elems[0].offset = offset;
        list->elems[0].metadata = str_dup(text); /* freed with the list */
        list->elems[0].metadata_size = list->elems[0].metadata ? text.len : 0;
        err = list->elems[0].metadata ? rd_kafka_commit(l->client.rk, list, 0)
                                      : RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE;
        if (!err)
            err = list->elems[0].err;
        rd_kafka_topic_partition_list_destroy(list);
    } while (is_passing(err) && l->patience.wait(l->patience.self));
    return judge(l, err, topic);
}
