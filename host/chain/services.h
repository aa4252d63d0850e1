/* services.h: the table of host services that plugins call (see weir/plugin.h). */
#ifndef WEIR_CHAIN_SERVICES_H
#define WEIR_CHAIN_SERVICES_H

#include "chain/envelope.h"
#include "chain/stage.h"

extern const struct weir_host services;

/* The plugin's pointers are the first members of ours. */
static inline struct stage *stage_of(struct weir_stage *stage)
{
    return (struct stage *)stage;
}

static inline struct envelope *envelope_of(struct weir_envelope *env)
{
    return (struct envelope *)env;
}

/** False for a value that is no JSON object, in a chain of JSON. */
bool services_value_fits(const struct chain *chain, struct weir_str value);

/** sending.c */
int32_t services_emit(struct weir_stage *handle, struct weir_str key, struct weir_str value);
int32_t services_send(struct weir_stage *handle, struct weir_envelope *env, const struct weir_message *m);
int32_t services_hold(struct weir_stage *handle, struct weir_envelope *env);

#endif
