/* running.h: a task with a fake chain on a thread of its own. */
#ifndef TEST_KAFKA_RUNNING_H
#define TEST_KAFKA_RUNNING_H

#include <pthread.h>

#include "kafka/cluster.h"
#include "kafka/fake_chain.h"
#include "kafka/task.h"

struct running {
    struct chain chain;
    struct task *task;
    pthread_t thread;
    enum task_end end;
    struct diag diag;
};

static inline void *running_main(void *arg)
{
    struct running *r = arg;

    r->end = task_run(r->task);
    return NULL;
}

/** Makes the task; the chain's switches may be set between this and running_go(). */
static inline void running_make(struct running *r, struct setup *s)
{
    diag_init(&r->diag);
    fake_chain_init(&r->chain);
    r->end = TASK_RUNS;
    r->task = task_new(&s->config, &s->chain, &r->chain, NULL, &r->diag);
    if (!r->task) {
        diag_print(&r->diag, stderr);
        abort();
    }
}

static inline void running_go(struct running *r)
{
    if (pthread_create(&r->thread, NULL, running_main, r))
        abort();
}

static inline void running_start(struct running *r, struct setup *s)
{
    running_make(r, s);
    running_go(r);
}

/** Waits for its own end. */
static inline enum task_end running_join(struct running *r)
{
    pthread_join(r->thread, NULL);
    return r->end;
}

static inline enum task_end running_stop(struct running *r)
{
    task_stop(r->task);
    return running_join(r);
}

static inline void running_clear(struct running *r)
{
    task_destroy(r->task);
    fake_chain_fini(&r->chain);
    diag_fini(&r->diag);
}

/** Waits until so many records were acknowledged. */
static inline bool running_await(struct running *r, int acknowledged, int timeout_ms)
{
    int64_t until = clock_mono_ms() + timeout_ms;

    while (atomic_load(&r->chain.acknowledged) < acknowledged && clock_mono_ms() < until)
        poll(NULL, 0, 5);
    return atomic_load(&r->chain.acknowledged) >= acknowledged;
}

static inline bool running_await_partitions(struct running *r, size_t assigned, int timeout_ms)
{
    int64_t until = clock_mono_ms() + timeout_ms;
    struct task_status status;

    do {
        poll(NULL, 0, 5);
        task_status(r->task, &status);
    } while (status.source.assigned != assigned && clock_mono_ms() < until);
    return status.source.assigned == assigned;
}

#endif
