/* latency.c: how long it takes from a record's send to the arrival of its outcome.
 *
 *     latency BOOTSTRAP SOURCE OUTCOMES RATE WARM_UP_S MEASURED_S
 *
 * Sends login events to SOURCE at a steady RATE a second, and reads OUTCOMES (committed records only). Each
 * event carries the time at which it was due in its user_id, which every contender leaves as it is. The clock
 * starts when a record is due, not when it was sent: where the machine stalls, the records that had to wait
 * count with their wait. Events of the warm-up are sent and not counted. Prints one line, in microseconds:
 *
 *     records=400000 p50=… p99=… p999=… max=…
 *
 * Exit status 3: not every outcome came within 30 seconds after the last event; the contender does not keep
 * up. One process for both ends, so that there is one clock; in C, because a reader in Python is slower than
 * what it reads. */
#include <librdkafka/rdkafka.h>

#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECOND INT64_C(1000000000)
#define TICK (SECOND / 1000)
#define PATIENCE (30 * SECOND)
#define ID_DIGITS 36 /* as long as a UUID */

struct latency {
    const char *bootstrap, *source, *outcomes;
    int64_t rate, begin, counted_from, end; /* monotonic nanoseconds */
    rd_kafka_t *consumer, *producer;
    int64_t *found; /* nanoseconds, one an outcome */
    size_t n_found, n_expected;
};

_Noreturn static void die(const char *what, const char *why)
{
    fprintf(stderr, "latency: %s: %s\n", what, why);
    exit(1);
}

static int64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * SECOND + t.tv_nsec;
}

static void sleep_until(int64_t when)
{
    const struct timespec t = {when / SECOND, when % SECOND};

    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static rd_kafka_t *open_client(const struct latency *l, rd_kafka_type_t type, const char *const *properties)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char why[512];
    rd_kafka_t *rk;

    rd_kafka_conf_set(conf, "bootstrap.servers", l->bootstrap, NULL, 0);
    for (; *properties; properties += 2) {
        if (rd_kafka_conf_set(conf, properties[0], properties[1], why, sizeof why) != RD_KAFKA_CONF_OK)
            die(properties[0], why);
    }
    rk = rd_kafka_new(type, conf, why, sizeof why);
    if (!rk)
        die("librdkafka", why);
    return rk;
}

/* ---- the reader */

/* From the ends of all partitions as they are now. */
static void assign(struct latency *l)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(4);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(l->consumer, l->outcomes, NULL);
    const struct rd_kafka_metadata *about;
    rd_kafka_resp_err_t err = rd_kafka_metadata(l->consumer, 0, topic, &about, 10000);

    for (int i = 0; !err && i < about->topics[0].partition_cnt; i++) {
        int64_t low, high;

        err = rd_kafka_query_watermark_offsets(l->consumer, l->outcomes, i, &low, &high, 10000);
        rd_kafka_topic_partition_list_add(list, l->outcomes, i)->offset = high;
    }
    if (!err)
        err = rd_kafka_assign(l->consumer, list);
    if (err)
        die(l->outcomes, rd_kafka_err2str(err));
    rd_kafka_metadata_destroy(about);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_topic_destroy(topic);
}

/* When the event of this outcome was due; -1: it is none of ours. */
static int64_t due_of(const rd_kafka_message_t *m)
{
    const char *end = (const char *)m->payload + m->len, *p = memmem(m->payload, m->len, "\"user_id\"", 9);
    int64_t due = 0;

    if (!p)
        return -1;
    p += 9;
    while (p < end && (*p < '0' || *p > '9'))
        p++;
    if (end - p < ID_DIGITS)
        return -1;
    for (int i = 0; i < ID_DIGITS; i++) {
        if (p[i] < '0' || p[i] > '9')
            return -1;
        due = due * 10 + (p[i] - '0');
    }
    return due;
}

static void *read_outcomes(void *arg)
{
    struct latency *l = arg;

    while (l->n_found < l->n_expected && now() < l->end + PATIENCE) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(l->consumer, 100);
        int64_t due = m && !m->err ? due_of(m) : -1;

        if (due >= l->counted_from)
            l->found[l->n_found++] = now() - due;
        if (m)
            rd_kafka_message_destroy(m);
    }
    return NULL;
}

/* ---- the writer */

static void send_event(struct latency *l, rd_kafka_topic_t *topic, int64_t due)
{
    char event[512];
    int size =
        snprintf(event, sizeof event,
                 "{\"user_id\": \"%0*" PRId64 "\", \"app_version\": \"2.3.0\", \"ip\": \"70.201.62.158\", "
                 "\"locale\": \"KS\", \"device_id\": \"f6a1baa4-af52-443f-b54f-0eeccb502f12\", "
                 "\"timestamp\": %lld, \"device_type\": \"iOS\"}",
                 ID_DIGITS, due, (long long)time(NULL));

    while (rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, event, (size_t)size, NULL, 0,
                            NULL)) {
        if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            die("send", rd_kafka_err2str(rd_kafka_last_error()));
        rd_kafka_poll(l->producer, 1);
    }
}

/* Each millisecond what has become due. */
static void write_events(struct latency *l)
{
    rd_kafka_topic_t *topic = rd_kafka_topic_new(l->producer, l->source, NULL);
    int64_t number = 0, due = l->begin;

    while (due < l->end) {
        int64_t at = now();

        for (; due <= at && due < l->end; due = l->begin + ++number * SECOND / l->rate)
            send_event(l, topic, due);
        rd_kafka_poll(l->producer, 0);
        sleep_until(at + TICK);
    }
    rd_kafka_flush(l->producer, 10000);
    rd_kafka_topic_destroy(topic);
}

static int by_size(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* The smallest latency that at least so many of a thousand do not exceed, in microseconds. */
static int64_t quantile(const struct latency *l, size_t thousandths)
{
    size_t rank = (l->n_found * thousandths + 999) / 1000;

    return l->found[rank ? rank - 1 : 0] / 1000;
}

static int report(struct latency *l)
{
    if (l->n_found < l->n_expected) {
        fprintf(stderr, "latency: %zu of %zu outcomes came\n", l->n_found, l->n_expected);
        return 3;
    }
    qsort(l->found, l->n_found, sizeof *l->found, by_size);
    printf("records=%zu p50=%" PRId64 " p99=%" PRId64 " p999=%" PRId64 " max=%" PRId64 "\n", l->n_found,
           quantile(l, 500), quantile(l, 990), quantile(l, 999), quantile(l, 1000));
    return 0;
}

/* Counts exactly what write_events() will send with a due time in the counted part. */
static size_t expected(const struct latency *l)
{
    size_t count = 0;

    for (int64_t n = 0, due = l->begin; due < l->end; due = l->begin + ++n * SECOND / l->rate)
        count += due >= l->counted_from;
    return count;
}

int main(int argc, char **argv)
{
    static const char *const reader[] = {"group.id", "latency", "enable.auto.commit", "false", NULL};
    static const char *const writer[] = {"linger.ms", "1", "socket.nagle.disable", "true", "acks",
                                         "all",       NULL};
    struct latency l = {0};
    pthread_t thread;
    int status;

    if (argc != 7 || strtol(argv[4], NULL, 10) < 1 || strtol(argv[6], NULL, 10) < 1) {
        fprintf(stderr, "usage: latency BOOTSTRAP SOURCE OUTCOMES RATE WARM_UP_S MEASURED_S\n");
        return 2;
    }
    l.bootstrap = argv[1];
    l.source = argv[2];
    l.outcomes = argv[3];
    l.rate = strtol(argv[4], NULL, 10);
    l.consumer = open_client(&l, RD_KAFKA_CONSUMER, reader);
    l.producer = open_client(&l, RD_KAFKA_PRODUCER, writer);
    assign(&l);
    l.begin = now();
    l.counted_from = l.begin + strtol(argv[5], NULL, 10) * SECOND;
    l.end = l.counted_from + strtol(argv[6], NULL, 10) * SECOND;
    l.n_expected = expected(&l);
    l.found = calloc(l.n_expected, sizeof *l.found);
    if (!l.found || pthread_create(&thread, NULL, read_outcomes, &l) != 0)
        die("start", "no memory");
    write_events(&l);
    pthread_join(thread, NULL);
    status = report(&l);
    rd_kafka_destroy(l.producer);
    rd_kafka_consumer_close(l.consumer);
    rd_kafka_destroy(l.consumer);
    free(l.found);
    return status;
}
