/* SPDX-License-Identifier: MIT */
/*
 * ring_order.h - slots in command order, sorted in place without allocation (a heap sort: qsort()
 * may allocate, and a hostile client chooses the input).
 *
 * Thread: any.
 */
#ifndef FILTERD_RING_ORDER_H
#define FILTERD_RING_ORDER_H

#include <stdint.h>

struct ring_order_entry {
	uint64_t rank; /* sorted by this, then by cmd_seq */
	uint64_t cmd_seq;
	uint64_t word; /* the slot's state word when it was looked at */
	uint32_t slot;
};

void ring_order_sort(struct ring_order_entry *e, uint32_t count);

#endif
