/* fleet.c: see fleet.h. */
#include "supervise/fleet.h"

#include <stdlib.h>

struct crew *fleet_find(const struct fleet *fleet, struct weir_str name)
{
    for (size_t i = 0; i < fleet->count; i++) {
        if (str_is(name, fleet->crews[i]->name))
            return fleet->crews[i];
    }
    return NULL;
}

struct crew *fleet_add(struct fleet *fleet, struct weir_str name)
{
    struct crew **more = realloc(fleet->crews, (fleet->count + 1) * sizeof(struct crew *));
    struct crew *crew = more ? crew_new(name) : NULL;

    if (more)
        fleet->crews = more;
    if (crew)
        fleet->crews[fleet->count++] = crew;
    return crew;
}

void fleet_prune(struct fleet *fleet)
{
    size_t kept = 0;

    for (size_t i = 0; i < fleet->count; i++) {
        struct crew *crew = fleet->crews[i];

        if (crew->phase == CREW_OVER && !snapshot_chain(fleet->newest.snapshot, str_of(crew->name)))
            crew_destroy(crew);
        else
            fleet->crews[kept++] = crew;
    }
    fleet->count = kept;
}

void fleet_fini(struct fleet *fleet)
{
    for (size_t i = 0; i < fleet->count; i++)
        crew_destroy(fleet->crews[i]);
    free(fleet->crews);
    edition_set(&fleet->newest, (struct edition){NULL, 0});
}
