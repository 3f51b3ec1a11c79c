/* SPDX-License-Identifier: MIT */
/*
 * deadline.c - filters that hold an I/O for too long.
 *
 * A timer ticks while anything is deferred, so a missed deadline is seen one tick after it at the
 * latest, and tokens that come and go cost no timer each. What follows is the policy's: hold keeps
 * the I/O where it is, reported once; bypass, legal for transparent filters only, takes back all
 * that the filter holds, and its I/O goes on as if the filter were not there, until it is detached.
 *
 * A tick that comes late by more than another one says that the worker itself stood still (a record
 * on a slow disk): no filter is blamed for that, and each gets one more tick to finish what it has.
 */
#include "chain_int.h"

void deadline_arm(struct chain *c)
{
	if (env_timer_is_set(&c->deadline_timer))
		return;
	c->deadline_due_ns = env_now_ns(c->env) + CHAIN_DEADLINE_TICK_NS;
	env_timer_set(c->env, &c->deadline_timer, c->deadline_due_ns);
}

/* The filter's verdict was PASS, as it were; it gets no done(). */
static void go_past(struct chain_io *cio, struct sluice_filter *f)
{
	if (cio->stage == STAGE_DOWN)
		cio->level++;
	else
		stats_add(&f->stats[cio->io.op], &cio->io,
			  env_now_ns(f->chain->env) - cio->enter_ns[f->index]);
	walk_restore_buf(cio, f);
	walk_queue(cio);
}

static void bypass(struct sluice_filter *f)
{
	struct chain *c = f->chain;
	struct list_node *pos, *tmp;
	uint32_t taken = 0;

	f->is_bypassed = true;
	list_for_each_safe (pos, tmp, &c->deferred) {
		struct chain_io *cio = list_entry(pos, struct chain_io, node);

		if (c->filters[cio->level] == f && token_revoke(cio)) {
			taken++;
			go_past(cio, f);
		}
	}
	report_host(
	    c, f->ops->name, "filter_bypassed",
	    "filter '%s' is bypassed: %u I/Os that it held go on without it; detach and attach it to "
	    "take it in again",
	    f->ops->name, taken);
}

static void missed(struct chain_io *cio, struct sluice_filter *f, uint64_t now_ns)
{
	const struct sluice_io *io = &cio->io;

	cio->token.is_hung_reported = true;
	f->hung_count++;
	report_host(
	    f->chain, f->ops->name, "filter_hung",
	    "filter '%s' holds I/O %llu (%s, %llu bytes at %llu) %llu ms past its deadline; %s",
	    f->ops->name, (unsigned long long)io->id, stats_op_name(io->op),
	    (unsigned long long)io->len_bytes, (unsigned long long)io->offset_bytes,
	    (unsigned long long)((now_ns - cio->token.deadline_ns) / 1000000),
	    filter_may_bypass(f) ? "its policy says bypass" : "its policy says hold");
}

void deadline_tick(struct env_timer *t)
{
	struct chain *c = t->ctx;
	uint64_t now_ns = env_now_ns(c->env);
	uint32_t to_bypass = 0;
	struct list_node *pos;

	if (now_ns > c->deadline_due_ns + CHAIN_DEADLINE_TICK_NS) {
		deadline_arm(c);
		return;
	}
	walk_enter(c);
	list_for_each (pos, &c->deferred) {
		struct chain_io *cio = list_entry(pos, struct chain_io, node);
		struct sluice_filter *f = c->filters[cio->level];

		if (now_ns < cio->token.deadline_ns || cio->token.is_hung_reported ||
		    !token_is_held(cio))
			continue;
		missed(cio, f, now_ns);
		if (filter_may_bypass(f) && !f->is_bypassed)
			to_bypass |= filter_bit(f);
	}
	for (uint32_t i = 0; i < c->filter_count; i++) {
		if (to_bypass & 1u << i)
			bypass(c->filters[i]);
	}
	if (!list_is_empty(&c->deferred))
		deadline_arm(c);
	walk_leave(c);
}
