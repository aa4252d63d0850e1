/* careless.c: a sink by an author who prints as he goes, or keeps what he should send. */
#include <stdio.h>
#include <weir/plugin.h>

enum how { HOW_PRINT, HOW_KEEP };
static const char *const hows[] = {"print", "keep", NULL};

struct state {
    int32_t how;
    const struct weir_topic *topic;
};

static const struct weir_option options[] = {
    WEIR_OPT_CHOICE(struct state, how, .def = "print", .choices = hows, .help = "what it does"),
    WEIR_OPT_TOPIC(struct state, topic, .required = true, .help = "where it sends"), WEIR_OPT_END};

static int32_t create(struct weir_stage *stage, void *self)
{
    (void)stage;
    (void)self;
    puts("hello from create");
    return WEIR_OK;
}

static int32_t process(struct weir_stage *stage, void *self, struct weir_envelope *env)
{
    const struct state *s = self;
    struct weir_message m = WEIR_MESSAGE_INIT;

    if (s->how == HOW_KEEP)
        return weir_hold(stage, env) == WEIR_OK ? WEIR_PASS : WEIR_STOP;
    puts("hello from process");
    m.topic = s->topic;
    return weir_value(env, &m.value) == WEIR_OK && weir_send(stage, env, &m) == WEIR_OK ? WEIR_PASS
                                                                                        : WEIR_STOP;
}

static int32_t flush(struct weir_stage *stage, void *self)
{
    (void)stage;
    (void)self;
    return WEIR_PASS;
}

WEIR_PLUGIN(.name = "careless", .version = "1.0.0", .help = "prints, or keeps what it should send",
            .options = options, .self_size = sizeof(struct state), .flags = WEIR_SINK, .create = create,
            .process = process, .flush = flush)
