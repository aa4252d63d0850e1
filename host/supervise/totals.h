/* totals.h: what a chain counted, into the log, once at its end. */
#ifndef WEIR_SUPERVISE_TOTALS_H
#define WEIR_SUPERVISE_TOTALS_H

#include "chain/chain.h"

/** What each stage did not simply pass on: what was skipped is seen nowhere else. Not from its task's time.
 */
void totals_log(const struct chain *chain);

#endif
