/* SPDX-License-Identifier: MIT */
/*
 * rlog_read.c - reads of blocks that the log holds.
 *
 * Where they are and what their sums are is taken from the map at the call, and the place is pinned
 * until the read has ended: whatever is appended, destaged or trimmed meanwhile, nobody writes
 * there. Each block is checked (W11). Reads stand in a list in the order of their start, each with
 * the tail as it was then; so the first one's is the oldest block that must stay.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "rlog_crc.h"
#include "rlog_int.h"

struct rlog_read_slot {
	struct list_node node;
	struct rlog_ring_io ring;
	struct rlog_wait wait; /* a refusal */
	struct sluice_rlog_read *r;
	uint64_t pin_v;
	uint32_t pos;
	uint32_t crcs[];
};

uint64_t rlog_read_pinned_v(const struct sluice_rlog *log)
{
	const struct list_node *n = log->reads.next;

	return n == &log->reads ? UINT64_MAX : list_entry(n, struct rlog_read_slot, node)->pin_v;
}

/* The pool grows to what is needed at once and stays there. */
static struct rlog_read_slot *slot_get(struct sluice_rlog *log)
{
	struct list_node *n = list_pop_front(&log->free_reads);

	if (n)
		return list_entry(n, struct rlog_read_slot, node);
	return malloc(sizeof(struct rlog_read_slot) + log->record_blocks * sizeof(uint32_t));
}

static void slot_end(struct sluice_rlog *log, struct rlog_read_slot *s, int result)
{
	struct sluice_rlog_read *r = s->r;

	list_del(&s->node);
	list_push_front(&log->free_reads, &s->node);
	r->result = result;
	log->calling++;
	r->fn(r);
	log->calling--;
	rlog_append_pump(log);
	rlog_open_check_close(log);
}

static int unseal(const struct sluice_rlog *log, const struct rlog_read_slot *s)
{
	const struct sluice_rlog_seal *seal = log->cfg.seal;
	uint8_t *p = s->r->buf;
	int rc = 0;

	for (uint32_t i = 0; seal && i < s->r->block_count && !rc; i++)
		rc = seal->open(seal->ctx, s->r->block + i, s->pos + i,
				p + (uint64_t)i * log->geo.block_bytes);
	return rc ? -EBADMSG : 0;
}

static void read_done(struct rlog_ring_io *ring)
{
	struct rlog_read_slot *s = ring->ctx;
	struct sluice_rlog *log = ring->log;
	const uint8_t *p = s->r->buf;
	int result = ring->result;

	for (uint64_t i = 0; i < s->r->block_count && !result && !RLOG_MUTATE(READ_NOT_CHECKED);
	     i++)
		if (rlog_crc(0, p + i * log->geo.block_bytes, log->geo.block_bytes) != s->crcs[i])
			result = -EBADMSG;
	slot_end(log, s, result ? result : unseal(log, s));
}

static void refused(struct rlog_wait *w, int result)
{
	struct sluice_rlog_read *r =
	    (struct sluice_rlog_read *)((char *)w - offsetof(struct sluice_rlog_read, host));

	r->result = result;
	r->fn(r);
}

/* False: these are not blocks side by side in one record. */
static bool take_sums(struct sluice_rlog *log, const struct sluice_rlog_read *r,
		      struct rlog_read_slot *s, uint32_t *pos)
{
	const struct rlog_slot *slot = rlog_map_find(&log->map, r->block);

	if (!slot || r->block_count == 0 || r->block_count > log->record_blocks)
		return false;
	*pos = slot->place - 1;
	for (uint64_t i = 0; i < r->block_count; i++) {
		slot = rlog_map_find(&log->map, r->block + i);
		if (!slot || slot->place - 1 != *pos + i)
			return false;
		s->crcs[i] = slot->crc;
	}
	return true;
}

void sluice_rlog_read(struct sluice_rlog *log, struct sluice_rlog_read *r)
{
	struct rlog_wait *w = (struct rlog_wait *)r->host;
	struct rlog_read_slot *s = slot_get(log);
	uint32_t pos = 0;

	_Static_assert(sizeof(struct rlog_wait) <= sizeof(r->host), "fits");
	if (!s || !take_sums(log, r, s, &pos)) {
		w->fn = refused;
		rlog_fail_later(log, w, s ? -EINVAL : -ENOMEM);
		if (s)
			list_push_front(&log->free_reads, &s->node);
		return;
	}
	s->r = r;
	s->pin_v = log->tail.v;
	s->pos = pos;
	list_push_back(&log->reads, &s->node);
	s->ring.fn = read_done;
	s->ring.ctx = s;
	s->ring.log = log;
	rlog_ring_submit(&s->ring, ENV_IO_READ, rlog_ring_v(log, pos), (uint32_t)r->block_count,
			 r->buf);
}

void sluice_rlog_lookup(const struct sluice_rlog *log, uint64_t block, uint64_t max_blocks,
			struct sluice_rlog_run *run)
{
	struct rlog_map_run found;

	rlog_map_run(&log->map, block, max_blocks, &found);
	run->what = found.what;
	run->block_count = found.block_count;
	if (found.what == SLUICE_RLOG_HAS_DATA && found.block_count > log->record_blocks)
		run->block_count = log->record_blocks;
}

void rlog_read_fini(struct sluice_rlog *log)
{
	struct list_node *n;

	while ((n = list_pop_front(&log->reads)))
		list_push_back(&log->free_reads, n);
	while ((n = list_pop_front(&log->free_reads)))
		free(list_entry(n, struct rlog_read_slot, node));
}
