/* bad_options_table.c: an option table with one of each mistake that a host can see: two options of a name, a
 * choice without words, a default that its own type refuses, a member outside the state, the name of a track
 * option, a prefix without its dot, and a type that does not exist. */
#include <weir/plugin.h>

struct state {
    int64_t number;
    int32_t choice;
    struct weir_pairs pairs;
};

static const struct weir_option options[] = {
    WEIR_OPT_INTEGER(struct state, number, .help = "the first of two"),
    WEIR_OPT_INTEGER(struct state, number, .help = "the second of two"),
    WEIR_OPT_CHOICE(struct state, choice, .help = "without words"),
    WEIR_OPT_DURATION(struct state, number, .name = "wait", .def = "soon", .help = "with a wrong default"),
    {.size = sizeof(struct weir_option),
     .type = WEIR_TYPE_INTEGER,
     .offset = 4096,
     .member = "far",
     .help = "outside"},
    WEIR_OPT_INTEGER(struct state, number, .name = "from", .help = "the host's own name"),
    WEIR_OPT_PREFIX(struct state, pairs, .name = "pairs", .help = "without a dot"),
    {.size = sizeof(struct weir_option), .type = 999, .member = "strange", .help = "of no type"},
    WEIR_OPT_END};

static int32_t process(struct weir_stage *stage, void *self, struct weir_envelope *env)
{
    (void)stage;
    (void)self;
    (void)env;
    return WEIR_PASS;
}

WEIR_PLUGIN(.name = "bad_options_table", .version = "1.0.0", .help = "has a broken option table",
            .options = options, .self_size = sizeof(struct state), .process = process)
