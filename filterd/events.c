/* SPDX-License-Identifier: MIT */
#include "events.h"

#include <stdio.h>

#include "clock.h"

void events_add(struct events *e, const char *datastore, const char *volume, const char *filter,
		const char *kind, const char *text)
{
	struct event *ev = &e->ring[e->count % EVENTS_MAX];

	ev->number = e->count + 1;
	ev->wall_ms = clock_wall_ms();
	snprintf(ev->datastore, sizeof(ev->datastore), "%s", datastore ? datastore : "");
	snprintf(ev->volume, sizeof(ev->volume), "%s", volume ? volume : "");
	snprintf(ev->filter, sizeof(ev->filter), "%s", filter ? filter : "");
	snprintf(ev->kind, sizeof(ev->kind), "%s", kind);
	snprintf(ev->text, sizeof(ev->text), "%s", text);
	e->count++; /* last: a writer that is killed leaves no half event */
}

json_t *events_to_json(const struct events *e, uint64_t after)
{
	uint64_t first = e->count > EVENTS_MAX ? e->count - EVENTS_MAX : 0;
	json_t *a = json_array();

	for (uint64_t i = after > first ? after : first; i < e->count; i++) {
		const struct event *ev = &e->ring[i % EVENTS_MAX];

		/* A filter's text may hold any bytes: what is not UTF-8 becomes null. */
		json_array_append_new(
		    a, json_pack("{s:I, s:I, s:s, s:s, s:s, s:s, s:o}", "number",
				 (json_int_t)ev->number, "wall_ms", (json_int_t)ev->wall_ms,
				 "datastore", ev->datastore, "volume", ev->volume, "filter",
				 ev->filter, "kind", ev->kind, "text",
				 json_string(ev->text) ?: json_string("(not UTF-8)")));
	}
	return a;
}
