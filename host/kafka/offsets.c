/* offsets.c: see offsets.h.
 *
 * librdkafka could find the committed offsets itself, but then tells "there is none" and "it is out of range"
 * apart only in the words of a message, and weir treats the two very differently.
 *
 * The ends of a partition are asked for as a time is: rd_kafka_query_watermark_offsets() heeds no timeout
 * where the partition's leader has just died (2.0.2: seen to hang until the broker was back). */
#include "kafka/offsets.h"

#include "kafka/errors.h"

#define ASK_MS 1000

static bool worth_asking_again(rd_kafka_resp_err_t err)
{
    return errors_is_away(err) ||
           err == RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT || /* a transaction of the owner before is open */
           err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;       /* no leader is known yet */
}

static rd_kafka_resp_err_t first_error(const rd_kafka_topic_partition_list_t *list)
{
    int i;

    for (i = 0; i < list->cnt; i++) {
        if (list->elems[i].err)
            return list->elems[i].err;
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t offsets_committed(rd_kafka_t *rk, rd_kafka_topic_partition_list_t *list,
                                      const struct patience *patience)
{
    rd_kafka_resp_err_t err;

    do {
        err = rd_kafka_committed(rk, list, ASK_MS);
        if (!err)
            err = first_error(list);
    } while (worth_asking_again(err) && patience->wait(patience->self));
    return err;
}

/* Not by rd_kafka_ListConsumerGroupOffsets(): one that times out aborts the process when the coordinator
 * answers after all (librdkafka's issues 3663 and 4605, seen with 2.0.2). */
rd_kafka_resp_err_t offsets_known(rd_kafka_t *rk, const char *topic, int32_t partitions, int timeout_ms,
                                  int32_t *known)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
    rd_kafka_resp_err_t err;
    int i;

    *known = 0;
    rd_kafka_topic_partition_list_add_range(list, topic, 0, partitions - 1);
    err = rd_kafka_committed(rk, list, timeout_ms);
    if (!err)
        err = first_error(list);
    for (i = 0; i < list->cnt && !err; i++) {
        if (list->elems[i].offset >= 0 && list->elems[i].partition >= *known)
            *known = list->elems[i].partition + 1;
    }
    rd_kafka_topic_partition_list_destroy(list);
    return err;
}

rd_kafka_resp_err_t offsets_edge(rd_kafka_t *rk, const char *topic, int32_t partition, int64_t which,
                                 int timeout_ms, int64_t *offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_resp_err_t err;

    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = which;
    err = rd_kafka_offsets_for_times(rk, list, timeout_ms);
    if (!err)
        err = list->elems[0].err;
    *offset = list->elems[0].offset;
    rd_kafka_topic_partition_list_destroy(list);
    return err;
}

rd_kafka_resp_err_t offsets_range(rd_kafka_t *rk, const char *topic, int32_t partition, int64_t *low,
                                  int64_t *high, const struct patience *patience)
{
    rd_kafka_resp_err_t err;

    do {
        err = offsets_edge(rk, topic, partition, RD_KAFKA_OFFSET_BEGINNING, ASK_MS, low);
        if (!err)
            err = offsets_edge(rk, topic, partition, RD_KAFKA_OFFSET_END, ASK_MS, high);
    } while (worth_asking_again(err) && patience->wait(patience->self));
    return err;
}
