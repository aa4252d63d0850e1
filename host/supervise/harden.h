/* harden.h: what a worker takes from itself before it runs anybody's code, and its supervisor in part.
 *
 * Its environment is its supervisor's business, see spawn.h.
 */
#ifndef WEIR_SUPERVISE_HARDEN_H
#define WEIR_SUPERVISE_HARDEN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/** Right after the exec: dies with its parent, gains no privileges, leaves no core dump, is nobody else's to
 *  look into, has as many open files as it may, and hears no signal that a terminal sends to all.
 *  False: the parent is gone already, or errno says what the kernel refused. */
bool harden(pid_t parent);

/** Whether the process leaves core dumps, and may be looked into by others of its user: what it holds are
 * passwords and keys. False: errno says what the kernel refused. */
bool harden_secrets(bool core_dumps);

/** As the configuration has it, before the first plugin; again at a reload. memory_max: bytes, 0 for no
 * limit. Failures go to the log. */
void harden_limits(bool core_dumps, int64_t memory_max);

#endif
