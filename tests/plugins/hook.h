/* hook.h: a stage whose callbacks are those of the test that runs it.
 *
 * The option `hook` is the address of a struct hook in the same process, so a test writes what a stage does
 * next to what it expects, in one file. Kinds of plugins differ in their flags, which are constant: so there
 * is hook.so and one more for each flag, which all include this file. One plugin a behaviour was rejected:
 * fifty files, none of which can be read without its test. */
#ifndef WEIR_TEST_HOOK_H
#define WEIR_TEST_HOOK_H

#include <weir/plugin.h>

/** The state of a hook stage. */
struct hook_self {
    int64_t hook; /* of a struct hook */
    const struct weir_field *field, *other;
    struct weir_str text;
    const struct weir_topic *topic; /* of a hook_sink */
    void *own;                      /* the test's */
};

/** What a test lets a stage do; NULL does nothing, and passes. */
struct hook {
    int32_t (*create)(struct weir_stage *stage, struct hook_self *self);
    void (*destroy)(struct weir_stage *stage, struct hook_self *self);
    int32_t (*process)(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env);
    int32_t (*timer)(struct weir_stage *stage, struct hook_self *self);
    int32_t (*flush)(struct weir_stage *stage, struct hook_self *self);
    int32_t (*save)(struct weir_stage *stage, struct hook_self *self);
    int32_t (*restore)(struct weir_stage *stage, struct hook_self *self, uint32_t version, struct weir_str s);
};

#ifdef HOOK_NAME

static const struct hook *hook_of(const struct hook_self *self)
{
    return (const struct hook *)(intptr_t)self->hook;
}

static int32_t create(struct weir_stage *stage, void *self)
{
    return hook_of(self)->create ? hook_of(self)->create(stage, self) : WEIR_OK;
}

static void destroy(struct weir_stage *stage, void *self)
{
    if (hook_of(self)->destroy)
        hook_of(self)->destroy(stage, self);
}

static int32_t process(struct weir_stage *stage, void *self, struct weir_envelope *env)
{
    return hook_of(self)->process ? hook_of(self)->process(stage, self, env) : WEIR_PASS;
}

static int32_t timer(struct weir_stage *stage, void *self)
{
    return hook_of(self)->timer ? hook_of(self)->timer(stage, self) : WEIR_PASS;
}

static int32_t flush(struct weir_stage *stage, void *self)
{
    return hook_of(self)->flush ? hook_of(self)->flush(stage, self) : WEIR_PASS;
}

static int32_t save(struct weir_stage *stage, void *self)
{
    return hook_of(self)->save ? hook_of(self)->save(stage, self) : WEIR_OK;
}

static int32_t restore(struct weir_stage *stage, void *self, uint32_t version, struct weir_str bytes)
{
    return hook_of(self)->restore ? hook_of(self)->restore(stage, self, version, bytes) : WEIR_OK;
}

static const struct weir_option options[] = {
    WEIR_OPT_INTEGER(struct hook_self, hook, .required = true, .help = "the address of a struct hook"),
    WEIR_OPT_FIELD(struct hook_self, field, .help = "a field"),
    WEIR_OPT_FIELD(struct hook_self, other, .help = "another field"),
    WEIR_OPT_STRING(struct hook_self, text, .help = "a text"),
#if HOOK_FLAGS & 1
    WEIR_OPT_TOPIC(struct hook_self, topic, .required = true, .help = "the topic of a sink"),
#endif
    WEIR_OPT_END};

WEIR_PLUGIN(.name = HOOK_NAME, .version = "1.0.0", .help = "does what a test wants", .options = options,
            .self_size = sizeof(struct hook_self), .flags = HOOK_FLAGS, .state_version = 7, .create = create,
            .destroy = destroy, .process = process, .timer = timer, .flush = flush, .save = save,
            .restore = restore)
#endif
#endif
