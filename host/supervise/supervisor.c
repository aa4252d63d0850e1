/* supervisor.c: see supervisor.h.
 *
 * Everything that happens is an event of one poll: a signal (the death of a child among them), a message of a
 * worker, a request of a person at the control socket, a time that has come. Each is taken in, then every
 * crew and a reload that is under way move on as far as they can.
 *
 * At the first start nothing moves before every chain is known to work: an operator who starts weir with one
 * broken file has nothing running, rather than half of it. */
#include "supervise/supervisor.h"

#include "base/clock.h"
#include "base/log.h"
#include "supervise/control.h"
#include "supervise/harden.h"
#include "supervise/rollout.h"
#include "supervise/signals.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROLLOUT_LOOK_MS 10 /* crews and rollout move each other */

struct supervisor {
    struct fleet fleet;
    struct rollout rollout;
    struct control *control;
    int signal_fd;
    bool started; /* all chains got their go once */
    bool stopping, reload_wanted;
    struct pollfd *fds;
    size_t fds_room;
};

/* ---- starting */

/* A snapshot is a descriptor a plugin, here and on its way to each worker. */
static void raise_descriptors(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

static bool start_chains(struct supervisor *s)
{
    const struct config *config = snapshot_config(s->fleet.newest.snapshot);

    for (size_t i = 0; i < config->chain_count; i++) {
        struct crew *crew = fleet_add(&s->fleet, config->chains[i].name);

        if (!crew)
            return false;
        crew_start(crew, s->fleet.newest, START_FIRST);
    }
    return true;
}

/* ---- signals */

static void stop(struct supervisor *s, const char *why, int signal)
{
    if (s->stopping) {
        log_warn("%s again: ending at once; what was in flight comes again", why);
        for (size_t i = 0; i < s->fleet.count; i++)
            crew_kill(s->fleet.crews[i]);
        _exit(128 + signal); /* the kernel ends what a worker may still be: see harden.c */
    }
    log_info("%s: draining: chains=%zu", why, s->fleet.count);
    s->stopping = true;
    for (size_t i = 0; i < s->fleet.count; i++)
        crew_stop(s->fleet.crews[i]);
}

static void reap(struct supervisor *s)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED | WCONTINUED)) > 0) {
        bool moved = WIFSTOPPED(status) || WIFCONTINUED(status), ours = false;

        for (size_t i = 0; i < s->fleet.count && !ours; i++)
            ours = moved ? crew_held(s->fleet.crews[i], pid, WIFSTOPPED(status))
                         : crew_reap(s->fleet.crews[i], pid, status);
    }
}

static void take_signals(struct supervisor *s)
{
    struct signalfd_siginfo info;

    while (read(s->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGHUP)
            s->reload_wanted = true;
        else if (info.ssi_signo != SIGCHLD)
            stop(s, info.ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT", (int)info.ssi_signo);
    }
    reap(s);
}

/* ---- moving on */

static void go_when_ready(struct supervisor *s)
{
    bool broken = false;

    for (size_t i = 0; i < s->fleet.count; i++) {
        const struct crew *crew = s->fleet.crews[i];

        if (crew->phase == CREW_STOPPING || crew->phase == CREW_OVER)
            broken = true;
        else if (!crew_is_ready(crew))
            return;
    }
    s->stopping = broken;
    for (size_t i = 0; i < s->fleet.count; i++) {
        if (s->stopping)
            crew_stop(s->fleet.crews[i]);
        else
            crew_go(s->fleet.crews[i]);
    }
    s->started = !s->stopping;
    if (s->started)
        log_info("weir started: version=%s chains=%zu", WEIR_VERSION, s->fleet.count);
}

/* A chain that ends is neither what it was nor gone: a reload waits for it. */
static bool one_ends(const struct fleet *fleet)
{
    for (size_t i = 0; i < fleet->count; i++) {
        if (fleet->crews[i]->phase == CREW_STOPPING)
            return true;
    }
    return false;
}

static void reload(struct supervisor *s)
{
    if (s->reload_wanted && s->stopping) {
        s->reload_wanted = false;
        log_warn("SIGHUP while stopping: ignored");
        control_answer_reload(s->control, false, STR("weir is stopping\n"));
    }
    if (s->started && s->reload_wanted && s->rollout.phase == ROLLOUT_NONE && !one_ends(&s->fleet)) {
        s->reload_wanted = false;
        control_begin_reload(s->control);
        rollout_begin(&s->rollout, &s->fleet, s->control);
        if (s->rollout.phase == ROLLOUT_NONE)
            control_answer_reload(s->control, s->rollout.good, buf_str(&s->rollout.text));
    }
    if (s->rollout.phase != ROLLOUT_NONE && rollout_step(&s->rollout, &s->fleet))
        control_answer_reload(s->control, s->rollout.good, buf_str(&s->rollout.text));
}

/* Returns milliseconds until something wants to be looked at. */
static int64_t move_on(struct supervisor *s)
{
    int64_t now = clock_mono_ms(), wait = -1;

    for (size_t i = 0; i < s->fleet.count; i++)
        crew_listen(s->fleet.crews[i]);
    if (!s->started && !s->stopping)
        go_when_ready(s);
    reload(s);
    for (size_t i = 0; i < s->fleet.count; i++) {
        int64_t next = crew_tick(s->fleet.crews[i], now);

        if (next >= 0 && (wait < 0 || next < wait))
            wait = next;
    }
    if (s->rollout.phase != ROLLOUT_NONE)
        return ROLLOUT_LOOK_MS;
    fleet_prune(&s->fleet);
    return wait;
}

/* ---- the loop */

static bool add_fd(struct supervisor *s, size_t *n, int fd)
{
    if (fd < 0)
        return true;
    if (*n == s->fds_room) {
        struct pollfd *more = realloc(s->fds, (s->fds_room * 2 + 16) * sizeof *more);

        if (!more)
            return false;
        s->fds = more;
        s->fds_room = s->fds_room * 2 + 16;
    }
    s->fds[(*n)++] = (struct pollfd){fd, POLLIN, 0};
    return true;
}

static void add_children(struct supervisor *s, size_t *n, const struct child *children, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (child_lives(&children[i]))
            add_fd(s, n, children[i].socket); /* one that does not fit is read at the next look */
    }
}

static size_t gather(struct supervisor *s)
{
    size_t n = 0;

    add_fd(s, &n, s->signal_fd);
    add_fd(s, &n, control_fd(s->control));
    for (size_t i = 0; i < s->fleet.count; i++) {
        const struct crew *crew = s->fleet.crews[i];

        add_children(s, &n, crew->tasks, crew->n_tasks);
        add_children(s, &n, crew->next, crew->n_next);
    }
    return n;
}

static bool all_over(const struct fleet *fleet)
{
    for (size_t i = 0; i < fleet->count; i++) {
        if (fleet->crews[i]->phase != CREW_OVER)
            return false;
    }
    return true;
}

static void loop(struct supervisor *s)
{
    int64_t wait = move_on(s);

    while (!all_over(&s->fleet) || s->rollout.phase != ROLLOUT_NONE) {
        size_t n = gather(s);

        if (poll(s->fds, n, wait < 0 ? -1 : (int)wait) < 0 && errno != EINTR)
            break;
        take_signals(s);
        if (control_serve(s->control, &s->fleet))
            s->reload_wanted = true;
        wait = move_on(s);
    }
}

/* ---- the whole */

static enum runner_end how_it_ended(const struct supervisor *s)
{
    enum runner_end end = RUNNER_STOPPED;

    for (size_t i = 0; i < s->fleet.count; i++) {
        switch (s->fleet.crews[i]->end) {
        case CREW_CONFIG:
            return RUNNER_CONFIG;
        case CREW_FAILED:
            end = RUNNER_CHAIN_FAILED;
            break;
        case CREW_CUT_SHORT:
            if (end == RUNNER_STOPPED)
                end = RUNNER_CUT_SHORT;
            break;
        default:
            break;
        }
    }
    return end;
}

static bool take_first(struct supervisor *s)
{
    struct snapshot *snapshot;
    struct diag diag;

    diag_init(&diag);
    snapshot = snapshot_take(s->fleet.dir, &diag);
    diag_print(&diag, stderr);
    diag_fini(&diag);
    if (!snapshot)
        return false;
    s->fleet.newest = (struct edition){snapshot, ++s->fleet.last_number};
    return true;
}

enum runner_end supervisor_run(const char *dir)
{
    struct supervisor s = {.fleet = {.dir = dir, .started_ms = clock_wall_ms()}, .signal_fd = -1};
    enum runner_end end = RUNNER_CONFIG;
    const struct config *first;

    rollout_init(&s.rollout);
    raise_descriptors();
    harden_secrets(false);
    s.signal_fd = signals_open((const int[]){SIGHUP, SIGTERM, SIGINT, SIGCHLD}, 4);
    if (s.signal_fd < 0) {
        fprintf(stderr, "%s: cannot start: %s\n", dir, strerror(errno));
        goto out;
    }
    if (!take_first(&s))
        goto out;
    first = snapshot_config(s.fleet.newest.snapshot);
    log_set_level(first->host.log_level);
    harden_secrets(first->host.core_dumps);
    s.control = control_new(snapshot_config(s.fleet.newest.snapshot));
    if (!s.control)
        goto out; /* it has said why */
    if (!start_chains(&s)) {
        fprintf(stderr, "%s: cannot start: %s\n", dir, strerror(errno));
        goto out;
    }
    loop(&s);
    end = how_it_ended(&s);
    if (s.started)
        log_info("weir ended");
out:
    fleet_fini(&s.fleet);
    rollout_fini(&s.rollout);
    control_destroy(s.control);
    if (s.signal_fd >= 0)
        close(s.signal_fd);
    free(s.fds);
    return end;
}
