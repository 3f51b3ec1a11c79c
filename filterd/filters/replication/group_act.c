/* SPDX-License-Identifier: MIT */
/*
 * group_act.c - the node's actions, as far as they are about data (node.h says when each comes).
 */
#include <stdlib.h>

#include "group_int.h"
#include "repl_mutate.h"

bool group_is_primary(const struct repl_group *g)
{
	return node_is_primary(g->node);
}

static bool is_pair(const struct repl_group *g)
{
	return g->node->record.state == REPL_PRIMARY_PAIR && !g->node->acks_alone;
}

/* Which way changes go from now on; false: the record could not be written. */
static bool track_choose(struct repl_group *g)
{
	if (is_pair(g) && g->track != TRACK_DIRECT)
		return track_set(g, TRACK_DIRECT, false) == 0;
	if (!is_pair(g) &&
	    (g->track == TRACK_DIRECT || (g->track == TRACK_JOURNAL && !journal_may_begin(g))))
		return track_set(g, journal_may_begin(g) ? TRACK_JOURNAL : TRACK_BITMAP, false) ==
		       0;
	return true;
}

bool group_is_track_right(const struct repl_group *g)
{
	return !is_pair(g) || g->track == TRACK_DIRECT || REPL_MUTATE(FORGOTTEN_LATE);
}

/* What could not be noted is tried again; but not what the node's own record does not say. */
static void track_follow(struct repl_group *g)
{
	if (g->node->is_failed)
		return;
	if (!group_is_track_right(g)) {
		if (g->is_serving && track_choose(g))
			gate_pump(g);
	} else if (g->node->acks_alone && g->track == TRACK_DIRECT) {
		group_do_ack_alone(g, true);
	}
}

/* Whoever was given the role may not have heard how far the peer had counted. A reign would look
 * empty whose successor starts in front of it. */
static void count_from_reign(struct repl_group *g)
{
	const struct repl_node_record *r = &g->node->record;

	if (r->lineage_count)
		group_saw_lsn(g, r->lineage[r->lineage_count - 1].start_lsn);
}

/* A primary's initiators wait; others' hear that this side does not serve. */
void group_do_serve(struct repl_group *g, bool is_on)
{
	g->is_serving = is_on;
	if (is_on) {
		count_from_reign(g);
		receiver_leads(g->receiver);
		track_choose(g);
		g->refuse = g->is_stopping ? g->refuse : SLUICE_OK;
	} else if (!group_is_primary(g)) {
		group_refuse(g, SLUICE_ERR_NOT_READY);
	}
	g->host.ops->serving_changed(g->host.ctx, is_on);
	gate_pump(g);
	gate_settle(g);
}

void group_do_ack_alone(struct repl_group *g, bool is_on)
{
	if (is_on && g->track == TRACK_DIRECT) {
		group_drop_link(g, "the peer is excluded");
		if (!track_choose(g))
			return;
		direct_exclude(g, g->track == TRACK_JOURNAL);
	} else if (!is_on) {
		track_choose(g);
	}
	gate_settle(g);
}

void group_do_freeze(struct repl_group *g, bool is_on)
{
	g->is_frozen = is_on && !REPL_MUTATE(ADMIT_UNFROZEN);
	g->wants_equal = is_on;
	if (!is_on) {
		track_choose(g);
		gate_pump(g);
	}
	gate_settle(g);
}

void group_do_drain(struct repl_group *g, bool is_on)
{
	g->is_draining = is_on;
	g->wants_drained = is_on;
	if (is_on && g->resync.what == RESYNC_VERIFY)
		resync_cancel(g); /* initiators wait, and it may have hours to go */
	if (!is_on)
		gate_pump(g);
	gate_settle(g);
}

/* ---------------------------------------------------------------- bring the peer up */

/* It says so; but RS_ACK may be faster than its word that it is one now. */
static bool is_peer_a_mix(const struct repl_group *g)
{
	return g->node->peer.state == REPL_SECONDARY_SYNCING && !g->node->peer.is_consistent &&
	       !g->resync.is_peer_whole && !REPL_MUTATE(MIX_LEFT);
}

/* With nothing to send, too, a peer that is OUTDATED waits for RS_BEGIN: so it hears that its
 * BITMAP is durable here. And one that is no point in time waits for RS_END. */
bool group_needs_pass(const struct repl_group *g)
{
	return g->track == TRACK_BITMAP || g->record.has_pass ||
	       g->node->peer.state == REPL_OUTDATED || is_peer_a_mix(g) ||
	       group_has_bits(g, BITMAP_TO_SEND);
}

static void everything_is_suspect(struct repl_group *g)
{
	for (uint32_t m = 0; m < g->host.member_count; m++)
		bitmap_set(&g->bits[m], BITMAP_SUSPECT, 0, g->bits[m].size_bytes);
}

static void all_marked(void *ctx)
{
	struct repl_group *g = ctx;

	g->is_marking = false;
	if (g->is_peer_ready)
		group_advance(g);
}

void group_do_resync(struct repl_group *g)
{
	if (is_pair(g))
		return;
	g->may_send = true;
	g->resync.is_peer_whole = false;
	if (g->node->is_peer_unrelated) {
		everything_is_suspect(g);
		g->is_marking = true;
		group_marks_flush(g, all_marked, g);
		return;
	}
	group_advance(g);
}

/* It was asked for while reads of the pass before, which its connection had cut off, were under
 * way.
 */
static bool is_compare_due(const struct repl_group *g)
{
	return g->is_peer_ready && g->node->record.state == REPL_PRIMARY_PAIR &&
	       g->node->is_comparing && !g->node->is_unclean && !REPL_MUTATE(COMPARE_ASKED_ONCE);
}

/* Looked at every 100 ms, too: does a pass have to begin, has the peer caught up? */
void group_advance(struct repl_group *g)
{
	bool waits = g->node->peer.state == REPL_OUTDATED && g->bitmap != BITMAP_IS_DURABLE;
	struct sluice_rlog_stats s;

	track_follow(g);
	if (g->resync.what == RESYNC_HOT || g->resync.what == RESYNC_VERIFY)
		resync_pump(g); /* a read that failed is tried again; a pause is over */
	else if (is_compare_due(g))
		group_do_compare_hot(g);
	/* A pair needs none: RS_BEGIN would take its peer out of it. */
	if (!g->is_peer_ready || !g->may_send || g->is_marking || waits ||
	    (g->node->record.state == REPL_PRIMARY_PAIR && !REPL_MUTATE(PASS_IN_A_PAIR)))
		return;
	/* The replica would fall behind for as long as it takes. */
	if (g->resync.what == RESYNC_VERIFY && !g->is_paused && group_needs_pass(g))
		resync_cancel(g);
	if (g->resync.what == RESYNC_NONE && !g->is_paused && group_needs_pass(g))
		resync_begin(g, RESYNC_CATCH_UP);
	resync_pump(g);
	mark_pump(g);
	window_kick(g);
	gate_check(g);
	if (g->resync.what != RESYNC_NONE || g->is_frozen || g->is_paused ||
	    g->track != TRACK_JOURNAL || !g->journal.is_open || group_needs_pass(g))
		return;
	sluice_rlog_stats(g->journal.log, &s);
	if (s.dirty_blocks * LOG_BLOCK_BYTES > WINDOW_BYTES)
		return;
	session_caught_up(g->session); /* the node takes it when the peer's STATE allows it, too */
}

void group_do_compare_hot(struct repl_group *g)
{
	if (!group_has_bits(g, BITMAP_TO_SEND)) {
		session_hot_compared(g->session);
		return;
	}
	if (g->resync.what == RESYNC_VERIFY)
		resync_cancel(g); /* nothing is served until the two are equal */
	resync_begin(g, RESYNC_HOT);
}

/* ---------------------------------------------------------------- rejoin */

void group_do_send_bitmap(struct repl_group *g)
{
	receiver_send_bitmap(g->receiver);
}

bool group_may_differ(struct repl_group *g, struct repl_place *at,
		      bool (*fn)(void *ctx, const struct repl_range *r), void *ctx)
{
	if (REPL_MUTATE(REJOIN_WITHOUT_BITMAP))
		return false;
	for (; at->member < g->host.member_count; at->member++, at->offset_bytes = 0) {
		const struct bitmap *b = &g->bits[at->member];
		struct repl_range r = {.member = at->member};
		uint64_t len;

		while (bitmap_next(b, BITMAP_ALL, b->size_bytes, &at->offset_bytes, &len)) {
			r.offset_bytes = at->offset_bytes;
			r.len_bytes = len;
			at->offset_bytes += len;
			if (!fn(ctx, &r))
				return true;
		}
	}
	return false;
}

/* Once more, if the first try failed; but a role that came back since has a track of its own. */
static void forgotten(struct repl_group *g)
{
	if (!group_is_primary(g) || REPL_MUTATE(FORGOTTEN_LATE))
		track_set(g, TRACK_BITMAP, false);
}

static void all_forgotten(struct hot_flush *fl, int result)
{
	struct repl_group *g = fl->ctx;

	g->is_forgetting = false;
}

/* The peer has all of it, durably. */
void group_do_forget(struct repl_group *g)
{
	for (uint32_t m = 0; m < g->host.member_count; m++) {
		for (uint32_t k = 0; k < BITMAP_KINDS; k++)
			bitmap_clear_all(&g->bits[m], (enum bitmap_kind)k);
	}
	track_set(g, TRACK_BITMAP, false);
	mark_forget(g);
	g->journal.emptied = forgotten;
	journal_empty(g);
	g->may_send = g->may_send && REPL_MUTATE(PASS_IN_A_PAIR);
	if (REPL_MUTATE(MARKS_KEPT))
		return;
	/* Marks of this reign would be suspect ones of another. */
	for (uint32_t m = 0; m < g->host.member_count; m++)
		bitmap_refresh(&g->bits[m]);
	hot_cool(g->hot);
	if (g->is_forgetting)
		return;
	g->is_forgetting = true;
	g->forget = (struct hot_flush){.fn = all_forgotten, .ctx = g};
	hot_flush(g->hot, &g->forget);
}

static void refreshed(struct hot_flush *fl, int result)
{
	struct repl_group *g = fl->ctx;

	g->is_refreshing = false;
}

void group_refresh(struct repl_group *g)
{
	if (g->is_refreshing || g->stopped)
		return;
	for (uint32_t m = 0; m < g->host.member_count; m++)
		bitmap_refresh(&g->bits[m]);
	g->is_refreshing = true;
	g->refresh = (struct hot_flush){.fn = refreshed, .ctx = g};
	hot_flush(g->hot, &g->refresh);
}

void group_do_apply_staged(struct repl_group *g)
{
	receiver_apply_staged(g->receiver);
}

void group_mark_suspect(struct repl_group *g, const struct repl_range *r)
{
	bitmap_set(&g->bits[r->member], BITMAP_SUSPECT, r->offset_bytes, r->len_bytes);
}

static void bitmap_safe(void *ctx)
{
	struct repl_group *g = ctx;

	if (g->bitmap != BITMAP_IS_COMPLETE)
		return;
	g->bitmap = BITMAP_IS_DURABLE;
	group_advance(g);
}

void group_bitmap_complete(struct repl_group *g)
{
	g->bitmap = BITMAP_IS_COMPLETE;
	group_marks_flush(g, bitmap_safe, g);
}

struct marks_flush {
	struct hot_flush fl;
	struct repl_group *g;
	void (*fn)(void *ctx);
	void *ctx;
};

static void marks_flushed(struct hot_flush *fl, int result)
{
	struct marks_flush *m = fl->ctx;

	if (result < 0) {
		hot_flush(m->g->hot, fl); /* hot_commit.c waits a second before each try */
		return;
	}
	m->fn(m->ctx);
	free(m);
}

void group_marks_flush(struct repl_group *g, void (*fn)(void *ctx), void *ctx)
{
	struct marks_flush *m = calloc(1, sizeof(*m));

	if (!m)
		return; /* nothing that waits for it goes on; a restart begins anew */
	m->g = g;
	m->fn = fn;
	m->ctx = ctx;
	m->fl = (struct hot_flush){.fn = marks_flushed, .ctx = m};
	hot_flush(g->hot, &m->fl);
}
