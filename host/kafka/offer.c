/* offer.c: see offer.h.
 *
 * rd_kafka_send_offsets_to_transaction() takes a time limit, and of all transactional calls it alone does not
 * keep to it: it returns when the brokers have answered both of its requests, or these have timed out by
 * socket.timeout.ms (30 s of a frozen broker are 30 s in the call; measured). The loop would serve no group
 * meanwhile, and hear of a lost session when all is over. So the call has a thread, which costs some
 * microseconds in a transaction that takes milliseconds.
 *
 * Rejected: a shorter socket.timeout.ms (the loop would still stand still, and slow brokers be given up), and
 * a thread for the whole producer (nothing else waits for long). */
#include "kafka/offer.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

/* For which librdkafka makes its requests again by itself: it counts from the first, so that a limit below a
 * slow broker's answer would refuse each. */
#define CALL_MS 5000

struct offer {
    rd_kafka_t *producer;
    rd_kafka_topic_partition_list_t *offsets;
    rd_kafka_consumer_group_metadata_t *group;

    pthread_t thread;
    pthread_mutex_t lock; /* over what follows */
    pthread_cond_t changed;
    bool done;
    rd_kafka_error_t *error;
};

static void *run(void *arg)
{
    struct offer *o = arg;
    rd_kafka_error_t *error =
        rd_kafka_send_offsets_to_transaction(o->producer, o->offsets, o->group, CALL_MS);

    pthread_mutex_lock(&o->lock);
    o->error = error;
    o->done = true;
    pthread_cond_signal(&o->changed);
    pthread_mutex_unlock(&o->lock);
    return NULL;
}

static void init_lock(struct offer *o)
{
    pthread_condattr_t attr;

    pthread_mutex_init(&o->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&o->changed, &attr);
    pthread_condattr_destroy(&attr);
}

static void fini(struct offer *o)
{
    if (o->error)
        rd_kafka_error_destroy(o->error);
    pthread_cond_destroy(&o->changed);
    pthread_mutex_destroy(&o->lock);
    rd_kafka_consumer_group_metadata_destroy(o->group);
    rd_kafka_topic_partition_list_destroy(o->offsets);
    free(o);
}

struct offer *offer_new(rd_kafka_t *producer, const rd_kafka_topic_partition_list_t *offsets,
                        rd_kafka_consumer_group_metadata_t *group)
{
    struct offer *o = calloc(1, sizeof *o);

    if (!o) {
        rd_kafka_consumer_group_metadata_destroy(group);
        return NULL;
    }
    o->producer = producer;
    o->offsets = rd_kafka_topic_partition_list_copy(offsets);
    o->group = group;
    init_lock(o);
    if (pthread_create(&o->thread, NULL, run, o) == 0)
        return o;
    fini(o);
    return NULL;
}

static struct timespec after(int64_t ms)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    return until;
}

bool offer_wait(struct offer *o, int timeout_ms, rd_kafka_error_t **error)
{
    struct timespec until = after(timeout_ms);
    bool done;

    pthread_mutex_lock(&o->lock);
    while (!o->done && pthread_cond_timedwait(&o->changed, &o->lock, &until) == 0)
        ;
    done = o->done;
    *error = o->error;
    o->error = NULL;
    pthread_mutex_unlock(&o->lock);
    return done;
}

void offer_destroy(struct offer *o)
{
    if (!o)
        return;
    pthread_join(o->thread, NULL);
    fini(o);
}
