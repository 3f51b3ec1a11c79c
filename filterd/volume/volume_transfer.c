/* SPDX-License-Identifier: MIT */
/*
 * volume_transfer.c - import and export as a request of the volume: while it lasts there is no
 * other request and no ring. A close does not wait for terabytes: it cancels, and goes on when the
 * transfer has let go.
 *
 * Thread: owner worker.
 */
#include <errno.h>

#include "transfer.h"
#include "volume_int.h"

static void transferred(struct transfer *t, int result, const struct err *err) ON_WORKER
{
	struct volume *v = t->ctx;
	bool is_close_wanted = v->is_close_wanted;

	v->transfer = NULL;
	v->is_close_wanted = false;
	volume_end(v, result, err);
	if (is_close_wanted)
		volume_close(v, v->closing_done, v->closing_ctx);
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
	transfer_start(t, v->env, v->chain, v->plan->name, v->plan->block_bytes);
}

bool volume_transfer_ends_first(struct volume *v, volume_done_fn fn, void *ctx)
{
	if (v->request != REQUEST_TRANSFER || v->is_close_wanted)
		return false;
	atomic_store_explicit(&v->transfer->must_cancel, true, memory_order_relaxed);
	v->is_close_wanted = true;
	v->closing_done = fn;
	v->closing_ctx = ctx;
	return true;
}
