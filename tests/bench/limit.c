/* limit.c: what librdkafka alone costs, as the measure for everything that does more.
 *
 *     limit [--transactions MS] [--linger MS] BOOTSTRAP GROUP SOURCE TOPIC…
 *
 * Takes records from SOURCE and sends each as it is to the first TOPIC, with its key and timestamp. Every
 * further TOPIC gets what looks like its metrics record: a fixed text with 36 bytes copied from where a login
 * event has its user_id. The very same text each time would compress to nothing, and cost less than it
 * should. No value is looked into. Properties and prefetch are those that weir sets, the trick that keeps an
 * old librdkafka's fetcher awake (host/kafka/awake.h) included: without it this would measure a pause of one
 * second and nothing else. Runs until SIGTERM.
 *
 * One thread, records one by one, as librdkafka's introduction does it. Its call for many skips records
 * after a rebalance, with some versions and some assignors (host/kafka/inbox.c): that weir takes it where it
 * is safe counts as weir's. Offsets are committed in transactions only; at-least-once would need a
 * watermark, and that is weir's own work. Rejected: reading headers (the source of the benchmark has none).
 */
#include <librdkafka/rdkafka.h>

#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TOPICS_MAX = 8, PARTITIONS_MAX = 256, SERVE_EVERY = 100, AWAKE_MS = 30, ID_AT = 13, ID_BYTES = 36 };
#define BACKOFF_IS_A_PROPERTY 0x020200ff /* fetch.queue.backoff.ms */

#define DETAIL                                                                                               \
    "{\"message_details\": [{\"message_id\": \"00000000-0000-0000-0000-000000000000\", "                     \
    "\"processing_time\": 0.012, \"topic\": \"processed-output\", \"timestamp\": 1729894075.250}]}"
#define DETAIL_ID_AT 37 /* its message_id */

struct limit {
    const char *bootstrap, *group, *source, *linger;
    rd_kafka_t *consumer, *producer;
    rd_kafka_topic_t *topics[TOPICS_MAX];
    int n_topics;
    int64_t transaction_ms;       /* 0: none */
    int64_t begun;                /* monotonic; 0: no record in the transaction yet */
    int64_t next[PARTITIONS_MAX]; /* offset to commit, by partition; -1: none */
    char detail[sizeof DETAIL];
};

static volatile sig_atomic_t stopped;

static void stop(int number)
{
    (void)number;
    stopped = 1;
}

_Noreturn static void die(const char *what, const char *why)
{
    fprintf(stderr, "limit: %s: %s\n", what, why);
    exit(1);
}

static void must(const char *what, rd_kafka_error_t *error)
{
    if (error)
        die(what, rd_kafka_error_string(error));
}

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- clients */

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char why[512];

    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) != RD_KAFKA_CONF_OK)
        die(name, why);
}

static rd_kafka_t *make(rd_kafka_type_t type, rd_kafka_conf_t *conf)
{
    char why[512];
    rd_kafka_t *rk = rd_kafka_new(type, conf, why, sizeof why);

    if (!rk)
        die("librdkafka", why);
    return rk;
}

static void open_consumer(struct limit *l)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_resp_err_t err;

    set(conf, "bootstrap.servers", l->bootstrap);
    set(conf, "group.id", l->group);
    set(conf, "session.timeout.ms", "10000");
    set(conf, "auto.offset.reset", "earliest");
    set(conf, "enable.auto.commit", "false");
    set(conf, "enable.auto.offset.store", "false");
    set(conf, "queued.min.messages", "10000000");
    set(conf, "queued.max.messages.kbytes", "4096");
    set(conf, "socket.nagle.disable", "true");
    if (rd_kafka_version() >= BACKOFF_IS_A_PROPERTY)
        set(conf, "fetch.queue.backoff.ms", "20");
    l->consumer = make(RD_KAFKA_CONSUMER, conf);
    rd_kafka_poll_set_consumer(l->consumer);
    rd_kafka_topic_partition_list_add(list, l->source, RD_KAFKA_PARTITION_UA);
    err = rd_kafka_subscribe(l->consumer, list);
    if (err)
        die("subscribe", rd_kafka_err2str(err));
    rd_kafka_topic_partition_list_destroy(list);
}

static void delivered(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    (void)rk, (void)opaque;
    if (m->err)
        die("a record was not delivered", rd_kafka_err2str(m->err));
}

static void open_producer(struct limit *l, char **names)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    set(conf, "bootstrap.servers", l->bootstrap);
    set(conf, "enable.idempotence", "true");
    set(conf, "linger.ms", l->linger);
    set(conf, "compression.type", "lz4");
    set(conf, "partitioner", "murmur2_random");
    set(conf, "queue.buffering.max.messages", "1000000");
    set(conf, "queue.buffering.max.kbytes", "65536"); /* what weir's chains have in flight by default */
    set(conf, "socket.nagle.disable", "true");
    if (l->transaction_ms)
        set(conf, "transactional.id", l->group);
    rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    l->producer = make(RD_KAFKA_PRODUCER, conf);
    for (int i = 0; i < l->n_topics; i++) {
        l->topics[i] = rd_kafka_topic_new(l->producer, names[i], NULL);
        if (!l->topics[i])
            die(names[i], rd_kafka_err2str(rd_kafka_last_error()));
    }
    if (!l->transaction_ms)
        return;
    must("init_transactions", rd_kafka_init_transactions(l->producer, -1));
    must("begin_transaction", rd_kafka_begin_transaction(l->producer));
}

/* A thread: any question to a leader makes an old librdkafka look at its full queue again. */
static void *keep_awake(void *arg)
{
    const struct limit *l = arg;
    const struct timespec pause = {0, AWAKE_MS * 1000000};
    int64_t low, high;

    while (!stopped) {
        rd_kafka_query_watermark_offsets(l->consumer, l->source, 0, &low, &high, 500);
        nanosleep(&pause, NULL);
    }
    return NULL;
}

/* ---- records */

static void send_record(struct limit *l, const rd_kafka_message_t *m, int topic)
{
    void *value = topic == 0 ? m->payload : l->detail, *key = topic == 0 ? m->key : NULL;
    size_t size = topic == 0 ? m->len : sizeof l->detail - 1, key_size = topic == 0 ? m->key_len : 0;
    int64_t timestamp = topic == 0 ? rd_kafka_message_timestamp(m, NULL) : 0;
    rd_kafka_resp_err_t err;

    for (;;) {
        err = rd_kafka_producev(l->producer, RD_KAFKA_V_RKT(l->topics[topic]), RD_KAFKA_V_VALUE(value, size),
                                RD_KAFKA_V_KEY(key, key_size), RD_KAFKA_V_TIMESTAMP(timestamp),
                                RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
        if (err != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            break;
        rd_kafka_poll(l->producer, 10);
    }
    if (err)
        die("send", rd_kafka_err2str(err));
}

static void note(struct limit *l, const rd_kafka_message_t *m)
{
    if (m->partition >= PARTITIONS_MAX)
        die(l->source, "more partitions than this program knows");
    l->next[m->partition] = m->offset + 1;
    if (!l->begun)
        l->begun = now_ms();
}

/* Offsets of the records so far, and then the transaction. */
static void commit(struct limit *l)
{
    rd_kafka_topic_partition_list_t *offsets = rd_kafka_topic_partition_list_new(PARTITIONS_MAX);
    rd_kafka_consumer_group_metadata_t *group = rd_kafka_consumer_group_metadata(l->consumer);

    for (int i = 0; i < PARTITIONS_MAX; i++) {
        if (l->next[i] >= 0)
            rd_kafka_topic_partition_list_add(offsets, l->source, i)->offset = l->next[i];
        l->next[i] = -1;
    }
    must("send_offsets", rd_kafka_send_offsets_to_transaction(l->producer, offsets, group, -1));
    must("commit_transaction", rd_kafka_commit_transaction(l->producer, -1));
    must("begin_transaction", rd_kafka_begin_transaction(l->producer));
    rd_kafka_consumer_group_metadata_destroy(group);
    rd_kafka_topic_partition_list_destroy(offsets);
    l->begun = 0;
}

static void pump(struct limit *l)
{
    uint64_t count = 0;

    while (!stopped) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(l->consumer, 5);

        if (m && !m->err) {
            if (m->len >= ID_AT + ID_BYTES)
                memcpy(l->detail + DETAIL_ID_AT, (const char *)m->payload + ID_AT, ID_BYTES);
            for (int i = 0; i < l->n_topics; i++)
                send_record(l, m, i);
            if (l->transaction_ms)
                note(l, m);
        }
        if (m)
            rd_kafka_message_destroy(m);
        if (!m || ++count % SERVE_EVERY == 0)
            rd_kafka_poll(l->producer, 0);
        if (l->begun && now_ms() - l->begun >= l->transaction_ms)
            commit(l);
    }
    if (l->begun)
        commit(l);
    rd_kafka_flush(l->producer, 10000);
}

static void close_clients(struct limit *l)
{
    rd_kafka_consumer_close(l->consumer);
    rd_kafka_destroy(l->consumer);
    for (int i = 0; i < l->n_topics; i++)
        rd_kafka_topic_destroy(l->topics[i]);
    rd_kafka_destroy(l->producer);
}

/* False: the arguments make no sense. */
static bool read_arguments(struct limit *l, int argc, char **argv)
{
    static const struct option options[] = {
        {"transactions", required_argument, NULL, 't'}, {"linger", required_argument, NULL, 'l'}, {0}};
    int letter;

    while ((letter = getopt_long(argc, argv, "+", options, NULL)) != -1) {
        if (letter == 't')
            l->transaction_ms = strtol(optarg, NULL, 10);
        else if (letter == 'l')
            l->linger = optarg;
        else
            return false;
    }
    l->n_topics = argc - optind - 3;
    if (l->n_topics < 1 || l->n_topics > TOPICS_MAX)
        return false;
    l->bootstrap = argv[optind];
    l->group = argv[optind + 1];
    l->source = argv[optind + 2];
    return true;
}

int main(int argc, char **argv)
{
    struct limit l = {.linger = "10", .detail = DETAIL};
    struct sigaction action = {.sa_handler = stop};
    bool asleep = rd_kafka_version() < BACKOFF_IS_A_PROPERTY;
    pthread_t thread;

    if (!read_arguments(&l, argc, argv)) {
        fprintf(stderr, "usage: limit [--transactions MS] [--linger MS] BOOTSTRAP GROUP SOURCE TOPIC...\n");
        return 2;
    }
    memset(l.next, -1, sizeof l.next);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    open_producer(&l, argv + optind + 3);
    open_consumer(&l);
    if (asleep && pthread_create(&thread, NULL, keep_awake, &l) != 0)
        die("thread", "none to be had");
    pump(&l);
    if (asleep)
        pthread_join(thread, NULL);
    close_clients(&l);
    return 0;
}
