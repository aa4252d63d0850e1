/* supervisor.h: runs a configuration in worker processes, until a signal ends it: `weir run`.
 *
 * The supervisor loads no plugin and talks to no broker; it reads configurations, starts workers, watches
 * them and buries them. One thread, one loop.
 */
#ifndef WEIR_SUPERVISE_SUPERVISOR_H
#define WEIR_SUPERVISE_SUPERVISOR_H

#include "supervise/runner.h"

/** Runs the configuration in dir. SIGHUP reloads; SIGTERM and SIGINT drain and end, a second one of them ends
 * at once. No worker outlives the call, or the process. */
enum runner_end supervisor_run(const char *dir);

#endif
