/* status_view.h: the answer to `weir status` as a table for a person. */
#ifndef WEIR_CLI_STATUS_VIEW_H
#define WEIR_CLI_STATUS_VIEW_H

#include "base/buf.h"

struct json_object;

/** status: as in supervise/status.h. What is missing in it shows as "-". */
void status_view_add(struct buf *out, struct json_object *status, bool colour);

#endif
