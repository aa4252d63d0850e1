/* edits_then_fails.c: sets a member, then gives a verdict other than pass. The edit must stay. */
#include <weir/plugin.h>

struct state {
    const struct weir_field *field;
    int32_t verdict;
};

static const char *const verdicts[] = {"fail", "reject", "stop", "pass", NULL};

static const struct weir_option options[] = {
    WEIR_OPT_FIELD(struct state, field, .def = "edited", .help = "the member to set"),
    WEIR_OPT_CHOICE(struct state, verdict, .def = "fail", .choices = verdicts, .help = "the verdict"),
    WEIR_OPT_END};

static int32_t process(struct weir_stage *stage, void *self, struct weir_envelope *env)
{
    const struct state *s = self;

    (void)stage;
    if (weir_set_string(env, s->field, (struct weir_str){"yes", 3}) != WEIR_OK)
        return weir_stop(env, "cannot edit");
    switch (s->verdict) {
    case 0:
        return weir_fail(env, "edited, then failed");
    case 1:
        return weir_reject(env, "edited, then rejected");
    case 2:
        return weir_stop(env, "edited, then stopped");
    default:
        return WEIR_PASS;
    }
}

WEIR_PLUGIN(.name = "edits_then_fails", .version = "1.0.0", .help = "edits a record, then fails it",
            .options = options, .self_size = sizeof(struct state), .process = process)
