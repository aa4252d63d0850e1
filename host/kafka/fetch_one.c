/* fetch_one.c: see fetch_one.h. */
#include "kafka/fetch_one.h"

#include <stdlib.h>

#define READ_OVER 500 /* records: about what a new look costs */

void fetch_one_fini(struct fetch_one *f)
{
    free(f->topic);
    f->topic = NULL;
}

static enum fetched know_topic(struct fetch_one *f, const char *topic)
{
    enum look look;

    if (f->topic && strcmp(f->topic, topic) == 0 && f->partitions > 0)
        return FETCHED;
    fetch_one_fini(f);
    f->next = -1;
    f->topic = str_dup(str_of(topic));
    look = f->topic ? lookup_partitions(f->lookup, topic, &f->partitions) : LOOK_BAD;
    if (look == LOOK_ABSENT)
        return FETCH_NO_TOPIC;
    return look == LOOK_GOOD ? FETCHED : FETCH_FAILED;
}

/** Begins to read at offset, if it can be there. */
static enum fetched seek(struct fetch_one *f, int32_t partition, int64_t offset)
{
    int64_t high;

    f->next = -1;
    f->partition = partition;
    if (lookup_range(f->lookup, f->topic, partition, &f->low, &high) != LOOK_GOOD)
        return FETCH_FAILED;
    if (offset < f->low)
        return FETCH_RETENTION;
    if (offset >= high)
        return FETCH_BEYOND;
    if (!lookup_at(f->lookup, f->topic, partition, offset))
        return FETCH_FAILED;
    f->next = offset;
    return FETCHED;
}

/** Why reading has not come upon it: retention may have taken it since the seek. */
static enum fetched missed(struct fetch_one *f, int64_t offset)
{
    int64_t high;

    if (lookup_range(f->lookup, f->topic, f->partition, &f->low, &high) != LOOK_GOOD)
        return FETCH_FAILED;
    return offset < f->low ? FETCH_RETENTION : offset >= high ? FETCH_BEYOND : FETCH_NOTHING;
}

static enum fetched read_to(struct fetch_one *f, int64_t offset, struct record *record)
{
    enum lookup_found found;

    do {
        found = lookup_next(f->lookup, record);
    } while (found == LOOKUP_RECORD && record->offset < offset);
    f->next = -1;
    if (found == LOOKUP_FAILED)
        return FETCH_FAILED;
    if (found != LOOKUP_RECORD || record->offset > offset)
        return missed(f, offset);
    f->next = offset + 1;
    return FETCHED;
}

enum fetched fetch_one(struct fetch_one *f, const char *topic, int32_t partition, int64_t offset,
                       struct record *record)
{
    enum fetched fetched = know_topic(f, topic);

    if (fetched != FETCHED)
        return fetched;
    if (partition < 0 || partition >= f->partitions)
        return FETCH_NO_PARTITION;
    if (f->next < 0 || partition != f->partition || offset < f->next || offset - f->next > READ_OVER)
        fetched = seek(f, partition, offset);
    return fetched == FETCHED ? read_to(f, offset, record) : fetched;
}
