/* SPDX-License-Identifier: MIT */
/* events.c - /events: what happened, in order. Live ones come by /stream. Thread: main. */
#include "tables.h"

static int list(struct request *q, struct reply *r, struct err *err)
{
	return rest_list(q, r, &table_events, NULL, err);
}

const struct route events_routes[] = {
    {"GET", "/events", REST_VIEWER, 0, list, "event", rest_list_query},
    {.method = NULL},
};
