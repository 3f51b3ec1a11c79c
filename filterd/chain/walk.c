/* SPDX-License-Identifier: MIT */
/*
 * walk.c - one I/O down through the filters to the backend, and up again.
 *
 * This is the data path: it allocates nothing, asks no clock (the env's time of this loop turn),
 * takes no lock, logs nothing. One pass of walk_io() moves an I/O until it is parked (a token, the
 * backend) or ended.
 *
 * A filter that completes or fails an I/O turns it round where it is; so on the way up come only
 * filters that passed it on, and those that were bypassed when it came by (not entered) or have
 * been since.
 */
#include <assert.h>

#include "chain_int.h"

static void bottom_end(struct sluice_io *io);

void walk_restore_buf(struct chain_io *cio, const struct sluice_filter *f)
{
	if (cio->swapped & filter_bit(f)) {
		cio->io.buf = cio->saved_buf[f->index];
		cio->swapped &= (uint8_t)~filter_bit(f);
	}
}

static inline void leave_filter(struct chain_io *cio, struct sluice_filter *f)
{
	stats_add(&f->stats[cio->io.op], &cio->io, cio->chain->now_ns - cio->enter_ns[f->index]);
}

/* The filter's answer, with everything wrong about it turned into FAIL. */
static inline enum sluice_verdict call_filter(struct chain_io *cio, struct sluice_filter *f,
					      enum sluice_verdict (*fn)(struct sluice_filter *f,
									struct sluice_io *io))
{
	enum sluice_verdict v;

	cio->is_in_call = true;
	blame_begin(f);
	v = fn(f, &cio->io);
	blame_end(f);
	cio->is_in_call = false;
	if (unlikely((v == SLUICE_DEFER) != cio->token.is_taken || (unsigned)v > SLUICE_DEFER))
		v = token_mismatch(cio, f, v);
	return v;
}

static void mark_failed(struct sluice_io *io)
{
	if (io->status == SLUICE_OK || io->status >= SLUICE_STATUS_COUNT)
		io->status = SLUICE_ERR_IO;
}

/* False: parked. COMPLETE and FAIL turn the I/O round. */
static inline bool apply_down(struct chain_io *cio, struct sluice_filter *f, enum sluice_verdict v)
{
	if (likely(v == SLUICE_PASS)) {
		cio->level++;
		return true;
	}
	if (v == SLUICE_DEFER)
		return false;
	if (v == SLUICE_FAIL)
		mark_failed(&cio->io);
	walk_restore_buf(cio, f);
	leave_filter(cio, f);
	cio->stage = STAGE_UP;
	return true;
}

/* False: parked with the backend, which may already have given it to somebody else: hands off. */
static bool walk_bottom(struct chain_io *cio)
{
	struct chain *c = cio->chain;

	cio->stage = STAGE_BOTTOM;
	cio->enter_ns[CHAIN_MAX_FILTERS] = c->now_ns;
	cio->io.end = bottom_end;
	cio->is_submitting = true;
	cpu_begin(&c->backend_cpu, c->env);
	c->backend->ops->submit(c->backend, &cio->io);
	cpu_end(&c->backend_cpu, c->env);
	cio->is_submitting = false;
	return cio->stage == STAGE_UP;
}

/* It ends here: what is below it does the work. False: parked until chain_turn_end(). */
static bool walk_turn(struct chain_io *cio)
{
	cio->stage = STAGE_BOTTOM;
	cio->is_submitting = true;
	turn_reached(cio);
	cio->is_submitting = false;
	return cio->stage == STAGE_UP;
}

/* False: parked. True: the way is up from cio->level. */
static bool walk_down(struct chain_io *cio)
{
	struct chain *c = cio->chain;

	while (cio->stage == STAGE_DOWN) {
		struct sluice_filter *f;
		enum sluice_verdict v = SLUICE_PASS;

		if (unlikely(cio->is_turn) && cio->level > cio->top)
			return walk_turn(cio);
		if (cio->level == c->filter_count)
			return walk_bottom(cio);
		f = c->filters[cio->level];
		if (unlikely(f->is_bypassed)) {
			cio->level++;
			continue;
		}
		cio->entered |= filter_bit(f);
		cio->enter_ns[cio->level] = c->now_ns;
		if (f->ops->io_ctx_bytes)
			memset(cio->contexts + f->ctx_offset, 0, f->ops->io_ctx_bytes);
		if (f->submit)
			v = call_filter(cio, f, f->submit);
		if (!apply_down(cio, f, v))
			return false;
	}
	return true;
}

static void walk_finish(struct chain_io *cio)
{
	cio->chain->in_flight--;
	cio->stage = STAGE_IDLE;
	if (unlikely(cio->own != NULL))
		own_io_finish(cio);
	else
		cio->fn(&cio->io);
}

static void walk_up(struct chain_io *cio)
{
	struct chain *c = cio->chain;

	while (cio->level > cio->top) {
		struct sluice_filter *f = c->filters[--cio->level];

		if (!(cio->entered & filter_bit(f)))
			continue;
		walk_restore_buf(cio, f);
		if (f->done && likely(!f->is_bypassed)) {
			enum sluice_verdict v = call_filter(cio, f, f->done);

			if (v == SLUICE_DEFER)
				return;
			if (v == SLUICE_COMPLETE)
				report_misuse(c, f->slot, MISUSE_VERDICT);
			if (v == SLUICE_FAIL)
				mark_failed(&cio->io);
		}
		leave_filter(cio, f);
	}
	walk_finish(cio);
}

/* A token came back: its result is the verdict of the filter at cio->level. False: parked again. */
static bool walk_token(struct chain_io *cio)
{
	struct sluice_filter *f = cio->chain->filters[cio->level];
	enum sluice_verdict v = token_result(cio);

	if (cio->stage == STAGE_DOWN) {
		if (v == SLUICE_PASS && (cio->io.flags & SLUICE_IO_ABORTED)) {
			cio->io.status = SLUICE_ERR_ABORTED;
			v = SLUICE_FAIL;
		}
		return apply_down(cio, f, v);
	}
	if (v == SLUICE_FAIL)
		mark_failed(&cio->io);
	leave_filter(cio, f);
	return true;
}

static void walk_io(struct chain_io *cio)
{
	struct chain *c = cio->chain;

	c->now_ns = env_now_ns(c->env);
	if (cio->token.is_taken && !walk_token(cio))
		return;
	if (cio->stage == STAGE_DOWN && !walk_down(cio))
		return;
	walk_up(cio);
}

/* The outermost walk of c moves all that is there. */
static inline void walk_run(struct chain *c)
{
	while (!list_is_empty(&c->run))
		walk_io(list_entry(list_pop_front(&c->run), struct chain_io, node));
	c->depth = 0;
	if (unlikely(c->state == CHAIN_DRAINING))
		drain_check(c);
}

void groups_leave(struct groups *gs)
{
	while (unlikely(gs->walks == 1 && !list_is_empty(&gs->ready))) {
		struct chain *c = list_entry(list_pop_front(&gs->ready), struct chain, ready_node);

		c->depth = 1;
		walk_run(c);
	}
	gs->walks--;
}

void walk_leave(struct chain *c)
{
	if (c->depth > 1) {
		c->depth--;
		return;
	}
	walk_run(c);
	groups_leave(c->groups);
}

void walk_queue(struct chain_io *cio)
{
	struct chain *c = cio->chain;

	if (c->depth > 0) {
		list_push_back(&c->run, &cio->node);
		return;
	}
	if (unlikely(c->groups->walks > 0)) {
		list_push_back(&c->run, &cio->node);
		if (list_is_empty(&c->ready_node))
			list_push_back(&c->groups->ready, &c->ready_node);
		return;
	}
	c->depth = 1;
	c->groups->walks = 1;
	walk_io(cio);
	walk_leave(c);
}

void walk_start(struct chain_io *cio)
{
	struct chain *c = cio->chain;

	c->in_flight++;
	cio->entered = cio->swapped = 0;
	cio->must_fail = false;
	cio->level = cio->top;
	cio->stage = STAGE_DOWN;
	if (unlikely(cio->io.op >= SLUICE_OP_COUNT || !(c->op_mask & SLUICE_OP_BIT(cio->io.op)))) {
		/* Own I/O was checked against the layers below its filter, which may know more. */
		if (!cio->own) {
			cio->io.status = SLUICE_ERR_UNSUPPORTED;
			cio->stage = STAGE_UP;
		}
	}
	walk_queue(cio);
}

/* The backend's end of an I/O. */
static void bottom_end(struct sluice_io *io)
{
	struct chain_io *cio = chain_io_of(io);
	struct chain *c = cio->chain;

	assert(cio->stage == STAGE_BOTTOM);
	if (!cio->is_submitting)
		c->now_ns = env_now_ns(c->env);
	stats_add(&c->backend_stats[io->op], io, c->now_ns - cio->enter_ns[CHAIN_MAX_FILTERS]);
	cio->stage = STAGE_UP;
	if (!cio->is_submitting)
		walk_queue(cio);
}

/* ---------------------------------------------------------------- SDK */

void sluice_io_swap_buf(struct sluice_filter *f, struct sluice_io *io, void *buf)
{
	struct chain_io *cio = chain_io_of(io);
	bool is_turn = cio->stage == STAGE_DOWN && cio->level == f->index &&
		       (cio->is_in_call || token_is_held(cio));

	/* A transparent filter may be bypassed between submit() and done(): the data would stay in
	 * its buffer. */
	if (!is_turn || (f->ops->flags & SLUICE_FILTER_TRANSPARENT)) {
		report_misuse(f->chain, f->slot, MISUSE_SWAP);
		return;
	}
	if (!(cio->swapped & filter_bit(f))) {
		cio->saved_buf[f->index] = io->buf;
		cio->swapped |= filter_bit(f);
	}
	io->buf = buf;
}
