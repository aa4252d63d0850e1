/* runner.c: see runner.h.
 *
 * The signals are blocked in every thread and read from a descriptor, so that nothing happens in a handler; a
 * task that ends writes to an event descriptor. The runner sleeps on the two. */
#include "supervise/runner.h"

#include "base/clock.h"
#include "base/log.h"
#include "supervise/reload.h"
#include "supervise/signals.h"
#include "supervise/totals.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct worker {
    pthread_t thread;
    struct task *task;
    int ended_fd;
    enum task_end end;
    bool started;
};

struct runner {
    struct running_set set;
    struct worker *workers;
    int signal_fd, ended_fd;
    size_t running;
    bool stopping, cut_short;
    int64_t deadline; /* of a stop, monotonic milliseconds */
};

static void *work(void *self)
{
    struct worker *w = self;
    uint64_t one = 1;

    w->end = task_run(w->task);
    if (write(w->ended_fd, &one, sizeof one) != sizeof one)
        abort(); /* an eventfd takes 2^64 of them */
    return NULL;
}

/* ---- starting */

static bool open_descriptors(struct runner *r)
{
    r->signal_fd = signals_open((const int[]){SIGHUP, SIGTERM, SIGINT}, 3);
    r->ended_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return r->signal_fd >= 0 && r->ended_fd >= 0;
}

static bool make_tasks(struct runner *r, struct diag *diag)
{
    struct plan *plan = r->set.current;

    r->set.items = calloc(plan->count + 1, sizeof *r->set.items);
    r->workers = calloc(plan->count + 1, sizeof *r->workers);
    if (!r->set.items || !r->workers)
        return false;
    for (size_t i = 0; i < plan->count; i++) {
        struct running *run = &r->set.items[i];

        if (plan->config->chains[i].tasks > 1)
            log_at((struct log_place){plan->config->chains[i].name.ptr, NULL}, WEIR_LOG_WARN,
                   "one process runs one task of a chain: tasks=%lld",
                   (long long)plan->config->chains[i].tasks);
        *run = (struct running){NULL, plan, &plan->config->chains[i], plan->chains[i]};
        plan->chains[i] = NULL;
        r->set.count++;
        run->task = task_new(plan->config, run->conf, run->chain, NULL, diag);
        if (!run->task)
            return false;
        r->workers[i].task = run->task;
        r->workers[i].ended_fd = r->ended_fd;
    }
    return true;
}

static bool start_threads(struct runner *r)
{
    for (size_t i = 0; i < r->set.count; i++) {
        struct worker *w = &r->workers[i];

        w->started = pthread_create(&w->thread, NULL, work, w) == 0;
        if (!w->started) {
            log_error("cannot start a thread: %s", strerror(errno));
            return false;
        }
        r->running++;
    }
    return true;
}

/* ---- running */

static void stop(struct runner *r, const char *why)
{
    if (r->stopping) {
        log_warn("%s again: ending at once; what was in flight comes again", why);
        _exit(128 + SIGTERM);
    }
    log_info("%s: draining: chains=%zu", why, r->running);
    r->stopping = true;
    r->deadline = clock_mono_ms() + r->set.current->config->host.stop_timeout;
    for (size_t i = 0; i < r->set.count; i++)
        task_stop(r->set.items[i].task);
}

static void take_signals(struct runner *r)
{
    struct signalfd_siginfo info;
    bool hup = false;

    while (read(r->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGHUP)
            hup = true;
        else
            stop(r, info.ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT");
    }
    if (hup && r->stopping)
        log_warn("SIGHUP while stopping: ignored");
    else if (hup)
        reload(&r->set);
}

static void take_ends(struct runner *r)
{
    uint64_t n;

    if (read(r->ended_fd, &n, sizeof n) != (ssize_t)sizeof n)
        return;
    r->running -= (size_t)n < r->running ? (size_t)n : r->running;
}

static int wait_ms(const struct runner *r)
{
    int64_t left;

    if (!r->stopping)
        return -1;
    left = r->deadline - clock_mono_ms();
    return left < 0 ? 0 : left > 60000 ? 60000 : (int)left;
}

static void loop(struct runner *r)
{
    struct pollfd fds[] = {{r->signal_fd, POLLIN, 0}, {r->ended_fd, POLLIN, 0}};

    while (r->running > 0) {
        if (poll(fds, 2, wait_ms(r)) < 0 && errno != EINTR)
            break;
        take_ends(r);
        take_signals(r);
        if (r->stopping && r->running > 0 && clock_mono_ms() >= r->deadline) {
            log_error("stop_timeout is over: ending with chains still draining: chains=%zu", r->running);
            _exit(1);
        }
    }
}

/* ---- ending */

static enum runner_end join_all(struct runner *r)
{
    enum runner_end end = RUNNER_STOPPED;

    for (size_t i = 0; i < r->set.count; i++) {
        struct worker *w = &r->workers[i];

        if (!w->started)
            continue;
        pthread_join(w->thread, NULL);
        if (w->end != TASK_STOPPED && w->end != TASK_CUT_SHORT)
            end = RUNNER_CHAIN_FAILED;
        else if (w->end == TASK_CUT_SHORT && end == RUNNER_STOPPED)
            end = RUNNER_CUT_SHORT;
    }
    return end;
}

static void destroy(struct runner *r)
{
    for (size_t i = 0; i < r->set.count; i++) {
        struct plan *plan = r->set.items[i].plan;

        if (r->set.items[i].task)
            totals_log(r->set.items[i].chain);
        task_destroy(r->set.items[i].task);
        chain_destroy(r->set.items[i].chain);
        r->set.items[i].plan = NULL;
        for (size_t j = i + 1; plan && j < r->set.count; j++) {
            if (r->set.items[j].plan == plan)
                plan = NULL;
        }
        if (plan && plan != r->set.current)
            plan_destroy(plan);
    }
    plan_destroy(r->set.current);
    loader_destroy(r->set.loader);
    free(r->set.items);
    free(r->workers);
    if (r->signal_fd >= 0)
        close(r->signal_fd);
    if (r->ended_fd >= 0)
        close(r->ended_fd);
}

enum runner_end runner_run(const char *dir)
{
    struct runner r = {.set = {.dir = dir, .number = 1}, .signal_fd = -1, .ended_fd = -1};
    enum runner_end end = RUNNER_CONFIG;
    struct diag diag;

    diag_init(&diag);
    r.set.loader = loader_new();
    if (r.set.loader)
        r.set.current = plan_load(&(struct plan_from){.dir = dir}, r.set.loader, &diag);
    if (r.set.current && (!open_descriptors(&r) || !make_tasks(&r, &diag)) && diag.errors == 0)
        diag_error(&diag, (struct place){dir, 0}, "cannot start: %s", strerror(errno));
    diag_print(&diag, stderr);
    if (!r.set.current || diag.errors)
        goto out;
    log_set_level(r.set.current->config->host.log_level);
    log_info("weir started: version=%s chains=%zu", WEIR_VERSION, r.set.count);
    if (!start_threads(&r))
        stop(&r, "a thread did not start");
    loop(&r);
    end = join_all(&r);
    log_info("weir ended");
out:
    destroy(&r);
    diag_fini(&diag);
    return end;
}
