/* awake.c: see awake.h.
 *
 * librdkafka before 2.2.0 looks at a full prefetch queue only once a second: with a queue of 8 MiB that makes
 * 53,000 records a second where 400,000 are possible (measured). Any request to a partition's leader wakes
 * the thread that fetches from it, and it then looks again. So while the chain takes more bytes than half a
 * queue a second (less cannot have filled it), ask a leader every 30 ms for its offsets, one partition after
 * the other. Otherwise the thread sleeps, and costs nothing. From 2.2.0 on the property
 * fetch.queue.backoff.ms does it. */
#include "kafka/awake.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "kafka/offsets.h"

#define FIXED_IN 0x020200ff
#define EVERY_MS 30
#define WINDOW_MS 1000
#define QUESTION_MS 500

struct awake {
    rd_kafka_t *rk;
    const char *topic;
    size_t limit;

    size_t taken; /* the task's own: bytes since window_at */
    int64_t window_at;

    pthread_t thread;
    pthread_mutex_t lock; /* over what follows */
    pthread_cond_t changed;
    bool stop;
    int64_t busy_until;
    int32_t *partitions;
    size_t n_partitions, turn;
};

/** The next partition to ask about, -1: none. */
static int32_t next_partition(struct awake *a)
{
    if (a->n_partitions == 0)
        return -1;
    a->turn = (a->turn + 1) % a->n_partitions;
    return a->partitions[a->turn];
}

static void wait_ms(struct awake *a, int64_t ms)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += ms * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&a->changed, &a->lock, &until);
}

static void *run(void *arg)
{
    struct awake *a = arg;

    pthread_mutex_lock(&a->lock);
    while (!a->stop) {
        int32_t partition = clock_mono_ms() < a->busy_until ? next_partition(a) : -1;
        int64_t offset;

        if (partition < 0) {
            pthread_cond_wait(&a->changed, &a->lock);
            continue;
        }
        pthread_mutex_unlock(&a->lock);
        offsets_edge(a->rk, a->topic, partition, RD_KAFKA_OFFSET_END, QUESTION_MS, &offset);
        pthread_mutex_lock(&a->lock);
        if (!a->stop)
            wait_ms(a, EVERY_MS);
    }
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

static bool start(struct awake *a)
{
    pthread_condattr_t attr;
    bool good;

    pthread_mutex_init(&a->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&a->changed, &attr);
    pthread_condattr_destroy(&attr);
    good = pthread_create(&a->thread, NULL, run, a) == 0;
    if (!good) {
        pthread_cond_destroy(&a->changed);
        pthread_mutex_destroy(&a->lock);
    }
    return good;
}

struct awake *awake_new(rd_kafka_t *rk, const char *topic, size_t limit)
{
    struct awake *a;

    if (rd_kafka_version() >= FIXED_IN)
        return NULL;
    a = calloc(1, sizeof *a);
    if (!a)
        return NULL;
    a->rk = rk;
    a->topic = topic;
    a->limit = limit;
    if (start(a))
        return a;
    free(a);
    return NULL;
}

void awake_destroy(struct awake *a)
{
    if (!a)
        return;
    pthread_mutex_lock(&a->lock);
    a->stop = true;
    pthread_cond_signal(&a->changed);
    pthread_mutex_unlock(&a->lock);
    pthread_join(a->thread, NULL);
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->lock);
    free(a->partitions);
    free(a);
}

void awake_assigned(struct awake *a, const rd_kafka_topic_partition_list_t *list)
{
    int32_t *partitions;
    int i;

    if (!a)
        return;
    partitions = malloc(((size_t)list->cnt + 1) * sizeof *partitions);
    for (i = 0; partitions && i < list->cnt; i++)
        partitions[i] = list->elems[i].partition;
    pthread_mutex_lock(&a->lock);
    free(a->partitions);
    a->partitions = partitions;
    a->n_partitions = partitions ? (size_t)list->cnt : 0;
    a->turn = 0;
    pthread_mutex_unlock(&a->lock);
}

void awake_took(struct awake *a, size_t bytes)
{
    if (a)
        a->taken += bytes;
}

void awake_look(struct awake *a)
{
    int64_t now;

    if (!a || !a->taken)
        return;
    now = clock_mono_ms();
    if (a->taken >= a->limit / 2) {
        pthread_mutex_lock(&a->lock);
        a->busy_until = now + WINDOW_MS;
        pthread_cond_signal(&a->changed);
        pthread_mutex_unlock(&a->lock);
    } else if (now - a->window_at < WINDOW_MS) {
        return;
    }
    a->taken = 0;
    a->window_at = now;
}
