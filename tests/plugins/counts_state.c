/* counts_state.c: sets the member `count` to the number of records so far, and `version` to its own version;
 * carries the number over a reload. Built twice from here, as counts_state.so in two folders: COUNTS_VERSION
 * is 1 or 2, and both read what the other saved (a decimal text). */
#include <stdio.h>
#include <weir/plugin.h>

struct state {
    const struct weir_field *count_field, *version_field;
    uint64_t count;
};

static const struct weir_option options[] = {
    WEIR_OPT_FIELD(struct state, count_field, .name = "count", .def = "count",
                   .help = "the member for the number"),
    WEIR_OPT_FIELD(struct state, version_field, .name = "version", .def = "version",
                   .help = "the member for the version"),
    WEIR_OPT_END};

static int32_t process(struct weir_stage *stage, void *self, struct weir_envelope *env)
{
    struct state *s = self;
    char count[24], version[8];
    int n = snprintf(count, sizeof count, "%llu", (unsigned long long)++s->count);
    int v = snprintf(version, sizeof version, "%d", COUNTS_VERSION);

    (void)stage;
    if (weir_set_raw(env, s->count_field, (struct weir_str){count, (size_t)n}) != WEIR_OK ||
        weir_set_raw(env, s->version_field, (struct weir_str){version, (size_t)v}) != WEIR_OK)
        return weir_stop(env, "cannot write the count");
    return WEIR_PASS;
}

static int32_t save(struct weir_stage *stage, void *self)
{
    const struct state *s = self;
    char text[24];
    int n = snprintf(text, sizeof text, "%llu", (unsigned long long)s->count);

    return weir_save_bytes(stage, text, (size_t)n);
}

static int32_t restore(struct weir_stage *stage, void *self, uint32_t version, struct weir_str bytes)
{
    struct state *s = self;

    if (version < 1 || version > 2 || bytes.len == 0 || bytes.len > 20)
        return weir_error(stage, "no count that this plugin knows");
    s->count = 0;
    for (size_t i = 0; i < bytes.len; i++)
        s->count = s->count * 10 + (uint64_t)(bytes.ptr[i] - '0');
    return WEIR_OK;
}

WEIR_PLUGIN(.name = "counts_state", .version = "1.0.0", .help = "counts records over reloads",
            .options = options, .self_size = sizeof(struct state), .state_version = COUNTS_VERSION,
            .process = process, .save = save, .restore = restore)
