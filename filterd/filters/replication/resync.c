/* SPDX-License-Identifier: MIT */
/*
 * resync.c - what the bitmap says, to the peer.
 *
 *   CATCH_UP  [journal anew] RS_BEGIN, ranges (FLUSH each 64 MiB), windows up to the last read,
 * RS_END, RS_ACK: the replica is a point in time HOT       in PRIMARY_PAIR, nothing is served yet:
 * suspect ranges, repaired by WRITE VERIFY    everything, by digests; reported, and repaired if so
 * wished
 *
 * A bit that is picked becomes SENT; it is cleared when a FLUSH or RS_END behind it has been
 * acknowledged, and becomes SUSPECT again when the connection goes before.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "group_int.h"
#include "repl_mutate.h"

bool group_has_bits(const struct repl_group *g, uint32_t kinds)
{
	for (uint32_t m = 0; m < g->host.member_count; m++) {
		for (uint32_t k = 0; k < BITMAP_KINDS; k++) {
			if (kinds & BITMAP_BIT(k) && g->bits[m].set[k])
				return true;
		}
	}
	return false;
}

static uint64_t bytes_of(const struct repl_group *g, uint32_t kinds)
{
	uint64_t sum = 0;

	for (uint32_t m = 0; m < g->host.member_count; m++) {
		for (uint32_t k = 0; k < BITMAP_KINDS; k++) {
			if (kinds & BITMAP_BIT(k))
				sum += bitmap_bytes(&g->bits[m], (enum bitmap_kind)k);
		}
	}
	return sum;
}

static void sent_become(struct repl_group *g, bool is_safe)
{
	for (uint32_t m = 0; m < g->host.member_count; m++) {
		if (is_safe && g->bits[m].set[BITMAP_SENT])
			bitmap_clear_all(&g->bits[m], BITMAP_SENT);
		else if (!is_safe)
			bitmap_move(&g->bits[m], BITMAP_SENT, BITMAP_SUSPECT);
	}
}

static bool slots_busy(const struct repl_group *g)
{
	for (uint32_t i = 0; i < RESYNC_SLOTS; i++) {
		if (g->resync.slots[i].step != SLOT_FREE)
			return true;
	}
	return false;
}

/* ---------------------------------------------------------------- pick */

static bool next_bit(struct repl_group *g, struct resync_slot *s)
{
	struct resync *rs = &g->resync;
	uint32_t kinds = rs->is_sieving ? BITMAP_BIT(BITMAP_SUSPECT) : BITMAP_TO_SEND;

	for (; rs->at.member < g->host.member_count; rs->at.member++, rs->at.offset_bytes = 0) {
		struct bitmap *b = &g->bits[rs->at.member];
		uint64_t at = rs->at.offset_bytes, len;
		bool is_dirty;

		if (!bitmap_next(b, kinds, RESYNC_ASK_BYTES, &at, &len))
			continue;
		is_dirty = !rs->is_sieving && bitmap_has(b, BITMAP_BIT(BITMAP_DIRTY), at);
		bitmap_next(b, BITMAP_BIT(is_dirty ? BITMAP_DIRTY : BITMAP_SUSPECT),
			    RESYNC_ASK_BYTES, &at, &len);
		s->member = rs->at.member;
		s->offset_bytes = at;
		s->len_bytes = len;
		s->is_suspect = !is_dirty;
		if (!rs->is_sieving)
			bitmap_clear(b, BITMAP_DIRTY, at, len);
		bitmap_clear(b, BITMAP_SUSPECT, at, len);
		bitmap_set(b, BITMAP_SENT, at, len);
		rs->at.offset_bytes = at + len;
		return true;
	}
	return false;
}

static bool next_of_all(struct repl_group *g, struct resync_slot *s)
{
	struct resync *rs = &g->resync;

	for (; rs->at.member < g->host.member_count; rs->at.member++, rs->at.offset_bytes = 0) {
		uint64_t size = g->bits[rs->at.member].size_bytes;
		uint64_t left = size > rs->at.offset_bytes ? size - rs->at.offset_bytes : 0;

		if (left == 0)
			continue;
		s->member = rs->at.member;
		s->offset_bytes = rs->at.offset_bytes;
		s->len_bytes = left < RESYNC_ASK_BYTES ? left : RESYNC_ASK_BYTES;
		s->is_suspect = true;
		rs->at.offset_bytes += s->len_bytes;
		return true;
	}
	return false;
}

static bool pick(struct repl_group *g, struct resync_slot *s)
{
	struct resync *rs = &g->resync;
	bool found = rs->what == RESYNC_VERIFY ? next_of_all(g, s) : next_bit(g, s);

	if (!found)
		rs->is_scanned = true;
	return found;
}

/* ---------------------------------------------------------------- frames of the pass */

static int frame_go(struct repl_group *g, enum repl_type type, uint64_t value, uint64_t lsn,
		    const void *payload, size_t bytes)
{
	struct repl_header h;

	if (!bulk_may_send(g, bytes))
		return -EAGAIN;
	frame_begin(&h, type, g->node->record.term, value);
	h.offset_bytes = lsn;
	return bulk_send(g, &h, payload, bytes);
}

static bool begin_go(struct repl_group *g)
{
	struct resync *rs = &g->resync;
	struct repl_rs p = {.is_whole = g->node->is_peer_unrelated};

	if (rs->is_begun || rs->is_sieving || rs->what != RESYNC_CATCH_UP)
		return true;
	if (g->window.is_running || g->window.is_flushing)
		return false;
	p.bytes_max = bytes_of(g, BITMAP_TO_SEND);
	rs->id++;
	if (frame_go(g, REPL_RS_BEGIN, rs->id, 0, &p, sizeof(p)) < 0)
		return false;
	rs->is_begun = true;
	return true;
}

static void flush_go(struct repl_group *g)
{
	struct resync *rs = &g->resync;

	if (frame_go(g, REPL_FLUSH, FLUSH_TAG | (rs->tag + 1), 0, NULL, 0) < 0)
		return;
	rs->flush_tag = FLUSH_TAG | ++rs->tag;
	rs->since_flush_bytes = 0;
	rs->is_flush_out = true;
}

/* The windows with what changed before the last read are out. */
static bool windows_are_out(struct repl_group *g)
{
	struct sluice_rlog_stats s;

	if (g->track != TRACK_JOURNAL || !g->journal.is_open)
		return true;
	if (g->window.is_running)
		return false;
	sluice_rlog_stats(g->journal.log, &s);
	return (s.dirty_blocks == 0 && s.zero_blocks == 0) || s.tail_seq >= g->resync.end_seq;
}

static void pass_over(struct repl_group *g, bool is_done);

static void end_go(struct repl_group *g)
{
	struct resync *rs = &g->resync;
	uint64_t lsn = journal_is_empty(g) && g->busy == 0 ? g->head_lsn : 0;

	if (g->track != TRACK_JOURNAL && g->journal.is_open) {
		pass_over(g, false); /* the journal overflowed: this would be no point in time */
		return;
	}
	if (!windows_are_out(g)) {
		window_kick(g);
		return;
	}
	if (frame_go(g, REPL_RS_END, rs->id, lsn, NULL, 0) == 0)
		rs->is_ended = true;
}

/* ---------------------------------------------------------------- the pass */

static void verify_over(struct repl_group *g, bool is_done)
{
	struct resync *rs = &g->resync;
	char text[160];

	rs->verify_state = is_done ? VERIFY_DONE : VERIFY_CANCELLED;
	if (!is_done || rs->verify_failed_bytes == 0)
		return;
	snprintf(text, sizeof(text),
		 "%" PRIu64 " bytes could not be read on one of the two sides, and were not "
		 "compared",
		 rs->verify_failed_bytes);
	g->host.ops->report(g->host.ctx, "replication_verify_failed", text);
}

static void pass_over(struct repl_group *g, bool is_done)
{
	struct resync *rs = &g->resync;
	enum resync_what what = rs->what;

	rs->pass++;
	rs->what = RESYNC_NONE;
	if (what != RESYNC_VERIFY)
		sent_become(g, is_done);
	else
		verify_over(g, is_done);
	for (uint32_t i = 0; i < RESYNC_SLOTS; i++)
		resync_slot_cut(&rs->slots[i]);
	if (!is_done)
		return;
	group_refresh(g);
	if (what == RESYNC_CATCH_UP) {
		lag_pass_over(g);
		rs->is_peer_whole = true;
		if (g->track == TRACK_JOURNAL) {
			lag_gap(g, false);
			track_set(g, g->track, false);
		}
		window_kick(g);
	}
	if (what == RESYNC_HOT)
		session_hot_compared(g->session);
	gate_check(g);
}

static void note_end(struct repl_group *g)
{
	struct resync *rs = &g->resync;
	struct sluice_rlog_stats s;

	if (rs->has_end || !g->journal.is_open)
		return;
	sluice_rlog_stats(g->journal.log, &s);
	rs->end_seq = s.next_seq;
	rs->has_end = true;
}

static void maybe_over(struct repl_group *g)
{
	struct resync *rs = &g->resync;

	if (slots_busy(g) || rs->is_flush_out || rs->is_ended)
		return;
	if (rs->what == RESYNC_VERIFY) {
		if (rs->repairs_out == 0)
			pass_over(g, true);
		return;
	}
	if (rs->is_sieving) {
		rs->is_sieving = rs->is_scanned = false;
		rs->at = (struct repl_place){0};
		return; /* lag.c's next tick begins with what is left */
	}
	if (group_has_bits(g, BITMAP_TO_SEND)) { /* they came, or came back, behind the walk */
		rs->at = (struct repl_place){0};
		rs->is_scanned = rs->has_end = false;
		return;
	}
	if (rs->what == RESYNC_HOT && rs->repairs_out)
		return;
	if (!resync_is_safe_here(g))
		return;
	if (rs->what == RESYNC_HOT) {
		if (rs->is_peer_flushed || REPL_MUTATE(COMPARED_VOLATILE))
			pass_over(g, true);
		else
			flush_go(g);
		return;
	}
	note_end(g);
	end_go(g);
}

static void fill(struct repl_group *g)
{
	struct resync *rs = &g->resync;
	uint32_t slots = rs->what == RESYNC_VERIFY ? 2 : RESYNC_SLOTS;
	bool wants_flush =
	    rs->what == RESYNC_CATCH_UP && rs->since_flush_bytes >= RESYNC_FLUSH_BYTES;

	if (wants_flush && !slots_busy(g) && !rs->is_flush_out && resync_is_safe_here(g))
		flush_go(g);
	for (uint32_t i = 0;
	     i < slots && !rs->is_scanned && !wants_flush && !rs->is_flush_out && !window_is_due(g);
	     i++) {
		struct resync_slot *s = &rs->slots[i];

		if (s->step != SLOT_FREE || !bulk_may_send(g, RESYNC_READ_BYTES))
			continue;
		if (!pick(g, s))
			continue;
		rs->is_own_flushed = rs->is_peer_flushed = false;
		resync_slot_begin(s);
	}
}

void resync_pump(struct repl_group *g)
{
	struct resync *rs = &g->resync;

	if (rs->what == RESYNC_NONE || rs->is_waiting || rs->is_pumping || !g->is_peer_ready ||
	    (g->is_paused && rs->what != RESYNC_HOT))
		return;
	rs->is_pumping = true;
	if (begin_go(g)) {
		for (uint32_t i = 0; i < RESYNC_SLOTS; i++)
			resync_slot_go(&rs->slots[i]);
		if (!rs->is_ended)
			fill(g);
		if (rs->is_scanned)
			maybe_over(g);
	}
	rs->is_pumping = false;
}

static void journal_anew(struct repl_group *g)
{
	g->resync.is_waiting = false;
	if (g->resync.what == RESYNC_CATCH_UP)
		resync_pump(g);
}

/* A replica that is a point in time stays one if what differs fits its stage. One that is OUTDATED
 * takes RS_BEGIN alone. */
static bool may_sieve(const struct repl_group *g)
{
	return g->node->peer.is_consistent && g->node->peer.state == REPL_SECONDARY_SYNCING &&
	       !g->node->is_peer_unrelated;
}

void resync_begin(struct repl_group *g, enum resync_what what)
{
	struct resync *rs = &g->resync;

	if (rs->what != RESYNC_NONE || slots_busy(g) || rs->is_own_flushing ||
	    g->journal.is_emptying || g->journal.wants_empty)
		return; /* group_advance() asks again */
	rs->what = what;
	rs->is_sieving = false;
	rs->pass++;
	rs->at = (struct repl_place){0};
	rs->is_begun = rs->is_ended = rs->is_scanned = rs->is_flush_out = rs->has_end = false;
	rs->is_own_flushed = rs->is_peer_flushed = false;
	rs->since_flush_bytes = rs->repairs_out = 0;
	rs->first_tag = rs->tag;
	if (what == RESYNC_CATCH_UP) {
		rs->is_peer_whole = false;
		rs->done_bytes = rs->sent_bytes = 0;
		rs->total_bytes = bytes_of(g, BITMAP_TO_SEND);
		rs->is_sieving = may_sieve(g);
		/* Always anew: a window with a change older than what the pass reads would
		 * follow it in the stream. */
		rs->is_waiting = true;
		if (!journal_begin(g, journal_anew))
			rs->what = RESYNC_NONE; /* group_advance() asks again */
		return;
	}
	resync_pump(g);
}

void resync_link_down(struct repl_group *g)
{
	struct resync *rs = &g->resync;

	if (rs->what != RESYNC_NONE)
		pass_over(g, false);
	rs->is_flush_out = false;
}

void resync_cancel(struct repl_group *g)
{
	pass_over(g, false);
}

void resync_slot_ended(struct resync_slot *s, bool is_ok)
{
	struct repl_group *g = s->g;
	struct resync *rs = &g->resync;

	if (is_ok && rs->what == RESYNC_VERIFY)
		rs->verify_done_bytes += s->len_bytes;
	else if (is_ok)
		rs->done_bytes += s->len_bytes;
	else if (rs->what != RESYNC_VERIFY)
		bitmap_set(&g->bits[s->member], BITMAP_SUSPECT, s->offset_bytes, s->len_bytes);
	else
		rs->verify_failed_bytes += s->len_bytes;
	window_kick(g);
	resync_pump(g);
}

/* ---------------------------------------------------------------- what the peer says */

static void flushed(struct repl_group *g, const struct repl_header *h)
{
	struct resync *rs = &g->resync;

	if (!rs->is_flush_out || h->value != rs->flush_tag)
		return;
	rs->is_flush_out = false;
	rs->is_peer_flushed = frame_status(h) == SLUICE_OK;
	sent_become(g, rs->is_peer_flushed);
	if (!rs->is_peer_flushed) {
		if (rs->what == RESYNC_HOT)
			session_peer_failed(g->session);
		rs->at = (struct repl_place){0};
		rs->is_scanned = false;
	}
	resync_pump(g);
}

static void repaired(struct repl_group *g, const struct repl_header *h)
{
	/* Of a pass that was cancelled it says nothing of this one's. */
	if (g->resync.repairs_out == 0 || (h->value & ~REPAIR_TAG) <= g->resync.first_tag)
		return;
	if (frame_status(h) != SLUICE_OK) {
		session_peer_failed(g->session);
		return;
	}
	g->resync.repairs_out--;
	resync_pump(g);
}

void resync_frame(struct repl_group *g, const struct repl_header *h, const void *plain)
{
	struct resync *rs = &g->resync;

	if (h->type == REPL_DIGEST)
		resync_slot_digest(g, h, plain);
	else if (h->type == REPL_RS_ACK && rs->is_ended && h->value == rs->id)
		pass_over(g, frame_status(h) == SLUICE_OK);
	else if (h->type == REPL_ACK && (h->value & REPAIR_TAG) == REPAIR_TAG)
		repaired(g, h);
	else if (h->type == REPL_ACK)
		flushed(g, h);
}

/* An initiator's change in a range that is being compared: its digests say nothing then. What is
 * written there is acknowledged by the peer in its own way. */
void resync_disturb(struct repl_group *g, uint16_t member, uint64_t offset_bytes,
		    uint64_t len_bytes)
{
	for (uint32_t i = 0; i < RESYNC_SLOTS; i++) {
		struct resync_slot *s = &g->resync.slots[i];

		if (s->step != SLOT_FREE && s->member == member &&
		    offset_bytes < s->offset_bytes + s->len_bytes &&
		    s->offset_bytes < offset_bytes + len_bytes) {
			s->is_disturbed = true;
			verify_disturb(s, offset_bytes, len_bytes);
		}
	}
}

int resync_init(struct repl_group *g)
{
	for (uint32_t i = 0; i < RESYNC_SLOTS; i++) {
		struct resync_slot *s = &g->resync.slots[i];
		uint32_t n = RESYNC_ASK_BYTES / REPL_UNIT_BYTES;

		s->g = g;
		s->ours = calloc(n, sizeof(*s->ours));
		s->theirs = calloc(n, sizeof(*s->theirs));
		if (!s->ours || !s->theirs)
			return -ENOMEM;
	}
	return 0;
}
