/* bad_undefined_symbol.c: calls a function that nobody has. It is linked without -z defs, and refused at
 * load. */
#include <weir/plugin.h>

int nobody_has_this_function(void);

static int32_t process(struct weir_stage *stage, void *self, struct weir_envelope *env)
{
    (void)stage;
    (void)self;
    (void)env;
    return nobody_has_this_function();
}

WEIR_PLUGIN(.name = "bad_undefined_symbol", .version = "1.0.0", .help = "lacks a function",
            .process = process)
