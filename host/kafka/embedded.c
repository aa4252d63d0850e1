/* embedded.c: see embedded.h. */
#include "kafka/embedded.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdlib.h>

struct embedded {
    rd_kafka_t *rk; /* the cluster lives in a client that does nothing else */
    rd_kafka_mock_cluster_t *cluster;
    int brokers;
};

struct embedded *embedded_start(int brokers)
{
    struct embedded *e = calloc(1, sizeof *e);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    if (!e) {
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    e->brokers = brokers;
    rd_kafka_conf_set_log_cb(conf, NULL);
    e->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, NULL, 0);
    if (!e->rk)
        rd_kafka_conf_destroy(conf);
    else
        e->cluster = rd_kafka_mock_cluster_new(e->rk, brokers);
    if (e->cluster)
        return e;
    embedded_stop(e);
    return NULL;
}

void embedded_stop(struct embedded *e)
{
    if (!e)
        return;
    if (e->cluster)
        rd_kafka_mock_cluster_destroy(e->cluster);
    if (e->rk)
        rd_kafka_destroy(e->rk);
    free(e);
}

const char *embedded_brokers(const struct embedded *e)
{
    return rd_kafka_mock_cluster_bootstraps(e->cluster);
}

bool embedded_topic(struct embedded *e, const char *name, int partitions)
{
    return !rd_kafka_mock_topic_create(e->cluster, name, partitions, e->brokers < 3 ? e->brokers : 3);
}

struct rd_kafka_mock_cluster_s *embedded_cluster(struct embedded *e)
{
    return e->cluster;
}
