/* SPDX-License-Identifier: MIT */
#include "load.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"

#define RECONNECT_EVERY_NS (100 * CLOCK_NS_PER_MS)
#define RECONNECT_LIMIT_MS 1000

static void note_end(struct load *l, const struct load_op *op)
{
	uint64_t now_ns = clock_now_ns(), from_ns = op->sent_ns;

	/* A stall: no end of any command, while at least this one was waiting. */
	if (l->last_end_ns > from_ns)
		from_ns = l->last_end_ns;
	if (now_ns - from_ns > l->fig.max_stall_ns)
		l->fig.max_stall_ns = now_ns - from_ns;
	if (now_ns - op->sent_ns > l->fig.max_latency_ns)
		l->fig.max_latency_ns = now_ns - op->sent_ns;
	l->last_end_ns = now_ns;
}

static void on_end(struct iscsi_context *iscsi, int status, void *data, void *priv)
{
	struct load_op *op = priv;
	struct load *l = op->session->load;
	struct outcome out;

	(void)iscsi;
	(void)data;
	outcome_of(op->task, status, &out);
	scsi_free_scsi_task(op->task);
	op->task = NULL;
	if (status == (int)SCSI_STATUS_CANCELLED || status == (int)SCSI_STATUS_ERROR) {
		op->state = OP_UNKNOWN;
		op->session->in.is_broken = true;
		return;
	}
	note_end(l, op);
	load_op_answered(l, op, &out);
}

int load_session_open(struct load *l, struct session *s, const char *url)
{
	s->load = l;
	s->url = url;
	s->ops = calloc((size_t)l->opt.depth, sizeof(*s->ops));
	if (!s->ops)
		return -1;
	for (int i = 0; i < l->opt.depth; i++) {
		s->ops[i].session = s;
		s->ops[i].buf = malloc(LOAD_IO_MAX_BYTES);
		if (!s->ops[i].buf)
			return -1;
	}
	return initiator_open(&s->in, url, NULL, l->opt.limit_ms);
}

void load_session_close(struct session *s)
{
	if (s->in.iscsi)
		initiator_close(&s->in);
	for (int i = 0; s->ops && i < s->load->opt.depth; i++)
		free(s->ops[i].buf);
	free(s->ops);
	s->ops = NULL;
}

static void horizon(struct load *l)
{
	uint64_t oldest = l->now + 1;

	for (int i = 0; i < l->opt.sessions; i++) {
		for (int k = 0; k < l->opt.depth; k++) {
			const struct load_op *op = &l->sessions[i].ops[k];

			if (op->state != OP_IDLE && op->start < oldest)
				oldest = op->start;
		}
	}
	l->map.horizon = oldest;
}

static void send_op(struct load *l, struct session *s, struct load_op *op)
{
	struct cdb cdb;

	if (!load_op_choose(l, op, &cdb))
		return;
	op->state = OP_SENT;
	op->sent_ns = clock_now_ns();
	if (!l->in_flight++)
		l->last_end_ns = op->sent_ns;
	op->task = initiator_start(&s->in, &cdb, on_end, op);
	if (!op->task) {
		op->state = OP_UNKNOWN;
		s->in.is_broken = true;
	}
}

void load_session_fill(struct load *l, struct session *s)
{
	uint64_t now_ns = clock_now_ns();

	if (l->is_stopping || s->in.is_broken)
		return;
	horizon(l);
	for (int k = 0; k < l->opt.depth; k++) {
		struct load_op *op = &s->ops[k];

		if (op->state == OP_IDLE && op->not_before_ns <= now_ns && !s->in.is_broken)
			send_op(l, s, op);
	}
}

static void give_up(struct load *l, struct session *s, const char *why)
{
	l->fig.errors++;
	load_complain(l, "session to %s: %s", s->url, why);
	l->is_stopping = true;
	for (int k = 0; k < l->opt.depth; k++) {
		if (s->ops[k].state != OP_IDLE)
			load_op_forget(l, &s->ops[k]);
	}
}

/*
 * A new session to the same LUN. What the old one had sent was never answered: it may have been
 * applied or not. Once the LUN answers again, whoever served it before has ended.
 */
static void connect_again(struct load *l, struct session *s)
{
	uint64_t now_ns = clock_now_ns();

	if (now_ns < s->retry_ns)
		return;
	s->retry_ns = now_ns + RECONNECT_EVERY_NS;
	if (initiator_open(&s->in, s->url, NULL, RECONNECT_LIMIT_MS)) {
		s->in.is_broken = true;
		if (now_ns - s->down_since_ns > (uint64_t)l->opt.limit_ms * CLOCK_NS_PER_MS)
			give_up(l, s, s->in.error);
		return;
	}
	l->fig.reconnects++;
	s->down_since_ns = 0;
	for (int k = 0; k < l->opt.depth; k++) {
		if (s->ops[k].state == OP_UNKNOWN) {
			note_end(l, &s->ops[k]);
			load_op_forget(l, &s->ops[k]);
		}
	}
}

void load_session_care(struct load *l, struct session *s)
{
	uint64_t now_ns = clock_now_ns(), limit_ns = (uint64_t)l->opt.limit_ms * CLOCK_NS_PER_MS;

	if (s->in.is_broken) {
		if (s->in.iscsi) {
			initiator_close(&s->in); /* answers every waiting callback with CANCELLED */
			s->down_since_ns = now_ns;
		}
		if (l->opt.survives_reconnect)
			connect_again(l, s);
		else if (s->down_since_ns) {
			give_up(l, s, "the connection was lost");
			s->down_since_ns = 0;
		}
		return;
	}
	for (int k = 0; k < l->opt.depth; k++) {
		const struct load_op *op = &s->ops[k];

		if (op->state == OP_SENT && now_ns - op->sent_ns > limit_ns) {
			load_complain(l, "%s at %" PRIu64 " was not answered in %d ms",
				      op_words[op->kind], l->map.first_lba + op->at,
				      l->opt.limit_ms);
			give_up(l, s, "hung");
			s->in.is_broken = true;
			return;
		}
	}
}
