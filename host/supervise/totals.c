/* totals.c: see totals.h. */
#include "supervise/totals.h"

#include "base/log.h"

#define COUNTS_MAX 1024

void totals_log(const struct chain *chain)
{
    struct chain_count counts[COUNTS_MAX];
    size_t n = chain_counts(chain, counts, COUNTS_MAX);

    for (size_t i = 0; i < n && i < COUNTS_MAX; i++) {
        if (counts[i].n == 0 || str_is(counts[i].name, "passed"))
            continue;
        log_at((struct log_place){chain_name(chain).ptr, counts[i].stage.ptr}, WEIR_LOG_INFO,
               "total: " STR_FMT "=%llu", STR_ARG(counts[i].name), (unsigned long long)counts[i].n);
    }
}
