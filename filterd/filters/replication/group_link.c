/* SPDX-License-Identifier: MIT */
/*
 * group_link.c - frames of one group: out by the queues, in to who they are for.
 *
 * Bulk (windows, resync) waits for the peer's credit, for the bandwidth, and while much is queued
 * already; so an initiator's WRITE never stands behind more than OUT_BULK_BYTES.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "group_int.h"

/* ---------------------------------------------------------------- out */

struct frame_out *group_out(struct repl_group *g, enum sluice_link_channel ch)
{
	return &g->out[ch];
}

int group_send(struct repl_group *g, enum sluice_link_channel ch, struct repl_header *h,
	       const void *payload, size_t payload_bytes)
{
	if (h->term == 0)
		h->term = g->node->record.term;
	return frame_out_copy(&g->out[ch], h, payload, payload_bytes);
}

static void bulk_pump(struct repl_group *g)
{
	window_pump(g);
	resync_pump(g);
}

static void pace_tick(struct repl_timer *t)
{
	struct repl_group *g = t->ctx;

	g->is_pacing = false;
	bulk_pump(g);
}

static bool has_pace(struct repl_group *g)
{
	uint64_t now = group_now_ns(g);
	uint64_t wait = pace_wait_ns(&g->pace, now);

	if (wait == 0)
		return true;
	if (!g->is_pacing) {
		g->is_pacing = true;
		g->pace_timer.fn = pace_tick;
		g->pace_timer.ctx = g;
		g->host.ops->timer_set(g->host.ctx, &g->pace_timer, now + wait);
	}
	return false;
}

/* What a WIN_END or DIGEST_ASK costs beside is always left for them. */
bool bulk_may_send(struct repl_group *g, uint64_t payload_bytes)
{
	if (!g->is_peer_ready)
		return true; /* the send says what is wrong */
	return credit_out_has(&g->credit, payload_bytes + 2 * REPL_FRAME_COST_BYTES) &&
	       g->out[SLUICE_LINK_DATA].queued_bytes < OUT_BULK_BYTES && has_pace(g);
}

static void bulk_gone(struct frame_out_item *it, bool is_sent)
{
	free(it);
}

int bulk_send(struct repl_group *g, struct repl_header *h, const void *payload, size_t bytes)
{
	struct frame_out_item *it;
	const void *stored = payload;

	if (!g->is_peer_ready || !g->out[SLUICE_LINK_DATA].is_up)
		return -ENOTCONN;
	frame_set_payload(h, payload, bytes);
	if (bytes && g->cfg.comp != REPL_COMP_NONE)
		stored = compress_payload(g->compress, g->cfg.comp, h, payload, g->packed);
	it = malloc(sizeof(*it) + h->stored_bytes);
	if (!it)
		return -ENOMEM;
	credit_out_spend(&g->credit, frame_cost_bytes(h));
	*it = (struct frame_out_item){.header = *h, .payload = it + 1, .fn = bulk_gone};
	if (h->stored_bytes)
		memcpy(it + 1, stored, h->stored_bytes);
	pace_took(&g->pace, sizeof(*h) + h->stored_bytes);
	frame_out_push(&g->out[SLUICE_LINK_DATA], it);
	return 0;
}

void group_drop_link(struct repl_group *g, const char *why)
{
	for (uint32_t ch = 0; ch < SLUICE_LINK_CHANNELS; ch++) {
		frame_out_down(&g->out[ch]);
		if (g->is_link_up[ch])
			g->host.ops->link_reset(g->host.ctx, (enum sluice_link_channel)ch, why);
	}
	group_peer_gone(g);
}

/*
 * Heartbeats go over the control connection. One that lives beside a data connection on which what
 * was sent never arrives would keep the peer up for ever: so whoever waits for an answer there, and
 * hears nothing at all, credit included, for so long that no disk is that slow, begins anew.
 */
#define DATA_SILENCE_NS 30000000000ull

static bool does_resync_wait(const struct resync *rs)
{
	bool waits = rs->is_flush_out || rs->is_ended;

	for (uint32_t i = 0; i < RESYNC_SLOTS; i++)
		waits |= rs->slots[i].step == SLOT_ASK && !rs->slots[i].has_theirs;
	return rs->what != RESYNC_NONE && waits;
}

static bool is_answer_due(const struct repl_group *g)
{
	return g->is_peer_ready &&
	       (g->window.ack || mark_is_out(g) || does_resync_wait(&g->resync) ||
		(g->track == TRACK_DIRECT && g->running.count > 0));
}

void group_watch(struct repl_group *g)
{
	uint64_t now = group_now_ns(g);

	if (!is_answer_due(g))
		g->data_heard_ns = now;
	else if (now - g->data_heard_ns > DATA_SILENCE_NS)
		group_drop_link(g, "the peer's data connection gives no answer");
}

void group_protocol_error(struct repl_group *g, const char *why)
{
	struct repl_header h;

	g->host.ops->log(g->host.ctx, 4, why);
	frame_begin(&h, REPL_ERROR, g->node->record.term, 0);
	(void)group_send(g, SLUICE_LINK_CONTROL, &h, why, strlen(why));
	g->has_protocol_error = true;
	group_drop_link(g, why);
}

/* ---------------------------------------------------------------- in */

static void bitmap_came(struct repl_group *g, const struct repl_header *h, const void *plain)
{
	const char *at = plain;

	for (uint32_t i = 0; i < h->raw_bytes / sizeof(struct repl_range); i++) {
		struct repl_range r;

		memcpy(&r, at + i * sizeof(r), sizeof(r));
		if (!frame_range_is_inside(&g->limits, r.member, r.offset_bytes, r.len_bytes)) {
			group_protocol_error(g, "a BITMAP with a range outside of its volume");
			return;
		}
		group_mark_suspect(g, &r);
	}
	if (h->value == 1)
		group_bitmap_complete(g);
}

static void from_secondary(struct repl_group *g, const struct repl_header *h, const void *plain)
{
	switch (h->type) {
	case REPL_ACK:
		if (h->value & FLUSH_TAG)
			resync_frame(g, h, plain);
		else
			direct_ack(g, h);
		break;
	case REPL_WIN_ACK:
		window_ack(g, h);
		break;
	case REPL_RS_ACK:
	case REPL_DIGEST:
		resync_frame(g, h, plain);
		break;
	case REPL_MARK_ACK:
		mark_ack(g, h, plain);
		break;
	case REPL_BITMAP:
		bitmap_came(g, h, plain);
		break;
	case REPL_CREDIT:
		if (!credit_out_more(&g->credit, h->value))
			group_protocol_error(g, "more credit than there can be");
		direct_pump(g);
		bulk_pump(g);
		break;
	default:
		break;
	}
}

/* False: not now; it stays unread. */
static bool dispatch(struct repl_group *g, enum sluice_link_channel ch, const struct frame *f)
{
	const struct repl_header *h = &f->header;
	char why[FRAME_WHY_BYTES];
	const void *plain;

	if (!frame_check_range(&g->limits, h, why)) {
		group_protocol_error(g, why);
		return true;
	}
	plain = compress_plain(g->compress, f, g->plain);
	if (!plain && h->raw_bytes) {
		group_protocol_error(g, "a frame was damaged on its way");
		return true;
	}
	if (h->type < 16) {
		session_frame(g->session, ch, h, plain);
		return true;
	}
	/* The data channel may be ahead of the other one's STATE, which says what to make of it. */
	if (!g->is_peer_ready)
		return false;
	if (h->type >= 32) {
		from_secondary(g, h, plain);
		return true;
	}
	if (!receiver_frame(g->receiver, h, plain))
		return false;
	g->received_bytes += h->raw_bytes;
	return true;
}

size_t group_link_received(struct repl_group *g, enum sluice_link_channel ch, const uint8_t *data,
			   size_t len)
{
	size_t used = 0;

	g->has_protocol_error = false;
	if (ch == SLUICE_LINK_DATA)
		g->data_heard_ns = group_now_ns(g);
	while (used < len && g->is_link_up[ch] && !g->has_protocol_error) {
		char why[FRAME_WHY_BYTES];
		struct frame f;
		size_t n = 0;
		enum frame_result r = frame_next(ch, data + used, len - used, &f, &n, why);

		if (r == FRAME_MORE)
			break;
		if (r == FRAME_BAD) {
			group_protocol_error(g, why);
			break;
		}
		if (!dispatch(g, ch, &f))
			break;
		used += n;
	}
	/* What comes behind an error is of no use. */
	return g->has_protocol_error || !g->is_link_up[ch] ? len : used;
}

/* ---------------------------------------------------------------- the connection */

void group_link_up(struct repl_group *g, enum sluice_link_channel ch)
{
	g->is_link_up[ch] = true;
	frame_out_up(&g->out[ch]);
	if (ch == SLUICE_LINK_DATA)
		receiver_link_up(g->receiver);
	session_link_up(g->session, ch);
}

void group_link_writable(struct repl_group *g, enum sluice_link_channel ch)
{
	frame_out_writable(&g->out[ch]);
	if (ch == SLUICE_LINK_DATA) {
		direct_pump(g);
		bulk_pump(g);
	}
}

void group_link_down(struct repl_group *g, enum sluice_link_channel ch, const char *why)
{
	if (!g->is_link_up[ch])
		return;
	g->is_link_up[ch] = false;
	frame_out_down(&g->out[ch]);
	if (ch == SLUICE_LINK_DATA)
		receiver_link_down(g->receiver);
	group_peer_gone(g);
	session_link_down(g->session, ch, why);
}

void group_peer_ready(struct repl_group *g, uint64_t credit_bytes)
{
	if (!credit_out_begin(&g->credit, credit_bytes)) {
		group_protocol_error(g, "a credit that cannot be");
		return;
	}
	g->is_peer_ready = true;
	g->may_send = false;
	g->bitmap = BITMAP_NOT_COME;
	g->host.ops->link_read_on(g->host.ctx, SLUICE_LINK_DATA);
	mark_pump(g);
	if (g->track == TRACK_DIRECT)
		direct_restart(g);
}

/* What waits for the peer's ACK goes on waiting: it is sent again, or the node excludes the peer.
 */
void group_peer_gone(struct repl_group *g)
{
	if (!g->is_peer_ready)
		return;
	g->is_peer_ready = g->may_send = false;
	mark_link_down(g);
	window_link_down(g);
	resync_link_down(g);
}
