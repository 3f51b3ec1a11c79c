/* SPDX-License-Identifier: MIT */
/*
 * resync_safe.c - what a pass has read is made persistent on this side before its bits are cleared.
 *
 * It may be in a volatile cache still, since before a start. Who cleared its bits and lost power
 * then would be older than the peer, and not know where. The peer's own part is its answer to FLUSH
 * or RS_END.
 */
#include "group_int.h"
#include "repl_mutate.h"

static void own_flush_go(struct repl_group *g, uint16_t member);

static void own_flushed(struct repl_own *o)
{
	struct repl_group *g = o->ctx;
	struct resync *rs = &g->resync;

	if (o->status == SLUICE_OK && o->member + 1u < g->host.member_count) {
		own_flush_go(g, (uint16_t)(o->member + 1));
		return;
	}
	rs->is_own_flushing = false;
	if (rs->what == RESYNC_NONE || rs->own_pass != rs->pass)
		return;
	rs->is_own_flushed = o->status == SLUICE_OK;
	if (rs->is_own_flushed)
		resync_pump(g); /* else with the next tick */
}

static void own_flush_go(struct repl_group *g, uint16_t member)
{
	struct resync *rs = &g->resync;

	rs->own = (struct repl_own){.op = SLUICE_OP_FLUSH,
				    .flags = SLUICE_IO_URGENT,
				    .member = member,
				    .fn = own_flushed,
				    .ctx = g};
	g->host.ops->own_submit(g->host.ctx, &rs->own);
}

bool resync_is_safe_here(struct repl_group *g)
{
	struct resync *rs = &g->resync;

	if (rs->is_own_flushed || REPL_MUTATE(COMPARED_VOLATILE))
		return true;
	if (!rs->is_own_flushing) {
		rs->is_own_flushing = true;
		rs->own_pass = rs->pass;
		own_flush_go(g, 0);
	}
	return false;
}
