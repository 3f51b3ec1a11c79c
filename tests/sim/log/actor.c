// SPDX-License-Identifier: MIT
#include "actor.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "memory.h"

void actor_begin(struct actor *a, struct lab *l)
{
	a->lab = l;
	for (uint32_t i = 0; i < ACTOR_OPS; i++)
		a->ops[i].is_busy = false;
	a->busy = 0;
	a->is_destaging = a->is_space_wanted = a->is_nothing_durable = a->is_helping_flush = false;
	a->is_helpless = false;
	a->failures = a->failed_windows = 0;
	actor_listen(a);
	if (l->cut_seq == UINT64_MAX) {
		struct sluice_rlog_stats stats;

		sluice_rlog_stats(l->log, &stats);
		l->cut_seq = stats.next_seq;
	}
}

/* ---------------------------------------------------------------- answers */

static void end_op(struct actor_op *op, int result)
{
	struct actor *a = op->actor;

	if (!op->is_busy)
		lab_fail(a->lab, "an operation is answered twice");
	if (op->is_in_call)
		lab_fail(a->lab, "an operation is answered before the call returned");
	/* An error needs a reason: a fault of the plan. */
	if (result == -EBADMSG && a->lab->is_rot_expected)
		a->lab->has_met_rot = true;
	else if (result && result != -EAGAIN && !a->lab->env.plan.has_struck &&
		 !memory_has_failed())
		lab_fail(a->lab, "operation %d ended with %d, and nothing has failed",
			 op->action.kind, result);
	if (result)
		a->failures++;
	op->is_busy = false;
	a->busy--;
}

/* W13: after a failed write or flush nothing is taken, and what is acknowledged as durable is. */
static void check_w13(struct lab *l, const struct actor_op *op, bool is_d2)
{
	if (l->is_blind)
		return;
	if (op->is_after_failure)
		lab_fail(l, "W13: taken after a failed write or flush of the log");
	if (l->watch.logs[DEVICE_LOG].has_failed && is_d2 && op->action.kind == ACTOR_WRITE &&
	    !watch_is_durable(&l->watch, DEVICE_LOG, op->last_version))
		lab_fail(l,
			 "W13: version %u is acknowledged after a failed flush, and is not durable",
			 op->last_version);
}

static void appended(struct sluice_rlog_entry *e)
{
	struct actor_op *op = e->ctx;
	struct lab *l = op->actor->lab;

	lab_say(l, "append to state %u: %d, record %llu", op->state, e->result,
		(unsigned long long)e->seq);
	end_op(op, e->result);
	if (e->result)
		return;
	check_w13(l, op, e->is_durable);
	watch_acked(&l->watch, op->last_version, e->is_durable);
	oracle_acked(&l->oracle, op->state, e->is_durable);
}

static void flushed(struct sluice_rlog_flush *f)
{
	struct actor_op *op = f->ctx;
	struct lab *l = op->actor->lab;

	lab_say(l, "flush of state %u: %d", op->state, f->result);
	end_op(op, f->result);
	op->actor->is_nothing_durable = op->actor->is_helping_flush = false;
	if (f->result)
		return;
	check_w13(l, op, true);
	watch_acked(&l->watch, op->last_version, true);
	oracle_acked(&l->oracle, op->state, true);
}

static void dropped(struct sluice_rlog_flush *f)
{
	struct actor_op *op = f->ctx;
	struct lab *l = op->actor->lab;

	lab_say(l, "drop: %d", f->result);
	end_op(op, f->result);
	l->watch.is_dropping = false;
	if (f->result == 0)
		oracle_acked(&l->oracle, op->state, true);
}

/* At the end of a window the datastore alone is a point in time; not while a window that was cut
 * off is being made up for. */
static void check_boundary(struct lab *l, int result)
{
	struct sluice_rlog_stats stats;
	struct oracle_state sink;

	if (result == -EAGAIN)
		return;
	sluice_rlog_stats(l->log, &stats);
	if (result)
		l->cut_seq = stats.next_seq;
	if (result || stats.tail_seq < l->cut_seq)
		return;
	lab_sink_state(l, &sink);
	if (oracle_find(&l->oracle, &sink, 0, oracle_newest(&l->oracle)) < 0)
		lab_fail(l, "destage: after a window the datastore is no point in time");
}

static void destaged(struct sluice_rlog_destage *d)
{
	struct actor_op *op = d->ctx;
	struct actor *a = op->actor;

	lab_say(a->lab, "destage: %d, %llu blocks, %llu written", d->result,
		(unsigned long long)d->window_blocks, (unsigned long long)d->written_blocks);
	end_op(op, d->result);
	a->is_destaging = false;
	a->is_nothing_durable = d->result == -EAGAIN;
	a->failed_windows = d->result && d->result != -EAGAIN ? a->failed_windows + 1 : 0;
	check_boundary(a->lab, d->result);
	if (d->result == 0 && d->written_blocks > d->window_blocks)
		lab_fail(a->lab, "destage: more was written than taken");
}

static void read_block(struct lab *l, const struct actor_op *op, uint32_t i)
{
	uint32_t block = (uint32_t)op->read.block + i;
	uint32_t v = oracle_version(op->buf + (size_t)i * LAB_BLOCK_BYTES, LAB_BLOCK_BYTES, block);

	for (uint32_t s = op->oldest; s <= op->newest; s++)
		if (l->oracle.states[s].version[block] == v)
			return;
	lab_fail(l, "read: block %u has version %u, states %u to %u have not", block, v, op->oldest,
		 op->newest);
}

static void read_ended(struct sluice_rlog_read *r)
{
	struct actor_op *op = r->ctx;

	end_op(op, r->result);
	for (uint32_t i = 0; r->result == 0 && i < r->block_count; i++)
		read_block(op->actor->lab, op, i);
}

/* ---------------------------------------------------------------- calls */

static void call_append(struct actor *a, struct actor_op *op)
{
	const struct actor_action *x = &op->action;
	struct oracle *o = &a->lab->oracle;
	uint32_t first;

	op->entry = (struct sluice_rlog_entry){.is_durable = x->is_durable,
					       .block = x->block,
					       .block_count = x->block_count,
					       .buf = op->buf,
					       .fn = appended,
					       .ctx = op};
	if (x->kind == ACTOR_WRITE) {
		op->entry.kind = SLUICE_RLOG_DATA;
		op->state = oracle_write(o, x->block, x->block_count,
					 x->block_count <= a->lab->opt.record_blocks, &first);
		for (uint32_t i = 0; i < x->block_count; i++)
			oracle_fill(op->buf + (size_t)i * LAB_BLOCK_BYTES, LAB_BLOCK_BYTES,
				    x->block + i, first + i);
	} else if (x->kind == ACTOR_ZERO) {
		op->entry.kind = SLUICE_RLOG_ZERO;
		op->entry.may_unmap = x->max_blocks & 1;
		op->state = oracle_zero(o, x->block, x->block_count);
	} else {
		op->entry.kind = SLUICE_RLOG_MARK;
		op->entry.block_count = 0;
		op->state = oracle_newest(o);
	}
	op->last_version = o->next_version - 1;
	lab_say(a->lab, "%s %u + %u%s: state %u, version %u",
		x->kind == ACTOR_WRITE  ? "write"
		: x->kind == ACTOR_ZERO ? "zero"
					: "mark",
		x->block, x->block_count, x->is_durable ? " durable" : "", op->state,
		op->last_version);
	sluice_rlog_append(a->lab->log, &op->entry);
}

static void call_flush(struct actor *a, struct actor_op *op)
{
	const struct oracle *o = &a->lab->oracle;

	op->state = o->acked_d1;
	/* Versions grow with the states; a drop may leave half a block in the datastore. */
	op->last_version = 0;
	for (uint32_t b = 0; b < ORACLE_BLOCKS; b++)
		if (o->states[op->state].version[b] > op->last_version &&
		    o->states[op->state].version[b] != ORACLE_TORN)
			op->last_version = o->states[op->state].version[b];
	op->flush = (struct sluice_rlog_flush){.fn = flushed, .ctx = op};
	lab_say(a->lab, "flush");
	sluice_rlog_flush(a->lab->log, &op->flush);
}

static void call_drop(struct actor *a, struct actor_op *op)
{
	struct oracle_state now;

	lab_sink_state(a->lab, &now);
	op->state = oracle_drop(&a->lab->oracle, &now);
	a->lab->watch.is_dropping = true;
	op->flush = (struct sluice_rlog_flush){.fn = dropped, .ctx = op};
	lab_say(a->lab, "drop: state %u", op->state);
	sluice_rlog_drop(a->lab->log, &op->flush);
}

static void call_destage(struct actor *a, struct actor_op *op)
{
	uint64_t blocks = op->action.max_blocks;

	a->is_destaging = true;
	op->destage = (struct sluice_rlog_destage){
	    .max_bytes = blocks ? blocks * LAB_BLOCK_BYTES : UINT64_MAX, .fn = destaged, .ctx = op};
	lab_say(a->lab, "destage %u", op->action.max_blocks);
	sluice_rlog_destage(a->lab->log, &a->lab->sink, &op->destage);
}

/* Zeros and what only the datastore has are checked at once; true: the log reads. */
static bool call_read(struct actor *a, struct actor_op *op)
{
	struct lab *l = a->lab;
	struct sluice_rlog_run run;
	struct oracle_state sink;

	sluice_rlog_lookup(l->log, op->action.block, op->action.block_count, &run);
	op->oldest = l->oracle.acked_d1;
	op->newest = oracle_newest(&l->oracle);
	op->read = (struct sluice_rlog_read){.block = op->action.block,
					     .block_count = run.block_count,
					     .buf = op->buf,
					     .fn = read_ended,
					     .ctx = op};
	if (run.what == SLUICE_RLOG_HAS_DATA) {
		sluice_rlog_read(l->log, &op->read);
		return true;
	}
	lab_sink_state(l, &sink);
	for (uint32_t i = 0; i < run.block_count; i++) {
		uint32_t block = op->action.block + i;

		oracle_fill(op->buf + (size_t)i * LAB_BLOCK_BYTES, LAB_BLOCK_BYTES, 0, 0);
		if (run.what == SLUICE_RLOG_ABSENT && sink.version[block])
			oracle_fill(op->buf + (size_t)i * LAB_BLOCK_BYTES, LAB_BLOCK_BYTES, block,
				    sink.version[block]);
		read_block(l, op, i);
	}
	return false;
}

static struct actor_op *free_op(struct actor *a)
{
	for (uint32_t i = 0; i < ACTOR_OPS; i++)
		if (!a->ops[i].is_busy)
			return &a->ops[i];
	return NULL;
}

static bool may_do(const struct actor *a, enum actor_kind kind)
{
	if (a->lab->watch.is_dropping)
		return false;
	if (kind == ACTOR_DESTAGE)
		return !a->is_destaging;
	if (kind == ACTOR_DROP)
		return a->busy == 0;
	return oracle_has_room(&a->lab->oracle);
}

bool actor_do(struct actor *a, const struct actor_action *what)
{
	struct actor_op *op = free_op(a);

	if (!op || !may_do(a, what->kind))
		return false;
	op->actor = a;
	op->action = *what;
	op->is_busy = op->is_in_call = true;
	op->is_after_failure = a->lab->watch.logs[DEVICE_LOG].has_failed;
	a->busy++;
	switch (what->kind) {
	case ACTOR_WRITE:
	case ACTOR_ZERO:
	case ACTOR_MARK:
		call_append(a, op);
		break;
	case ACTOR_FLUSH:
		call_flush(a, op);
		break;
	case ACTOR_DESTAGE:
		call_destage(a, op);
		break;
	case ACTOR_DROP:
		call_drop(a, op);
		break;
	case ACTOR_READ:
		if (call_read(a, op))
			break;
		/* fall through */
	default:
		op->is_busy = false;
		a->busy--;
	}
	op->is_in_call = false;
	return true;
}
