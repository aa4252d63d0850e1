/* bad_no_process.c: lacks the one callback that it must have. */
#include <weir/plugin.h>

WEIR_PLUGIN(.name = "bad_no_process", .version = "1.0.0", .help = "does nothing at all")
