/* sending.c: the services by which a stage makes something: an envelope of its own, a record for the world.
 *
 * What process() emits, or sends for its own envelope, is kept until its verdict is known. */
#include "chain/own_headers.h"
#include "chain/services.h"
#include "chain/walk.h"
#include "config/config.h"

#include <stdlib.h>

/* An envelope with a copy of key and value. Where a stage will ask for fields of it, the pass that checks the
 * value notes them. */
static int32_t make_envelope(struct chain *chain, bool parse, struct weir_str key, struct weir_str value,
                             struct envelope **out)
{
    struct envelope *env;
    struct json_error error;
    int32_t status = WEIR_OK;

    if (!parse && !services_value_fits(chain, value))
        return WEIR_INVALID;
    env = envelope_take(&chain->envelopes, chain, chain->paths);
    if (!env)
        return WEIR_NOMEM;
    env->key = arena_str(&env->arena, key);
    env->value = arena_str(&env->arena, value);
    if ((key.ptr && !env->key.ptr) || (value.ptr && !env->value.ptr))
        status = WEIR_NOMEM;
    else if (parse)
        status = doc_parse(&env->doc, &env->arena, env->value, &error);
    if (status != WEIR_OK) {
        envelope_give_back(&chain->envelopes, env);
        return status;
    }
    env->parsed = parse;
    *out = env;
    return WEIR_OK;
}

int32_t services_emit(struct weir_stage *handle, struct weir_str new_key, struct weir_str new_value)
{
    struct stage *stage = stage_of(handle);
    struct chain *chain = stage->chain;
    struct envelope *env;
    int32_t status;

    if (stage->emit < 0 || chain->calling != stage)
        return WEIR_MISUSE;
    status = make_envelope(chain, chain->looked_into >> stage->emit & 1, new_key, new_value, &env);
    if (status != WEIR_OK)
        return status;
    envelope_count(&chain->envelopes, env);
    env->emitted = true;
    env->route = (uint8_t)stage->emit;
    env->at = stage->index + 1;
    env->topic = chain->conf->source;
    env->partition = -1;
    env->offset = -1;
    if (chain->current) {
        env->parent = chain->current;
        env->parent->heir = env->parent->children++ ? NULL : env;
        env->topic = env->parent->topic;
        env->partition = env->parent->partition;
        env->offset = env->parent->offset;
    }
    envelope_list_add(&chain->emitted, env);
    return WEIR_OK;
}

static void fill_send(struct outbound *out, struct stage *stage, const struct weir_message *m)
{
    out->stage = stage;
    out->waiting = NULL;
    out->flags = m->flags;
    out->spare = m->spare;
    out->added = m->headers;
    out->n_added = m->n_headers;
    out->reduced = out->redated = false;
    out->send = (struct send){
        .topic = m->topic,
        .key = m->key,
        .value = m->value,
        .has_timestamp = (m->flags & WEIR_SEND_TIMESTAMP) != 0,
        .timestamp_ms = m->timestamp_ms,
        .partition = -1,
    };
}

/* The envelope's headers without those that only weir may write on an error record. */
static size_t copy_harmless(struct weir_header *to, const struct weir_header *headers, size_t count)
{
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        if (!own_headers_has(headers[i].name))
            to[n++] = headers[i];
    }
    return n;
}

/* Those of the envelope, then those of the message. */
static bool add_send_headers(struct outbound *out, struct envelope *env, const struct weir_message *m)
{
    size_t n = (m->flags & WEIR_SEND_HEADERS) ? env->n_headers : 0;
    bool is_error = n && (m->flags & WEIR_SEND_ALWAYS);
    struct weir_header *all;

    out->send.headers = env->headers;
    out->send.n_headers = n;
    if (!m->n_headers && !is_error)
        return true;
    all = arena_alloc(&env->arena, (n + m->n_headers) * sizeof *all);
    if (!all)
        return false;
    if (is_error)
        n = copy_harmless(all, env->headers, n);
    else if (n)
        memcpy(all, env->headers, n * sizeof *all);
    if (m->n_headers)
        memcpy(all + n, m->headers, m->n_headers * sizeof *all);
    out->send.headers = all;
    out->send.n_headers = n + m->n_headers;
    return true;
}

static int32_t send_one(struct stage *stage, struct envelope *env, const struct weir_message *m)
{
    struct chain *chain = stage->chain;
    struct outbound *out = &env->out;

    if (env != chain->current || chain->ready || env->state != ENVELOPE_WALKING)
        return WEIR_MISUSE;
    fill_send(out, stage, m);
    out->is_batch = false;
    out->waiting = env;
    out->send.emitted = env->emitted;
    if ((m->flags & WEIR_SEND_PARTITION) && !env->emitted)
        out->send.partition = m->partition;
    if (!add_send_headers(out, env, m))
        return WEIR_NOMEM;
    chain->ready = out;
    return WEIR_OK;
}

static struct weir_str place(char **at, struct weir_str s)
{
    char *to = *at;

    if (!s.ptr)
        return STR_ABSENT;
    if (s.len)
        memcpy(to, s.ptr, s.len);
    *at += s.len;
    return str_make(to, s.len);
}

/* For all that the stage holds; for nobody, if it holds nothing. */
static int32_t send_held(struct stage *stage, const struct weir_message *m)
{
    struct envelope_list held = stage->held;
    struct batch *batch;
    struct envelope *env;
    char *bytes;

    if (stage->chain->abandoning)
        return WEIR_OK;
    batch = malloc(sizeof *batch + held.count * sizeof batch->held[0] + m->key.len + m->value.len + 1);
    if (!batch)
        return WEIR_NOMEM;
    batch->n = 0;
    for (env = held.first; env; env = env->next)
        batch->held[batch->n++] = env;
    bytes = (char *)&batch->held[held.count];
    fill_send(&batch->out, stage, m);
    batch->out.flags &= ~(uint32_t)WEIR_SEND_ALWAYS;
    batch->out.send.key = place(&bytes, m->key);
    batch->out.send.value = place(&bytes, m->value);
    batch->out.send.emitted = true;
    batch->out.is_batch = true;
    batch->out.waiting = held.first;
    stage->held = (struct envelope_list){0};
    outbound_go(stage->chain, &batch->out);
    return WEIR_OK;
}

/* Noted, since a sink that goes on as if it had got it would lose the record. */
static int32_t answer(struct stage *stage, int32_t status, const char *call)
{
    if (status != WEIR_OK && (stage->plugin->about.flags & WEIR_SINK))
        stage->chain->refused = call;
    return status;
}

int32_t services_send(struct weir_stage *handle, struct weir_envelope *env, const struct weir_message *m)
{
    struct stage *stage = stage_of(handle);
    int32_t status = WEIR_MISUSE;

    if ((stage->plugin->about.flags & WEIR_SINK) && stage->chain->calling == stage && m && m->topic)
        status = env ? send_one(stage, envelope_of(env), m) : send_held(stage, m);
    return answer(stage, status, "weir_send");
}

int32_t services_hold(struct weir_stage *handle, struct weir_envelope *env_handle)
{
    struct stage *stage = stage_of(handle);
    struct envelope *env = envelope_of(env_handle);

    if (!(stage->plugin->about.flags & WEIR_SINK) || !stage->plugin->about.flush ||
        env != stage->chain->current || env->state != ENVELOPE_WALKING || stage->chain->ready)
        return answer(stage, WEIR_MISUSE, "weir_hold");
    env->state = ENVELOPE_HELD;
    envelope_list_add(&stage->held, env);
    return WEIR_OK;
}
