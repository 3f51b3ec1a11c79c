/* SPDX-License-Identifier: MIT */
/*
 * resync_slot.c - one range of a resync or verify on its way.
 *
 *   suspect --ASK--> digests here and there --what differs--> EXTENT, READ --> SEND --> next or end
 *   dirty   ------------------------------------------------> EXTENT, READ --> SEND --> end
 *
 * Several slots are under way at once, over ranges that do not overlap. What is read is in the
 * stream before the next window begins (window.c). Changes that were on their way to the volume
 * when a slot came to their place land first: their bit, or their window, may be gone already, and
 * nothing else would bring them to the peer. Later ones are in the journal, or have set their bit
 * again.
 */
#include <string.h>

#include "group_int.h"
#include "repl_mutate.h"

#define RETRY_NS     2000000ull /* no buffer, or a change has to land first */
#define VERIFY_TRIES 3u         /* more, of digests that one side could not make */

static uint32_t block_of(const struct resync_slot *s)
{
	return (uint32_t)s->g->bits[s->member].block_bytes;
}

/* The connection or the pass that it worked for has gone. */
static bool is_stale(const struct resync_slot *s)
{
	return s->pass != s->g->resync.pass;
}

static bool is_landing(const struct resync_slot *s, uint64_t at_bytes, uint64_t len_bytes)
{
	struct repl_range r = {.member = s->member,
			       .offset_bytes = s->offset_bytes + at_bytes,
			       .len_bytes = len_bytes};

	return gate_is_landing(s->g, s->lsn, &r);
}

static void retry(struct resync_slot *s, void (*fn)(struct repl_timer *t))
{
	struct repl_group *g = s->g;

	s->retry.fn = fn;
	s->retry.ctx = s;
	g->host.ops->timer_set(g->host.ctx, &s->retry, group_now_ns(g) + RETRY_NS);
}

static void buf_free(struct resync_slot *s)
{
	if (s->buf)
		s->g->host.ops->buf_put(s->g->host.ctx, s->buf, s->buf_bytes);
	s->buf = NULL;
}

static void reading_set(struct resync_slot *s, bool is_on)
{
	if (s->is_reading == is_on)
		return;
	s->is_reading = is_on;
	if (!REPL_MUTATE(WINDOW_OVER_READ))
		s->g->resync.reading += is_on ? 1 : -1u;
}

static bool is_verify(const struct resync_slot *s)
{
	return s->g->resync.what == RESYNC_VERIFY;
}

static uint32_t count_different(const struct resync_slot *s, uint64_t from_bytes);

static void end(struct resync_slot *s, bool is_ok)
{
	bool was_stale = is_stale(s);

	if (s->is_repairing && !is_ok)
		s->g->resync.repaired_blocks -= count_different(s, s->at_bytes);
	s->is_repairing = false;
	buf_free(s);
	reading_set(s, false);
	s->step = SLOT_FREE;
	if (!was_stale)
		resync_slot_ended(s, is_ok);
	else
		resync_pump(s->g);
}

/* ---------------------------------------------------------------- send */

static uint8_t frame_type(const struct resync_slot *s)
{
	if (s->g->resync.what == RESYNC_CATCH_UP)
		return s->is_zero ? REPL_RS_ZERO : REPL_RS_DATA;
	return s->is_zero ? REPL_ZERO : REPL_WRITE;
}

static void next_difference(struct resync_slot *s);

static void sent(struct resync_slot *s)
{
	struct resync *rs = &s->g->resync;

	rs->sent_bytes += s->is_zero ? 0 : s->part_bytes;
	rs->since_flush_bytes += s->part_bytes;
	if (rs->what != RESYNC_CATCH_UP)
		rs->repairs_out++;
	buf_free(s);
	reading_set(s, false);
	s->at_bytes += s->part_bytes;
	next_difference(s);
}

static void overtaken(struct resync_slot *s)
{
	if (!is_verify(s)) {
		end(s, false); /* once more */
		return;
	}
	buf_free(s);
	reading_set(s, false);
	next_difference(s); /* without what is on its way now */
}

static void send(struct resync_slot *s)
{
	struct repl_group *g = s->g;
	struct repl_header h;
	uint64_t bytes = s->is_zero ? 0 : s->part_bytes;

	s->step = SLOT_SEND;
	if (is_verify(s) ? verify_is_overtaken(s)
			 : s->is_disturbed && g->resync.what == RESYNC_HOT) {
		overtaken(s);
		return;
	}
	if (!bulk_may_send(g, bytes))
		return;
	frame_begin(&h, (enum repl_type)frame_type(s), g->node->record.term,
		    g->resync.what == RESYNC_CATCH_UP ? g->resync.id
						      : REPAIR_TAG | ++g->resync.tag);
	frame_set_range(&h, s->member, s->offset_bytes + s->at_bytes, s->part_bytes);
	if (s->is_zero)
		h.flags |= REPL_MAY_UNMAP;
	if (bulk_send(g, &h, s->buf, bytes) < 0)
		end(s, false);
	else
		sent(s);
}

/* ---------------------------------------------------------------- read */

static void read_done(struct repl_own *o)
{
	struct resync_slot *s = o->ctx;

	if (is_stale(s) || o->status != SLUICE_OK)
		end(s, false);
	else
		send(s);
}

static void own_go(struct resync_slot *s, uint8_t op, void (*fn)(struct repl_own *o))
{
	struct repl_group *g = s->g;

	s->own = (struct repl_own){.op = op,
				   .member = s->member,
				   .offset_bytes = s->offset_bytes + s->at_bytes,
				   .len_bytes = s->part_bytes,
				   .buf = s->buf,
				   .fn = fn,
				   .ctx = s};
	if (g->resync.what == RESYNC_HOT)
		s->own.flags = SLUICE_IO_URGENT;
	g->host.ops->own_submit(g->host.ctx, &s->own);
}

static void read_go(struct resync_slot *s);

static void read_again(struct repl_timer *t)
{
	read_go(t->ctx);
}

static void read_go(struct resync_slot *s)
{
	struct repl_group *g = s->g;

	if (is_stale(s)) {
		end(s, false);
		return;
	}
	s->buf_bytes = s->part_bytes;
	s->buf = g->host.ops->buf_get(g->host.ctx, s->buf_bytes);
	if (!s->buf) {
		retry(s, read_again);
		return;
	}
	own_go(s, SLUICE_OP_READ, read_done);
}

static void extent_done(struct repl_own *o)
{
	struct resync_slot *s = o->ctx;
	uint32_t unit = REPL_UNIT_BYTES;

	if (is_stale(s)) {
		end(s, false);
		return;
	}
	s->is_zero = false;
	if (o->status == SLUICE_OK && o->extent_bytes > 0) {
		bool is_all = o->extent_bytes >= s->part_bytes;
		uint64_t whole = is_all ? s->part_bytes : o->extent_bytes / unit * unit;

		s->is_zero = o->extent_is_hole && whole > 0;
		if (whole > 0)
			s->part_bytes = whole;
	}
	if (s->is_zero)
		send(s);
	else
		read_go(s);
}

static void part_begin(struct resync_slot *s);

static void part_again(struct repl_timer *t)
{
	part_begin(t->ctx);
}

static void part_begin(struct resync_slot *s)
{
	if (is_stale(s))
		end(s, false);
	else if (is_landing(s, s->at_bytes, s->part_bytes))
		retry(s, part_again);
	else
		own_go(s, SLUICE_OP_EXTENT, extent_done);
}

static void part_go(struct resync_slot *s, uint64_t len)
{
	s->step = SLOT_READ;
	s->part_bytes = len < RESYNC_READ_BYTES ? len : RESYNC_READ_BYTES;
	s->lsn = s->g->head_lsn;
	reading_set(s, true);
	part_begin(s);
}

/* ---------------------------------------------------------------- compare */

static bool differs(const struct resync_slot *s, uint64_t at)
{
	uint64_t i = at / block_of(s);

	if (!s->is_suspect)
		return true;
	if (is_verify(s) && verify_is_on_way(s, i))
		return false;
	return memcmp(&s->ours[i], &s->theirs[i], sizeof(s->ours[i])) != 0;
}

static uint32_t count_different(const struct resync_slot *s, uint64_t from_bytes)
{
	uint32_t n = 0;

	for (uint64_t at = from_bytes; at < s->len_bytes; at += block_of(s) - at % block_of(s))
		n += differs(s, at);
	return n;
}

static void next_difference(struct resync_slot *s)
{
	uint64_t block = block_of(s), end_at;

	while (s->at_bytes < s->len_bytes && !differs(s, s->at_bytes))
		s->at_bytes += block - s->at_bytes % block;
	if (s->at_bytes >= s->len_bytes) {
		end(s, true);
		return;
	}
	end_at = s->at_bytes;
	while (end_at < s->len_bytes && differs(s, end_at) &&
	       end_at - s->at_bytes < RESYNC_READ_BYTES)
		end_at += block - end_at % block;
	if (end_at > s->len_bytes)
		end_at = s->len_bytes;
	part_go(s, end_at - s->at_bytes);
}

static void mark_different(struct resync_slot *s, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (memcmp(&s->ours[i], &s->theirs[i], sizeof(s->ours[i])) != 0)
			bitmap_set(&s->g->bits[s->member], BITMAP_DIRTY,
				   s->offset_bytes + (uint64_t)i * block_of(s), block_of(s));
	}
}

static void compared(struct resync_slot *s)
{
	struct resync *rs = &s->g->resync;
	uint32_t different = count_different(s, 0);

	if (rs->is_sieving) {
		mark_different(s, digest_count(s->len_bytes, block_of(s)));
		end(s, true);
		return;
	}
	if (different && s->is_disturbed && rs->what == RESYNC_HOT) {
		end(s, false);
		return;
	}
	if (rs->what == RESYNC_VERIFY) {
		rs->different_blocks += different;
		if (!rs->repairs) {
			end(s, true);
			return;
		}
		rs->repaired_blocks += different;
		s->is_repairing = true;
	}
	next_difference(s);
}

static void both(struct resync_slot *s)
{
	bool is_ok = s->job.status == SLUICE_OK && !s->has_failed;

	if (!s->has_ours || (!s->has_theirs && !is_stale(s)))
		return;
	if (!is_ok && !is_stale(s) && is_verify(s) && s->tries++ < VERIFY_TRIES)
		s->is_asked = s->has_ours = s->has_theirs = s->has_failed = false;
	else if (is_stale(s) || !is_ok)
		end(s, false);
	else
		compared(s);
}

static void digested(struct digest_job *j)
{
	struct resync_slot *s = j->ctx;

	s->has_ours = true;
	both(s);
}

static void ask(struct resync_slot *s)
{
	struct repl_group *g = s->g;
	struct repl_digest_ask a = {.block_bytes = block_of(s)};
	struct repl_header h;

	if (!bulk_may_send(g, 0) || is_landing(s, 0, s->len_bytes))
		return; /* resync_slot_go() again */
	if (is_verify(s))
		verify_find_on_way(s);
	s->tag = ++g->resync.tag;
	frame_begin(&h, REPL_DIGEST_ASK, g->node->record.term, s->tag);
	frame_set_range(&h, s->member, s->offset_bytes, s->len_bytes);
	if (bulk_send(g, &h, &a, sizeof(a)) < 0) {
		end(s, false);
		return;
	}
	s->is_asked = true;
	s->job = (struct digest_job){.host = &g->host,
				     .member = s->member,
				     .flags = g->resync.what == RESYNC_HOT ? SLUICE_IO_URGENT : 0,
				     .block_bytes = block_of(s),
				     .offset_bytes = s->offset_bytes,
				     .len_bytes = s->len_bytes,
				     .sums = s->ours,
				     .fn = digested,
				     .ctx = s};
	digest_submit(&s->job);
}

void resync_slot_digest(struct repl_group *g, const struct repl_header *h, const void *plain)
{
	for (uint32_t i = 0; i < RESYNC_SLOTS; i++) {
		struct resync_slot *s = &g->resync.slots[i];
		uint32_t n;

		if (s->step != SLOT_ASK || !s->is_asked || s->tag != h->value || is_stale(s))
			continue;
		n = digest_count(s->len_bytes, block_of(s));
		s->has_failed = frame_status(h) != SLUICE_OK;
		if (!s->has_failed && h->raw_bytes != n * sizeof(struct digest_sum)) {
			group_protocol_error(g, "digests of another length than was asked for");
			return;
		}
		if (!s->has_failed)
			memcpy(s->theirs, plain, h->raw_bytes);
		s->has_theirs = true;
		both(s);
		return;
	}
}

/* ---------------------------------------------------------------- from outside */

void resync_slot_begin(struct resync_slot *s)
{
	s->pass = s->g->resync.pass;
	s->lsn = s->g->head_lsn;
	s->at_bytes = 0;
	s->is_asked = s->has_ours = s->has_theirs = s->has_failed = s->is_disturbed = false;
	s->is_repairing = false;
	s->tries = 0;
	memset(s->on_way, 0, sizeof(s->on_way));
	s->step = s->is_suspect ? SLOT_ASK : SLOT_READ;
	if (s->is_suspect)
		ask(s);
	else
		next_difference(s);
}

/* There is room again. */
void resync_slot_go(struct resync_slot *s)
{
	if (s->step == SLOT_ASK && !s->is_asked && !is_stale(s))
		ask(s);
	else if (s->step == SLOT_SEND && !is_stale(s))
		send(s);
}

/* The pass is over: what waits for the peer or for room ends, what waits for the disk ends by
 * itself.
 */
void resync_slot_cut(struct resync_slot *s)
{
	bool waits = s->step == SLOT_SEND || (s->step == SLOT_ASK && (!s->is_asked || s->has_ours));

	if (waits)
		end(s, false);
}
