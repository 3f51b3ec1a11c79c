/* SPDX-License-Identifier: MIT */
/*
 * events.h - the last 1000 things an administrator should know, numbered. They live in the mapping
 * that parent and child share, so a restart does not lose them.
 *
 * Thread: main of the child; the parent while there is no child.
 */
#ifndef FILTERD_EVENTS_H
#define FILTERD_EVENTS_H

#include <jansson.h>
#include <stdint.h>

#define EVENTS_MAX 1000u

struct event {
	uint64_t number; /* from 1 */
	uint64_t wall_ms;
	char datastore[81]; /* of what is about one */
	char volume[81];
	char filter[81];
	char kind[48];
	char text[384];
};

struct events {
	struct event ring[EVENTS_MAX];
	uint64_t count; /* ever */
};

/* Each name may be NULL or "": of none. */
void events_add(struct events *e, const char *datastore, const char *volume, const char *filter,
		const char *kind, const char *text);
/* Those with a number over after, oldest first. */
json_t *events_to_json(const struct events *e, uint64_t after);

#endif
