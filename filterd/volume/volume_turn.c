/* SPDX-License-Identifier: MIT */
/*
 * volume_turn.c - the background I/O of a volume's layers takes its turn in the volume's chain,
 * where io_control counts it as background like a write-back.
 *
 * Thread: owner worker.
 */
#include "volume_int.h"

static void granted(struct chain_turn *t)
{
	struct volume *v = t->ctx;

	v->turn_granted(v->turn_ctx);
}

static bool ask(void *ctx, bool is_write, uint64_t offset_bytes, uint64_t len_bytes,
		void (*fn)(void *fn_ctx), void *fn_ctx)
{
	struct volume *v = ctx;

	v->turn = (struct chain_turn){.is_write = is_write,
				      .offset_bytes = offset_bytes,
				      .len_bytes = len_bytes,
				      .fn = granted,
				      .ctx = v};
	v->turn_granted = fn;
	v->turn_ctx = fn_ctx;
	return chain_turn_ask(v->chain, &v->turn);
}

static void end(void *ctx, bool is_ok)
{
	struct volume *v = ctx;

	chain_turn_end(v->chain, &v->turn, is_ok);
}

static void cancel(void *ctx)
{
	struct volume *v = ctx;

	chain_turn_cancel(v->chain, &v->turn);
}

void volume_turns_begin(struct volume *v)
{
	static const struct layer_turns turns = {ask, end, cancel};

	if (v->has_layers)
		layer_set_turns(v->backend, &turns, v);
}

void volume_turns_end(struct volume *v)
{
	if (v->has_layers && v->backend)
		layer_set_turns(v->backend, NULL, NULL);
}
