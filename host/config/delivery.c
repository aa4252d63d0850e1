/* delivery.c: see delivery.h.
 *
 * A transaction that is not finished within half of transaction.timeout.ms is aborted, since the brokers
 * would do it at the whole, and fence the producer. So whatever may hold a record for longer would bring it
 * back for ever: that is an error here, and what nobody has set is made to fit. */
#include "config/delivery.h"

#define TIMEOUT_DEFAULT_MS 60000 /* librdkafka's */
#define INTERVAL_DEFAULT_MS 100

static const struct config_key *timeout_key(const struct config_chain *chain)
{
    const struct config_key *key = NULL;
    size_t i;

    for (i = 0; i < chain->producer.count; i++) { /* the later one counts */
        if (str_is(chain->producer.items[i].name, "transaction.timeout.ms"))
            key = &chain->producer.items[i];
    }
    return key;
}

int64_t config_transaction_timeout(const struct config_chain *chain)
{
    const struct config_key *key = timeout_key(chain);
    int64_t ms;

    return key && !key->broken && str_to_int(key->value, &ms) && ms > 0 ? ms : TIMEOUT_DEFAULT_MS;
}

static void settle_interval(struct config_chain *chain, int64_t timeout, struct diag *d)
{
    const struct config_key *set = config_keys_find(&chain->keys, "commit_interval");
    const struct config_key *key = set ? set : timeout_key(chain);

    if (!set)
        chain->commit_interval = INTERVAL_DEFAULT_MS;
    if (chain->commit_interval > timeout / 4)
        diag_error(d, key ? key->place : chain->place,
                   "chain \"" STR_FMT "\": a commit_interval of %lld ms is too long for the producer's "
                   "transaction.timeout.ms = %lld: in exactly-once it may be a quarter of that",
                   STR_ARG(chain->name), (long long)chain->commit_interval, (long long)timeout);
}

static void settle_retries(struct config_stage *stage, int64_t timeout, struct diag *d)
{
    const struct config_key *set = config_keys_find(&stage->host_keys, "retry_timeout");

    if (set && !set->broken && stage->retry_timeout >= timeout / 2)
        diag_error(d, set->place,
                   "stage \"" STR_FMT "\": a retry_timeout of %lld ms would outlast its transaction: in "
                   "exactly-once it must be below half of the producer's transaction.timeout.ms = %lld",
                   STR_ARG(stage->name), (long long)stage->retry_timeout, (long long)timeout);
    else if (!set && stage->retry_timeout > timeout / 4)
        stage->retry_timeout = timeout / 4;
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
    settle_interval(chain, timeout, d);
    for (i = 0; i < chain->stage_count; i++)
        settle_retries(&chain->stages[i], timeout, d);
}
