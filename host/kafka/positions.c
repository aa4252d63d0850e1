/* positions.c: see positions.h.
 *
 * A consumer is moved by assigning what it has anew. rd_kafka_seek() would do, but librdkafka 2.0.2 refuses
 * it for a partition that lost its place (it counts as stopped), and rd_kafka_seek_partitions() of that
 * version waits for a thousandth of its timeout. */
#include "kafka/positions.h"

#include "base/clock.h"

bool positions_cooperative(rd_kafka_t *rk)
{
    const char *protocol = rd_kafka_rebalance_protocol(rk);

    return protocol && strcmp(protocol, "COOPERATIVE") == 0;
}

static rd_kafka_resp_err_t begin_at(struct positions *p, rd_kafka_topic_partition_t *tp, int32_t at_end,
                                    const struct patience *patience)
{
    int64_t low, high, committed = tp->offset;
    bool last = tp->partition < at_end;
    rd_kafka_resp_err_t err;

    if (committed < 0) {
        err = offsets_range(p->rk, p->topic, tp->partition, &low, &high, patience);
        if (err)
            return err;
        committed = WATERMARK_NONE;
        tp->offset = last ? high : low;
        log_at(p->place, WEIR_LOG_DEBUG,
               "partition has no committed offset: partition=%d start=%s offset=%lld", (int)tp->partition,
               last ? "latest" : "earliest", (long long)tp->offset);
    }
    if (!partitions_assign(p->partitions, tp->partition, tp->offset, committed))
        return RD_KAFKA_RESP_ERR__FAIL;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t positions_begin(struct positions *p, rd_kafka_topic_partition_list_t *list,
                                    int32_t at_end, const struct patience *patience)
{
    rd_kafka_resp_err_t err = list->cnt ? offsets_committed(p->rk, list, patience) : 0;
    int i;

    for (i = 0; i < list->cnt && !err; i++)
        err = begin_at(p, &list->elems[i], at_end, patience);
    return err;
}

void positions_again(struct positions *p)
{
    rd_kafka_topic_partition_list_t *list = partitions_list(p->partitions, p->topic);
    int i;

    for (i = 0; i < list->cnt; i++)
        list->elems[i].offset = partitions_find(p->partitions, list->elems[i].partition)->position;
    if (positions_cooperative(p->rk)) {
        rd_kafka_error_destroy(rd_kafka_incremental_unassign(p->rk, list));
        rd_kafka_error_destroy(rd_kafka_incremental_assign(p->rk, list));
    } else {
        rd_kafka_assign(p->rk, list);
    }
    rd_kafka_topic_partition_list_destroy(list);
}

static void go_to(struct positions *p, int32_t number, struct partition *part, int64_t to)
{
    void *ticket;

    /* A record that is done at once, just before: the watermark follows when all before the gap are safe. */
    if (partitions_push(p->partitions, number, to - 1, &ticket))
        partitions_done(p->partitions, ticket);
    part->position = to;
    positions_again(p);
}

rd_kafka_resp_err_t positions_lost(struct positions *p, int32_t number, enum config_lost_offset on_lost,
                                   const struct patience *patience, struct buf *why)
{
    struct partition *part = partitions_find(p->partitions, number);
    int64_t low = 0, high = 0, to;
    rd_kafka_resp_err_t err;

    if (!part)
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    err = offsets_range(p->rk, p->topic, number, &low, &high, patience);
    if (err)
        return err;
    if (part->position >= low && part->position <= high) { /* said of where it was before */
        positions_again(p);
    } else if (on_lost == CONFIG_LOST_STOP) {
        buf_add_fmt(
            why,
            "offset %lld of topic %s, partition %d, is no longer there (it has %lld to %lld): records "
            "are lost; set on_lost_offset = earliest or latest to go on without them",
            (long long)part->position, p->topic, (int)number, (long long)low, (long long)high);
    } else {
        to = on_lost == CONFIG_LOST_LATEST ? high : low;
        log_at(p->place, WEIR_LOG_WARN,
               "offset is no longer there, going on: topic=%s partition=%d from=%lld to=%lld", p->topic,
               (int)number, (long long)part->position, (long long)to);
        go_to(p, number, part, to);
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t positions_rewind(struct positions *p, const struct patience *patience)
{
    rd_kafka_topic_partition_list_t *list = partitions_list(p->partitions, p->topic);
    rd_kafka_resp_err_t err = list->cnt ? offsets_committed(p->rk, list, patience) : 0;
    int i;

    for (i = 0; i < list->cnt && !err; i++) {
        const rd_kafka_topic_partition_t *tp = &list->elems[i];
        struct partition *part = partitions_find(p->partitions, tp->partition);

        if (part && tp->offset >= 0)
            partitions_rewind(part, tp->offset, tp->offset);
        else if (part)
            partitions_rewind(part, part->start, WATERMARK_NONE);
    }
    if (list->cnt && !err)
        positions_again(p);
    rd_kafka_topic_partition_list_destroy(list);
    return err;
}
