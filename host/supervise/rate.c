/* rate.c: see rate.h. Windows that follow each other, and not a sliding one: one earlier value is enough. */
#include "supervise/rate.h"

void rate_look(struct rate *rate, const struct ledger *ledger, int64_t now)
{
    struct ledger_report report;

    if (!ledger || !ledger_read_report(ledger, &report)) {
        *rate = (struct rate){0};
        return;
    }
    if (!rate->at_ms || report.taken < rate->taken)
        *rate = (struct rate){.at_ms = now, .taken = report.taken};
    if (now - rate->at_ms < RATE_WINDOW_MS)
        return;
    rate->per_second = (double)(report.taken - rate->taken) * 1000 / (double)(now - rate->at_ms);
    rate->known = true;
    rate->at_ms = now;
    rate->taken = report.taken;
}
