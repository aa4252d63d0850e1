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

static rd_kafka_resp_err_t read_known(rd_kafka_event_t *event, int32_t *known)
{
    const rd_kafka_ListConsumerGroupOffsets_result_t *result =
        rd_kafka_event_ListConsumerGroupOffsets_result(event);
    const rd_kafka_group_result_t **groups;
    const rd_kafka_topic_partition_list_t *list;
    rd_kafka_resp_err_t err = rd_kafka_event_error(event);
    size_t count = 0;
    int i;

    if (err || !result)
        return err ? err : RD_KAFKA_RESP_ERR__FAIL;
    groups = rd_kafka_ListConsumerGroupOffsets_result_groups(result, &count);
    if (count != 1)
        return RD_KAFKA_RESP_ERR__FAIL;
    if (rd_kafka_group_result_error(groups[0]))
        return rd_kafka_error_code(rd_kafka_group_result_error(groups[0]));
    list = rd_kafka_group_result_partitions(groups[0]);
    for (i = 0; i < list->cnt; i++) {
        if (list->elems[i].offset >= 0 && list->elems[i].partition >= *known)
            *known = list->elems[i].partition + 1;
    }
    return first_error(list);
}

/* Not by rd_kafka_committed(): that asks for stable offsets, and again while a transaction is open. */
rd_kafka_resp_err_t offsets_known(rd_kafka_t *rk, const char *group, const char *topic, int32_t partitions,
                                  int timeout_ms, int32_t *known)
{
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(rk, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
    rd_kafka_ListConsumerGroupOffsets_t *question;
    rd_kafka_event_t *event;
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR__TIMED_OUT;

    *known = 0;
    rd_kafka_topic_partition_list_add_range(list, topic, 0, partitions - 1);
    question = rd_kafka_ListConsumerGroupOffsets_new(group, list);
    rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, NULL, 0);
    rd_kafka_ListConsumerGroupOffsets(rk, &question, 1, options, queue);
    event = rd_kafka_queue_poll(queue, timeout_ms + 1000);
    if (event) {
        err = read_known(event, known);
        rd_kafka_event_destroy(event);
    }
    rd_kafka_ListConsumerGroupOffsets_destroy(question);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_queue_destroy(queue);
    rd_kafka_AdminOptions_destroy(options);
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
