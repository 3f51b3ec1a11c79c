/* SPDX-License-Identifier: MIT */
/*
 * turn.c - the scheduler's leave for I/O that is not the chain's: what the engine below it does in
 * the background.
 *
 *     ask --> [WAITS while the chain is held] --> ASKED: an I/O of our own enters at io_control
 *     ended <-- ENDING: and goes up <-- end -- GRANTED: it has come out below it
 *
 * So the filter that schedules the datastore sees such an I/O like a write-back: queued by its
 * background share, in flight, ended, with its latency; but it never reaches the backend, since who
 * asked does the work. Hung filters, bypasses and drains need no rule of their own. A chain has one
 * turn at a time, with an I/O that is kept for it.
 *
 * Thread: owner worker.
 */
#include <assert.h>

#include "chain_int.h"

enum turn_state { TURN_NONE, TURN_WAITS, TURN_ASKED, TURN_GRANTED, TURN_ENDING };

static struct sluice_filter *scheduler(const struct chain *c)
{
	for (uint32_t i = c->filter_count; i-- > 0;) {
		struct sluice_filter *f = c->filters[i];

		if (f->ops->cls == SLUICE_CLASS_IO_CONTROL && f->is_attached && !f->is_bypassed)
			return f;
	}
	return NULL;
}

static void grant(struct chain *c)
{
	struct chain_turn *t = c->turn.user;

	c->turn.state = TURN_GRANTED;
	t->fn(t);
}

static void ended(struct sluice_io *io)
{
	struct chain_io *cio = chain_io_of(io);
	struct chain *c = cio->chain;

	cio->is_turn = false;
	c->turn.cio = NULL;
	pool_put(cio);
	/* A filter may have ended it before its turn: whoever asked has lost nothing by going on.
	 */
	if (c->turn.state == TURN_ASKED && c->turn.user)
		grant(c);
	else if (c->turn.state == TURN_ASKED || c->turn.state == TURN_ENDING)
		c->turn.state = TURN_NONE;
	else if (c->turn.state == TURN_WAITS)
		turn_release(c); /* asked for while this one was on its way up */
}

static void start(struct chain *c, struct sluice_filter *f)
{
	const struct chain_turn *t = c->turn.user;
	struct chain_io *cio = pool_turn_get(c);
	struct sluice_io *io = &cio->io;

	c->turn.state = TURN_ASKED;
	c->turn.cio = cio;
	cio->own = NULL;
	cio->is_turn = true;
	cio->fn = ended;
	cio->top = (uint8_t)f->index;
	io->op = t->is_write ? SLUICE_OP_WRITE : SLUICE_OP_READ;
	io->flags = SLUICE_IO_OWN;
	io->offset_bytes = t->offset_bytes;
	io->len_bytes = t->len_bytes;
	io->id = c->next_id++;
	io->start_ns = env_now_ns(c->env);
	walk_start(cio);
}

void turn_release(struct chain *c)
{
	struct sluice_filter *f;

	if (c->turn.state != TURN_WAITS || c->turn.cio || c->state != CHAIN_OPEN)
		return;
	f = scheduler(c);
	if (f)
		start(c, f);
	else
		grant(c);
}

void turn_reached(struct chain_io *cio)
{
	struct chain *c = cio->chain;

	if (c->turn.user && c->turn.state == TURN_ASKED) {
		grant(c);
		return;
	}
	cio->io.status = SLUICE_ERR_ABORTED; /* cancelled meanwhile */
	cio->stage = STAGE_UP;
}

/* ---------------------------------------------------------------- doors */

bool chain_turn_ask(struct chain *c, struct chain_turn *t)
{
	assert(!c->turn.user);
	if (!scheduler(c))
		return false;
	c->turn.user = t;
	c->turn.state = TURN_WAITS;
	turn_release(c);
	return true;
}

void chain_turn_end(struct chain *c, struct chain_turn *t, bool is_ok)
{
	struct chain_io *cio = c->turn.cio;

	assert(c->turn.user == t && c->turn.state == TURN_GRANTED);
	c->turn.user = NULL;
	c->turn.state = cio ? TURN_ENDING : TURN_NONE;
	if (!cio)
		return;
	cio->io.status = is_ok ? SLUICE_OK : SLUICE_ERR_IO;
	cio->stage = STAGE_UP;
	if (!cio->is_submitting)
		walk_queue(cio);
}

void chain_turn_cancel(struct chain *c, struct chain_turn *t)
{
	struct chain_io *cio = c->turn.cio;

	if (c->turn.user != t)
		return;
	assert(c->turn.state == TURN_WAITS || c->turn.state == TURN_ASKED);
	c->turn.user = NULL;
	if (c->turn.state == TURN_WAITS)
		c->turn.state = cio ? TURN_ENDING : TURN_NONE;
	else
		chain_abort(c, &cio->io);
}
