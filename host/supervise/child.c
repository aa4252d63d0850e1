/* child.c: see child.h.
 *
 * A process that cannot be told something (its socket is full or closed) is killed: it hangs or is dying, and
 * what becomes of it is decided in one place, when it was waited for. */
#include "supervise/child.h"

#include "base/clock.h"
#include "base/log.h"
#include "supervise/spawn.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define WHY_MAX 8192

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void child_init(struct child *child, struct weir_str chain, uint32_t task)
{
    *child = (struct child){
        .chain = chain, .task = task, .socket = -1, .ledger_fd = -1, .state_fd = -1, .again_at = -1};
    buf_init(&child->why, WHY_MAX);
    buf_init(&child->versions, MESSAGE_TEXT_MAX);
}

static void forget_process(struct child *child)
{
    close_fd(&child->socket);
    close_fd(&child->ledger_fd);
    close_fd(&child->state_fd);
    ledger_unmap(child->ledger);
    child->ledger = NULL;
    snapshot_release(child->snapshot);
    snapshot_release(child->offered);
    child->snapshot = child->offered = NULL;
}

void child_fini(struct child *child)
{
    if (child_lives(child)) {
        child_kill(child);
        while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    forget_process(child);
    buf_fini(&child->why);
    buf_fini(&child->versions);
    child->state = CHILD_NONE;
}

static void tell(struct child *child, const struct message *m)
{
    if (child_lives(child) && !message_send(child->socket, m))
        child_kill(child);
}

static bool failed(struct child *child, const char *what)
{
    buf_reset(&child->why);
    buf_add_fmt(&child->why, "%s: %s%s", what, strerror(errno),
                errno == EAGAIN   ? " (see ulimit -u, pids.max)"
                : errno == EMFILE ? " (see ulimit -n)"
                                  : "");
    forget_process(child);
    return false;
}

static bool start_process(struct child *child, enum start how)
{
    char *const *vars = snapshot_environ(child->snapshot);
    char label[96];
    int pair[2];

    child->ledger = ledger_new(&child->ledger_fd);
    if (!child->ledger || !message_pair(pair))
        return failed(child, "cannot share memory with a worker");
    snprintf(label, sizeof label, STR_FMT "/%u", STR_ARG(child->chain), child->task);
    child->socket = pair[0];
    child->pid = spawn_worker(&(struct spawn){label, how, pair[1], child->ledger_fd, vars});
    close(pair[1]);
    return child->pid > 0 || failed(child, "cannot start a process");
}

bool child_start(struct child *child, struct snapshot *snapshot, uint64_t generation, enum start how,
                 struct weir_str quarantine)
{
    struct message load = {.kind = MESSAGE_LOAD, .number = (int64_t)generation, .task = child->task};

    forget_process(child);
    buf_reset(&child->why);
    child->snapshot = snapshot_keep(snapshot);
    child->generation = generation;
    child->went = child->assigned = child->ended = child->killed = child->hung = child->held =
        child->was_held = false;
    child->end = TASK_RUNS;
    child->answer = ANSWER_NONE;
    child->again_at = -1;
    child->seen_count = 0;
    child->gone_at = 0;
    buf_reset(&child->versions);
    child->aborted_at = child->hung_ms = 0;
    if (!start_process(child, how))
        return false;
    child->state = CHILD_LOADING;
    child->started_at = child->seen_at = clock_mono_ms();
    load.text = child->chain;
    load.fds = snapshot_fds(snapshot, &load.n_fds);
    if (quarantine.len)
        tell(child, &(struct message){.kind = MESSAGE_QUARANTINE, .text = quarantine});
    tell(child, &load);
    return true;
}

void child_go(struct child *child, int state_fd)
{
    if (state_fd >= 0)
        tell(child, &(struct message){.kind = MESSAGE_STATE, .fds = &state_fd, .n_fds = 1});
    tell(child, &(struct message){.kind = MESSAGE_GO});
    child->went = true;
    child->state = CHILD_RUNNING;
    child->seen_at = clock_mono_ms();
}

void child_reload(struct child *child, struct snapshot *snapshot, uint64_t generation)
{
    struct message m = {.kind = MESSAGE_RELOAD, .number = (int64_t)generation, .task = child->task};

    m.text = child->chain;
    m.fds = snapshot_fds(snapshot, &m.n_fds);
    snapshot_release(child->offered);
    child->offered = snapshot_keep(snapshot);
    child->offered_generation = generation;
    child->answer = ANSWER_AWAITED;
    buf_reset(&child->why);
    tell(child, &m);
}

void child_stop(struct child *child, bool with_state)
{
    if (!child_lives(child) || child->state == CHILD_STOPPING)
        return;
    child->gone_at = clock_mono_ms();
    if (child->state == CHILD_RUNNING)
        tell(child, &(struct message){.kind = MESSAGE_STOP, .number = with_state});
    else
        child_kill(child); /* it has taken nothing yet */
    child->state = CHILD_STOPPING;
}

void child_kill(struct child *child)
{
    child->killed = true;
    child->was_held = child->was_held || child->held;
    kill(child->pid, SIGKILL);
}

void child_abort(struct child *child, int64_t now)
{
    int32_t thread = child->ledger->task_thread;

    child->hung = true;
    child->aborted_at = now;
    if (thread <= 0 || syscall(SYS_tgkill, child->pid, thread, SIGABRT) != 0)
        child_kill(child);
}

/* ---- what it says */

static void take_offer(struct child *child)
{
    if (!child->offered)
        return;
    snapshot_release(child->snapshot);
    child->snapshot = child->offered;
    child->generation = child->offered_generation;
    child->offered = NULL;
    child->answer = ANSWER_SWAPPED;
}

static void keep_text(struct buf *to, const struct message *m)
{
    buf_reset(to);
    buf_add(to, m->text);
}

static void hear(struct child *child, const struct message *m, struct buf *say)
{
    switch (m->kind) {
    case MESSAGE_READY:
        keep_text(&child->versions, m);
        if (child->state == CHILD_LOADING)
            child->state = CHILD_READY;
        break;
    case MESSAGE_ASSIGNED:
        child->assigned = true;
        break;
    case MESSAGE_SWAPPED:
        take_offer(child);
        keep_text(&child->versions, m);
        child->swap_ms = m->number;
        break;
    case MESSAGE_REFUSED:
        child->answer = ANSWER_REFUSED;
        keep_text(&child->why, m);
        snapshot_release(child->offered);
        child->offered = NULL;
        break;
    case MESSAGE_SAY:
        buf_add(say, m->text);
        buf_add_char(say, '\n');
        break;
    case MESSAGE_ENDED:
        child->ended = true;
        if (!child->gone_at)
            child->gone_at = clock_mono_ms();
        child->end = (enum task_end)m->number;
        keep_text(&child->why, m);
        if (m->n_fds == 1 && child->state_fd < 0) {
            child->state_fd = m->fds[0];
            return;
        }
        break;
    default:
        break;
    }
    message_drop(m);
}

void child_listen(struct child *child, struct buf *say)
{
    struct message_room *room;
    struct message m;
    enum message_got got = MESSAGE_GOT;

    if (child->socket < 0)
        return;
    room = malloc(sizeof *room);
    while (room && (got = message_receive(child->socket, false, room, &m)) == MESSAGE_GOT)
        hear(child, &m, say);
    free(room);
    if (got == MESSAGE_GONE)
        close_fd(&child->socket); /* it is ending; the kernel will say how */
}

void child_died(struct child *child, struct buf *say)
{
    child_listen(child, say);
    close_fd(&child->socket);
    child->was_held = child->was_held || child->held;
    child->state = CHILD_NONE;
    if (child->answer == ANSWER_AWAITED) {
        child->answer = ANSWER_REFUSED;
        buf_reset(&child->why);
        buf_add_text(&child->why, "the worker died while it changed over");
    }
}

bool child_hangs(struct child *child, int64_t now, int64_t (*limit_ms)(const struct child *, uint32_t stage))
{
    uint64_t count = atomic_load_explicit(&child->ledger->task.count, memory_order_acquire);
    int64_t limit;

    if (count != child->seen_count || child->held || count % 2 == 0) {
        child->seen_count = count;
        child->seen_at = now;
        return false;
    }
    limit = limit_ms(child, child->ledger->task.stage);
    if (limit <= 0 || now - child->seen_at < limit)
        return false;
    child->hung_ms = limit;
    return true;
}
