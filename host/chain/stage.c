/* stage.c: from a section of the configuration to a stage with its options filled. */
#include "chain/stage.h"

#include "chain/services.h"
#include "chain/walk.h"
#include "chain/when.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- lists of envelopes */

void envelope_list_add(struct envelope_list *list, struct envelope *env)
{
    env->next = NULL;
    if (list->last)
        list->last->next = env;
    else
        list->first = env;
    list->last = env;
    list->count++;
}

void envelope_list_push(struct envelope_list *list, struct envelope *env)
{
    env->next = list->first;
    list->first = env;
    if (!list->last)
        list->last = env;
    list->count++;
}

struct envelope *envelope_list_take(struct envelope_list *list)
{
    struct envelope *env = list->first;

    if (!env)
        return NULL;
    list->first = env->next;
    if (!list->first)
        list->last = NULL;
    list->count--;
    env->next = NULL;
    return env;
}

/* ---- messages */

struct place stage_place(const struct stage *stage, const char *option)
{
    const struct config_stage *conf = stage->conf;

    if (!option)
        return conf->place;
    return config_keys_place(&conf->keys, option, config_keys_place(&conf->host_keys, option, conf->place));
}

void stage_say(struct stage *stage, const char *option, bool warning, const char *fmt, va_list ap)
{
    struct buf text;

    if (!stage->diag)
        return;
    buf_init(&text, 4096);
    buf_add_fmt(&text, "stage \"%s\": ", stage->conf->name.ptr);
    if (option)
        buf_add_fmt(&text, "%s: ", option);
    buf_add_vfmt(&text, fmt, ap);
    if (warning)
        diag_warning(stage->diag, stage_place(stage, option), "%s", buf_text(&text));
    else
        diag_error(stage->diag, stage_place(stage, option), "%s", buf_text(&text));
    buf_fini(&text);
}

static void say(struct stage *stage, const char *option, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void say(struct stage *stage, const char *option, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    stage_say(stage, option, false, fmt, ap);
    va_end(ap);
}

bool stage_first_time(struct stage *stage, int32_t verdict, struct weir_str reason)
{
    uint64_t hash = UINT64_C(14695981039346656037) ^ (uint64_t)verdict;

    for (size_t i = 0; i < reason.len; i++)
        hash = (hash ^ (unsigned char)reason.ptr[i]) * UINT64_C(1099511628211);
    for (size_t i = 0; i < stage->n_reasons_seen; i++) {
        if (stage->reasons_seen[i] == hash)
            return false;
    }
    if (stage->n_reasons_seen == STAGE_REASONS_MAX)
        return false;
    stage->reasons_seen[stage->n_reasons_seen++] = hash;
    return true;
}

/* ---- binding */

const struct weir_field *stage_bind(struct stage *stage, const char *path, const char **why)
{
    const struct weir_field *f;

    if (stage->chain->conf->value_format != CONFIG_JSON) {
        *why = "is a JSON field, and this chain's values are bytes (value_format)";
        return NULL;
    }
    f = paths_add(stage->chain->paths, str_of(path), why);
    stage->binds_fields = true;
    return f;
}

/* A field that an option names. */
static const struct weir_field *bind_field(void *self, const char *path, const char **why)
{
    const struct stage *stage = self;
    const struct weir_field *f = stage_bind(self, path, why);

    if (f && (path[0] == '$' || strchr(path, '[')))
        diag_warning(
            stage->diag, stage_place(stage, NULL),
            "stage \"%s\": the field \"%s\" is a member of just that name: paths are names joined by dots, "
            "not JSONPath, and reach into no arrays",
            stage->conf->name.ptr, path);
    return f;
}

static bool add_topic(struct chain *chain, struct weir_topic *topic)
{
    struct weir_topic **more = arena_alloc(&chain->arena, (chain->n_topics + 1) * sizeof *more);

    if (!more)
        return false;
    for (size_t i = 0; i < chain->n_topics; i++)
        more[i] = chain->topics[i];
    more[chain->n_topics++] = topic;
    chain->topics = more;
    return true;
}

/* The `topic.` keys of the section, for whoever opens the topic. */
static bool add_settings(struct stage *stage, struct weir_topic *topic)
{
    const struct config_keys *keys = &stage->conf->keys;
    const struct config_key **settings =
        arena_alloc(&stage->chain->arena, (keys->count + 1) * sizeof(void *));

    if (!settings)
        return false;
    for (size_t i = 0; i < keys->count; i++) {
        if (str_starts(keys->items[i].name, STR("topic.")))
            settings[topic->n_settings++] = &keys->items[i];
    }
    topic->settings = settings;
    return true;
}

static const struct weir_topic *bind_topic(void *self, struct weir_str name, const char **why)
{
    struct stage *stage = self;
    struct chain *chain = stage->chain;
    struct weir_topic *topic;

    *why = "cannot be kept: no memory";
    for (size_t i = 0; i < chain->n_topics; i++) {
        topic = chain->topics[i];
        if (!str_eq(topic->name, name))
            continue;
        if (config_keys_find(&stage->conf->keys, "topic.")) {
            *why = "has its topic.* settings at the first stage that sends to it";
            return NULL;
        }
        return stage->topic = topic;
    }
    topic = arena_zalloc(&chain->arena, sizeof *topic);
    if (!topic)
        return NULL;
    topic->name = arena_str(&chain->arena, name);
    topic->stage = stage->conf->name.ptr;
    if (!topic->name.ptr || !add_settings(stage, topic) || !add_topic(chain, topic))
        return NULL;
    return stage->topic = topic;
}

/* ---- making one */

/* The route that an option names, -1 for none. */
static int32_t read_route(struct stage *stage, const char *option, struct weir_str name)
{
    int32_t route = name.ptr ? routes_intern(&stage->chain->routes, name) : -1;

    if (name.ptr && route < 0)
        say(stage, option, "the chain has more than %d routes", ROUTES_MAX);
    return route;
}

static void init_routes(struct stage *stage)
{
    const struct config_stage *conf = stage->conf;

    stage->to = read_route(stage, "to", conf->to);
    stage->emit = read_route(stage, "emit", conf->emit);
    if (stage->emit >= 0)
        stage->chain->routes.emitted |= UINT64_C(1) << stage->emit;
    stage->from = 0;
    for (size_t i = 0; i < conf->from.count; i++) {
        int32_t route = read_route(stage, "from", conf->from.items[i]);

        if (route >= 0)
            stage->from |= UINT64_C(1) << route;
    }
    if (!conf->from.count && !conf->from_all && !(stage->plugin->about.flags & WEIR_FAIL_CLOSED))
        stage->from = UINT64_C(1) << ROUTE_MAIN;
}

static void fill_options(struct stage *stage)
{
    struct option_binder binder = {stage, bind_field, bind_topic};
    char owner[96];
    struct options_input in = {
        .owner = owner,
        .place = stage->conf->place,
        .keys = &stage->conf->keys,
        .also = config_stage_options,
        .binder = &binder,
        .arena = &stage->chain->arena,
        .diag = stage->diag,
    };

    snprintf(owner, sizeof owner, "stage \"%s\"", stage->conf->name.ptr);
    options_fill(stage->plugin->about.options, stage->self, &in);
}

/* The predicate is shown as it is written: it may hold a ${…}. */
static void init_when(struct stage *stage)
{
    struct chain *chain = stage->chain;
    const struct config_key *key = config_keys_find(&stage->conf->host_keys, "when");
    const char *why = NULL;

    if (!stage->conf->when.ptr)
        return;
    stage->when = when_new(&chain->arena, chain->paths, stage->conf->when, &why);
    stage->binds_fields = true;
    if (!stage->when)
        say(stage, "when", "\"" STR_FMT "\" %s", STR_ARG(key->written), why);
    if (chain->conf->value_format != CONFIG_JSON)
        say(stage, "when", "needs values that are JSON (value_format)");
}

bool stage_init(struct stage *stage, struct chain *chain, const struct config_stage *conf, uint32_t index,
                struct loader *loader, struct diag *diag)
{
    const char *why = NULL;
    size_t errors = diag->errors;

    *stage = (struct stage){
        .abi = {&services},
        .chain = chain,
        .conf = conf,
        .index = index,
        .to = -1,
        .emit = -1,
        .stop_on_error = conf->on_error == CONFIG_STOP,
        .retry_timeout_ms = conf->retry_timeout,
        .timer_at = -1,
        .timer_first = -1,
        .diag = diag,
    };
    if (!conf->plugin.ptr)
        return false; /* said when the section was read */
    loader_for_stage(loader, index);
    stage->plugin = loader_open(loader, conf->plugin, &why);
    if (!stage->plugin) {
        say(stage, "plugin", "%s", why);
        return false;
    }
    init_routes(stage);
    stage->self = calloc(1, stage->plugin->about.self_size + 1);
    if (!stage->self) {
        say(stage, NULL, "no memory for its state");
        return false;
    }
    init_when(stage);
    fill_options(stage);
    stage->diag = NULL;
    stage->sound = diag->errors == errors;
    return true;
}

bool stage_create(struct stage *stage, struct loader *loader, struct diag *diag)
{
    int32_t (*create)(struct weir_stage *, void *) = stage->plugin->about.create;
    int32_t status = WEIR_OK;

    stage->diag = diag;
    stage->error_said = false;
    if (create) {
        loader_begin(loader, NOTE_CREATE, stage->index);
        status = create(&stage->abi, stage->self);
        loader_end(loader);
    }
    if (status != WEIR_OK && !stage->error_said)
        say(stage, NULL, "%s failed to start (status %d) and does not say why", stage->plugin->name.ptr,
            status);
    stage->diag = NULL;
    stage->created = status == WEIR_OK;
    return stage->created;
}

void stage_fini(struct stage *stage)
{
    if (stage->created && stage->plugin->about.destroy) {
        note_record(stage->chain->note, NOTE_NO_RECORD, -1, false);
        note_begin(stage->chain->note, NOTE_DESTROY, stage->index);
        stage->plugin->about.destroy(&stage->abi, stage->self);
        note_end(stage->chain->note);
    }
    free(stage->self);
    stage->self = NULL;
    stage->created = false;
}
