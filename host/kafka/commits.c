/* commits.c: see commits.h.
 *
 * Explicit commits, not librdkafka's own store and timer: a commit has an answer of its own, can be waited
 * for with a bound before a partition is given up, and may go back as well as forward (after a lost offset).
 * The price, one request an interval, is the same. */
#include "kafka/commits.h"

#include "base/clock.h"
#include "kafka/transaction.h"

/** What a rebalance brings with it: the next owner begins where we last committed. A fence has its own words
 * elsewhere. */
static bool is_usual(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID || err == RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS ||
           err == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION || err == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID ||
           err == RD_KAFKA_RESP_ERR__NO_OFFSET;
}

void commits_result(struct commits *c, rd_kafka_resp_err_t err, const rd_kafka_topic_partition_list_t *list)
{
    int i;

    for (i = 0; list && i < list->cnt; i++) {
        struct partition *part = partitions_find(c->partitions, list->elems[i].partition);
        rd_kafka_resp_err_t own = list->elems[i].err ? list->elems[i].err : err;

        if (!own && part)
            part->committed = list->elems[i].offset;
        err = err ? err : own;
    }
    if (!err) {
        c->last_at = clock_wall_ms();
        if (c->said)
            log_at(c->place, WEIR_LOG_INFO, "commits succeed again");
        c->said = false;
    } else if (!is_usual(err) && !c->said) {
        log_at(c->place, WEIR_LOG_WARN, "commit failed, will be tried again: error=\"%s\"",
               rd_kafka_err2str(err));
        c->said = true;
    } else {
        log_at(c->place, WEIR_LOG_DEBUG, "commit failed: error=\"%s\"", rd_kafka_err2str(err));
    }
}

void commits_start(struct commits *c)
{
    rd_kafka_topic_partition_list_t *list =
        c->pending ? NULL : partitions_uncommitted(c->partitions, c->topic);

    if (!list)
        return;
    c->pending = rd_kafka_commit(c->rk, list, 1) == RD_KAFKA_RESP_ERR_NO_ERROR;
    rd_kafka_topic_partition_list_destroy(list);
}

struct answer {
    struct commits *commits;
    bool came, good;
};

static void on_answer(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *list,
                      void *opaque)
{
    struct answer *answer = opaque;

    (void)rk;
    commits_result(answer->commits, err, list);
    answer->came = true;
    answer->good = err == RD_KAFKA_RESP_ERR_NO_ERROR;
}

/** Sends a list, and waits for its answer. */
static bool commit_and_wait(struct commits *c, const rd_kafka_topic_partition_list_t *list, int timeout_ms)
{
    int64_t until = clock_mono_ms() + timeout_ms;
    struct answer answer = {.commits = c};
    rd_kafka_queue_t *queue = rd_kafka_queue_new(c->rk);

    if (rd_kafka_commit_queue(c->rk, list, queue, on_answer, &answer) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        while (!answer.came && clock_mono_ms() < until)
            rd_kafka_queue_poll_callback(queue, 50);
    }
    rd_kafka_queue_destroy(queue);
    return answer.good;
}

bool commits_now(struct commits *c, int timeout_ms)
{
    rd_kafka_topic_partition_list_t *list = partitions_uncommitted(c->partitions, c->topic);
    bool good = !list || commit_and_wait(c, list, timeout_ms);

    if (list)
        rd_kafka_topic_partition_list_destroy(list);
    return good;
}

bool commits_begin(struct commits *c, const rd_kafka_topic_partition_list_t *begun, int timeout_ms)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(begun->cnt);
    bool good;
    int i;

    for (i = 0; i < begun->cnt; i++) {
        int32_t number = begun->elems[i].partition;
        const struct partition *part = partitions_find(c->partitions, number);

        if (part && part->committed == WATERMARK_NONE)
            rd_kafka_topic_partition_list_add(list, c->topic, number)->offset = part->start;
    }
    good = !list->cnt || commit_and_wait(c, list, timeout_ms);
    rd_kafka_topic_partition_list_destroy(list);
    return good;
}

bool commits_place(struct commits *c, int32_t number, int64_t offset, int timeout_ms)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    bool good;

    rd_kafka_topic_partition_list_add(list, c->topic, number)->offset = offset;
    good = commit_and_wait(c, list, timeout_ms);
    rd_kafka_topic_partition_list_destroy(list);
    return good;
}

bool commits_due(const struct commits *c)
{
    rd_kafka_topic_partition_list_t *list = partitions_uncommitted(c->partitions, c->topic);

    if (list)
        rd_kafka_topic_partition_list_destroy(list);
    return list != NULL;
}

enum transaction_next commits_offer(struct commits *c, struct lane *lane, int timeout_ms,
                                    struct transaction_fault *fault)
{
    if (!c->offered)
        c->offered = partitions_uncommitted(c->partitions, c->topic);
    if (!c->offered)
        return TRANSACTION_ON;
    return transaction_offer(lane, c->rk, c->offered, timeout_ms, fault);
}

void commits_settle(struct commits *c, bool committed)
{
    if (!c->offered)
        return;
    if (committed)
        commits_result(c, RD_KAFKA_RESP_ERR_NO_ERROR, c->offered);
    rd_kafka_topic_partition_list_destroy(c->offered);
    c->offered = NULL;
}
