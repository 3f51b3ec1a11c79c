/* SPDX-License-Identifier: MIT */
#include "ring_order.h"

static void swap(struct ring_order_entry *a, struct ring_order_entry *b)
{
	struct ring_order_entry t = *a;

	*a = *b;
	*b = t;
}

static int is_less(const struct ring_order_entry *a, const struct ring_order_entry *b)
{
	return a->rank != b->rank ? a->rank < b->rank : a->cmd_seq < b->cmd_seq;
}

/* Restores the heap's order (parent not below its children) under root. */
static void sift_down(struct ring_order_entry *e, uint32_t root, uint32_t count)
{
	for (;;) {
		uint32_t child = 2 * root + 1;

		if (child >= count)
			return;
		if (child + 1 < count && is_less(&e[child], &e[child + 1]))
			child++;
		if (!is_less(&e[root], &e[child]))
			return;
		swap(&e[root], &e[child]);
		root = child;
	}
}

void ring_order_sort(struct ring_order_entry *e, uint32_t count)
{
	for (uint32_t i = count / 2; i-- > 0;)
		sift_down(e, i, count);
	for (uint32_t end = count; end-- > 1;) {
		swap(&e[0], &e[end]);
		sift_down(e, 0, end);
	}
}
