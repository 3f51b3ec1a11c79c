/* SPDX-License-Identifier: MIT */
/* events.h - what is to happen when; at the same time, in the order in which it was said. */
#ifndef SIM_IO_CONTROL_EVENTS_H
#define SIM_IO_CONTROL_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

enum event_kind {
	EVENT_DONE,
	EVENT_OUTSIDE,
	EVENT_ARRIVAL,
	EVENT_START,
	EVENT_STOP,
	EVENT_TICK,
	EVENT_WAKE
};

struct event {
	uint64_t at_ns, order;
	enum event_kind kind;
	void *what;
};

struct events {
	struct event *heap;
	uint32_t count, space;
	uint64_t order;
};

void events_put(struct events *e, uint64_t at_ns, enum event_kind kind, void *what);
/* False: there is none before until_ns. */
bool events_take(struct events *e, uint64_t until_ns, struct event *out);
void events_free(struct events *e);

#endif
