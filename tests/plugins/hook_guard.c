/* hook_guard.c: see hook.h: a stage that is fail-closed (WEIR_FAIL_CLOSED). */
#define HOOK_NAME "hook_guard"
#define HOOK_FLAGS 2
#include "hook.h"
