/* crash.h: what a worker writes down when it crashes: the signal, where, the frames, what is mapped.
 *
 * The process then dies of that signal as if nobody had listened.
 */
#ifndef WEIR_SUPERVISE_CRASH_H
#define WEIR_SUPERVISE_CRASH_H

#include "supervise/ledger.h"

/** Notes every crash of this process in `to` from now on, which must stay mapped. False: errno says why. */
bool crash_catch(struct ledger_crash *to);

/** Gives the calling thread a stack for the handler, so that the end of its own is a crash like any other.
 *  False: errno says why. Owns: the thread, until the process ends. */
bool crash_stack(void);

#endif
