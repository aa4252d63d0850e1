/* hook_emits.c: see hook.h: a stage that makes records (WEIR_EMITS). */
#define HOOK_NAME "hook_emits"
#define HOOK_FLAGS 4
#include "hook.h"
