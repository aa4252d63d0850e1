/* abandon.c: empties a chain of everything under way, as if it had never been taken.
 *
 * A sink that holds records keeps something of its own about them (an open batch). Its flush is asked for
 * that, and what it then sends goes nowhere: a callback of its own for this would be one more that every
 * author of a sink must think of, and would do the same. The envelopes are freed, not given back one by one:
 * the pool does not know which of them are out, and this is rare. */
#include "chain/walk.h"

static void empty_sink(struct chain *chain, struct stage *stage)
{
    int32_t verdict;

    chain_enter(chain, stage, NOTE_FLUSH, NULL);
    verdict = stage->plugin->about.flush(&stage->abi, stage->self);
    chain_leave(chain);
    chain_stop_unless_passed(chain, stage, "flush", verdict);
}

void chain_abandon(struct chain *chain)
{
    chain->abandoning = true;
    for (uint32_t i = 0; i < chain->n_stages; i++) {
        struct stage *stage = &chain->stages[i];

        if (stage->held.first && stage->plugin->about.flush && !chain->stopped)
            empty_sink(chain, stage);
        stage->held = (struct envelope_list){0};
        stage->parked = (struct envelope_list){0};
    }
    chain->abandoning = false;
    chain->n_parked = 0;
    chain->emitted = (struct envelope_list){0};
    chain->ready = NULL;
    envelopes_fini(&chain->envelopes);
}
