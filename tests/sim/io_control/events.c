// SPDX-License-Identifier: MIT
// events.c - see events.h. A binary heap.
#include <assert.h>
#include <stdlib.h>

#include "events.h"

static bool is_before(const struct event *a, const struct event *b)
{
	return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

void events_put(struct events *e, uint64_t at_ns, enum event_kind kind, void *what)
{
	struct event new = {.at_ns = at_ns, .order = e->order++, .kind = kind, .what = what};
	uint32_t i = e->count++;

	if (i == e->space) {
		e->space = e->space ? e->space * 2 : 256;
		e->heap = realloc(e->heap, e->space * sizeof(*e->heap));
		assert(e->heap);
	}
	while (i > 0 && is_before(&new, &e->heap[(i - 1) / 2])) {
		e->heap[i] = e->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	e->heap[i] = new;
}

bool events_take(struct events *e, uint64_t until_ns, struct event *out)
{
	struct event last;
	uint32_t i = 0;

	if (e->count == 0 || e->heap[0].at_ns >= until_ns)
		return false;
	*out = e->heap[0];
	last = e->heap[--e->count];
	for (;;) {
		uint32_t child = 2 * i + 1;

		if (child >= e->count)
			break;
		if (child + 1 < e->count && is_before(&e->heap[child + 1], &e->heap[child]))
			child++;
		if (!is_before(&e->heap[child], &last))
			break;
		e->heap[i] = e->heap[child];
		i = child;
	}
	e->heap[i] = last;
	return true;
}

void events_free(struct events *e)
{
	free(e->heap);
	e->heap = NULL;
}
