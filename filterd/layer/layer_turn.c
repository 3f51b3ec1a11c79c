/* SPDX-License-Identifier: MIT */
/*
 * layer_turn.c - a merge's reads and writes of data wait for their turn, where somebody schedules
 * the datastore (layer_set_turns()).
 *
 * Maps, flushes and holes are few and small and wait for nobody. What has waited has given way
 * already: the chunk then takes no rest (layer_copy.c).
 */
#include <assert.h>

#include "layer_int.h"

static void ended(struct env_io *io)
{
	struct layers *v = io->ctx;
	struct merge *m = &v->merge;

	if (m->has_turn) {
		m->has_turn = false;
		m->turns->end(m->turns_ctx, io->result == 0);
	}
	m->turn_done(io);
}

static void go(struct layers *v)
{
	struct merge *m = &v->merge;

	m->turn_done = m->io.done;
	m->io.done = ended;
	env_io_submit(v->env, &m->io);
}

static void granted(void *ctx)
{
	struct layers *v = ctx;
	struct merge *m = &v->merge;
	uint64_t waited_ns = env_now_ns(v->env) - m->asked_ns;

	m->is_waiting = false;
	m->has_turn = true;
	m->has_waited |= waited_ns > 0;
	m->chunk_ns += waited_ns;
	go(v);
}

void turn_submit(struct layers *v)
{
	struct merge *m = &v->merge;

	m->asked_ns = env_now_ns(v->env);
	m->is_waiting = m->turns != NULL; /* granted() may come inside */
	if (!m->turns || !m->turns->ask(m->turns_ctx, m->io.op == ENV_IO_WRITE, m->io.offset_bytes,
					m->io.len_bytes, granted, v)) {
		m->is_waiting = false;
		go(v);
	}
}

bool turn_give_up(struct layers *v)
{
	struct merge *m = &v->merge;

	if (!m->is_waiting)
		return false;
	m->is_waiting = false;
	m->turns->cancel(m->turns_ctx);
	return true;
}

void layer_set_turns(struct backend *b, const struct layer_turns *turns, void *ctx)
{
	struct layers *v = (struct layers *)b;
	struct merge *m = &v->merge;
	bool was_waiting = turn_give_up(v);

	if (m->has_turn && !turns) {
		m->has_turn = false;
		m->turns->end(m->turns_ctx, true);
	}
	assert(!m->has_turn);
	m->turns = turns;
	m->turns_ctx = ctx;
	if (was_waiting)
		go(v);
}
