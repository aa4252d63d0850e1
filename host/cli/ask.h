/* ask.h: asks the weir that runs a configuration, over its control socket. */
#ifndef WEIR_CLI_ASK_H
#define WEIR_CLI_ASK_H

#include "base/buf.h"

struct json_object;

/** Where to ask, and what. */
struct ask {
    const char *command; /* for messages: "status" */
    const char *dir;     /* the configuration, which may be broken, or half written */
    const char *request;
    int patience_ms; /* for the answer; 0: without end */
};

/** Returns EXIT_OK and the answer, one JSON object without its newline; or EXIT_UNAVAILABLE, all being said.
 *  parsed may be NULL. Owns: the caller, by json_object_put(). */
int ask_weir(const struct ask *ask, struct buf *answer, struct json_object **parsed);

/** Members of an answer. What is missing, null or of another kind: NULL, -1, false. */
struct json_object *ask_member(struct json_object *o, const char *name);
const char *ask_text(struct json_object *o, const char *name);
int64_t ask_number(struct json_object *o, const char *name);
bool ask_flag(struct json_object *o, const char *name);

#endif
