/* control.h: the socket at which a person asks a running weir: `weir status`, `weir reload`.
 *
 * A request is one line, an answer one JSON document and a newline, then the connection ends:
 *
 *     status    what status.h describes
 *     reload    {"ok": true or false, "lines": […]}, when the reload is over
 *     else      {"error": "…"}
 *
 * Nothing is asked that needs a worker's answer, so one that hangs delays nobody; and a client that is slow,
 * says nothing or too much delays nobody either. Only the same user and root are let in.
 *
 * Thread: the supervisor's.
 */
#ifndef WEIR_SUPERVISE_CONTROL_H
#define WEIR_SUPERVISE_CONTROL_H

#include "supervise/fleet.h"

#define CONTROL_CLIENTS_MAX 16 /* one more makes the one leave that has been idle for the longest */
#define CONTROL_REQUEST_MAX 64 /* bytes */
#define CONTROL_IDLE_MS 5000   /* to say what it wants; and again for each piece of an answer */

struct control;

/** Opens the socket (supervise/control_socket.h). Where that cannot be done a warning says why, and nobody
 * ever asks. NULL: no memory, which is said. */
struct control *control_new(const struct config *config);
/** Takes the socket away; those who wait for a reload are told that none comes. Takes NULL. */
void control_destroy(struct control *control);

/** Warns where who looks for weir by config, which is new, does not find its socket. */
void control_check(const struct control *control, const struct config *config, struct diag *diag);

/** To wait on, readable where there is something to serve; -1: there is no socket. */
int control_fd(const struct control *control);

/** Serves what is there; never waits. True: somebody asked for a reload. */
bool control_serve(struct control *control, const struct fleet *fleet);

/** Those who have asked for a reload until now wait for the one that begins. */
void control_begin_reload(struct control *control);
/** They are told how it went: lines is one text, a line each. Where none had begun, all who wait are told. */
void control_answer_reload(struct control *control, bool good, struct weir_str lines);

#endif
