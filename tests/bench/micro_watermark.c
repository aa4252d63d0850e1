/* micro_watermark.c: what the watermark costs a record.
 *
 *   micro_watermark [RECORDS]
 *
 * Prints nanoseconds for a record that comes and is done: all of them in order, and with every hundredth
 * left open until a thousand have passed it. */
#include "base/clock.h"
#include "kafka/watermark.h"

#include <stdio.h>
#include <stdlib.h>

#define ROUNDS 7
#define IN_FLIGHT 8192 /* a power of two */
#define LATE 1000

static double run(uint64_t records, uint64_t every)
{
    static uint64_t numbers[IN_FLIGHT];
    int64_t begin = clock_mono_ns();
    struct watermark w;

    watermark_init(&w);
    watermark_reset(&w, 0);
    for (uint64_t i = 0; i < records + IN_FLIGHT; i++) {
        if (i >= IN_FLIGHT / 2 && (!every || (i - IN_FLIGHT / 2) % every))
            watermark_done(&w, numbers[(i - IN_FLIGHT / 2) % IN_FLIGHT]);
        if (every && i >= IN_FLIGHT / 2 + LATE && (i - IN_FLIGHT / 2 - LATE) % every == 0)
            watermark_done(&w, numbers[(i - IN_FLIGHT / 2 - LATE) % IN_FLIGHT]);
        if (!watermark_push(&w, (int64_t)i, &numbers[i % IN_FLIGHT]))
            exit(1);
    }
    if (w.safe < (int64_t)records) {
        fprintf(stderr, "micro_watermark: it stands at %lld\n", (long long)w.safe);
        exit(1);
    }
    watermark_fini(&w);
    return (double)(clock_mono_ns() - begin) / (double)(records + IN_FLIGHT);
}

int main(int argc, char **argv)
{
    uint64_t records = argc > 1 ? strtoull(argv[1], NULL, 10) : 5000000;
    double in_order = 0, late = 0;

    for (int round = 0; round < ROUNDS; round++) {
        double a = run(records, 0), b = run(records, 100);

        in_order = round == 0 || a < in_order ? a : in_order;
        late = round == 0 || b < late ? b : late;
    }
    printf("%.2f ns a record in order, %.2f ns with one of a hundred late\n", in_order, late);
    return 0;
}
