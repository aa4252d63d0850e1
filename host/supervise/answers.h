/* answers.h: what a configuration asked of the world outside it, and what it was told.
 *
 * While a configuration is read from the disk, each question is written down with its answer; later the same
 * answers are given again, without the disk. A question that is asked twice has one answer, also while it is
 * written down: a file that changes meanwhile is read as it was first.
 */
#ifndef WEIR_SUPERVISE_ANSWERS_H
#define WEIR_SUPERVISE_ANSWERS_H

#include "config/config.h"

enum answer_kind { ANSWER_LIST, ANSWER_FILE, ANSWER_VARIABLE, ANSWER_KINDS };

/** Texts are NUL-terminated. */
struct answer {
    enum answer_kind kind;
    struct weir_str name; /* of the directory, file or variable */
    struct weir_str text; /* of a list: the names, each with its NUL; absent: there is none */
    struct weir_str why;  /* then, but for variables: what is wrong */
};

struct answers {
    struct answer *items;
    size_t count, room;
    bool recording; /* what was not asked before is asked of the process and added */
    bool failed;    /* while recording: no memory for an answer */
    struct arena arena;
    struct config_env env; /* for config_load(); as long as this lives and does not move */
};

/** With no answer yet. */
void answers_init(struct answers *as, bool recording);
void answers_fini(struct answers *as);

/** Adds one; what it points to is borrowed. False: no memory. */
bool answers_add(struct answers *as, struct answer answer);

#endif
