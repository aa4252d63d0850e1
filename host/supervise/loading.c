/* loading.c: see loading.h.
 *
 * The configuration is read first, for the limits that must hold before any plugin is loaded. What it shows
 * by itself is not told: the supervisor has read and told that. */
#include "supervise/loading.h"

#include "base/log.h"

void loading_begin(struct loading *l, const struct message *m, struct loader *loader, struct note *note)
{
    struct diag seen;

    *l = (struct loading){
        .number = (uint64_t)m->number, .chain = m->text, .task = m->task, .loader = loader, .note = note};
    diag_init(&seen);
    diag_init(&l->diag);
    note->generation = l->number;
    loader_note(loader, note);
    l->snapshot = snapshot_open(m->fds, m->n_fds);
    if (l->snapshot)
        l->config = config_load(snapshot_dir(l->snapshot), snapshot_env(l->snapshot), &seen);
    if (!l->config || seen.errors)
        diag_error(&l->diag, (struct place){NULL, 0}, "the snapshot of the configuration cannot be read");
    diag_fini(&seen);
}

void loading_end(struct loading *l)
{
    config_destroy(l->config);
    snapshot_release(l->snapshot);
    diag_fini(&l->diag);
}

/* ---- making */

/* Out of its plan. */
static void take_chain(struct loading *l, struct loaded *out)
{
    const struct config *config = out->plan->config;
    struct chain **place;

    out->conf = config_chain_named(config, l->chain);
    if (!out->conf) {
        diag_error(&l->diag, (struct place){NULL, 0}, "there is no chain \"" STR_FMT "\"", STR_ARG(l->chain));
        return;
    }
    place = &out->plan->chains[out->conf - config->chains];
    out->chain = *place;
    *place = NULL;
    chain_note(out->chain, l->note, l->number);
}

bool loading_make(struct loading *l, struct loaded *out)
{
    const struct plan_from from = {
        .snapshot = l->snapshot, .config = l->config, .only = l->chain, .task = l->task};

    *out = (struct loaded){.number = l->number};
    if (l->diag.errors == 0) {
        l->config = NULL;
        out->plan = plan_load(&from, l->loader, &l->diag);
    }
    if (out->plan)
        take_chain(l, out);
    return out->chain != NULL;
}

void loaded_fini(struct loaded *loaded)
{
    chain_destroy(loaded->chain);
    plan_destroy(loaded->plan);
    *loaded = (struct loaded){0};
}

/* ---- telling */

void loading_print(const struct loading *l, bool warnings)
{
    struct diag rest;

    diag_init(&rest);
    for (size_t i = 0; i < l->diag.count; i++) {
        const struct diag_message *m = &l->diag.items[i];

        if (!m->warning)
            diag_error(&rest, m->place, "%s", m->text);
        else if (warnings)
            diag_warning(&rest, m->place, "%s", m->text);
    }
    diag_print(&rest, stderr);
    diag_fini(&rest);
}

static void add_message(struct buf *to, const struct diag_message *m)
{
    if (m->place.file)
        buf_add_fmt(to, "%s:%u: ", m->place.file, m->place.line);
    buf_add_text(to, m->text);
}

static void say(const struct diag_message *m, int socket)
{
    const int32_t level = m->warning ? WEIR_LOG_WARN : WEIR_LOG_ERROR;
    struct buf line;

    buf_init(&line, MESSAGE_TEXT_MAX);
    add_message(&line, m);
    log_at((struct log_place){NULL, NULL}, level, STR_FMT, STR_ARG(buf_str(&line)));
    message_send(socket, &(struct message){.kind = MESSAGE_SAY, .number = level, .text = buf_str(&line)});
    buf_fini(&line);
}

void loading_say(const struct loading *l, bool warnings, int socket)
{
    for (size_t i = 0; i < l->diag.count; i++) {
        if (warnings || !l->diag.items[i].warning)
            say(&l->diag.items[i], socket);
    }
}

void loading_first_error(const struct loading *l, struct buf *to)
{
    size_t i = 0;

    while (i < l->diag.count && l->diag.items[i].warning)
        i++;
    if (i < l->diag.count)
        add_message(to, &l->diag.items[i]);
    else
        buf_add_text(to, "no memory");
}
