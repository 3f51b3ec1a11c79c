/* SPDX-License-Identifier: MIT */
/*
 * volume_transfer.c - import and export as a request of the volume: while it lasts there is no
 * other request and no ring. A close does not wait for terabytes: it cancels, and goes on when the
 * transfer has let go.
 *
 * Before an export dirty data goes down, so that the datastore has what the file has.
 *
 * Thread: owner worker.
 */
#include <errno.h>

#include "transfer.h"
#include "volume_int.h"

#define CANCEL_POLL_NS (100ull * 1000 * 1000)

static void transferred(struct transfer *t, int result, const struct err *err) ON_WORKER
{
	struct volume *v = t->ctx;

	v->transfer = NULL;
	volume_end(v, result, err);
}

static bool must_cancel(const struct volume *v)
{
	return atomic_load_explicit(&v->transfer->must_cancel, memory_order_relaxed);
}

/* Whoever cancels a transfer sets a flag on another thread. */
static void look_for_cancel(struct env_timer *t)
{
	struct volume *v = t->ctx;

	if (must_cancel(v) && chain_cancel_settling(v->chain))
		return;
	env_timer_set(v->env, t, env_now_ns(v->env) + CANCEL_POLL_NS);
}

static void begin(struct volume *v)
{
	transfer_start(v->transfer, v->env, v->chain, v->plan->name, v->plan->block_bytes);
}

static void settled(void *ctx, int result, const struct err *err) ON_WORKER
{
	struct volume *v = ctx;

	env_timer_cancel(v->env, &v->cancel_timer);
	if (result)
		transferred(v->transfer, result, err);
	else
		begin(v);
}

static void begin_export(struct volume *v)
{
	v->cancel_timer = (struct env_timer){.fn = look_for_cancel, .ctx = v};
	env_timer_set(v->env, &v->cancel_timer, env_now_ns(v->env) + CANCEL_POLL_NS);
	chain_settle(v->chain, settled, v);
}

void volume_transfer(struct volume *v, struct transfer *t, volume_done_fn fn, void *ctx)
{
	struct err err;

	if (!volume_begin(v, REQUEST_TRANSFER, fn, ctx))
		return;
	if (v->state != VOLUME_SERVING) {
		err_set(&err, ENOTCONN, "name", "volume %s is %s, not serving; open it first",
			v->plan->name, volume_state_word(v->state));
		volume_end(v, -ENOTCONN, &err);
		return;
	}
	if (serve_ring_count(v->serve)) {
		err_set(&err, EBUSY, "name",
			"volume %s has %u rings; take its LUN away from tgtd first", v->plan->name,
			serve_ring_count(v->serve));
		volume_end(v, -EBUSY, &err);
		return;
	}
	t->done = transferred;
	t->ctx = v;
	v->transfer = t;
	if (t->direction == TRANSFER_EXPORT)
		begin_export(v);
	else
		begin(v);
}

bool volume_transfer_cancel(struct volume *v)
{
	if (!v->transfer)
		return false;
	atomic_store_explicit(&v->transfer->must_cancel, true, memory_order_relaxed);
	chain_cancel_settling(v->chain);
	return true;
}
