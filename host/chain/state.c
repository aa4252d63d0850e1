/* state.c: what stages carry over a reload.
 *
 * A stage saves bytes with a version; the stage of the same name and plugin in the next generation gets them.
 * Stages that are new start empty, the state of stages that are gone is forgotten. As bytes it goes to
 * another process on the same machine: numbers are as the machine has them. */
#include "base/buf.h"
#include "chain/walk.h"
#include "config/config.h"

#include <stdlib.h>

#define STATE_MAX_BYTES ((size_t)256 << 20)
#define SAID_MAX 4096 /* bytes of what a plugin says of it */

struct saved_stage {
    struct weir_str stage, plugin;
    uint32_t version;
    struct buf bytes;
};

struct saved_state {
    struct arena arena;
    size_t count;
    struct saved_stage stages[];
};

void saved_state_destroy(struct saved_state *state)
{
    if (!state)
        return;
    for (size_t i = 0; i < state->count; i++)
        buf_fini(&state->stages[i].bytes);
    arena_fini(&state->arena);
    free(state);
}

static bool save(struct stage *stage, struct saved_stage *to, struct arena *arena)
{
    int32_t status;

    buf_init(&to->bytes, STATE_MAX_BYTES);
    to->stage = arena_str(arena, stage->conf->name);
    to->plugin = arena_str(arena, stage->plugin->name);
    to->version = stage->plugin->about.state_version;
    stage->saving = &to->bytes;
    chain_enter(stage->chain, stage, NOTE_SAVE, NULL);
    status = stage->plugin->about.save(&stage->abi, stage->self);
    chain_leave(stage->chain);
    stage->saving = NULL;
    return status == WEIR_OK && !to->bytes.failed && to->stage.ptr && to->plugin.ptr;
}

struct saved_state *chain_save(struct chain *chain, const char **why)
{
    struct saved_state *state = calloc(1, sizeof *state + chain->n_stages * sizeof state->stages[0]);

    *why = "no memory";
    if (!state)
        return NULL;
    arena_init(&state->arena, 1024, SIZE_MAX);
    for (uint32_t i = 0; i < chain->n_stages; i++) {
        struct stage *stage = &chain->stages[i];

        if (!stage->plugin->about.save)
            continue;
        if (!save(stage, &state->stages[state->count++], &state->arena)) {
            struct weir_str text = arena_fmt(&chain->arena, "stage \"" STR_FMT "\" could not save its state",
                                             STR_ARG(stage->conf->name));

            *why = text.ptr ? text.ptr : "no memory";
            saved_state_destroy(state);
            return NULL;
        }
    }
    return state;
}

static const struct saved_stage *saved_for(const struct saved_state *state, const struct stage *stage)
{
    for (size_t i = 0; i < state->count; i++) {
        if (str_eq(state->stages[i].stage, stage->conf->name) &&
            str_eq(state->stages[i].plugin, stage->plugin->name))
            return &state->stages[i];
    }
    return NULL;
}

static int32_t restore(struct stage *stage, const struct saved_stage *saved, struct buf *said)
{
    struct chain *chain = stage->chain;
    uint64_t before = chain->note->generation;
    int32_t status;

    chain->note->generation = chain->generation;
    chain->saying = said;
    chain_enter(chain, stage, NOTE_RESTORE, NULL);
    status = stage->plugin->about.restore(&stage->abi, stage->self, saved->version, buf_str(&saved->bytes));
    chain_leave(chain);
    chain->saying = NULL;
    chain->note->generation = before;
    return status;
}

bool chain_restore(struct chain *chain, const struct saved_state *state, const char **why)
{
    struct buf said;
    bool good = true;

    buf_init(&said, SAID_MAX);
    for (uint32_t i = 0; i < chain->n_stages && good; i++) {
        struct stage *stage = &chain->stages[i];
        const struct saved_stage *saved = saved_for(state, stage);
        struct weir_str text;

        buf_reset(&said);
        if (!saved || !stage->plugin->about.restore || restore(stage, saved, &said) == WEIR_OK)
            continue;
        text = arena_fmt(&chain->arena,
                         "stage \"" STR_FMT "\" does not take over the state (version %u) of the "
                         "generation before%s" STR_FMT,
                         STR_ARG(stage->conf->name), saved->version, said.len ? ": " : "",
                         STR_ARG(buf_str(&said)));
        *why = text.ptr ? text.ptr : "no memory";
        good = false;
    }
    buf_fini(&said);
    return good;
}

/* ---- as bytes */

static void add_number(struct buf *to, uint64_t n)
{
    buf_add(to, str_make((const char *)&n, sizeof n));
}

static void add_text(struct buf *to, struct weir_str text)
{
    add_number(to, text.len);
    buf_add(to, text);
}

bool saved_state_write(const struct saved_state *state, struct buf *to)
{
    add_number(to, state->count);
    for (size_t i = 0; i < state->count; i++) {
        add_text(to, state->stages[i].stage);
        add_text(to, state->stages[i].plugin);
        add_number(to, state->stages[i].version);
        add_text(to, buf_str(&state->stages[i].bytes));
    }
    return !to->failed;
}

static bool take_number(struct weir_str *rest, uint64_t *n)
{
    if (rest->len < sizeof *n)
        return false;
    memcpy(n, rest->ptr, sizeof *n);
    *rest = str_make(rest->ptr + sizeof *n, rest->len - sizeof *n);
    return true;
}

static bool take_text(struct weir_str *rest, struct weir_str *text)
{
    uint64_t len;

    if (!take_number(rest, &len) || len > rest->len)
        return false;
    *text = str_make(rest->ptr, (size_t)len);
    *rest = str_make(rest->ptr + len, rest->len - (size_t)len);
    return true;
}

static bool take_stage(struct weir_str *rest, struct arena *arena, struct saved_stage *to)
{
    struct weir_str stage, plugin, bytes;
    uint64_t version;

    buf_init(&to->bytes, STATE_MAX_BYTES);
    if (!take_text(rest, &stage) || !take_text(rest, &plugin) || !take_number(rest, &version) ||
        !take_text(rest, &bytes))
        return false;
    to->stage = arena_str(arena, stage);
    to->plugin = arena_str(arena, plugin);
    to->version = (uint32_t)version;
    buf_add(&to->bytes, bytes);
    return to->stage.ptr && to->plugin.ptr && !to->bytes.failed;
}

struct saved_state *saved_state_read(struct weir_str bytes)
{
    struct saved_state *state = NULL;
    uint64_t count;

    if (!take_number(&bytes, &count) || count > bytes.len) /* a stage is more than a byte */
        return NULL;
    state = calloc(1, sizeof *state + (size_t)count * sizeof state->stages[0]);
    if (!state)
        return NULL;
    arena_init(&state->arena, 1024, SIZE_MAX);
    while (state->count < count) {
        if (!take_stage(&bytes, &state->arena, &state->stages[state->count++]))
            goto broken;
    }
    if (bytes.len == 0)
        return state;
broken:
    saved_state_destroy(state);
    return NULL;
}
