/* delivery.c: see delivery.h.
 *
 * A transaction that is not finished within half of transaction.timeout.ms is aborted, since the brokers
 * would do it at the whole, and fence the producer. So whatever may hold a record for longer would bring it
 * back for ever: that is an error here, and what nobody has set is made to fit. */
#include "config/delivery.h"

#include "config/brokers.h"

#define TIMEOUT_DEFAULT_MS 60000 /* librdkafka's */
#define TIMEOUT_DEFAULT "60000"
#define INTERVAL_DEFAULT_MS 100
#define INTERVAL_DEFAULT "100ms"

static const struct config_key *timeout_key(const struct config_chain *chain)
{
    return config_keys_last(&chain->producer, "transaction.timeout.ms");
}

int64_t config_transaction_timeout(const struct config_chain *chain)
{
    const struct config_key *key = timeout_key(chain);
    int64_t ms;

    return key && !key->broken && str_to_int(key->value, &ms) && ms > 0 ? ms : TIMEOUT_DEFAULT_MS;
}

/* The number may come from a ${…}, so a message shows what is written. */
static struct weir_str shown(const struct config_key *key, const char *otherwise)
{
    return key ? key->written : str_of(otherwise);
}

static void settle_interval(struct config_chain *chain, int64_t timeout, struct diag *d)
{
    const struct config_key *set = config_keys_find(&chain->keys, "commit_interval");
    const struct config_key *limit = timeout_key(chain), *key = set ? set : limit;

    if (!set)
        chain->commit_interval = INTERVAL_DEFAULT_MS;
    if (chain->commit_interval > timeout / 4)
        diag_error(d, key ? key->place : chain->place,
                   "chain \"" STR_FMT "\": a commit_interval of " STR_FMT " is too long for the producer's "
                   "transaction.timeout.ms = " STR_FMT ": in exactly-once it may be a quarter of that",
                   STR_ARG(chain->name), STR_ARG(shown(set, INTERVAL_DEFAULT)),
                   STR_ARG(shown(limit, TIMEOUT_DEFAULT)));
}

static void settle_retries(struct config_stage *stage, int64_t timeout, const struct config_key *limit,
                           struct diag *d)
{
    const struct config_key *set = config_keys_find(&stage->host_keys, "retry_timeout");

    if (set && !set->broken && stage->retry_timeout >= timeout / 2)
        diag_error(d, set->place,
                   "stage \"" STR_FMT "\": a retry_timeout of " STR_FMT " would outlast its transaction: in "
                   "exactly-once it must be below half of the producer's transaction.timeout.ms = " STR_FMT,
                   STR_ARG(stage->name), STR_ARG(set->written), STR_ARG(shown(limit, TIMEOUT_DEFAULT)));
    else if (!set && stage->retry_timeout > timeout / 4)
        stage->retry_timeout = timeout / 4;
}

/* A call that takes longer brings its record back each time, and is not seen to hang. */
static void settle_calls(struct config_stage *stage, int64_t timeout, const struct config_key *limit,
                         struct diag *d)
{
    const struct config_key *set = config_keys_find(&stage->host_keys, "stage_timeout");

    if (stage->stage_timeout <= timeout / 2 || (set && set->broken))
        return;
    if (!set)
        stage->stage_timeout = timeout / 2;
    else
        diag_error(d, set->place,
                   "stage \"" STR_FMT "\": a call of " STR_FMT
                   " would outlast its transaction: in exactly-once "
                   "stage_timeout may be half of the producer's transaction.timeout.ms = " STR_FMT,
                   STR_ARG(stage->name), STR_ARG(set->written), STR_ARG(shown(limit, TIMEOUT_DEFAULT)));
}

void delivery_settle(const struct config *c, struct config_chain *chain, struct diag *d)
{
    int64_t timeout = config_transaction_timeout(chain);
    size_t i;

    if (chain->delivery != CONFIG_EXACTLY_ONCE)
        return;
    if (!c->host.instance.len)
        diag_error(d, config_keys_place(&chain->keys, "delivery", chain->place),
                   "chain \"" STR_FMT
                   "\": exactly-once needs \"instance\" under [host], a name of its own for "
                   "each process: transactions are kept by it, and of two processes with one name each ends "
                   "the other's",
                   STR_ARG(chain->name));
    if (!brokers_shared(&chain->consumer, &chain->producer))
        diag_error(d, config_keys_place(&chain->keys, "delivery", chain->place),
                   "chain \"" STR_FMT
                   "\": exactly-once works within one cluster, since its offsets are part of the producer's "
                   "transaction: give consumer and producer a bootstrap.servers in common, or use "
                   "at-least-once",
                   STR_ARG(chain->name));
    settle_interval(chain, timeout, d);
    for (i = 0; i < chain->stage_count; i++) {
        settle_retries(&chain->stages[i], timeout, timeout_key(chain), d);
        settle_calls(&chain->stages[i], timeout, timeout_key(chain), d);
    }
}
