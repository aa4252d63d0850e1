/* rollout.c: see rollout.h. */
#include "supervise/rollout.h"

#include "base/clock.h"
#include "config/changes.h"
#include "config/diag.h"
#include "supervise/crew_parts.h"
#include "supervise/harden.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX ((size_t)1 << 20)

void rollout_init(struct rollout *r)
{
    *r = (struct rollout){0};
    buf_init(&r->text, TEXT_MAX);
}

void rollout_fini(struct rollout *r)
{
    edition_set(&r->edition, (struct edition){NULL, 0});
    buf_fini(&r->text);
}

__attribute__((format(printf, 3, 4))) static void say(struct rollout *r, int32_t level, const char *fmt, ...)
{
    char line[2048];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    log_at((struct log_place){NULL, NULL}, level, "%s", line);
    buf_add_text(&r->text, line);
    buf_add_char(&r->text, '\n');
}

static void say_diag(struct rollout *r, const struct diag *diag)
{
    struct arena a;

    arena_init(&a, 4096, TEXT_MAX);
    for (size_t i = 0; i < diag->count; i++) {
        const struct diag_message *m = &diag->items[i];
        struct weir_str text = diag_text(m, &a);

        say(r, m->warning ? WEIR_LOG_WARN : WEIR_LOG_ERROR, STR_FMT, STR_ARG(text));
        arena_reset(&a);
    }
    arena_fini(&a);
}

static bool over(struct rollout *r, bool good)
{
    edition_set(&r->edition, (struct edition){NULL, 0});
    r->phase = ROLLOUT_NONE;
    r->good = good;
    return true;
}

/* ---- what there is to do */

/* What a worker or its crew has of [host]; `instance` is its consumer's, `socket` and `plugin_path` nobody's
 * here. */
static bool same_host(const struct config_host *a, const struct config_host *b)
{
    return a->log_level == b->log_level && a->core_dumps == b->core_dumps && a->memory_max == b->memory_max &&
           a->stop_timeout == b->stop_timeout && a->crash_limit == b->crash_limit &&
           a->crash_window == b->crash_window && a->reload_guard == b->reload_guard &&
           str_eq(a->state_dir, b->state_dir);
}

static bool is_same(const struct crew *crew, const struct edition *e)
{
    const struct config *a = snapshot_config(crew->current.snapshot), *b = snapshot_config(e->snapshot);

    return crew->phase != CREW_OVER && same_host(&a->host, &b->host) &&
           snapshot_chain_same(crew->current.snapshot, e->snapshot, str_of(crew->name));
}

static bool keeps_clients(const struct crew *crew, const struct edition *e)
{
    return config_chain_keeps_clients(snapshot_config(crew->current.snapshot), crew_conf(crew),
                                      snapshot_config(e->snapshot),
                                      snapshot_chain(e->snapshot, str_of(crew->name)));
}

/* Starts what makes the chain, beside what runs. */
static void check_chain(struct rollout *r, struct fleet *fleet, const struct config_chain *conf)
{
    struct crew *crew = fleet_find(fleet, conf->name);

    if (crew && is_same(crew, &r->edition)) {
        r->unchanged++;
        if (crew->outcome == OUTCOME_REFUSED)
            crew->outcome = OUTCOME_NONE; /* what was refused is no longer wanted */
        return;
    }
    if (crew && crew->phase == CREW_RUNNING) {
        crew_propose(crew, r->edition, keeps_clients(crew, &r->edition));
        return;
    }
    if (!crew)
        crew = fleet_add(fleet, conf->name);
    if (crew)
        crew_start(crew, r->edition, START_PROBE);
    else
        r->refused++;
}

void rollout_begin(struct rollout *r, struct fleet *fleet, const struct control *control)
{
    struct edition edition = {NULL, ++fleet->last_number};
    const struct config *config;
    struct diag diag;

    buf_reset(&r->text);
    r->began_at = clock_mono_ms();
    r->changed = r->added = r->removed = r->unchanged = r->refused = 0;
    diag_init(&diag);
    edition.snapshot = snapshot_take(fleet->dir, &diag);
    if (edition.snapshot)
        control_check(control, snapshot_config(edition.snapshot), &diag);
    say_diag(r, &diag);
    if (!edition.snapshot)
        say(r, WEIR_LOG_ERROR, "reload refused, the old generation goes on: errors=%zu", diag.errors);
    diag_fini(&diag);
    if (!edition.snapshot) {
        over(r, false);
        return;
    }
    edition_set(&r->edition, edition);
    snapshot_release(edition.snapshot);
    r->phase = ROLLOUT_CHECKING;
    config = snapshot_config(r->edition.snapshot);
    for (size_t i = 0; i < config->chain_count; i++)
        check_chain(r, fleet, &config->chains[i]);
}

/* ---- CHECKING */

static bool is_new(const struct crew *crew)
{
    return crew->phase == CREW_STARTING;
}

static bool is_part(const struct crew *crew, const struct rollout *r)
{
    return crew->outcome == OUTCOME_PENDING ||
           (is_new(crew) && crew->current.snapshot == r->edition.snapshot);
}

/* The log has it already. */
static void tell_refusal(struct rollout *r, struct crew *crew)
{
    buf_add(&r->text, buf_str(&crew->say));
    if (crew->why.len)
        buf_add_fmt(&r->text, "chain %s: %s\n", crew->name, buf_text(&crew->why));
}

static bool was_refused(const struct crew *crew, const struct rollout *r)
{
    return (crew->outcome == OUTCOME_REFUSED && crew->proposed_number == r->edition.number) ||
           (crew->current.snapshot == r->edition.snapshot &&
            (crew->phase == CREW_OVER || crew->phase == CREW_STOPPING));
}

/* One that had failed before has failed still. */
static void give_back(const struct fleet *fleet, struct crew *crew)
{
    bool was_there = snapshot_chain(fleet->newest.snapshot, str_of(crew->name)) != NULL;

    crew_give_up(crew, was_there ? CREW_FAILED : CREW_STOPPED, was_there ? "its restart was called off" : "");
}

/* Nothing has changed yet, and nothing will. */
static void call_off(struct rollout *r, struct fleet *fleet)
{
    size_t errors = 0;

    for (size_t i = 0; i < fleet->count; i++) {
        struct crew *crew = fleet->crews[i];

        if (was_refused(crew, r)) {
            tell_refusal(r, crew);
            errors++;
        } else if (is_new(crew)) {
            give_back(fleet, crew);
        } else if (crew->outcome == OUTCOME_PENDING) {
            crew_refuse(crew, "");
        }
    }
    say(r, WEIR_LOG_ERROR, "reload refused, the old generation goes on: chains=%zu", errors);
}

/* Whether every part is ready or has failed: whoever reloads hears of all faults at once. */
static bool all_checked(const struct rollout *r, const struct fleet *fleet, bool *failed)
{
    bool all = true;

    for (size_t i = 0; i < fleet->count; i++) {
        const struct crew *crew = fleet->crews[i];

        *failed = *failed || was_refused(crew, r);
        if (is_part(crew, r) && !crew_is_ready(crew))
            all = false;
    }
    return all;
}

static void proceed(struct rollout *r, struct fleet *fleet)
{
    const struct config *config = snapshot_config(r->edition.snapshot);

    for (size_t i = 0; i < fleet->count; i++) {
        struct crew *crew = fleet->crews[i];

        if (is_new(crew)) {
            r->added++;
            crew_go(crew);
        } else if (crew->outcome == OUTCOME_PENDING) {
            crew_proceed(crew);
        } else if (!snapshot_chain(r->edition.snapshot, str_of(crew->name)) && crew->phase != CREW_OVER) {
            r->removed++;
            crew_stop(crew);
        }
    }
    edition_set(&fleet->newest, r->edition);
    log_set_level(config->host.log_level);
    if (!harden_secrets(config->host.core_dumps))
        log_warn("core_dumps cannot be set: %s", strerror(errno));
    r->phase = ROLLOUT_CHANGING;
}

/* ---- CHANGING */

static bool finish(struct rollout *r, struct fleet *fleet)
{
    for (size_t i = 0; i < fleet->count; i++) {
        struct crew *crew = fleet->crews[i];

        if (crew->outcome == OUTCOME_PENDING)
            return false;
    }
    for (size_t i = 0; i < fleet->count; i++) {
        struct crew *crew = fleet->crews[i];

        if (crew->proposed_number != r->edition.number || crew->outcome == OUTCOME_NONE)
            continue;
        if (crew->outcome == OUTCOME_GOOD && !crew_taken_back(crew)) {
            r->changed++;
            continue;
        }
        r->refused++;
        buf_add_fmt(&r->text,
                    crew->outcome == OUTCOME_GOOD
                        ? "chain %s: the new generation failed at once, the old generation runs again: %s\n"
                        : "chain %s: reload refused, the old generation goes on: %s\n",
                    crew->name, buf_text(&crew->why));
    }
    say(r, WEIR_LOG_INFO,
        "reload done: generation=%llu changed=%zu unchanged=%zu refused=%zu added=%zu removed=%zu ms=%lld",
        (unsigned long long)r->edition.number, r->changed, r->unchanged, r->refused, r->added, r->removed,
        (long long)(clock_mono_ms() - r->began_at));
    return over(r, r->refused == 0);
}

bool rollout_step(struct rollout *r, struct fleet *fleet)
{
    bool failed = r->refused > 0;

    if (r->phase == ROLLOUT_CHECKING) {
        if (!all_checked(r, fleet, &failed))
            return false;
        if (failed) {
            call_off(r, fleet);
            return over(r, false);
        }
        proceed(r, fleet);
    }
    return r->phase == ROLLOUT_CHANGING && finish(r, fleet);
}
