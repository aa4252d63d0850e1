/* threads_for_tsan.h: C11 threads by way of POSIX ones, in builds with the thread sanitizer.
 *
 * Debian's librdkafka is built on C11 threads, which the sanitizer does not know: it crashes in a thread that
 * it has not seen begin, and takes every lock for none. A definition in the program comes before glibc's, and
 * glibc's own types are POSIX's in other words.
 */
#ifndef TEST_KAFKA_THREADS_FOR_TSAN_H
#define TEST_KAFKA_THREADS_FOR_TSAN_H

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WITH_TSAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define WITH_TSAN 1
#endif

#ifdef WITH_TSAN
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>

#define SEEN __attribute__((visibility("default")))

/* librdkafka also counts references by atomics of its own, which are not seen either: a report with a frame
 * of its is none. What is looked for is in our own threads: task, controls, awake.c. */
SEEN const char *__tsan_default_suppressions(void);
SEEN const char *__tsan_default_suppressions(void)
{
    return "race:librdkafka.so\n";
}

struct thread_start {
    thrd_start_t run;
    void *arg;
};

static void *thread_main(void *arg)
{
    struct thread_start start = *(struct thread_start *)arg;

    free(arg);
    return (void *)(intptr_t)start.run(start.arg);
}

static int result(int err)
{
    return err == 0 ? thrd_success : err == EBUSY ? thrd_busy : err == ETIMEDOUT ? thrd_timedout : thrd_error;
}

SEEN int thrd_create(thrd_t *thread, thrd_start_t run, void *arg)
{
    struct thread_start *start = malloc(sizeof *start);

    *start = (struct thread_start){run, arg};
    return result(pthread_create(thread, NULL, thread_main, start));
}

SEEN int thrd_join(thrd_t thread, int *res)
{
    void *value;
    int err = pthread_join(thread, &value);

    if (res)
        *res = (int)(intptr_t)value;
    return result(err);
}

SEEN int mtx_init(mtx_t *m, int type)
{
    pthread_mutexattr_t attr;
    int err;

    pthread_mutexattr_init(&attr);
    if (type & mtx_recursive)
        pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    err = pthread_mutex_init((pthread_mutex_t *)m, &attr);
    pthread_mutexattr_destroy(&attr);
    return result(err);
}

SEEN int mtx_lock(mtx_t *m)
{
    return result(pthread_mutex_lock((pthread_mutex_t *)m));
}

SEEN int mtx_trylock(mtx_t *m)
{
    return result(pthread_mutex_trylock((pthread_mutex_t *)m));
}

SEEN int mtx_unlock(mtx_t *m)
{
    return result(pthread_mutex_unlock((pthread_mutex_t *)m));
}

SEEN void mtx_destroy(mtx_t *m)
{
    pthread_mutex_destroy((pthread_mutex_t *)m);
}

SEEN int cnd_init(cnd_t *c)
{
    return result(pthread_cond_init((pthread_cond_t *)c, NULL));
}

SEEN int cnd_signal(cnd_t *c)
{
    return result(pthread_cond_signal((pthread_cond_t *)c));
}

SEEN int cnd_broadcast(cnd_t *c)
{
    return result(pthread_cond_broadcast((pthread_cond_t *)c));
}

SEEN int cnd_wait(cnd_t *c, mtx_t *m)
{
    return result(pthread_cond_wait((pthread_cond_t *)c, (pthread_mutex_t *)m));
}

SEEN int cnd_timedwait(cnd_t *c, mtx_t *m, const struct timespec *until)
{
    return result(pthread_cond_timedwait((pthread_cond_t *)c, (pthread_mutex_t *)m, until));
}

SEEN void cnd_destroy(cnd_t *c)
{
    pthread_cond_destroy((pthread_cond_t *)c);
}
#endif
#endif
