/* handover.c: how a generation takes the place of another.
 *
 * A worker of the new one is started first, beside those that run, and loads everything: what does not
 * survive its own start hurts nobody. Where the clients stay as they are it has then done its work and is
 * ended, and the running workers change over between two records; where they do not, the new workers are the
 * successors, and wait until the old ones have drained and left the group.
 *
 * Either all workers of a chain change over or none: where one refuses, those that did go back.
 *
 * The first seconds after a change are a trial. The generation that comes back from a failed one is the last
 * that outlived its own; until then it is kept whole, plugins and all. */
#include "base/clock.h"
#include "supervise/autopsy.h"
#include "supervise/crew_parts.h"

static const struct edition none = {NULL, 0};

static const struct config *config_of(const struct edition *e)
{
    return snapshot_config(e->snapshot);
}

/* ---- outcomes */

static void close_proposal(struct crew *crew, enum crew_outcome outcome)
{
    crew_drop(&crew->next, &crew->n_next);
    edition_set(&crew->proposed, none);
    crew->rolling_back = false;
    crew->outcome = outcome;
}

void crew_refuse(struct crew *crew, const char *why)
{
    buf_reset(&crew->why);
    buf_add_text(&crew->why, why);
    if (*why)
        log_at(crew_place(crew), WEIR_LOG_ERROR, "reload refused, the old generation goes on: %s", why);
    close_proposal(crew, OUTCOME_REFUSED);
    if (crew->phase == CREW_PROBING || crew->phase == CREW_SWAPPING)
        crew->phase = CREW_RUNNING;
}

/* The generation that runs now is the proposed one. */
static void accept(struct crew *crew, int64_t now)
{
    const struct config *config = config_of(&crew->proposed);

    if (!crew->trial_until)
        edition_set(&crew->fallback, crew->current);
    edition_set(&crew->current, crew->proposed);
    crew->trial_until = config->host.reload_guard ? now + config->host.reload_guard : 0;
    if (!crew->trial_until)
        edition_set(&crew->fallback, none);
    crew->since_ms = clock_wall_ms();
    crew->phase = CREW_RUNNING;
    crew_new_deaths(crew);
    close_proposal(crew, OUTCOME_GOOD);
}

void crew_fall_back(struct crew *crew, const char *why)
{
    log_at(
        crew_place(crew), WEIR_LOG_ERROR,
        "the new generation failed within reload_guard, the one before comes back: generation=%llu back=%llu "
        "why=\"%s\"",
        (unsigned long long)crew->current.number, (unsigned long long)crew->fallback.number, why);
    if (crew->outcome == OUTCOME_PENDING) {
        crew_refuse(crew, "the generation that runs failed its trial");
    } else {
        buf_reset(&crew->why);
        buf_add_text(&crew->why, why);
    }
    edition_set(&crew->current, crew->fallback);
    edition_set(&crew->fallback, none);
    crew_new_deaths(crew);
    crew->trial_until = 0;
    crew->since_ms = clock_wall_ms();
    if (!crew_make(crew, &crew->tasks, &crew->n_tasks, crew_wanted(crew))) {
        crew_give_up(crew, CREW_FAILED, "no memory");
        return;
    }
    for (size_t i = 0; i < crew->n_tasks; i++) {
        if (child_lives(&crew->tasks[i]))
            child_stop(&crew->tasks[i], false);
        else if (i < crew_wanted(crew))
            crew->tasks[i].again_at = clock_mono_ms();
    }
}

/* ---- PROBING */

void crew_propose(struct crew *crew, struct edition edition, bool keeps_clients)
{
    size_t wanted = (size_t)snapshot_chain(edition.snapshot, str_of(crew->name))->tasks;

    edition_set(&crew->proposed, edition);
    crew->proposed_number = edition.number;
    crew->outcome = OUTCOME_PENDING;
    crew->keeps_clients = keeps_clients;
    crew->cleared = false;
    crew->phase = CREW_PROBING;
    crew->deadline = clock_mono_ms() + CREW_READY_MS;
    buf_reset(&crew->say);
    crew_drop(&crew->next, &crew->n_next);
    if (!crew_make(crew, &crew->next, &crew->n_next, keeps_clients ? 1 : wanted)) {
        crew_refuse(crew, "no memory");
        return;
    }
    for (size_t i = 0; i < crew->n_next && crew->outcome == OUTCOME_PENDING; i++) {
        if (!crew_start_child(crew, &crew->next[i], &crew->proposed, START_PROBE))
            crew_refuse(crew, buf_text(&crew->next[i].why));
    }
}

void crew_proceed(struct crew *crew)
{
    crew->cleared = true;
}

void crew_probe_died(struct crew *crew, struct child *child, int wait_status)
{
    struct buf why;

    if (crew->phase != CREW_PROBING)
        return; /* found dead when it is its turn, and started again */
    buf_init(&why, 4096);
    autopsy_of_start(child, wait_status, &why);
    crew_refuse(crew, why.len ? buf_text(&why) : "its configuration has errors");
    buf_fini(&why);
}

/* ---- SWAPPING: the workers that run change over */

static void begin_swap(struct crew *crew, int64_t now)
{
    crew_drop(&crew->next, &crew->n_next);
    crew->phase = CREW_SWAPPING;
    crew->deadline = now + crew_conf(crew)->drain_timeout + CREW_READY_MS;
    for (size_t i = 0; i < crew->n_tasks; i++) {
        crew->tasks[i].answer = ANSWER_NONE;
        if (crew->tasks[i].state == CHILD_RUNNING)
            child_reload(&crew->tasks[i], crew->proposed.snapshot, crew->proposed.number);
    }
}

static struct child *with_answer(const struct crew *crew, enum child_answer answer)
{
    for (size_t i = 0; i < crew->n_tasks; i++) {
        if (crew->tasks[i].answer == answer)
            return &crew->tasks[i];
    }
    return NULL;
}

/* A worker that was not there to be asked comes back with what was decided. */
static void bring_in_line(struct crew *crew)
{
    for (size_t i = 0; i < crew->n_tasks; i++) {
        struct child *child = &crew->tasks[i];

        if (child_lives(child) && child->generation != crew->current.number)
            child_stop(child, false);
    }
}

static void go_back(struct crew *crew, int64_t now)
{
    crew->deadline = now + crew_conf(crew)->drain_timeout + CREW_READY_MS;
    for (size_t i = 0; i < crew->n_tasks; i++) {
        if (crew->tasks[i].answer == ANSWER_SWAPPED)
            child_reload(&crew->tasks[i], crew->current.snapshot, crew->current.number);
    }
    crew->rolling_back = true;
}

static void finish_swap(struct crew *crew, int64_t now)
{
    int64_t ms = 0;

    for (size_t i = 0; i < crew->n_tasks; i++) {
        if (crew->tasks[i].answer == ANSWER_SWAPPED && crew->tasks[i].swap_ms > ms)
            ms = crew->tasks[i].swap_ms;
    }
    crew->pause_ms = ms;
    accept(crew, now);
    bring_in_line(crew);
}

static void go_on_swapping(struct crew *crew, int64_t now)
{
    struct child *late = with_answer(crew, ANSWER_AWAITED);
    struct child *refused = with_answer(crew, ANSWER_REFUSED);

    if (late && now >= crew->deadline && !late->killed) {
        late->hung = true;
        late->hung_ms = crew_conf(crew)->drain_timeout + CREW_READY_MS;
        child_kill(late);
    }
    if (late)
        return;
    if (refused && !crew->rolling_back && with_answer(crew, ANSWER_SWAPPED)) {
        go_back(crew, now);
    } else if (refused) {
        crew_refuse(crew, buf_text(&refused->why));
        bring_in_line(crew);
    } else {
        finish_swap(crew, now);
    }
}

/* ---- HANDING_OVER: the old workers leave, the new ones follow */

static void begin_handover(struct crew *crew, int64_t now)
{
    crew->phase = CREW_HANDING_OVER;
    crew->handed_at = now;
    crew->deadline = now + config_of(&crew->current)->host.stop_timeout;
    for (size_t i = 0; i < crew->n_tasks; i++)
        child_stop(&crew->tasks[i], true);
}

static void go_on_handing_over(struct crew *crew, int64_t now)
{
    struct child *old = crew->tasks, *heirs = crew->next;
    size_t n_old = crew->n_tasks, n_heirs = crew->n_next;

    if (!crew_all(old, n_old, CHILD_NONE)) {
        if (now >= crew->deadline) {
            crew->deadline = INT64_MAX;
            for (size_t i = 0; i < n_old; i++) {
                if (child_lives(&old[i]))
                    child_kill(&old[i]);
            }
        }
        return;
    }
    crew->tasks = heirs;
    crew->n_tasks = n_heirs;
    crew->next = NULL;
    crew->n_next = 0;
    accept(crew, now);
    for (size_t i = 0; i < n_heirs; i++) {
        if (heirs[i].state == CHILD_READY)
            child_go(&heirs[i], i < n_old ? old[i].state_fd : -1);
        else
            heirs[i].again_at = now;
    }
    crew_drop(&old, &n_old);
}

void crew_hand_over(struct crew *crew, int64_t now)
{
    if (crew->phase == CREW_PROBING && crew->cleared && crew_is_ready(crew)) {
        if (crew->keeps_clients)
            begin_swap(crew, now);
        else
            begin_handover(crew, now);
    }
    if (crew->phase == CREW_SWAPPING)
        go_on_swapping(crew, now);
    else if (crew->phase == CREW_HANDING_OVER)
        go_on_handing_over(crew, now);
}
