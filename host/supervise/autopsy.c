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
#include <stdio.h>
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

/* The note that was open: the task's, or that of who loads and creates. NULL: no call was under way. */
static const struct note *open_note(const struct ledger *ledger)
{
    if (atomic_load(&ledger->task.count) % 2)
        return &ledger->task;
    if (atomic_load(&ledger->load.count) % 2)
        return &ledger->load;
    return NULL;
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
static const struct config_chain *chain_of(const struct child *child, const struct note *note)
{
    bool offered = child->offered && note && note->generation == child->offered_generation;

    return snapshot_chain(offered ? child->offered : child->snapshot, child->chain);
}

void autopsy(const struct child *child, int wait_status, struct death *out)
{
    const struct note *note = child->ledger ? open_note(child->ledger) : NULL;
    const struct config_chain *conf = chain_of(child, note);

    *out = (struct death){.partition = NOTE_NO_RECORD, .wall_ms = clock_wall_ms()};
    find_how(child, wait_status, out);
    if (!note || out->how == DEATH_KILLED || out->how == DEATH_STOPPED ||
        was_elsewhere(child->ledger, note, out) || note->call > NOTE_DESTROY)
        return;
    out->call = (enum note_call)note->call;
    if (conf && note->stage < conf->stage_count)
        out->stage = conf->stages[note->stage].name;
    if (out->call != NOTE_PROCESS || !out->stage.ptr)
        return;
    out->partition = note->partition;
    out->offset = note->offset;
    out->emitted = note->emitted != 0;
    out->pinned = note->partition >= 0 && note->offset >= 0;
}

static const struct config_stage *stage_named(const struct config_chain *conf, struct weir_str name)
{
    for (size_t i = 0; conf && name.ptr && i < conf->stage_count; i++) {
        if (str_eq(conf->stages[i].name, name))
            return &conf->stages[i];
    }
    return NULL;
}

/* Absent where the worker died before it said so. */
static struct weir_str version_of(const struct child *child, struct weir_str stage)
{
    struct weir_str lines = buf_str(&child->versions), line, word;

    while (stage.ptr && str_split(&lines, '\n', &line)) {
        if (str_split(&line, ' ', &word) && str_eq(word, stage))
            return line;
    }
    return STR_ABSENT;
}

void autopsy_log(const struct child *child, const struct death *death)
{
    const struct config_chain *conf = snapshot_chain(child->snapshot, child->chain);
    const struct config_stage *stage = stage_named(conf, death->stage);
    const struct snapshot_plugin *plugin = stage ? snapshot_plugin(child->snapshot, stage->plugin) : NULL;
    struct log_place place = {child->chain.ptr, stage ? stage->name.ptr : NULL};
    struct weir_str version = version_of(child, death->stage);
    char text[64], record[160] = "", code[256] = "";

    if (death->pinned && conf)
        snprintf(record, sizeof record, " topic=" STR_FMT " partition=%d offset=%lld emitted=%s",
                 STR_ARG(conf->source), death->partition, (long long)death->offset,
                 death->emitted ? "yes" : "no");
    if (plugin && plugin->hash.ptr)
        snprintf(code, sizeof code, " plugin=" STR_FMT " version=" STR_FMT " sha256=%.*s",
                 STR_ARG(plugin->name), STR_ARG(version),
                 (int)(plugin->hash.len < HASH_SHOWN ? plugin->hash.len : HASH_SHOWN), plugin->hash.ptr);
    log_at(place, WEIR_LOG_ERROR, "worker died: how=\"%s\" task=%u pid=%d generation=%llu call=%s%s%s",
           death_text(death, text), child->task, (int)child->pid, (unsigned long long)child->generation,
           death->call ? autopsy_call(death->call) : "none", record, code);
    if (child->ledger && child->ledger->crash.signal)
        backtrace_log(place, &child->ledger->crash, child->snapshot);
}

void autopsy_of_start(const struct child *child, int wait_status, struct buf *why)
{
    struct death death;
    const struct config_stage *stage;
    char text[64];

    if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == EX_CONFIG)
        return;
    autopsy(child, wait_status, &death);
    stage = stage_named(snapshot_chain(child->snapshot, child->chain), death.stage);
    if (stage)
        buf_add_fmt(why, "%s:%u: stage \"" STR_FMT "\": ", stage->place.file, stage->place.line,
                    STR_ARG(stage->name));
    if (death.call == NOTE_LOAD || death.call == NOTE_CREATE)
        buf_add_fmt(why, "its plugin did not survive its %s: ", autopsy_call(death.call));
    else
        buf_add_text(why, "a worker died before it was ready: ");
    buf_add_text(why, child->hung ? "no answer in time" : death_text(&death, text));
    if (child->ledger && child->ledger->crash.signal)
        backtrace_log((struct log_place){child->chain.ptr, stage ? stage->name.ptr : NULL},
                      &child->ledger->crash, child->snapshot);
}
