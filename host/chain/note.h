/* note.h: what a chain is doing right now, written where somebody else can read it after the end.
 *
 * A worker keeps its notes in memory that it shares with its supervisor. Before each call into a plugin the
 * chain writes down which stage, which record, and counts the call; behind it, it counts again. So an odd
 * count is a call that has not come back, and a count that does not move is one that hangs. It costs a few
 * stores to one cache line, and no clock: whoever watches has one. While the count is even, the other words
 * are of the last call, or already of the next: they say nothing.
 *
 * Thread: written by the thread that runs the chain; read by anybody.
 */
#ifndef WEIR_CHAIN_NOTE_H
#define WEIR_CHAIN_NOTE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum note_call {
    NOTE_NONE,
    NOTE_LOAD, /* the constructors of the plugin's file, and its description */
    NOTE_CREATE,
    NOTE_PROCESS,
    NOTE_TIMER,
    NOTE_FLUSH,
    NOTE_SAVE,
    NOTE_RESTORE,
    NOTE_DESTROY
};

#define NOTE_NO_RECORD (-1) /* as partition: the call is about no record */

struct note {
    _Atomic uint64_t count; /* odd: in a call */
    uint32_t call;          /* enum note_call, of the current call or the last */
    uint32_t stage;         /* its index in the chain */
    uint32_t emitted;       /* 1: the record is one that this source record led to */
    int32_t partition;      /* of the source record, or NOTE_NO_RECORD */
    int64_t offset;
    uint64_t generation; /* whose stages are counted by index; set by who swaps them */
    uint32_t chain;      /* its index in the configuration; set by who makes it */
};

/* The fences keep the words of a call inside its two counts, whatever the compiler thinks of it. */
static inline void note_begin(struct note *note, enum note_call call, uint32_t stage)
{
    note->call = (uint32_t)call;
    note->stage = stage;
    atomic_store_explicit(&note->count, atomic_load_explicit(&note->count, memory_order_relaxed) + 1,
                          memory_order_release);
    atomic_signal_fence(memory_order_seq_cst);
}

static inline void note_end(struct note *note)
{
    atomic_signal_fence(memory_order_seq_cst);
    atomic_store_explicit(&note->count, atomic_load_explicit(&note->count, memory_order_relaxed) + 1,
                          memory_order_release);
}

/* Before note_begin(). */
static inline void note_record(struct note *note, int32_t partition, int64_t offset, bool emitted)
{
    note->partition = partition;
    note->offset = offset;
    note->emitted = emitted;
}

#endif
