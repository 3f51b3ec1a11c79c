/* SPDX-License-Identifier: MIT */
#include "receiver_rig.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rlog_open.h"

#define MS 1000000ull

/* ---------------------------------------------------------------- group, node and session */

const struct repl_host *group_host(const struct repl_group *g)
{
	return &g->host;
}

struct repl_node *group_node(struct repl_group *g)
{
	return &g->node;
}

struct repl_session *group_session(struct repl_group *g)
{
	return (struct repl_session *)g;
}

struct frame_out *group_out(struct repl_group *g, enum sluice_link_channel ch)
{
	return &g->out;
}

bool node_is_primary(const struct repl_node *n)
{
	return n->record.state == REPL_PRIMARY_PAIR || n->record.state == REPL_PRIMARY_ALONE;
}

int group_send(struct repl_group *g, enum sluice_link_channel ch, struct repl_header *h,
	       const void *payload, size_t payload_bytes)
{
	struct rr_answer *a = &g->answers[g->answer_count];

	if (!g->is_up)
		return -ENOTCONN;
	if (h->type == REPL_CREDIT) {
		g->credit_bytes += h->value;
		return 0;
	}
	assert(g->answer_count < RR_ANSWERS);
	g->answer_count++;
	a->h = *h;
	a->h.raw_bytes = (uint32_t)payload_bytes;
	assert(payload_bytes <= sizeof(a->payload));
	if (payload_bytes)
		memcpy(a->payload, payload, payload_bytes);
	return 0;
}

void group_protocol_error(struct repl_group *g, const char *why)
{
	if (!g->refused[0])
		snprintf(g->refused, sizeof(g->refused), "%s", why);
}

bool group_is_busy(const struct repl_group *g)
{
	return g->is_own_busy;
}

void group_saw_lsn(struct repl_group *g, uint64_t lsn)
{
	if (lsn > g->seen_lsn)
		g->seen_lsn = lsn;
}

void group_mark_suspect(struct repl_group *g, const struct repl_range *r)
{
	if (r->member == 0)
		for (uint64_t u = 0; u < r->len_bytes / RR_UNIT; u++)
			g->suspect |= 1ull << (r->offset_bytes / RR_UNIT + u);
	g->marks_flushed = false;
}

void group_marks_flush(struct repl_group *g, void (*fn)(void *ctx), void *ctx)
{
	g->marks_flushed = true;
	fn(ctx);
}

bool group_may_differ(struct repl_group *g, struct repl_place *at,
		      bool (*fn)(void *ctx, const struct repl_range *r), void *ctx)
{
	for (uint32_t i = at->member; i < g->differ_count; i++) {
		at->member = (uint16_t)(i + 1);
		if (!fn(ctx, &g->differ[i]))
			return i + 1 < g->differ_count;
	}
	return false;
}

void session_resync_began(struct repl_session *s, bool is_inconsistent)
{
	struct repl_group *g = (struct repl_group *)s;

	if (!is_inconsistent) {
		g->began_staged++;
		return;
	}
	g->began_below++;
	/* As the session does it: what is in memory is not what is durable. */
	g->node.record.is_consistent = false;
	g->node.is_failed = g->record_error != 0;
}

void session_resync_ended(struct repl_session *s)
{
	struct repl_group *g = (struct repl_group *)s;

	g->resync_ended++;
	g->node.record.is_consistent = true;
}

void session_gave_up(struct repl_session *s)
{
	struct repl_group *g = (struct repl_group *)s;

	g->gave_up++;
	g->node.record.state = REPL_OUTDATED;
	g->node.is_failed = g->record_error != 0;
}

void session_applied(struct repl_session *s)
{
	((struct repl_group *)s)->applied++;
}

void session_bitmap_sent(struct repl_session *s)
{
	((struct repl_group *)s)->bitmap_sent++;
}

/* ---------------------------------------------------------------- life */

void rr_init(struct repl_group *g, uint64_t seed)
{
	memset(g, 0, sizeof(*g));
	rig_init(&g->disk, seed, 100);
	g->host = (struct repl_host){
	    .ops = &rr_host_ops,
	    .ctx = g,
	    .group_uuid = {7},
	    .member_count = RR_MEMBERS,
	    .block_bytes = 512,
	    .member_size_bytes = {RR_UNITS * RR_UNIT, 2 * RR_UNIT + 512},
	};
	g->node.record.term = 5;
	g->node.record.state = REPL_SECONDARY_SYNCING;
	g->node.record.is_consistent = true;
	g->has_extents = true;
	frame_out_init(&g->out, &g->host, SLUICE_LINK_DATA);
}

void rr_fini(struct repl_group *g)
{
	if (g->receiver)
		rr_stop(g);
	assert(g->bufs == 0);
	rig_fini(&g->disk);
}

static void started(void *ctx, int result, const struct sluice_error *err)
{
	struct repl_group *g = ctx;

	g->is_started = true;
	g->start_result = result;
	assert(result == 0 || err->text[0]);
}

int rr_start(struct repl_group *g)
{
	g->is_started = false;
	g->receiver = receiver_create(g, RR_STAGE_BYTES);
	receiver_start(g->receiver, started, g);
	rr_run(g);
	return g->is_started ? g->start_result : -EINPROGRESS;
}

static void stopped(void *ctx)
{
	((struct repl_group *)ctx)->is_stopped = true;
}

void rr_stop(struct repl_group *g)
{
	g->is_up = false;
	g->is_stopped = false;
	receiver_stop(g->receiver, stopped, g);
	rr_run(g);
	assert(g->is_stopped);
	receiver_destroy(g->receiver);
	g->receiver = NULL;
}

void rr_crash(struct repl_group *g, bool is_power_cut)
{
	for (uint32_t i = 0; i < REPL_LOGS; i++)
		if (g->logs[i])
			rlog_abandon(g->logs[i]);
	memset(g->logs, 0, sizeof(g->logs));
	for (uint32_t i = 0; i < g->receiver->slots_made; i++)
		if (g->receiver->slots[i].buf)
			rr_host_ops.buf_put(g, g->receiver->slots[i].buf, 0);
	receiver_abandon(g->receiver);
	g->receiver = NULL;
	memset(g->timers, 0, sizeof(g->timers));
	g->own_count = 0;
	g->snapshot = NULL;
	g->is_up = false;
	g->answer_count = 0;
	g->steps = g->steps_max = 0;
	rig_crash(&g->disk, is_power_cut);
	for (uint32_t m = 0; is_power_cut && m < RR_MEMBERS; m++)
		for (uint64_t at = 0; at < sizeof(g->now[0]); at += RR_UNIT) {
			if (rr_host_ops.random_u64(g) & 1)
				memcpy(g->now[m] + at, g->stable[m] + at, RR_UNIT);
			else
				memcpy(g->stable[m] + at, g->now[m] + at, RR_UNIT);
		}
}

void rr_up(struct repl_group *g)
{
	g->is_up = true;
	g->answer_count = 0;
	g->refused[0] = '\0';
	g->credit_bytes = receiver_credit_bytes(g->receiver);
	receiver_link_up(g->receiver);
}

void rr_down(struct repl_group *g)
{
	g->is_up = false;
	receiver_link_down(g->receiver);
}

void rr_run(struct repl_group *g)
{
	bool has_done;

	do {
		if (g->steps_max && g->steps >= g->steps_max)
			return;
		has_done = rr_host_ops.random_u64(g) & 1 ? rr_own_step(g) || rig_step(&g->disk)
							 : rig_step(&g->disk) || rr_own_step(g);
		fake_env_settle(&g->disk.fe);
		g->steps++;
	} while (has_done);
}

void rr_advance(struct repl_group *g, uint64_t ms)
{
	while (ms--) {
		fake_env_advance(&g->disk.fe, MS);
		for (uint32_t i = 0; i < 8; i++) {
			struct repl_timer *t = g->timers[i];

			if (!t || g->timer_at_ns[i] > g->disk.fe.now_ns)
				continue;
			g->timers[i] = NULL;
			t->fn(t);
		}
		rr_run(g);
	}
}

/* ---------------------------------------------------------------- frames */

bool rr_offer(struct repl_group *g, struct repl_header *h, const void *plain)
{
	uint64_t cost = frame_cost_bytes(h);

	g->may_read = false;
	assert(g->credit_bytes >= cost);
	if (!receiver_frame(g->receiver, h, plain))
		return false;
	g->credit_bytes -= cost;
	return true;
}

bool rr_send(struct repl_group *g, struct repl_header *h, const void *plain)
{
	for (;;) {
		if (g->credit_bytes < frame_cost_bytes(h))
			rr_run(g);
		if (rr_offer(g, h, plain))
			return true;
		rr_run(g);
		/* The receiver has to ask for it, or it is never asked for. */
		if (!g->may_read)
			return false;
	}
}

bool rr_data(struct repl_group *g, enum repl_type type, uint64_t value, uint16_t member,
	     uint64_t unit, uint64_t count, uint64_t version)
{
	static uint64_t data[RR_UNITS * RR_UNIT / 8];
	uint64_t bytes = count * RR_UNIT, size = g->host.member_size_bytes[member];
	struct repl_header h;

	bytes = unit * RR_UNIT + bytes > size ? size - unit * RR_UNIT : bytes;
	for (uint64_t i = 0; i < bytes / 8; i++)
		data[i] = version;
	frame_begin(&h, type, g->node.record.term, value);
	frame_set_range(&h, member, unit * RR_UNIT, bytes);
	frame_set_payload(&h, data, bytes);
	return rr_send(g, &h, data);
}

bool rr_zero(struct repl_group *g, enum repl_type type, uint64_t value, uint16_t member,
	     uint64_t unit, uint64_t count)
{
	struct repl_header h;

	frame_begin(&h, type, g->node.record.term, value);
	frame_set_range(&h, member, unit * RR_UNIT, count * RR_UNIT);
	return rr_send(g, &h, NULL);
}

bool rr_plain(struct repl_group *g, enum repl_type type, uint64_t value)
{
	struct repl_header h;

	frame_begin(&h, type, g->node.record.term, value);
	if (type == REPL_WIN_END || type == REPL_RS_END)
		h.offset_bytes = value * 100; /* the lsn */
	return rr_send(g, &h, NULL);
}

bool rr_resync(struct repl_group *g, uint64_t id, uint64_t bytes_max, bool is_whole)
{
	struct repl_rs rs = {.bytes_max = bytes_max, .is_whole = is_whole};
	struct repl_header h;

	frame_begin(&h, REPL_RS_BEGIN, g->node.record.term, id);
	frame_set_payload(&h, &rs, sizeof(rs));
	return rr_send(g, &h, &rs);
}

const struct rr_answer *rr_answer(struct repl_group *g, enum repl_type type)
{
	static struct rr_answer found;

	for (uint32_t i = 0; i < g->answer_count; i++) {
		if (g->answers[i].h.type != type)
			continue;
		found = g->answers[i];
		memmove(&g->answers[i], &g->answers[i + 1],
			(--g->answer_count - i) * sizeof(g->answers[0]));
		return &found;
	}
	return NULL;
}

uint32_t rr_answers(const struct repl_group *g, enum repl_type type)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < g->answer_count; i++)
		n += g->answers[i].h.type == type;
	return n;
}

uint64_t rr_version(const struct repl_group *g, uint16_t member, uint64_t unit)
{
	uint64_t left = g->host.member_size_bytes[member] - unit * RR_UNIT, first, word;
	const uint8_t *p = g->now[member] + unit * RR_UNIT;

	left = left < RR_UNIT ? left : RR_UNIT;
	memcpy(&first, p, 8);
	for (uint64_t i = 0; i < left; i += 8) {
		memcpy(&word, p + i, 8);
		if (word != first)
			return UINT64_MAX;
	}
	return first;
}

void rr_set(struct repl_group *g, uint16_t member, uint64_t unit, uint64_t version)
{
	for (uint64_t at = unit * RR_UNIT; at < (unit + 1) * RR_UNIT; at += 8) {
		memcpy(&g->now[member][at], &version, 8);
		memcpy(&g->stable[member][at], &version, 8);
	}
}
