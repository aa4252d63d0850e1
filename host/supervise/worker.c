/* worker.c: see worker.h.
 *
 * The main thread serves the socket and does all that loads; the other runs the task and touches the chain
 * alone from the go to its end, but for a swap, which task_swap() makes between two records. While the main
 * thread loads or swaps it hears nothing: a supervisor that loses patience kills it, and one that dies takes
 * it along (harden() sees to that). Rejected: a third thread for loading, for the sake of a STOP that comes
 * in that moment. */
#include "supervise/worker.h"

#include "base/clock.h"
#include "base/log.h"
#include "kafka/task.h"
#include "supervise/crash.h"
#include "supervise/deaths.h"
#include "supervise/harden.h"
#include "supervise/loading.h"
#include "supervise/message.h"
#include "supervise/snapshot.h"
#include "supervise/state_file.h"
#include "supervise/totals.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOOK_MS 10000 /* at the topics of a generation that is proposed */
#define TASK_STACK ((size_t)8 << 20)
#define COUNTS_MAX 512

struct worker {
    int socket;
    struct ledger *ledger;
    struct loader *loader;
    enum start start;
    uint32_t number; /* of the task */

    struct loaded now;
    struct task *task;
    struct buf quarantine; /* lines, for this generation and those after it */
    int state_fd;          /* to begin with; -1: nothing */
    bool give_state;

    pthread_t thread;
    int ended_fd;
    enum task_end end;

    const struct chain *seen; /* on the task's thread: the chain of the last report */
    uint64_t next_number;     /* the generation of a chain that is not the seen one */
    bool said_assigned;

    struct message_room room;
};

static void say(struct worker *w, enum message_kind kind, int64_t number, const char *text)
{
    const struct message m = {.kind = kind, .number = number, .text = str_of(text)};

    message_send(w->socket, &m); /* if the supervisor is gone, the next message to receive says so */
}

/* With what its stages run. */
static void say_running(struct worker *w, enum message_kind kind, int64_t number)
{
    struct buf versions;

    buf_init(&versions, MESSAGE_TEXT_MAX);
    chain_versions(w->now.chain, &versions);
    message_send(w->socket, &(struct message){.kind = kind, .number = number, .text = buf_str(&versions)});
    buf_fini(&versions);
}

static struct log_place place(const struct worker *w)
{
    return (struct log_place){w->now.conf ? w->now.conf->name.ptr : NULL, NULL};
}

/* ---- on the task's thread */

/* What does not fit is left out. */
static void fill_counts(const struct chain *chain, struct ledger_report *to)
{
    struct chain_count counts[COUNTS_MAX];
    size_t n = chain_counts(chain, counts, COUNTS_MAX), len = 0;

    for (size_t i = 0; i < n && i < COUNTS_MAX; i++) {
        size_t room = sizeof to->counts - len;
        int size = counts[i].n == 0 ? 0
                                    : snprintf(to->counts + len, room, STR_FMT " " STR_FMT " %llu\n",
                                               STR_ARG(counts[i].stage), STR_ARG(counts[i].name),
                                               (unsigned long long)counts[i].n);

        if (size < 0 || (size_t)size >= room)
            break;
        len += (size_t)size;
    }
    to->counts_len = (uint16_t)len;
}

static void fill_report(const struct worker *w, const struct task_status *s, struct ledger_report *to)
{
    *to = (struct ledger_report){
        .at_ms = clock_mono_ms(),
        .generation = w->ledger->task.generation,
        .taken = s->source.taken,
        .rebalances = s->source.rebalances,
        .lag = s->source.lag,
        .last_commit_ms = s->source.last_commit_ms,
        .in_flight = s->in_flight,
        .in_flight_bytes = s->in_flight_bytes,
        .sends = s->sends,
        .assigned = (uint32_t)s->source.assigned,
        .paused = s->source.paused,
        .waiting_for_brokers = s->waiting_for_brokers,
    };
}

/* Comes between a swap and the first call into the new chain, so that the note never counts the stages of one
 * generation under the number of the other. */
static void see(void *self, const struct chain *chain, const struct task_status *status)
{
    struct worker *w = self;
    struct ledger_report report;

    if (chain != w->seen) {
        w->seen = chain;
        w->ledger->task.generation = w->next_number;
    }
    fill_report(w, status, &report);
    fill_counts(chain, &report);
    ledger_write_report(w->ledger, &report);
    if (status->source.assigned > 0 && !w->said_assigned) {
        w->said_assigned = true;
        say(w, MESSAGE_ASSIGNED, (int64_t)status->source.assigned, NULL);
    }
}

static void *work(void *self)
{
    struct worker *w = self;
    uint64_t one = 1;

    if (!crash_stack())
        log_at(place(w), WEIR_LOG_WARN, "no stack for crashes: %s", strerror(errno));
    w->ledger->task_thread = (int32_t)syscall(SYS_gettid);
    w->end = task_run(w->task);
    if (write(w->ended_fd, &one, sizeof one) != sizeof one)
        abort(); /* an eventfd takes 2^64 of them */
    return NULL;
}

/* ---- what is kept from a stage */

/* For a chain that no record has reached yet. False: no memory; a stage would be shown what kills it. */
static bool quarantine(struct worker *w, struct chain *chain)
{
    struct quarantined items[DEATHS_QUARANTINED_MAX];
    struct weir_str rest = buf_str(&w->quarantine), line;
    size_t n = 0;

    while (n < DEATHS_QUARANTINED_MAX && str_split(&rest, '\n', &line)) {
        if (quarantined_read(line, &items[n]))
            n++;
        else if (line.len > 0)
            log_at(place(w), WEIR_LOG_ERROR, "a line of the quarantine cannot be read");
    }
    return !w->quarantine.failed && chain_quarantine(chain, items, n);
}

/* ---- loading */

static void set_limits(const struct config *config)
{
    log_set_level(config->host.log_level);
    harden_limits(config->host.core_dumps, config->host.memory_max);
}

/* What would end the task a moment after it took over is found before. */
static bool look_at_topics(struct worker *w, struct diag *diag)
{
    struct buf why;
    bool good;

    buf_init(&why, 4096);
    good = task_look(w->task, LOOK_MS, &why);
    if (!good)
        diag_error(diag, w->now.conf->place, "%s", buf_text(&why));
    buf_fini(&why);
    return good;
}

static bool load(struct worker *w, const struct message *m)
{
    const struct task_watcher watcher = {w, see};
    struct loading l;
    bool good;

    w->number = m->task;
    loading_begin(&l, m, w->loader, &w->ledger->load);
    if (l.config)
        set_limits(l.config);
    if (loading_make(&l, &w->now))
        w->task = task_new(w->now.plan->config, w->now.conf, w->now.chain, &watcher, &l.diag);
    good = w->task != NULL;
    if (good && w->start == START_PROBE)
        good = look_at_topics(w, &l.diag);
    if (w->start == START_FIRST)
        loading_print(&l, w->number == 0);
    else
        loading_say(&l, w->start == START_PROBE && w->number == 0, w->socket);
    loading_end(&l);
    w->seen = w->now.chain;
    w->ledger->task.generation = w->now.number;
    return good;
}

/* ---- reload */

static void refuse(struct worker *w, const struct buf *why)
{
    const struct message m = {.kind = MESSAGE_REFUSED, .text = buf_str(why)};

    message_send(w->socket, &m);
}

/* The chain that is out, whichever of the two it is, notes its end on this thread's note again. */
static void drop(struct worker *w, struct loaded *loaded)
{
    w->ledger->load.generation = loaded->number;
    if (loaded->chain)
        chain_note(loaded->chain, &w->ledger->load, loaded->number);
    loaded_fini(loaded);
}

static bool load_next(struct worker *w, const struct message *m, struct loaded *next, struct buf *why)
{
    struct message mine = *m;
    struct loading l;
    bool good;

    mine.text = w->now.conf->name;
    mine.task = w->number;
    loading_begin(&l, &mine, w->loader, &w->ledger->load);
    good = loading_make(&l, next);
    loading_say(&l, false, w->socket); /* a probe has told the warnings */
    if (!good)
        loading_first_error(&l, why);
    loading_end(&l);
    return good;
}

static bool swap(struct worker *w, struct loaded *next, struct buf *why)
{
    struct chain *old = NULL;
    const struct place *at = &next->conf->place;

    buf_add_fmt(why, "%s:%u: ", at->file, at->line); /* in front of what may come */
    if (!quarantine(w, next->chain)) {
        buf_add_text(why, "no memory for the quarantine");
        return false;
    }
    chain_note(next->chain, &w->ledger->task, next->number);
    w->next_number = next->number;
    return task_swap(w->task, next->plan->config, next->conf, next->chain, &old, why);
}

/* next becomes what ran before. */
static void take_over(struct worker *w, struct loaded *next, int64_t ms)
{
    struct loaded old = w->now;

    w->now = *next;
    *next = old;
    set_limits(w->now.plan->config);
    log_at(place(w), WEIR_LOG_INFO, "chain reloaded: generation=%llu ms=%lld",
           (unsigned long long)w->now.number, (long long)ms);
    say_running(w, MESSAGE_SWAPPED, ms);
}

static void reload(struct worker *w, const struct message *m)
{
    int64_t start = clock_mono_ms();
    struct loaded next = {0};
    struct buf why;

    buf_init(&why, 8192);
    if (load_next(w, m, &next, &why) && swap(w, &next, &why))
        take_over(w, &next, clock_mono_ms() - start);
    else
        refuse(w, &why);
    drop(w, &next);
    buf_fini(&why);
}

/* ---- the end */

static enum worker_end outcome(enum task_end end)
{
    switch (end) {
    case TASK_STOPPED:
        return WORKER_STOPPED;
    case TASK_CUT_SHORT:
        return WORKER_CUT_SHORT;
    default:
        return WORKER_FAILED;
    }
}

static void send_end(struct worker *w, enum task_end end, const char *text)
{
    struct message m = {.kind = MESSAGE_ENDED, .number = end, .text = str_of(text)};
    const char *why = NULL;
    int fd = -1;

    if (w->give_state && end == TASK_STOPPED) {
        fd = state_file_save(w->now.chain, &why);
        if (fd < 0)
            log_at(place(w), WEIR_LOG_WARN, "the successor starts without a state: %s", why);
    }
    m.fds = &fd;
    m.n_fds = fd >= 0;
    message_send(w->socket, &m);
    if (fd >= 0)
        close(fd);
}

static enum worker_end finish(struct worker *w)
{
    pthread_join(w->thread, NULL);
    totals_log(w->now.chain);
    send_end(w, w->end, task_why(w->task));
    return outcome(w->end);
}

/* ---- work */

/* With a stack of the usual size, whatever memory_max has made of the others. */
static bool start_thread(struct worker *w)
{
    pthread_attr_t attr;
    bool good;

    if (pthread_attr_init(&attr) != 0)
        return false;
    good =
        pthread_attr_setstacksize(&attr, TASK_STACK) == 0 && pthread_create(&w->thread, &attr, work, w) == 0;
    pthread_attr_destroy(&attr);
    return good;
}

/* NULL: the task runs. */
static const char *begin(struct worker *w)
{
    const char *why;

    if (!quarantine(w, w->now.chain))
        return "no memory for the quarantine";

    chain_note(w->now.chain, &w->ledger->task, w->now.number);
    if (w->state_fd >= 0 && !state_file_restore(w->now.chain, w->state_fd, &why))
        log_at(place(w), WEIR_LOG_WARN, "starting without the state of the task before: %s", why);
    return start_thread(w) ? NULL : "cannot start a thread (see ulimit -u, pids.max)";
}

/* The supervisor is gone, or not to be understood: what is not committed comes again elsewhere. */
static void orphaned(void)
{
    _exit(EXIT_FAILURE);
}

static void obey(struct worker *w, const struct message *m)
{
    switch (m->kind) {
    case MESSAGE_RELOAD:
        reload(w, m);
        return;
    case MESSAGE_STOP:
        w->give_state = m->number == 1;
        task_stop(w->task);
        break;
    default:
        log_at(place(w), WEIR_LOG_ERROR, "a message that does not belong here: kind=%d", (int)m->kind);
    }
    message_drop(m);
}

static enum worker_end run(struct worker *w)
{
    struct pollfd fds[] = {{w->socket, POLLIN, 0}, {w->ended_fd, POLLIN, 0}};
    const char *why = begin(w);
    struct message m;

    if (why) {
        log_at(place(w), WEIR_LOG_ERROR, "task not started: %s", why);
        send_end(w, TASK_FAILED, why);
        return WORKER_FAILED;
    }
    while (!(fds[1].revents & POLLIN)) {
        enum message_got got;

        if (poll(fds, 2, -1) < 0)
            continue;
        got = message_receive(w->socket, false, &w->room, &m);
        if (got == MESSAGE_GONE)
            orphaned();
        else if (got == MESSAGE_GOT)
            obey(w, &m);
    }
    return finish(w);
}

static void keep_state(struct worker *w, const struct message *m)
{
    if (w->state_fd >= 0 || m->n_fds != 1)
        message_drop(m);
    else
        w->state_fd = m->fds[0];
}

/* Everything up to the go. */
static enum worker_end prepare(struct worker *w)
{
    struct message m;

    for (;;) {
        if (message_receive(w->socket, true, &w->room, &m) != MESSAGE_GOT)
            orphaned();
        switch (m.kind) {
        case MESSAGE_LOAD:
            if (w->task || !load(w, &m))
                return WORKER_CONFIG;
            say_running(w, MESSAGE_READY, 0);
            break;
        case MESSAGE_QUARANTINE:
            buf_add(&w->quarantine, m.text);
            buf_add_char(&w->quarantine, '\n');
            break;
        case MESSAGE_STATE:
            keep_state(w, &m);
            break;
        case MESSAGE_STOP:
            send_end(w, TASK_STOPPED, NULL);
            return WORKER_STOPPED;
        case MESSAGE_GO:
            if (w->task)
                return run(w);
            break;
        default:
            message_drop(&m);
        }
    }
}

/* ---- as a process */

static bool take_descriptors(struct worker *w)
{
    int kind = 0;
    socklen_t size = sizeof kind;

    w->socket = WORKER_SOCKET_FD;
    if (getsockopt(w->socket, SOL_SOCKET, SO_TYPE, &kind, &size) < 0 || kind != SOCK_SEQPACKET)
        return false;
    w->ledger = ledger_map(WORKER_LEDGER_FD);
    if (!w->ledger)
        return false;
    close(WORKER_LEDGER_FD);
    return fcntl(w->socket, F_SETFD, FD_CLOEXEC) == 0;
}

static void destroy(struct worker *w)
{
    task_destroy(w->task);
    if (w->ledger)
        drop(w, &w->now);
    loader_destroy(w->loader);
    buf_fini(&w->quarantine);
    if (w->state_fd >= 0)
        close(w->state_fd);
    if (w->ended_fd >= 0)
        close(w->ended_fd);
    free(w); /* the ledger stays mapped: a crash on the way out is to be noted, too */
}

enum worker_end worker_run(pid_t parent, enum start start)
{
    struct worker *w = calloc(1, sizeof *w);
    enum worker_end end = WORKER_NO_PARENT;

    if (!w)
        return WORKER_FAILED;
    w->start = start;
    w->state_fd = w->ended_fd = -1;
    buf_init(&w->quarantine, SIZE_MAX);
    if (!take_descriptors(w) || !harden(parent))
        goto out;
    end = WORKER_FAILED;
    w->loader = loader_new();
    w->ended_fd = eventfd(0, EFD_CLOEXEC);
    if (w->loader && w->ended_fd >= 0 && crash_catch(&w->ledger->crash) && crash_stack())
        end = prepare(w);
    else
        log_error("a worker cannot start: %s", strerror(errno));
out:
    destroy(w);
    return end;
}
