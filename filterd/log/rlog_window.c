/* SPDX-License-Identifier: MIT */
#include "rlog_window.h"

#include <errno.h>

/* ---------------------------------------------------------------- order
 * A heap sort: it needs no memory and has no bad case. */

static bool is_before(const struct rlog_window_item *a, const struct rlog_window_item *b)
{
	return a->block != b->block ? a->block < b->block : a->index < b->index;
}

static void sift(struct rlog_window_item *a, uint32_t root, uint32_t n)
{
	struct rlog_window_item x = a[root];

	for (;;) {
		uint32_t child = 2 * root + 1;

		if (child >= n)
			break;
		if (child + 1 < n && is_before(&a[child], &a[child + 1]))
			child++;
		if (!is_before(&x, &a[child]))
			break;
		a[root] = a[child];
		root = child;
	}
	a[root] = x;
}

static void sort(struct rlog_window_item *a, uint32_t n)
{
	for (uint32_t i = n / 2; i-- > 0;)
		sift(a, i, n);
	for (uint32_t i = n; i-- > 1;) {
		struct rlog_window_item x = a[0];

		a[0] = a[i];
		a[i] = x;
		sift(a, 0, i);
	}
}

/* ---------------------------------------------------------------- taking */

static void take_record(struct rlog_window *w, const uint8_t *header, uint32_t index,
			const struct rlog_record *h, uint32_t mask)
{
	uint32_t data = 0;
	struct rlog_extent x;

	for (uint32_t i = 0; i < h->extent_count; i++) {
		rlog_record_extent(header, i, &x);
		if (x.kind == SLUICE_RLOG_ZERO) {
			struct rlog_zero z = {x.block, x.block + x.block_count, index, x.may_unmap};

			rlog_zeros_insert(&w->zeros, &z);
			w->zero_blocks += x.block_count;
		}
		for (uint64_t k = 0; x.kind == SLUICE_RLOG_DATA && k < x.block_count; k++, data++)
			w->items[w->item_count++] = (struct rlog_window_item){
			    .block = x.block + k,
			    .index = index + 1 + data,
			    .crc = rlog_record_crc(header, w->block_bytes, data) ^ mask};
	}
	w->data_blocks += h->data_blocks;
	w->record_count++;
	w->end = (struct rlog_anchor){.v = w->end.v + 1 + h->data_blocks,
				      .seq = h->seq + 1,
				      .epoch = h->epoch,
				      .crc = h->crc};
}

/* Only the newest of each block, and none that was zeroed later. */
static void reduce(struct rlog_window *w)
{
	uint32_t kept = 0;

	sort(w->items, w->item_count);
	for (uint32_t i = 0; i < w->item_count; i++) {
		const struct rlog_window_item *x = &w->items[i];
		const struct rlog_zero *z;

		if (i + 1 < w->item_count && x[1].block == x->block)
			continue;
		z = rlog_zeros_at(&w->zeros, x->block);
		if (z && z->start <= x->block && z->pos > x->index)
			continue;
		w->items[kept++] = *x;
	}
	w->item_count = kept;
}

int rlog_window_take(struct rlog_window *w, const struct rlog_anchor *tail,
		     const struct rlog_window_limits *limits)
{
	uint32_t at = 0, extents = 0;
	struct rlog_record h;

	w->item_count = w->record_count = 0;
	w->zeros.count = 0;
	w->zeros.block_count = w->data_blocks = w->zero_blocks = 0;
	w->end = *tail;
	while (at < limits->blocks && w->end.seq <= limits->last_seq) {
		const uint8_t *p = w->mem + (uint64_t)at * w->block_bytes;

		if (!rlog_record_decode(p, w->block_bytes, limits->log_seed, &h) ||
		    h.seq != w->end.seq || h.epoch < w->end.epoch || h.epoch > limits->log_epoch ||
		    h.prev_crc != w->end.crc)
			return -EBADMSG;
		if (1u + h.data_blocks > limits->blocks - at)
			break;
		extents += h.extent_count;
		if (w->record_count && h.seq >= limits->must_seq &&
		    (w->data_blocks + h.data_blocks > limits->data_blocks ||
		     extents > limits->extents))
			break;
		if (!rlog_zeros_has_room(&w->zeros, h.extent_count))
			break;
		take_record(w, p, at, &h,
			    rlog_seed_mask(rlog_seed_record(limits->log_seed, h.epoch, h.seq),
					   w->block_bytes));
		at += 1u + h.data_blocks;
	}
	reduce(w);
	rlog_window_rewind(w);
	return 0;
}

/* ---------------------------------------------------------------- going through */

void rlog_window_rewind(struct rlog_window *w)
{
	w->next_item = w->next_zero = 0;
	w->zero_from = w->zeros.count ? w->zeros.items[0].start : 0;
}

/* What is left of the ZERO ranges begins at block or behind. */
static void zero_skip(struct rlog_window *w, uint64_t block)
{
	while (w->next_zero < w->zeros.count) {
		const struct rlog_zero *z = &w->zeros.items[w->next_zero];

		if (w->zero_from < z->start)
			w->zero_from = z->start;
		if (w->zero_from < block)
			w->zero_from = block;
		if (w->zero_from < z->end)
			return;
		w->next_zero++;
		w->zero_from = 0;
	}
}

bool rlog_window_next(struct rlog_window *w, uint32_t max_blocks, struct rlog_window_piece *piece)
{
	const struct rlog_window_item *x = &w->items[w->next_item];
	uint64_t data_at = w->next_item < w->item_count ? x->block : UINT64_MAX;
	uint32_t n = 1;

	zero_skip(w, w->zero_from);
	if (w->next_zero < w->zeros.count && w->zero_from < data_at) {
		const struct rlog_zero *z = &w->zeros.items[w->next_zero];
		uint64_t end = z->end < data_at ? z->end : data_at;

		*piece = (struct rlog_window_piece){.is_zero = true,
						    .may_unmap = z->may_unmap,
						    .block = w->zero_from,
						    .block_count = end - w->zero_from};
		zero_skip(w, end);
		return true;
	}
	if (data_at == UINT64_MAX)
		return false;
	*piece = (struct rlog_window_piece){.is_in_one = true, .block = data_at, .items = x};
	while (n < max_blocks && w->next_item + n < w->item_count && x[n].block == data_at + n) {
		if (x[n].index != x->index + n)
			piece->is_in_one = false;
		n++;
	}
	piece->block_count = n;
	w->next_item += n;
	zero_skip(w, data_at + n);
	return true;
}

void rlog_window_each(const struct rlog_window *w,
		      void (*fn)(void *ctx, uint64_t block, uint32_t index), void *ctx)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < w->record_count; i++) {
		const uint8_t *header = w->mem + (uint64_t)at * w->block_bytes;
		struct rlog_extent x;

		for (uint32_t k = 0, n = rlog_record_extents(header); k < n; k++) {
			rlog_record_extent(header, k, &x);
			for (uint64_t b = 0; x.kind == SLUICE_RLOG_DATA && b < x.block_count; b++)
				fn(ctx, x.block + b, ++at);
		}
		at++;
	}
}
