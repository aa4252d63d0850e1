/* reload.c: see reload.h.
 *
 * The whole directory is read and checked, and every chain of it made, beside what runs; a change that would
 * need another consumer or producer is refused here. Then each changed chain is swapped by its task. What a
 * task cannot swap (records that do not finish, a state that is not taken over) it keeps running as it was;
 * the other chains are not held back by it, and the next reload tries it again, since a chain is compared
 * with what its task really runs. */
#include "supervise/reload.h"

#include "base/clock.h"
#include "base/log.h"
#include "config/changes.h"

static void log_messages(const struct diag *diag)
{
    for (size_t i = 0; i < diag->count; i++) {
        const struct diag_message *m = &diag->items[i];

        log_at((struct log_place){NULL, NULL}, m->warning ? WEIR_LOG_WARN : WEIR_LOG_ERROR, "%s:%u: %s",
               m->place.file ? m->place.file : "-", m->place.line, m->text);
    }
}

/* Adds an error for each setting that needs another consumer or producer. */
static void refuse_client_changes(const struct config *before, const struct config *now, struct diag *diag)
{
    struct config_changes changes;
    struct arena arena;

    arena_init(&arena, 4096, SIZE_MAX);
    if (!config_client_changes(before, now, &arena, &changes))
        diag_error(diag, (struct place){NULL, 0}, "no memory");
    else
        for (size_t i = 0; i < changes.count; i++)
            diag_error(diag, changes.items[i].place,
                       STR_FMT ": a reload cannot change this, it needs another "
                               "consumer or producer; restart weir",
                       STR_ARG(changes.items[i].what));
    arena_fini(&arena);
}

static bool same(const struct running *r, const struct plan *plan, size_t i)
{
    return config_chain_same(r->plan->config, r->conf, plan->config, &plan->config->chains[i]) &&
           chain_same_plugins(r->chain, plan->chains[i]);
}

static bool used(const struct running_set *set, const struct plan *plan)
{
    for (size_t i = 0; i < set->count; i++) {
        if (set->items[i].plan == plan)
            return true;
    }
    return set->current == plan;
}

static void release(const struct running_set *set, struct plan *plan)
{
    if (!used(set, plan))
        plan_destroy(plan);
}

/* True: the task runs the chain of the new generation. */
static bool swap(struct running_set *set, struct running *r, struct plan *plan, size_t i)
{
    struct log_place place = {r->conf->name.ptr, NULL};
    const struct place *at = &plan->config->chains[i].place;
    struct chain *before = NULL;
    int64_t start = clock_mono_ms();
    struct buf why;
    bool good;

    buf_init(&why, 4096);
    good = task_swap(r->task, plan->config, &plan->config->chains[i], plan->chains[i], &before, &why);
    if (!good)
        log_at(place, WEIR_LOG_ERROR, "reload refused, the old generation goes on: %s:%u: %s", at->file,
               at->line, buf_text(&why));
    buf_fini(&why);
    if (!good)
        return false;
    chain_destroy(before);
    r->chain = plan->chains[i];
    plan->chains[i] = NULL;
    r->conf = &plan->config->chains[i];
    r->plan = plan;
    place.chain = r->conf->name.ptr;
    log_at(place, WEIR_LOG_INFO, "chain reloaded: generation=%u ms=%lld", set->number,
           (long long)(clock_mono_ms() - start));
    return true;
}

static bool swap_all(struct running_set *set, struct plan *plan)
{
    struct plan *old = set->current;
    size_t changed = 0, unchanged = 0, refused;

    set->current = plan;
    set->number++;
    for (size_t n = 0; n < set->count; n++) {
        struct running *r = &set->items[n];
        struct plan *before = r->plan;
        size_t i = (size_t)(config_chain_named(plan->config, r->conf->name) - plan->config->chains);

        if (same(r, plan, i))
            unchanged++;
        else if (swap(set, r, plan, i))
            changed++;
        chain_destroy(plan->chains[i]); /* what was not swapped in */
        plan->chains[i] = NULL;
        if (before != old)
            release(set, before); /* an earlier reload kept it for this chain */
    }
    refused = set->count - changed - unchanged;
    log_info("reload done: generation=%u changed=%zu unchanged=%zu refused=%zu", set->number, changed,
             unchanged, refused);
    release(set, old);
    return refused == 0;
}

bool reload(struct running_set *set)
{
    struct plan *plan;
    struct diag diag;
    bool good = false;

    diag_init(&diag);
    plan = plan_load(&(struct plan_from){.dir = set->dir}, set->loader, &diag);
    if (plan)
        refuse_client_changes(set->current->config, plan->config, &diag);
    log_messages(&diag);
    if (plan && diag.errors == 0) {
        log_set_level(plan->config->host.log_level);
        good = swap_all(set, plan);
    } else {
        log_error("reload refused, the old generation goes on: errors=%zu", diag.errors);
        plan_destroy(plan);
    }
    diag_fini(&diag);
    return good;
}
