/* interpolate.h: values from outside the configuration, put in once, when it is loaded.
 *
 *     ${env:NAME}             an environment variable; it must be set, and may be empty
 *     ${env:NAME:-default}    the same, or the default where it is not set or empty
 *     ${file:PATH:KEY}        the value of KEY in a file of `key = value` lines; a PATH that does not begin
 *                             with '/' is relative to the configuration's directory
 *     $${                     the two characters ${
 *
 * They work anywhere in a value, and several times. What they give is never read again for ${…}, comments or
 * escapes, and never shown. In a file of secrets a line is a comment (';' or '#' first), blank, or `key =
 * value`, where everything behind the '=' is the value, without the blanks at its ends. */
#ifndef WEIR_CONFIG_INTERPOLATE_H
#define WEIR_CONFIG_INTERPOLATE_H

#include "config/env.h"
#include "config/key.h"

struct interpolation {
    const struct config_env *env;
    const char *dir; /* where a relative PATH of ${file:…} begins */
    struct arena *arena;
    struct diag *diag;
};

/** Resolves key->written into key->value and sets key->hidden. On an error key->broken is set. */
void interpolate(const struct interpolation *with, struct config_key *key);

#endif
