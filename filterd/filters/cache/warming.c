/* SPDX-License-Identifier: MIT */
#include "warming.h"

#include <stdlib.h>
#include <string.h>

#include "own.h"
#include "request.h"
#include "volume.h"

#define SAVE_NS       60000000000ull
#define SAVE_AGAIN_NS 10000000000ull /* not sooner after the last one, on detach */
#define PAUSE_NS      20000000ull    /* no buffer */
#define READ_BYTES    ((uint64_t)WARM_BATCH_BLOCKS * RAM_BLOCK_BYTES)

static void go_on(struct volume *v);

/* ---------------------------------------------------------------- saving */

static uint64_t fills(const struct volume *v)
{
	struct ram_figures fig;

	ram_figures(v->ram, &fig);
	return fig.fills;
}

/* The hottest blocks, in w->to_save. False: nothing to save. */
static bool pick(struct volume *v)
{
	struct warming *w = &v->warming;
	struct ram_figures fig;
	size_t max;

	ram_figures(v->ram, &fig);
	max = fig.used_bytes / RAM_BLOCK_BYTES;
	if (max > WARM_BLOCKS_MAX)
		max = WARM_BLOCKS_MAX;
	if (max == 0 || fig.fills == w->saved_fills)
		return false;
	w->to_save = malloc(max * sizeof(*w->to_save));
	if (!w->to_save)
		return false;
	w->save_count = ram_hottest(v->ram, w->to_save, max);
	w->saved_fills = fig.fills;
	return true;
}

static void run_save(struct sluice_work *work)
{
	struct warming *w = &((struct volume *)work->ctx)->warming;

	w->result = warm_save(w->path, w->uuid, w->to_save, w->save_count);
}

static void saved(struct sluice_work *work)
{
	struct volume *v = work->ctx;
	struct warming *w = &v->warming;

	w->is_working = false;
	free(w->to_save);
	w->to_save = NULL;
	w->saved_ns = sluice_now_ns(v->f);
}

static void start_work(struct volume *v, void (*run)(struct sluice_work *),
		       void (*done)(struct sluice_work *))
{
	struct warming *w = &v->warming;

	w->is_working = true;
	w->work = (struct sluice_work){.run = run, .done = done, .ctx = v};
	sluice_work_submit(v->f, &w->work);
}

static void tick(struct sluice_timer *t)
{
	struct volume *v = t->ctx;
	struct warming *w = &v->warming;
	uint64_t now_ns = sluice_now_ns(v->f);

	if (w->is_on) {
		go_on(v);
	} else if (!w->is_working && !v->is_draining && v->may_hit &&
		   now_ns - w->saved_ns >= SAVE_NS && pick(v)) {
		start_work(v, run_save, saved);
	}
	if (!w->is_on)
		sluice_timer_set(v->f, &w->timer, now_ns + SAVE_NS);
}

/* ---------------------------------------------------------------- reading again */

static bool is_there(void *ctx, uint64_t block)
{
	const struct volume *v = ctx;

	return ram_has(v->ram, block, 1) > 0 || wblog_has(v, block, 1);
}

static void finish(struct volume *v)
{
	struct warming *w = &v->warming;

	w->is_on = false;
	warm_list_free(&w->list);
	w->saved_fills = fills(v);
	sluice_timer_set(v->f, &w->timer, sluice_now_ns(v->f) + SAVE_NS);
}

static void was_read(struct sluice_own_io *own)
{
	struct warming_io *x = own->ctx;
	struct volume *v = x->v;

	own_pump(v);
	ram_fill_end(v->ram, &x->fill, own->status == SLUICE_OK ? x->buf : NULL, CACHE_ADMIT);
	sluice_buf_put(v->f, x->buf, READ_BYTES);
	x->buf = NULL;
	v->warming.reads--;
	go_on(v);
}

static void read_batch(struct volume *v, struct warming_io *x, uint64_t block, uint64_t count)
{
	ram_fill_begin(v->ram, &x->fill, block, count);
	x->v = v;
	x->own = (struct sluice_own_io){.op = SLUICE_OP_READ,
					.offset_bytes = block * BLOCK_BYTES,
					.len_bytes = count * BLOCK_BYTES,
					.buf = x->buf,
					.fn = was_read,
					.ctx = x};
	v->warming.reads++;
	own_go(v, &x->own);
}

static struct warming_io *free_io(struct warming *w)
{
	for (uint32_t i = 0; i < WARMING_IOS; i++) {
		if (!w->ios[i].buf)
			return &w->ios[i];
	}
	return NULL;
}

static void go_on(struct volume *v)
{
	struct warming *w = &v->warming;
	struct warming_io *x;
	uint64_t block, count;

	while (w->is_on && !w->is_working && !v->is_draining && v->may_hit &&
	       (x = free_io(w)) != NULL) {
		x->buf = sluice_buf_get(v->f, READ_BYTES);
		if (!x->buf) {
			sluice_timer_set(v->f, &w->timer, sluice_now_ns(v->f) + PAUSE_NS);
			return;
		}
		if (!warm_plan_next(&w->plan, &block, &count)) {
			sluice_buf_put(v->f, x->buf, READ_BYTES);
			x->buf = NULL;
			if (w->reads == 0)
				finish(v);
			return;
		}
		read_batch(v, x, block, count);
	}
}

static void run_load(struct sluice_work *work)
{
	struct warming *w = &((struct volume *)work->ctx)->warming;

	w->result = warm_load(w->path, w->uuid, w->volume_blocks, &w->loading);
}

/* A list that cannot be used costs hits and nothing else. */
static void loaded(struct sluice_work *work)
{
	struct volume *v = work->ctx;
	struct warming *w = &v->warming;

	w->is_working = false;
	w->list = w->result == 0 ? w->loading : (struct warm_list){0};
	w->loading = (struct warm_list){0};
	w->total_blocks = w->list.count;
	warm_plan_init(&w->plan, &w->list, is_there, v);
	go_on(v);
}

void warming_init(struct volume *v)
{
	v->warming.timer = (struct sluice_timer){.fn = tick, .ctx = v};
	memcpy(v->warming.uuid, sluice_volume_uuid(v->f), sizeof(v->warming.uuid));
}

void warming_begin(struct volume *v)
{
	struct warming *w = &v->warming;

	if (w->is_on || w->is_working ||
	    sluice_sidecar_path(v->f, "warm", w->path, sizeof(w->path)) < 0)
		return;
	w->has_begun = w->is_on = true;
	w->volume_blocks = v->size_bytes / BLOCK_BYTES;
	start_work(v, run_load, loaded);
}

void warming_continue(struct volume *v)
{
	go_on(v);
}

void warming_end(struct volume *v)
{
	struct warming *w = &v->warming;
	uint64_t now_ns = sluice_now_ns(v->f);

	sluice_timer_cancel(v->f, &w->timer);
	if (w->has_begun && !w->is_on && now_ns - w->saved_ns >= SAVE_AGAIN_NS && pick(v))
		warm_save(w->path, w->uuid, w->to_save, w->save_count);
	free(w->to_save);
	warm_list_free(&w->list);
}

uint64_t warming_done_blocks(const struct volume *v)
{
	const struct warming *w = &v->warming;

	return w->list.count ? warm_plan_done(&w->plan) : w->total_blocks;
}
