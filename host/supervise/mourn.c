/* mourn.c: what becomes of a crew when one of its processes has died.
 *
 * Whether the death was willed (it was told to stop, or said that its chain refuses to go on) is looked at
 * first; what is left is a crash. A crash in the trial of a new generation is that generation's fault; any
 * other goes to the bookkeeping of deaths.c, which says what to do. */
#include "base/clock.h"
#include "supervise/autopsy.h"
#include "supervise/crew_parts.h"

#include <errno.h>
#include <string.h>

/* ---- the quarantine, kept over a restart where there is a state_dir */

struct memory {
    struct buf path, about; /* the file, and the line that says what it is about */
};

/* False: nothing is kept. */
static bool open_memory(const struct crew *crew, struct memory *m)
{
    struct weir_str dir = snapshot_config(crew->current.snapshot)->host.state_dir;

    buf_init(&m->path, 4096);
    buf_init(&m->about, 4096);
    buf_add_fmt(&m->path, STR_FMT "/%s.quarantine", STR_ARG(dir), crew->name);
    buf_add_fmt(&m->about, "chain %s topic " STR_FMT, crew->name, STR_ARG(crew_conf(crew)->source));
    return dir.len > 0;
}

static void close_memory(struct memory *m)
{
    buf_fini(&m->path);
    buf_fini(&m->about);
}

void crew_recall(struct crew *crew)
{
    struct memory m;

    if (open_memory(crew, &m))
        deaths_load(crew->deaths, buf_text(&m.path), buf_text(&m.about), clock_wall_ms());
    close_memory(&m);
}

static void remember(const struct crew *crew)
{
    struct memory m;

    if (open_memory(crew, &m) && !deaths_save(crew->deaths, buf_text(&m.path), buf_text(&m.about)))
        log_at(crew_place(crew), WEIR_LOG_WARN, "the quarantine cannot be written: file=%s error=\"%s\"",
               buf_text(&m.path), strerror(errno));
    close_memory(&m);
}

/* ---- a death */

static void keep_as_last(struct crew *crew, const struct death *death)
{
    crew->last_death = *death;
    snprintf(crew->last_stage, sizeof crew->last_stage, STR_FMT, STR_ARG(death->stage));
    crew->last_death.stage = death->stage.ptr ? str_of(crew->last_stage) : STR_ABSENT;
}

static void quarantine(struct crew *crew, const struct death *death)
{
    const struct config_chain *conf = crew_conf(crew);

    log_at((struct log_place){crew->name, crew->last_stage}, WEIR_LOG_WARN,
           "record quarantined, it fails at this stage from now on: topic=" STR_FMT
           " partition=%d offset=%lld emitted=%s",
           STR_ARG(conf->source), death->partition, (long long)death->offset, death->emitted ? "yes" : "no");
    remember(crew);
}

/* It died while it changed over: why the reload is refused. */
static void explain(const struct crew *crew, struct child *child, const struct death *death)
{
    struct place at = snapshot_chain(crew->proposed.snapshot, str_of(crew->name))->place, stage;
    struct buf sentence;

    buf_init(&sentence, 4096);
    stage = autopsy_say(child, death, &sentence);
    if (stage.file)
        at = stage;
    buf_reset(&child->why);
    buf_add_fmt(&child->why, "%s:%u: the worker died while it changed over: " STR_FMT, at.file, at.line,
                STR_ARG(buf_str(&sentence)));
    buf_fini(&sentence);
}

/* It met a record that is kept from that stage by now, but it had begun before that was learnt. */
static bool did_not_know(const struct crew *crew, const struct child *child, const struct death *death)
{
    int64_t began = clock_wall_ms() - (clock_mono_ms() - child->started_at);
    size_t n;
    const struct quarantined *items = deaths_quarantined(crew->deaths, &n);

    for (size_t i = 0; death->pinned && i < n; i++) {
        if (items[i].partition == death->partition && items[i].offset == death->offset &&
            items[i].emitted == death->emitted && str_eq(items[i].stage, death->stage))
            return deaths_quarantined_since(crew->deaths, i) >= began;
    }
    return false;
}

/* True where the death is no fault of the generation that runs: of the one that is to follow it, or of
 * nobody. */
static bool is_excused(const struct crew *crew, struct child *child, const struct death *death)
{
    if (crew->phase == CREW_SWAPPING && child->answer == ANSWER_REFUSED) {
        explain(crew, child, death);
        return death->call != NOTE_PROCESS;
    }
    return did_not_know(crew, child, death);
}

/* It was on its own, and it is dead. */
static void crashed(struct crew *crew, struct child *child, int wait_status)
{
    int64_t now = clock_mono_ms();
    struct deaths_answer answer;
    struct death death;

    autopsy(child, wait_status, &death);
    autopsy_log(child, &death);
    keep_as_last(crew, &death);
    if (is_excused(crew, child, &death)) {
        child->again_at = now;
        return;
    }
    if (crew->trial_until && death.how != DEATH_KILLED && death.how != DEATH_STOPPED) {
        char text[64];

        child->again_at = now;
        crew_fall_back(crew, death_text(&death, text));
        return;
    }
    deaths_lived(crew->deaths, now - child->started_at);
    answer = deaths_note(crew->deaths, &death, now);
    if (answer.verdict == DEATHS_FAILED) {
        crew_give_up(crew, CREW_FAILED, answer.why);
        return;
    }
    if (answer.verdict == DEATHS_QUARANTINED)
        quarantine(crew, &death);
    child->again_at = now + answer.delay_ms;
    log_at(crew_place(crew), WEIR_LOG_INFO, "worker starts again: task=%u delay_ms=%lld", child->task,
           (long long)answer.delay_ms);
}

/* All are to go. */
static void went_away(struct crew *crew, const struct child *child, int wait_status)
{
    struct death death;

    if (child->ended) {
        if (child->end != TASK_STOPPED && child->end != TASK_CUT_SHORT)
            crew->verdict = CREW_FAILED;
        else if (child->end == TASK_CUT_SHORT && crew->verdict == CREW_STOPPED)
            crew->verdict = CREW_CUT_SHORT;
        return;
    }
    if (!child->went)
        return; /* it had taken nothing */
    if (crew->verdict == CREW_STOPPED)
        crew->verdict = CREW_CUT_SHORT;
    autopsy(child, wait_status, &death);
    if (death.how != DEATH_KILLED)
        autopsy_log(child, &death);
}

/* At the first start nothing goes before everything is known to work. */
static void did_not_start(struct crew *crew, const struct child *child, int wait_status)
{
    struct buf why;

    buf_init(&why, 4096);
    autopsy_of_start(child, wait_status, &why);
    crew_give_up(crew, why.len ? CREW_FAILED : CREW_CONFIG, buf_text(&why));
    buf_fini(&why);
}

static void task_died(struct crew *crew, struct child *child, int wait_status, bool told)
{
    if (crew->phase == CREW_STOPPING)
        went_away(crew, child, wait_status);
    else if (crew->phase == CREW_STARTING)
        did_not_start(crew, child, wait_status);
    else if (crew->phase == CREW_HANDING_OVER)
        return; /* its successor is ready */
    else if (told)
        child->again_at = child->task < crew_wanted(crew) ? clock_mono_ms() : -1;
    else if (child->ended && crew->trial_until)
        crew_fall_back(crew, buf_text(&child->why));
    else if (child->ended)
        crew_give_up(crew, CREW_FAILED, buf_text(&child->why));
    else
        crashed(crew, child, wait_status);
}

static struct child *find(struct child *children, size_t count, pid_t pid)
{
    for (size_t i = 0; i < count; i++) {
        if (child_lives(&children[i]) && children[i].pid == pid)
            return &children[i];
    }
    return NULL;
}

bool crew_reap(struct crew *crew, pid_t pid, int wait_status)
{
    struct child *child = find(crew->tasks, crew->n_tasks, pid);
    struct child *next = find(crew->next, crew->n_next, pid);
    bool told;

    if (next) {
        child_died(next, &crew->say);
        crew_probe_died(crew, next, wait_status);
    }
    if (!child)
        return next != NULL;
    told = child->state == CHILD_STOPPING;
    child_died(child, &crew->say);
    task_died(crew, child, wait_status, told);
    return true;
}

bool crew_held(struct crew *crew, pid_t pid, bool held)
{
    struct child *child = find(crew->tasks, crew->n_tasks, pid);

    if (!child)
        return false;
    child->held = held;
    child->held_at = child->seen_at = clock_mono_ms();
    return true;
}
