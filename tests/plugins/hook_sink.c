/* hook_sink.c: see hook.h: a sink (WEIR_SINK). */
#define HOOK_NAME "hook_sink"
#define HOOK_FLAGS 1
#include "hook.h"
