/* forked.c: see forked.h.
 *
 * A fork without an exec, unlike a worker's: there is no supervisor with secrets of other chains behind it,
 * and what the command line asked for is at hand. Where the configuration can be read at all, the process
 * works from a snapshot of it, so that frames in plugins have names, and both speak of the same files. */
#include "supervise/forked.h"

#include "base/clock.h"
#include "supervise/autopsy.h"
#include "supervise/crash.h"
#include "supervise/crew_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOK_MS 500
#define CLOSED_MS 10 /* a process that has closed its end of the pipe is about to end */
#define WE_SLEPT_MS ((int64_t)4 * LOOK_MS)

struct forked {
    const char *dir;
    struct loader *loader;
    struct diag diag; /* of the configuration by itself */
    struct child child;
    bool returned; /* the work has, with this status */
    int status;
};

struct forked *forked_new(const char *dir, struct loader *loader)
{
    struct forked *f = calloc(1, sizeof *f);

    if (!f)
        return NULL;
    f->dir = dir;
    f->loader = loader;
    diag_init(&f->diag);
    child_init(&f->child, STR_ABSENT, 0);
    if (dir)
        f->child.snapshot = snapshot_take(dir, &f->diag);
    f->child.ledger = ledger_new(&f->child.ledger_fd);
    if (f->child.ledger) {
        loader_note(loader, &f->child.ledger->load);
        return f;
    }
    forked_destroy(f);
    return NULL;
}

void forked_destroy(struct forked *f)
{
    if (!f)
        return;
    loader_note(f->loader, NULL);
    child_fini(&f->child);
    diag_fini(&f->diag);
    free(f);
}

static void add_errors(const struct forked *f, bool warnings, struct diag *diag)
{
    for (size_t i = 0; i < f->diag.count; i++) {
        const struct diag_message *m = &f->diag.items[i];

        if (!m->warning)
            diag_error(diag, m->place, "%s", m->text);
        else if (warnings)
            diag_warning(diag, m->place, "%s", m->text);
    }
}

/* ---- in the process of the work */

struct plan *forked_plan(const struct forked *f, bool no_kafka, struct diag *diag)
{
    const struct snapshot *snapshot = f->child.snapshot;
    struct plan_from from = {.dir = f->dir, .no_kafka = no_kafka};
    struct plan *plan;

    if (snapshot) {
        from.snapshot = snapshot;
        from.config = config_load(snapshot_dir(snapshot), snapshot_env(snapshot), diag);
        if (!from.config)
            return NULL;
    }
    plan = plan_load(&from, f->loader, diag);
    if (snapshot || !plan)
        return plan;
    add_errors(f, false, diag); /* it would not run: a snapshot of it cannot be taken */
    plan_destroy(plan);
    return NULL;
}

void forked_watch(struct forked *f, struct chain *chain, size_t index)
{
    f->child.ledger->task.chain = (uint32_t)index;
    chain_note(chain, &f->child.ledger->task, 0);
}

/* done: tells that the work has come to its end, which an exit() alone does not. */
static void begin(const struct forked *f, pid_t parent, int done, int (*work)(void *self), void *self)
{
    unsigned char status;

    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
        _exit(EXIT_FAILURE);
    f->child.ledger->task_thread = (int32_t)syscall(SYS_gettid);
    if (!crash_catch(&f->child.ledger->crash) || !crash_stack())
        log_warn("a crash would leave no trace: error=\"%s\"", strerror(errno));
    status = (unsigned char)work(self);
    if (fflush(stdout) != 0 && status == 0)
        status = EXIT_FAILURE;
    if (write(done, &status, 1) != 1)
        _exit(EXIT_FAILURE);
    exit(status);
}

void forked_unload(struct forked *f, struct plan *plan)
{
    for (size_t i = 0; plan && i < plan->count; i++) {
        if (!plan->chains[i])
            continue;
        forked_watch(f, plan->chains[i], i);
        chain_destroy(plan->chains[i]);
        plan->chains[i] = NULL;
    }
    plan_destroy(plan);
}

/* ---- in the one that waits */

/* Chains of a plan stand in the order of the configuration. */
static void find_chain(struct forked *f, const struct note *note)
{
    const struct config *config = f->child.snapshot ? snapshot_config(f->child.snapshot) : NULL;

    f->child.chain =
        note && config && note->chain < config->chain_count ? config->chains[note->chain].name : STR_ABSENT;
}

static int64_t limit_ms(const struct forked *f, const struct note *note)
{
    const struct config_chain *conf =
        f->child.snapshot ? snapshot_chain(f->child.snapshot, f->child.chain) : NULL;

    return note == &f->child.ledger->task && conf && note->stage < conf->stage_count
               ? conf->stages[note->stage].stage_timeout
               : CREW_READY_MS;
}

static void watch(struct forked *f, int64_t now)
{
    struct child *child = &f->child;
    const struct note *note = ledger_open_note(child->ledger);
    uint64_t count = note ? atomic_load(&note->count) : 0;
    int64_t limit;

    if (child->aborted_at) {
        if (now - child->aborted_at >= CREW_ABORT_MS)
            child_kill(child);
        return;
    }
    if (!note || count != child->seen_count) {
        child->seen_count = count;
        child->seen_at = now;
        return;
    }
    find_chain(f, note);
    limit = limit_ms(f, note);
    if (limit > 0 && now - child->seen_at >= limit) {
        child->hung_ms = limit;
        child_abort(child, now);
    }
}

/* What the work came to, if it did. */
static void look_at_end(struct forked *f, int done, int64_t now)
{
    unsigned char status;

    if (!f->returned && read(done, &status, 1) == 1) {
        f->returned = true;
        f->status = status;
        f->child.seen_at = now;
    }
}

/* Until it is dead; one that does not end after its work is ended. done: a pipe whose other end it has.
 * False: errno says why its end is not known. */
static bool wait_for(struct forked *f, int done, int *status)
{
    struct pollfd fd = {done, POLLIN, 0};
    int64_t looked = clock_mono_ms(), now;
    pid_t dead;

    while ((dead = waitpid(f->child.pid, status, WNOHANG)) == 0 || (dead < 0 && errno == EINTR)) {
        poll(fd.fd >= 0 ? &fd : NULL, fd.fd >= 0, fd.fd >= 0 ? LOOK_MS : CLOSED_MS);
        now = clock_mono_ms();
        if (fd.revents) {
            look_at_end(f, done, now);
            fd.fd = -1;
        }
        if (now - looked > WE_SLEPT_MS)
            f->child.seen_at = now; /* both were stopped, by a terminal perhaps */
        else if (!f->returned)
            watch(f, now);
        else if (now - f->child.seen_at >= CREW_READY_MS)
            child_kill(&f->child);
        looked = now;
    }
    if (dead > 0 && fd.fd >= 0)
        look_at_end(f, done, looked);
    return dead > 0;
}

static bool was_sent(int signal)
{
    return signal == SIGINT || signal == SIGTERM || signal == SIGHUP || signal == SIGQUIT ||
           signal == SIGPIPE;
}

static void tell(struct forked *f, int status, struct diag *diag)
{
    struct death death;
    struct place at;
    struct buf why;
    pid_t frames;

    find_chain(f, ledger_open_note(f->child.ledger));
    buf_init(&why, 4096);
    autopsy(&f->child, status, &death);
    at = autopsy_say(&f->child, &death, &why);
    add_errors(f, true, diag);
    diag_error(diag, at, "%s", buf_text(&why));
    buf_fini(&why);
    frames = autopsy_frames(&f->child, &death);
    while (frames > 0 && waitpid(frames, NULL, 0) < 0 && errno == EINTR)
        ; /* its lines come first */
}

/* ends: of a pipe whose second end is the new process's, so that its end shows on the first. */
static bool start(struct forked *f, int ends[2], int (*work)(void *self), void *self)
{
    pid_t parent = getpid();

    fflush(stdout);                                                       /* else both would write it */
    sigaction(SIGCHLD, &(struct sigaction){.sa_handler = SIG_DFL}, NULL); /* ignored, it tells no status */
    if (pipe2(ends, O_CLOEXEC) < 0)
        return false;
    f->child.pid = fork();
    if (f->child.pid == 0) {
        close(ends[0]);
        begin(f, parent, ends[1], work, self);
    }
    close(ends[1]);
    if (f->child.pid < 0)
        close(ends[0]);
    return f->child.pid > 0;
}

int forked_run(struct forked *f, int (*work)(void *self), void *self, struct diag *diag)
{
    struct child *child = &f->child;
    int ends[2], status = 0;
    bool known;

    f->returned = false;
    ledger_clear(child->ledger);
    child->seen_count = 0;
    child->aborted_at = child->hung_ms = 0;
    child->hung = child->killed = false;
    child->seen_at = clock_mono_ms();
    if (!start(f, ends, work, self)) {
        diag_error(diag, (struct place){f->dir, 0}, "cannot start a process: %s", strerror(errno));
        return FORKED_DIED;
    }
    known = wait_for(f, ends[0], &status);
    close(ends[0]);
    if (!known) {
        diag_error(diag, (struct place){f->dir, 0}, "cannot tell how a process ended: %s", strerror(errno));
        return FORKED_DIED;
    }
    if (f->returned && WIFEXITED(status))
        return WEXITSTATUS(status);
    if (WIFSIGNALED(status) && was_sent(WTERMSIG(status))) {
        sigaction(WTERMSIG(status), &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
        raise(WTERMSIG(status));
    }
    tell(f, status, diag);
    return FORKED_DIED;
}
