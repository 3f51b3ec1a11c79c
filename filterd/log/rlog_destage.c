/* SPDX-License-Identifier: MIT */
/*
 * rlog_destage.c - one window on its way to the sink:
 *
 *   flush the log if nothing is durable -> read the window -> reduce it (rlog_window.c)
 *   -> [journal] -> sink, ascending -> flush the sink -> map and tail -> superblock -> told
 *
 * Only durable records go (W4). The tail moves after the sink's flush and not before (W3), and
 * space is free again when the superblock with the new tail is durable (W2, rlog_super.c). On any
 * error the window stays as it is.
 */
#include "rlog_destage.h"

#include <errno.h>
#include <stdlib.h>

#define WINDOW_BLOCKS 1024u

static struct rlog_destager *destager_of(struct rlog_wait *w)
{
	return (struct rlog_destager *)((char *)w - offsetof(struct rlog_destager, wait));
}

/* ---------------------------------------------------------------- memory */

static uint64_t up(uint64_t bytes)
{
	return (bytes + RLOG_MEM_ALIGN - 1) / RLOG_MEM_ALIGN * RLOG_MEM_ALIGN;
}

static uint32_t min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

int rlog_destager_get(struct sluice_rlog *log, struct rlog_destager **out)
{
	uint32_t bytes = log->geo.block_bytes, room = rlog_record_room(bytes);
	uint32_t blocks = min_u32(log->geo.log_blocks, WINDOW_BLOCKS + room / RLOG_DATA_CRC_BYTES);
	uint32_t slots = min_u32(log->geo.log_blocks, RLOG_SINK_IOS);
	uint32_t zeros = 8 * (room / RLOG_EXTENT_BYTES);
	uint64_t gather = (uint64_t)RLOG_GATHER_BLOCKS * bytes, at = 0;
	struct rlog_destager *x = log->destager;
	uint8_t *mem;

	*out = x;
	if (x)
		return 0;
	x = malloc(sizeof(*x));
	if (!x)
		return -ENOMEM;
	mem = aligned_alloc(RLOG_MEM_ALIGN,
			    up((uint64_t)blocks * bytes) + up(slots * gather) +
				up((uint64_t)blocks * sizeof(struct rlog_window_item)) +
				up((uint64_t)zeros * sizeof(struct rlog_zero)));
	if (!mem) {
		free(x);
		return -ENOMEM;
	}
	*x = (struct rlog_destager){.log = log, .mem = mem, .slot_count = slots};
	list_init(&x->free_slots);
	x->ring.log = log;
	x->w = (struct rlog_window){.mem = mem, .block_bytes = bytes, .mem_blocks = blocks};
	at = up((uint64_t)blocks * bytes);
	for (uint32_t i = 0; i < slots; i++) {
		x->slots[i].of = x;
		x->slots[i].gather = mem + at + i * gather;
		list_push_back(&x->free_slots, &x->slots[i].node);
	}
	at += up(slots * gather);
	x->w.items = (struct rlog_window_item *)(mem + at);
	at += up((uint64_t)blocks * sizeof(struct rlog_window_item));
	x->w.zeros.items = (struct rlog_zero *)(mem + at);
	x->w.zeros.capacity = zeros;
	log->destager = *out = x;
	return 0;
}

void rlog_destage_fini(struct sluice_rlog *log)
{
	if (!log->destager)
		return;
	free(log->destager->mem);
	free(log->destager);
}

/* ---------------------------------------------------------------- the end */

static void answered(struct rlog_wait *w, int result)
{
	struct sluice_rlog_destage *d =
	    (struct sluice_rlog_destage *)((char *)w - offsetof(struct sluice_rlog_destage, host));

	d->result = result;
	d->fn(d);
}

void rlog_destage_end(struct rlog_destager *x, int result)
{
	struct sluice_rlog *log = x->log;
	struct rlog_wait *w = (struct rlog_wait *)x->d->host;

	w->fn = answered;
	log->is_destaging = false;
	rlog_fail_later(log, w, result);
	rlog_append_pump(log);
	rlog_drop_pump(log);
}

/* ---------------------------------------------------------------- the tail moves */

static void forget(void *ctx, uint64_t block, uint32_t index)
{
	struct sluice_rlog *log = ctx;

	rlog_map_forget(&log->map, block, rlog_ring_pos(log, log->tail.v + index));
}

static void superblock_durable(struct rlog_wait *w, int result)
{
	struct rlog_destager *x = destager_of(w);

	if (result || !x->is_replay)
		rlog_destage_end(x, result);
	else
		rlog_journal_replayed(x);
}

void rlog_destage_pump(struct sluice_rlog *log)
{
	struct rlog_destager *x = log->destager;

	if (!x || !x->is_trim_due || log->map.is_frozen)
		return;
	x->is_trim_due = false;
	if (log->is_failed) {
		rlog_destage_end(x, -EIO);
		return;
	}
	log->n.windows++;
	log->n.destaged_blocks += x->d->written_blocks;
	log->n.coalesced_blocks +=
	    x->w.data_blocks > x->w.item_count ? x->w.data_blocks - x->w.item_count : 0;
	rlog_window_each(&x->w, forget, log);
	log->zeros_gone += log->map.zeros.count;
	rlog_map_set_tail(&log->map, rlog_ring_pos(log, x->w.end.v));
	log->zeros_gone -= log->map.zeros.count;
	log->tail = x->w.end;
	rlog_stats_trimmed(log);
	x->wait.fn = superblock_durable;
	rlog_super_write(log, &x->wait);
}

void rlog_destage_trim(struct rlog_destager *x)
{
	x->is_trim_due = true;
	rlog_destage_pump(x->log);
}

/* ---------------------------------------------------------------- to the sink */

static void sink_flushed(struct rlog_destager *x)
{
	if (x->result)
		rlog_destage_end(x, x->result);
	else if (x->sink.journal)
		rlog_journal_drop(x);
	else
		rlog_destage_trim(x);
}

static void sink_written(struct rlog_destager *x)
{
	if (x->result)
		rlog_destage_end(x, x->result);
	else if (RLOG_MUTATE(TAIL_BEFORE_SINK_FLUSH))
		rlog_destage_trim(x);
	else
		rlog_sink_flush(x, sink_flushed);
}

static void to_sink(struct rlog_destager *x)
{
	rlog_sink_send(x, false, sink_written);
}

static void window_read(struct rlog_ring_io *ring)
{
	struct rlog_destager *x = ring->ctx;
	struct sluice_rlog *log = x->log;
	struct rlog_window_limits limits = {.blocks = (uint32_t)(x->w.end.v - log->tail.v),
					    .last_seq = x->last_seq,
					    .data_blocks = x->max_bytes / log->geo.block_bytes,
					    .extents = UINT32_MAX,
					    .log_seed = log->log_seed,
					    .log_epoch = log->epoch};
	int rc = ring->result;

	if (x->sink.journal) {
		uint64_t room = rlog_journal_room(x->sink.journal);

		limits.must_seq = rlog_journal_must_seq(log, x->sink.journal);
		limits.extents = room < UINT32_MAX ? (uint32_t)room : UINT32_MAX;
		limits.data_blocks = room < limits.data_blocks ? room : limits.data_blocks;
	}
	rc = rc ? rc : rlog_window_take(&x->w, &log->tail, &limits);
	if (rc) {
		rlog_destage_end(x, rc);
		return;
	}
	x->d->window_blocks += x->w.data_blocks + x->w.zero_blocks;
	x->d->written_blocks += x->w.item_count + x->w.zeros.block_count;
	if (x->w.data_blocks + x->w.zero_blocks == 0)
		rlog_destage_trim(x);
	else if (x->sink.journal && !rlog_journal_fits(x->sink.journal, &x->w))
		rlog_destage_end(x, -ENOSPC);
	else if (x->sink.journal)
		rlog_sink_send(x, true, rlog_journal_begin);
	else
		to_sink(x);
}

static void log_flushed(struct rlog_wait *w, int result)
{
	if (result)
		rlog_destage_end(destager_of(w), result);
	else
		rlog_destage_window(destager_of(w));
}

static uint64_t last_seq_of(const struct rlog_destager *x)
{
	const struct sluice_rlog *log = x->log;
	uint64_t seq = RLOG_MUTATE(DESTAGE_NOT_DURABLE) ? log->written_seq : log->durable_seq;

	return x->d->last_seq && x->d->last_seq < seq ? x->d->last_seq : seq;
}

void rlog_destage_window(struct rlog_destager *x)
{
	struct sluice_rlog *log = x->log;
	uint64_t to_v = RLOG_MUTATE(DESTAGE_NOT_DURABLE) ? log->written_v : log->durable_v;
	uint64_t want = 2 * (x->max_bytes / log->geo.block_bytes) + 1 +
			rlog_record_room(log->geo.block_bytes) / RLOG_DATA_CRC_BYTES;
	uint64_t blocks = to_v - log->tail.v;

	if (x->d->last_seq && x->d->last_seq < log->tail.seq && !x->is_replay) {
		rlog_destage_end(x, -EAGAIN);
		return;
	}
	if (to_v <= log->tail.v) {
		x->wait.fn = log_flushed;
		if (log->written_v > log->tail.v)
			rlog_commit_sync(log, &x->wait);
		else
			rlog_destage_end(x, -EAGAIN);
		return;
	}
	if (x->sink.journal && rlog_journal_must_seq(log, x->sink.journal) > log->tail.seq)
		want = UINT64_MAX;
	blocks = blocks < want ? blocks : want;
	blocks = blocks < x->w.mem_blocks ? blocks : x->w.mem_blocks;
	if (!x->is_replay)
		x->last_seq = last_seq_of(x);
	x->result = 0;
	x->w.end.v = log->tail.v + blocks;
	x->ring.fn = window_read;
	x->ring.ctx = x;
	rlog_ring_submit(&x->ring, ENV_IO_READ, log->tail.v, (uint32_t)blocks, x->w.mem);
}

void sluice_rlog_destage(struct sluice_rlog *log, const struct sluice_rlog_sink *sink,
			 struct sluice_rlog_destage *d)
{
	struct rlog_wait *w = (struct rlog_wait *)d->host;
	struct rlog_destager *x = NULL;
	int rc = log->is_failed || !log->is_ready        ? -EIO
		 : log->is_closing                       ? -ECANCELED
		 : log->is_destaging || log->is_dropping ? -EBUSY
							 : rlog_destager_get(log, &x);

	_Static_assert(sizeof(struct rlog_wait) <= sizeof(d->host), "fits");
	d->window_blocks = d->written_blocks = 0;
	if (rc) {
		w->fn = answered;
		rlog_fail_later(log, w, rc);
		return;
	}
	log->is_destaging = true;
	x->sink = *sink;
	x->d = d;
	x->is_replay = false;
	x->max_bytes = d->max_bytes;
	x->sink_phase = to_sink;
	if (x->sink.journal)
		rlog_journal_clear(x);
	else
		rlog_destage_window(x);
}
