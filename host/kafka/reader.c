/* reader.c: see reader.h.
 *
 * It assigns every partition of its topics to itself, commits nothing and joins nothing: nobody else notices.
 */
#include "kafka/reader.h"

#include <stdlib.h>

#include "base/clock.h"
#include "kafka/client.h"
#include "kafka/errors.h"
#include "kafka/record.h"

#define LOOK_MS 1000       /* one question about a topic */
#define LOOK_AGAIN_MS 1000 /* between two rounds of them */
#define POLL_MAX 1000      /* records of one call */

struct watched {
    char *name;
    bool found;
    bool absent; /* it was looked for, and was not there: nothing in it is old */
};

struct reader {
    struct client client;
    struct settings settings;
    struct watched *topics;
    size_t n_topics, n_found;
    bool latest;
    int64_t look_at; /* monotonic milliseconds */
    rd_kafka_topic_partition_list_t *assigned;
    struct record_room room;
    struct buf text;
};

static bool copy_topics(struct reader *r, const char *const *topics, size_t n_topics)
{
    r->topics = calloc(n_topics + 1, sizeof *r->topics);
    if (!r->topics)
        return false;
    for (; r->n_topics < n_topics; r->n_topics++) {
        r->topics[r->n_topics].name = str_dup(str_of(topics[r->n_topics]));
        if (!r->topics[r->n_topics].name)
            return false;
    }
    return true;
}

struct reader *reader_new(const char *name, const struct config_keys *kafka, const char *const *topics,
                          size_t n_topics, bool latest, struct diag *diag)
{
    static const struct client_callbacks none = {NULL, NULL, NULL};
    struct reader *r = calloc(1, sizeof *r);

    if (!r || !copy_topics(r, topics, n_topics)) {
        diag_error(diag, (struct place){NULL, 0}, "no memory");
        goto failed;
    }
    buf_init(&r->text, 4096);
    settings_for_tool(&r->settings, name, kafka);
    r->latest = latest;
    r->client.chain = NULL;
    r->client.wake_fd = -1;
    r->assigned = rd_kafka_topic_partition_list_new((int)n_topics);
    if (client_open(&r->client, CLIENT_CONSUMER, &r->settings, &none, diag))
        return r;
failed:
    reader_destroy(r);
    return NULL;
}

void reader_destroy(struct reader *r)
{
    size_t i;

    if (!r)
        return;
    if (r->client.rk)
        rd_kafka_consumer_close(r->client.rk);
    client_close(&r->client);
    if (r->assigned)
        rd_kafka_topic_partition_list_destroy(r->assigned);
    for (i = 0; i < r->n_topics; i++)
        free(r->topics[i].name);
    free(r->topics);
    record_room_fini(&r->room);
    buf_fini(&r->text);
    free(r);
}

bool reader_ready(const struct reader *r)
{
    return r->n_found == r->n_topics;
}

static void add_partitions(struct reader *r, const struct watched *topic, int count)
{
    int64_t from = r->latest && !topic->absent ? RD_KAFKA_OFFSET_END : RD_KAFKA_OFFSET_BEGINNING;
    int i;

    for (i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(r->assigned, topic->name, i)->offset = from;
}

/** The number of partitions, 0: not there (yet). */
static int count_partitions(struct reader *r, struct watched *watched)
{
    rd_kafka_topic_t *topic = rd_kafka_topic_new(r->client.rk, watched->name, NULL);
    const struct rd_kafka_metadata *about;
    int count = 0;

    if (topic && !rd_kafka_metadata(r->client.rk, 0, topic, &about, LOOK_MS)) {
        if (about->topic_cnt == 1 && !about->topics[0].err)
            count = about->topics[0].partition_cnt;
        watched->absent = count == 0;
        rd_kafka_metadata_destroy(about);
    }
    if (topic)
        rd_kafka_topic_destroy(topic);
    return count;
}

/** Where each of the others stands now, so that a new assignment goes on there. */
static void note_positions(struct reader *r)
{
    int i;

    rd_kafka_position(r->client.rk, r->assigned);
    for (i = 0; i < r->assigned->cnt; i++) {
        if (r->assigned->elems[i].offset == RD_KAFKA_OFFSET_INVALID)
            r->assigned->elems[i].offset = r->latest ? RD_KAFKA_OFFSET_END : RD_KAFKA_OFFSET_BEGINNING;
    }
}

static void look_for_topics(struct reader *r)
{
    size_t i, before = r->n_found;

    if (reader_ready(r) || clock_mono_ms() < r->look_at)
        return;
    r->look_at = clock_mono_ms() + LOOK_AGAIN_MS;
    note_positions(r);
    for (i = 0; i < r->n_topics; i++) {
        struct watched *topic = &r->topics[i];
        int count = topic->found ? 0 : count_partitions(r, topic);

        if (count == 0)
            continue;
        add_partitions(r, topic, count);
        topic->found = true;
        r->n_found++;
    }
    if (r->n_found > before)
        rd_kafka_assign(r->client.rk, r->assigned);
}

static const char *trouble(struct reader *r, const rd_kafka_message_t *m)
{
    if (m->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET && m->rkt) { /* records went faster than we read */
        rd_kafka_seek(m->rkt, m->partition, RD_KAFKA_OFFSET_BEGINNING, 0);
        return NULL;
    }
    if (errors_is_away(m->err))
        return NULL;
    return errors_source_phrase(&r->text, m->err, m->rkt ? rd_kafka_topic_name(m->rkt) : "?",
                                r->settings.group);
}

static bool show(struct reader *r, const rd_kafka_message_t *m, void (*see)(void *, const struct record *),
                 void *arg)
{
    struct record record;

    if (!record_read(&r->room, m, str_of(rd_kafka_topic_name(m->rkt)), &record))
        return false;
    see(arg, &record);
    return true;
}

size_t reader_poll(struct reader *r, int timeout_ms, void (*see)(void *arg, const struct record *record),
                   void *arg, const char **why)
{
    int64_t until = clock_mono_ms() + timeout_ms;
    size_t n = 0;

    if (why)
        *why = NULL;
    look_for_topics(r);
    while (n < POLL_MAX) {
        int64_t left = n ? 0 : until - clock_mono_ms();
        rd_kafka_message_t *m = rd_kafka_consumer_poll(r->client.rk, left > 0 ? (int)left : 0);

        if (!m)
            break;
        if (!m->err) {
            n += show(r, m, see, arg);
        } else {
            const char *said = trouble(r, m);

            if (why && said)
                *why = said;
        }
        rd_kafka_message_destroy(m);
    }
    return n;
}
