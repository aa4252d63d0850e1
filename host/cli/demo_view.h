/* demo_view.h: the demo as a picture of text: the chain from top to bottom, where records leave it, what
 * arrives on each topic.
 *
 * It draws into a buffer and knows no terminal: demo_screen.c shows the lines, tests compare them. */
#ifndef WEIR_CLI_DEMO_VIEW_H
#define WEIR_CLI_DEMO_VIEW_H

#include "cli/demo_flow.h"

struct view {
    const struct flow *flow;
    const char *title;   /* what runs: "conf.d" */
    const char *brokers; /* where other clients find it */
    const char *state;   /* what happens now, where it is not the normal course; NULL: it runs */
    int64_t elapsed_ms;
    size_t width, height;
    bool colour;
};

/** Adds at most `height` lines, each with an end, none wider than `width`. */
void view_draw(const struct view *view, struct buf *out);

/** Adds the accounts: what went in, what came out where, whether they agree. No colours. */
void view_add_summary(const struct flow *flow, struct buf *out);

/** The number with a comma at every thousand. */
const char *view_number(char text[32], uint64_t n);

#endif
