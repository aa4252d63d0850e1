/* kills_guard.c: see kills.c: a stage that is fail-closed (WEIR_FAIL_CLOSED). */
#define KILLS_NAME "kills_guard"
#define KILLS_FLAGS WEIR_FAIL_CLOSED
#include "kills.c"
