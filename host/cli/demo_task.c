/* demo_task.c: see demo_task.h. The counters are copied twice, under a lock that is held for the copy only,
 * so that drawing never makes records wait. */
#include "cli/demo_task.h"

#include <errno.h>

static void see(void *self, const struct chain *chain, const struct task_status *status)
{
    struct demo_task *t = self;
    size_t n;

    pthread_mutex_lock(&t->lock);
    n = chain_counts(chain, t->counts, DEMO_COUNTS_MAX);
    t->n_counts = n < DEMO_COUNTS_MAX ? n : DEMO_COUNTS_MAX;
    t->status = *status;
    pthread_mutex_unlock(&t->lock);
}

static void *work(void *self)
{
    struct demo_task *t = self;

    task_run(t->task);
    pthread_mutex_lock(&t->lock);
    t->ended = true;
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

bool demo_task_start(struct demo_task *t, const struct config *config, const struct config_chain *conf,
                     struct chain *chain, struct diag *diag)
{
    struct task_watcher watcher = {t, see};
    int error;

    *t = (struct demo_task){0};
    pthread_mutex_init(&t->lock, NULL);
    t->task = task_new(config, conf, chain, &watcher, diag);
    if (!t->task)
        return false;
    error = pthread_create(&t->thread, NULL, work, t);
    t->running = error == 0;
    if (error)
        diag_error(diag, conf->place, "cannot start a thread: %s", strerror(error));
    return t->running;
}

enum task_end demo_task_stop(struct demo_task *t)
{
    if (t->running) {
        task_stop(t->task);
        pthread_join(t->thread, NULL);
        t->running = false;
    }
    return t->status.end;
}

void demo_task_fini(struct demo_task *t)
{
    demo_task_stop(t);
    if (t->task) {
        task_destroy(t->task);
        pthread_mutex_destroy(&t->lock);
    }
    t->task = NULL;
}

struct task_status demo_task_read(struct demo_task *t, struct flow *flow, bool *ended)
{
    struct task_status status;

    pthread_mutex_lock(&t->lock);
    flow_take_counts(flow, t->counts, t->n_counts);
    status = t->status;
    *ended = t->ended;
    pthread_mutex_unlock(&t->lock);
    return status;
}

const char *demo_task_why(const struct demo_task *t)
{
    return task_why(t->task);
}
