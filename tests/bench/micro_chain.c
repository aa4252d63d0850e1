/* micro_chain.c: what the shipped chain costs without Kafka.
 *
 *   micro_chain CONF_DIR PLUGIN_DIR [IN_FLIGHT [RECORDS]]
 *
 * Prints nanoseconds a record of the whole walk through all stages, metrics record included: the best of a
 * few rounds. */
#include "micro.h"

#define ROUNDS 5

int main(int argc, char **argv)
{
    size_t in_flight = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;
    uint64_t records = argc > 4 ? strtoull(argv[4], NULL, 10) : 1000000;
    struct micro m;
    double best = 0;

    if (argc < 3) {
        fprintf(stderr, "usage: micro_chain CONF_DIR PLUGIN_DIR [IN_FLIGHT [RECORDS]]\n");
        return 2;
    }
    micro_open(&m, argv[1], argv[2]);
    for (int round = 0; round < ROUNDS; round++) {
        double ns = micro_run(&m, in_flight, records);

        best = round == 0 || ns < best ? ns : best;
    }
    printf("%7.1f ns a record, %zu in flight (%llu sends, %llu bytes, %llu done)\n", best, in_flight,
           (unsigned long long)m.sent, (unsigned long long)m.bytes, (unsigned long long)m.done);
    micro_close(&m);
    return 0;
}
