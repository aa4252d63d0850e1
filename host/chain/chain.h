/* chain.h: one generation of a chain: its stages, made from the configuration, and the walk of every record.
 *
 * Thread: chain_new() and chain_destroy() where you like, the rest on the one thread that runs the task.
 */
#ifndef WEIR_CHAIN_CHAIN_H
#define WEIR_CHAIN_CHAIN_H

#include "chain/io.h"

struct buf;
struct chain;
struct config_chain;
struct config;
struct diag;
struct loader; /* chain/loader.h */
struct note;   /* chain/note.h */
struct saved_state;

/** Loads the plugins, fills their options, creates the stages, checks every path. Errors and warnings go to
 *  diag with file and line. NULL where there was an error. config must outlive the chain. */
struct chain *chain_new(const struct config *config, const struct config_chain *conf, struct loader *loader,
                        struct diag *diag);
void chain_destroy(struct chain *chain);

/** The topics that its sinks send to. Owns: the chain. The world opens them before the first record. */
struct weir_topic *const *chain_topics(const struct chain *chain, size_t *count);

/** Connects the chain to its world. Before anything below. io is copied. */
void chain_attach(struct chain *chain, const struct chain_io *io);

/** Where it notes its calls of plugins from now on; NULL: nowhere that others can see, as at first. Must
 * outlive the chain, which notes the end of each stage, too. generation: its own, which a note that it shares
 * with its predecessor has during chain_restore(). Not from within a call. */
void chain_note(struct chain *chain, struct note *note, uint64_t generation);

/** True where it takes a record now: not stopped, nothing waits for a retry. */
bool chain_ready(const struct chain *chain);

/** Sends one record on its way. False: no memory; the chain is then stopped. */
bool chain_take(struct chain *chain, const struct record *record);

/** That chain_sent() will soon be called for it: fetches its envelope into the processor's cache. */
void chain_expect(const struct send *send);
/** A little later, when the envelope has come: fetches the record. */
void chain_expect_record(const struct send *send);

/** Says what became of a send. why: a phrase for people, for anything but SEND_OK. */
void chain_sent(struct chain *chain, struct send *send, enum send_result result, const char *why);

/** Runs the timers and retries that are due. Returns milliseconds until the next one is, -1 for none. */
int64_t chain_tick(struct chain *chain);

/** Makes every sink send what it holds. */
void chain_flush(struct chain *chain);

/** Forgets every envelope under way, as if none had been taken: no stage sees it again, and nothing is said
 * to be done. Before it, every send that is not answered is answered with SEND_DROPPED. What stages counted
 * stays counted: see chain_restore(). */
void chain_abandon(struct chain *chain);

/** Envelopes under way, emitted ones included; and their bytes of payload. */
size_t chain_in_flight(const struct chain *chain);
size_t chain_in_flight_bytes(const struct chain *chain);

/** Why the chain stopped, NULL while it runs. A stopped chain takes nothing and calls no stage. */
const char *chain_stopped(const struct chain *chain);

/** Saves the state of every stage that keeps any. NULL: a stage failed, or no memory, and why says so.
 *  Owns: the caller, until saved_state_destroy(). */
struct saved_state *chain_save(struct chain *chain, const char **why);

/** Gives each stage what the stage of the same name and plugin saved, in place of what it has. False: one
 * refused it, and why says which. */
bool chain_restore(struct chain *chain, const struct saved_state *state, const char **why);
void saved_state_destroy(struct saved_state *state);

/** As bytes, for another process of the same program. False: no memory. */
bool saved_state_write(const struct saved_state *state, struct buf *to);
/** NULL: the bytes are not what saved_state_write() made, or no memory. Owns: as chain_save(). */
struct saved_state *saved_state_read(struct weir_str bytes);

/** Counters for people and programs, stage by stage, `parse` among them where it stands. The names are
 * stable; the slices live as long as the chain. Returns how many there are, and fills in at most room. */
struct chain_count {
    struct weir_str stage, name; /* name: passed, rejected, dropped, failed, retried, or a plugin's own */
    uint64_t n;
};
size_t chain_counts(const struct chain *chain, struct chain_count *out, size_t room);

struct weir_str chain_name(const struct chain *chain);

/** True where the stages of both run the same code: the plugins' files have the same bytes. */
bool chain_same_plugins(const struct chain *a, const struct chain *b);

/** What its stages run: a line "STAGE VERSION" each. */
void chain_versions(const struct chain *chain, struct buf *to);

#endif
