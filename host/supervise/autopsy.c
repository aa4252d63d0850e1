/* autopsy.c: see autopsy.h.
 *
 * A ledger was written by a process that has just gone wrong: what it says is taken for what it may mean, a
 * stage only where the chain has one of that index. Two things are not a stage's doing, even in the middle of
 * a call: a crash on a thread that is not the task's, and an end that came from outside. */
#include "supervise/autopsy.h"

#include "base/clock.h"
#include "base/log.h"
#include "supervise/backtrace.h"

#include <signal.h>
#include <sysexits.h>
#include <sys/wait.h>

#define HASH_SHOWN 16

const char *autopsy_call(uint32_t call)
{
    static const char *const names[] = {
        [NOTE_LOAD] = "load",       [NOTE_CREATE] = "create",  [NOTE_PROCESS] = "process",
        [NOTE_TIMER] = "timer",     [NOTE_FLUSH] = "flush",    [NOTE_SAVE] = "save",
        [NOTE_RESTORE] = "restore", [NOTE_DESTROY] = "destroy"};

    return call < sizeof names / sizeof *names ? names[call] : NULL;
}

static void find_how(const struct child *child, int wait_status, struct death *out)
{
    if (WIFEXITED(wait_status)) {
        out->how = DEATH_EXIT;
        out->number = WEXITSTATUS(wait_status);
        return;
    }
    out->number = WTERMSIG(wait_status);
    out->waited_ms = clock_mono_ms() - child->seen_at;
    if (child->was_held && out->number == SIGKILL)
        out->how = DEATH_STOPPED;
    else if (child->hung && (out->number == SIGKILL || out->number == SIGABRT))
        out->how = DEATH_HANG;
    else if (out->number == SIGKILL)
        out->how = DEATH_KILLED;
    else
        out->how = DEATH_SIGNAL;
    if (out->how == DEATH_HANG && child->hung_ms)
        out->waited_ms = child->hung_ms; /* the same words for each record that hangs */
}

/* A crash that the note does not explain: on another thread than its own, or on one that takes no signals, as
 * librdkafka's do, where no handler ran. */
static bool was_elsewhere(const struct ledger *ledger, const struct note *note, const struct death *death)
{
    return death->how == DEATH_SIGNAL && note == &ledger->task &&
           (ledger->crash.signal == 0 || ledger->crash.thread != ledger->task_thread);
}

/* A stage's index is of one generation: that which runs, or the one that a reload has offered. */
static const struct snapshot *snapshot_of(const struct child *child, bool offered)
{
    return offered ? child->offered : child->snapshot;
}

static const struct config_chain *chain_of(const struct child *child, bool offered)
{
    const struct snapshot *snapshot = snapshot_of(child, offered);

    return snapshot ? snapshot_chain(snapshot, child->chain) : NULL;
}

void autopsy(const struct child *child, int wait_status, struct death *out)
{
    const struct note *note = child->ledger ? ledger_open_note(child->ledger) : NULL;
    const struct config_chain *conf;

    *out = (struct death){.partition = NOTE_NO_RECORD, .wall_ms = clock_wall_ms()};
    find_how(child, wait_status, out);
    if (!note || out->how == DEATH_KILLED || out->how == DEATH_STOPPED ||
        was_elsewhere(child->ledger, note, out) || note->call > NOTE_DESTROY)
        return;
    out->call = (enum note_call)note->call;
    out->offered = child->offered && note->generation == child->offered_generation;
    conf = out->offered || note->generation == child->generation ? chain_of(child, out->offered) : NULL;
    if (conf && note->stage < conf->stage_count)
        out->stage = conf->stages[note->stage].name;
    if (out->call != NOTE_PROCESS || !out->stage.ptr)
        return;
    out->partition = note->partition;
    out->offset = note->offset;
    out->emitted = note->emitted != 0;
    out->pinned = note->partition >= 0 && note->offset >= 0;
}

static const struct config_stage *stage_of(const struct child *child, const struct death *death)
{
    const struct config_chain *conf = chain_of(child, death->offered);

    for (size_t i = 0; conf && death->stage.ptr && i < conf->stage_count; i++) {
        if (str_eq(conf->stages[i].name, death->stage))
            return &conf->stages[i];
    }
    return NULL;
}

/* Absent where the worker died before it said so. */
static struct weir_str version_of(const struct child *child, const struct death *death)
{
    struct weir_str lines = buf_str(&child->versions), line, word;

    while (death->stage.ptr && !death->offered && str_split(&lines, '\n', &line)) {
        if (str_split(&line, ' ', &word) && str_eq(word, death->stage))
            return line;
    }
    return STR_ABSENT;
}

pid_t autopsy_frames(const struct child *child, const struct death *death)
{
    const struct config_stage *stage = stage_of(child, death);

    if (!child->ledger || !child->ledger->crash.signal)
        return -1;
    return backtrace_log((struct log_place){child->chain.ptr, stage ? stage->name.ptr : NULL},
                         &child->ledger->crash, snapshot_of(child, death->offered));
}

static void add_code(const struct child *child, const struct death *death, const struct config_stage *stage,
                     struct buf *to)
{
    const struct snapshot *snapshot = snapshot_of(child, death->offered);
    const struct snapshot_plugin *plugin = stage ? snapshot_plugin(snapshot, stage->plugin) : NULL;
    struct weir_str version = version_of(child, death);

    if (!plugin || !plugin->hash.ptr)
        return;
    buf_add_fmt(to, " plugin=" STR_FMT, STR_ARG(plugin->name));
    if (version.ptr)
        buf_add_fmt(to, " version=" STR_FMT, STR_ARG(version));
    buf_add_fmt(to, " sha256=%.*s", (int)(plugin->hash.len < HASH_SHOWN ? plugin->hash.len : HASH_SHOWN),
                plugin->hash.ptr);
}

void autopsy_log(const struct child *child, const struct death *death)
{
    const struct config_chain *conf = chain_of(child, death->offered);
    const struct config_stage *stage = stage_of(child, death);
    uint64_t generation = death->offered ? child->offered_generation : child->generation;
    struct buf rest;
    char text[64];

    buf_init(&rest, 4096);
    if (death->pinned && conf)
        buf_add_fmt(&rest, " topic=" STR_FMT " partition=%d offset=%lld emitted=%s", STR_ARG(conf->source),
                    death->partition, (long long)death->offset, death->emitted ? "yes" : "no");
    add_code(child, death, stage, &rest);
    log_at((struct log_place){child->chain.ptr, stage ? stage->name.ptr : NULL}, WEIR_LOG_ERROR,
           "worker died: how=\"%s\" task=%u pid=%d generation=%llu call=%s%s", death_text(death, text),
           child->task, (int)child->pid, (unsigned long long)generation,
           death->call ? autopsy_call(death->call) : "none", buf_text(&rest));
    buf_fini(&rest);
    autopsy_frames(child, death);
}

struct place autopsy_say(const struct child *child, const struct death *death, struct buf *why)
{
    const struct config_stage *stage = stage_of(child, death);
    char text[64];

    if (stage)
        buf_add_fmt(why, "stage \"" STR_FMT "\": its plugin ", STR_ARG(stage->name));
    else
        buf_add_text(why, death->call ? "a plugin " : "the process ");
    if (death->call)
        buf_add_fmt(why, "did not survive its %s", autopsy_call(death->call));
    else
        buf_add_text(why, "died outside of a call of a plugin");
    if (death->pinned)
        buf_add_fmt(why, " of %s at partition %d, offset %lld",
                    death->emitted ? "a record made from the one" : "the record", death->partition,
                    (long long)death->offset);
    buf_add_fmt(why, ": %s", death_text(death, text));
    return stage ? stage->place : (struct place){NULL, 0};
}

void autopsy_of_start(const struct child *child, int wait_status, struct buf *why)
{
    struct death death;
    struct place at;
    struct buf sentence;

    if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == EX_CONFIG)
        return;
    autopsy(child, wait_status, &death);
    buf_init(&sentence, 4096);
    at = autopsy_say(child, &death, &sentence);
    if (at.file)
        buf_add_fmt(why, "%s:%u: ", at.file, at.line);
    buf_add(why, buf_str(&sentence));
    buf_fini(&sentence);
    autopsy_frames(child, &death);
}
