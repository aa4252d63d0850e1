/* micro_note.c: what a note costs, by itself.
 *
 *   micro_note [CALLS]
 *
 * Prints nanoseconds a call of a function that does nothing, as a stage is called, without a note and with
 * one in memory that another process shares, as a worker's ledger is. */
#include "base/clock.h"
#include "chain/note.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define ROUNDS 7

static int32_t nothing(void *self)
{
    return self != NULL;
}

/* Volatile: the compiler must not know what it calls. */
static int32_t (*volatile process)(void *) = nothing;

static double without(uint64_t calls)
{
    int64_t begin = clock_mono_ns();

    for (uint64_t i = 0; i < calls; i++)
        process(NULL);
    return (double)(clock_mono_ns() - begin) / (double)calls;
}

static double with(struct note *note, uint64_t calls)
{
    int64_t begin = clock_mono_ns();

    for (uint64_t i = 0; i < calls; i++) {
        note_record(note, 0, (int64_t)i, false);
        note_begin(note, NOTE_PROCESS, (uint32_t)i & 7);
        process(NULL);
        note_end(note);
    }
    return (double)(clock_mono_ns() - begin) / (double)calls;
}

int main(int argc, char **argv)
{
    uint64_t calls = argc > 1 ? strtoull(argv[1], NULL, 10) : 20000000;
    struct note *note = mmap(NULL, sizeof *note, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    double plain = 0, noted = 0;

    if (note == MAP_FAILED || calls == 0) {
        fprintf(stderr, "usage: micro_note [CALLS]\n");
        return 2;
    }
    for (int round = 0; round < ROUNDS; round++) {
        double a = without(calls), b = with(note, calls);

        plain = round == 0 || a < plain ? a : plain;
        noted = round == 0 || b < noted ? b : noted;
    }
    printf("%.2f ns a call, %.2f ns with a note: %.2f ns for it\n", plain, noted, noted - plain);
    return 0;
}
