/* SPDX-License-Identifier: MIT */
#include "receiver_int.h"
#include "repl_mutate.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS           1000000ull
#define POKE_NS      (20 * MS)
#define TERM_WAIT_NS (3000 * MS)

static void poked(struct repl_timer *t)
{
	receiver_go_on(t->ctx);
}

struct repl_receiver *receiver_create(struct repl_group *g, uint64_t stage_bytes)
{
	struct repl_receiver *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->slots = malloc(RECEIVER_SLOTS * sizeof(*r->slots)); /* receiver_slot() fills one */
	if (!r->slots) {
		free(r);
		return NULL;
	}
	r->group = g;
	r->host = group_host(g);
	r->stage_bytes = stage_bytes;
	r->filling = NO_STAGE;
	r->poke = (struct repl_timer){.fn = poked, .ctx = r};
	turns_init(&r->turns, RECEIVER_RUNNING);
	return r;
}

void receiver_destroy(struct repl_receiver *r)
{
	if (!r)
		return;
	assert(r->slots_used == 0);
	r->host->ops->timer_cancel(r->host->ctx, &r->poke);
	r->host->ops->timer_cancel(r->host->ctx, &r->bitmap_timer);
	r->host->ops->timer_cancel(r->host->ctx, &r->mark.again);
	receiver_abandon(r);
}

void receiver_abandon(struct repl_receiver *r)
{
	if (!r)
		return;
	free(r->bitmap_ranges);
	free(r->slots);
	free(r);
}

void receiver_report(struct repl_receiver *r, const char *code, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	r->host->ops->report(r->host->ctx, code, text);
}

bool receiver_refuse(struct repl_receiver *r, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	group_protocol_error(r->group, text);
	return true;
}

void receiver_failed(struct repl_receiver *r, const char *what)
{
	if (r->has_failed)
		return;
	r->has_failed = true;
	receiver_report(r, "replica_write_failed",
			"a change of the peer's could not be %s here; it is asked for it again",
			what);
	group_protocol_error(r->group, "a change could not be kept on this side");
}

bool receiver_is_consistent(const struct repl_receiver *r)
{
	return group_node(r->group)->record.is_consistent;
}

bool receiver_has_noted_mix(const struct repl_receiver *r)
{
	return !receiver_is_consistent(r) && !group_node(r->group)->is_failed;
}

bool receiver_is_secondary(const struct repl_receiver *r)
{
	uint8_t state = group_node(r->group)->record.state;

	return state == REPL_SECONDARY_SYNCING || state == REPL_SECONDARY_INSYNC;
}

void receiver_point(struct repl_receiver *r, uint64_t lsn)
{
	r->figures.last_point_ms = r->host->ops->now_ns(r->host->ctx) / MS;
	if (lsn) {
		r->figures.point_lsn = lsn;
		group_saw_lsn(r->group, lsn);
	}
}

void receiver_figures(const struct repl_receiver *r, struct receiver_figures *out)
{
	*out = r->figures;
	out->is_resyncing = r->is_resync_open;
	out->is_staged = r->kept.kept == KEPT_RESYNC;
	out->staged_bytes = 0;
	for (uint32_t i = 0; i < RECEIVER_STAGES; i++)
		out->staged_bytes += r->stages[i].used_blocks * SLUICE_RLOG_BLOCK_BYTES;
}

/* ---------------------------------------------------------------- connections */

uint64_t receiver_credit_bytes(const struct repl_receiver *r)
{
	return RECEIVER_CREDIT_BYTES;
}

void receiver_link_up(struct repl_receiver *r)
{
	assert(!receiver_is_up(r));
	r->connection++;
	credit_in_begin(&r->credit, RECEIVER_CREDIT_BYTES);
	r->is_stalled = false;
	r->waiting_since_ns = 0;
	r->has_failed = false;
}

/* What is on its way below ends by itself. A window that is not whole goes; an open resync's stage
 * stays as it is. */
void receiver_link_down(struct repl_receiver *r)
{
	if (!receiver_is_up(r))
		return;
	r->connection++;
	r->is_window_open = r->is_resync_open = false;
	r->is_stalled = false;
	r->is_bitmap_due = r->is_bitmap_sent = false;
	receiver_go_on(r);
}

void receiver_answer(struct repl_receiver *r, uint64_t connection, const struct repl_header *h,
		     enum repl_type type, uint8_t status, const void *payload, size_t bytes)
{
	struct repl_header a;

	if (connection != r->connection || !receiver_is_up(r))
		return;
	frame_begin(&a, type, 0, h->value);
	frame_set_status(&a, status);
	if (type == REPL_DIGEST)
		frame_set_range(&a, h->member, h->offset_bytes, h->len_bytes);
	/* Who waits for an answer that there is no memory for would wait for ever. */
	if (group_send(r->group, SLUICE_LINK_DATA, &a, payload, bytes) == -ENOMEM)
		receiver_refuse(r, "no memory for an answer to the peer");
}

static void free_credit(struct repl_receiver *r, uint64_t connection, uint64_t cost_bytes)
{
	struct repl_header h = {.value = 0};

	if (connection != r->connection || !receiver_is_up(r))
		return;
	h.value = credit_in_free(&r->credit, cost_bytes);
	if (h.value)
		receiver_answer(r, connection, &h, REPL_CREDIT, 0, NULL, 0);
}

/* ---------------------------------------------------------------- slots */

struct recv_slot *receiver_slot(struct repl_receiver *r, const struct repl_header *h,
				uint64_t room_bytes)
{
	struct recv_slot *s = r->free_slots;
	void *buf = NULL;

	if (!s && r->slots_made == RECEIVER_SLOTS)
		return NULL;
	if (room_bytes) {
		buf = r->host->ops->buf_get(r->host->ctx, room_bytes);
		if (!buf)
			return NULL;
	}
	if (s)
		r->free_slots = s->next_free;
	else
		s = &r->slots[r->slots_made++];
	r->slots_used++;
	*s = (struct recv_slot){
	    .r = r, .h = *h, .connection = r->connection, .buf = buf, .buf_bytes = room_bytes};
	s->turn.ctx = s;
	s->turn.member = h->member;
	s->turn.offset_bytes = h->offset_bytes;
	s->turn.len_bytes = h->len_bytes;
	return s;
}

struct recv_slot *receiver_slot_with(struct repl_receiver *r, const struct repl_header *h,
				     const void *plain)
{
	uint64_t unit = REPL_UNIT_BYTES, room = (h->raw_bytes + unit - 1) / unit * unit;
	struct recv_slot *s = receiver_slot(r, h, room);

	if (s && room) {
		memcpy(s->buf, plain, h->raw_bytes);
		memset((uint8_t *)s->buf + h->raw_bytes, 0, room - h->raw_bytes);
	}
	return s;
}

void receiver_slot_put(struct recv_slot *s)
{
	struct repl_receiver *r = s->r;

	if (s->buf)
		r->host->ops->buf_put(r->host->ctx, s->buf, s->buf_bytes);
	s->buf = NULL;
	free_credit(r, s->connection, frame_cost_bytes(&s->h));
	s->next_free = r->free_slots;
	r->free_slots = s;
	r->slots_used--;
	/* Changes of a pair end in any order; when all have ended there is none missing before the
	 * newest. Whoever serves next counts on from there. */
	if (r->slots_used == 0 && r->pair_lsn)
		group_saw_lsn(r->group, r->pair_lsn);
	receiver_go_on(r);
}

bool receiver_taken(struct repl_receiver *r, const struct repl_header *h)
{
	free_credit(r, r->connection, frame_cost_bytes(h));
	return true;
}

void receiver_go_on(struct repl_receiver *r)
{
	receiver_settle(r);
	if (!r->is_stalled || r->is_busy)
		return;
	r->is_stalled = false;
	r->host->ops->link_read_on(r->host->ctx, SLUICE_LINK_DATA);
}

/* ---------------------------------------------------------------- frames */

static bool take(struct repl_receiver *r, const struct repl_header *h, const void *plain)
{
	switch (h->type) {
	case REPL_WRITE:
	case REPL_ZERO:
		if (r->is_window_open || r->kept.kept == KEPT_RESYNC)
			return receiver_refuse(r,
					       "the peer sent %s amid a window or a staged resync",
					       frame_type_name(h->type));
		return receiver_stages_are_free(r) && receiver_direct_change(r, h, plain);
	case REPL_FLUSH:
		return receiver_flush(r, h);
	case REPL_MARK:
		return receiver_mark(r, h, plain);
	case REPL_WIN_BEGIN:
		return receiver_window_begin(r, h);
	case REPL_WIN_END:
		return receiver_window_end(r, h);
	case REPL_WIN_DATA:
	case REPL_WIN_ZERO:
		if (!r->is_window_open)
			return receiver_refuse(r, "the peer sent %s outside of a window",
					       frame_type_name(h->type));
		return receiver_change(r, h, plain);
	case REPL_RS_DATA:
	case REPL_RS_ZERO:
		if (!r->is_resync_open)
			return receiver_refuse(r, "the peer sent %s outside of a resync",
					       frame_type_name(h->type));
		return receiver_change(r, h, plain);
	case REPL_RS_BEGIN:
		return receiver_resync_begin(r, h, plain);
	case REPL_RS_END:
		return receiver_resync_end(r, h);
	case REPL_DIGEST_ASK:
		return receiver_digest(r, h, plain);
	default:
		return receiver_refuse(r, "the peer sent %s, which a secondary does not take",
				       frame_type_name(h->type));
	}
}

/* The node hears of a new term on the other connection, which may be slower than this one. */
static bool is_term_right(struct repl_receiver *r, const struct repl_header *h, bool *is_refused)
{
	uint64_t term = group_node(r->group)->record.term;
	uint64_t now = r->host->ops->now_ns(r->host->ctx);

	*is_refused = false;
	if (h->term == term || (h->term < term && REPL_MUTATE(OLD_TERM_TAKEN))) {
		r->waiting_since_ns = 0;
		return true;
	}
	if (h->term > term && r->waiting_since_ns == 0)
		r->waiting_since_ns = now;
	if (h->term > term && now - r->waiting_since_ns < TERM_WAIT_NS)
		return false;
	*is_refused = receiver_refuse(r, "the peer sent %s of term %llu, and this side is at %llu",
				      frame_type_name(h->type), (unsigned long long)h->term,
				      (unsigned long long)term);
	return false;
}

static bool check(struct repl_receiver *r, const struct repl_header *h)
{
	const struct frame_limits limits = {.member_count = r->host->member_count,
					    .block_bytes = r->host->block_bytes,
					    .member_size_bytes = r->host->member_size_bytes};
	char why[FRAME_WHY_BYTES];

	if (node_is_primary(group_node(r->group))) {
		receiver_refuse(r, "the peer sent %s to a primary", frame_type_name(h->type));
		return false;
	}
	if (!frame_check_range(&limits, h, why)) {
		receiver_refuse(r, "%s", why);
		return false;
	}
	return true;
}

static bool stall(struct repl_receiver *r)
{
	r->is_stalled = true;
	r->host->ops->timer_set(r->host->ctx, &r->poke,
				r->host->ops->now_ns(r->host->ctx) + POKE_NS);
	return false;
}

bool receiver_frame(struct repl_receiver *r, const struct repl_header *h, const void *plain)
{
	uint64_t connection = r->connection, cost = frame_cost_bytes(h);
	bool is_refused;

	if (!receiver_is_up(r))
		return true;
	/* What this side's initiators have under way from a reign that is over lands first, not on
	 * top of what the peer sends. */
	if (r->life != LIFE_RUNNING || r->is_busy ||
	    (group_is_busy(r->group) && receiver_is_secondary(r)))
		return stall(r);
	if (!receiver_has_said(r))
		return stall(r);
	if (!is_term_right(r, h, &is_refused))
		return is_refused ? true : stall(r);
	if (!check(r, h))
		return true;
	/* Whoever sends after a BITMAP has that on disk. */
	if (r->is_bitmap_sent) {
		r->is_bitmap_sent = false;
		session_bitmap_sent(group_session(r->group));
	}
	if (!receiver_is_secondary(r))
		return receiver_refuse(r, "the peer sent data to a side that is no secondary");
	if (!credit_in_take(&r->credit, cost))
		return receiver_refuse(r, "the peer sent more than it had credit for");
	if (take(r, h, plain)) {
		r->figures.frames++;
		r->figures.received_bytes += h->raw_bytes;
		return true;
	}
	if (connection == r->connection)
		credit_in_undo(&r->credit, cost);
	return stall(r);
}
