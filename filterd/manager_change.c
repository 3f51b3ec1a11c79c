/* SPDX-License-Identifier: MIT */
/*
 * manager_change.c - requests about one volume that is there: checked here, carried out on its
 * worker, written to the plan when they came back well, answered last.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "errand.h"

void manager_refuse(manager_fn fn, void *ctx, int code, const char *name, const char *why)
{
	struct err err;

	err_set(&err, code, "name", "volume %s %s", name, why);
	fn(ctx, &err, NULL);
}

struct mvolume *manager_begin(struct manager *m, const char *name, manager_fn fn, void *ctx)
{
	struct mvolume *mv = manager_find(m, name);

	if (m->is_stopping)
		manager_refuse(fn, ctx, ESHUTDOWN, name,
			       "is being closed, as sluice-filterd is stopping");
	else if (!mv)
		manager_refuse(fn, ctx, ENOENT, name,
			       "does not exist; 'status' lists what there is");
	else if (mv->is_changing)
		manager_refuse(fn, ctx, EBUSY, name,
			       "has another request under way; try again when it has ended");
	else
		return mv;
	return NULL;
}

void manager_begin_change(struct mvolume *mv, struct errand *j, bool may_settle)
{
	if (!j)
		return;
	mv->is_changing = true;
	mv->may_settle = may_settle;
	errand_start(j);
}

static void start(struct mvolume *mv, struct errand *j) ON_MAIN
{
	manager_begin_change(mv, j, mv->may_settle); /* a close leaves what it ends as it is */
}

static void start_settling(struct mvolume *mv, struct errand *j) ON_MAIN
{
	manager_begin_change(mv, j, true);
}

static void answer(struct errand *j) ON_MAIN
{
	j->mv->is_changing = false;
	j->mv->may_settle = false;
	errand_answer(j);
}

static void back_saved(struct errand *j) ON_MAIN
{
	if (j->result)
		manager_not_saved(j->manager, &j->err);
	answer(j);
}

/* The end of a change: on success the plan is saved; then the answer. */
static void finish(struct errand *j, bool must_save) ON_MAIN
{
	if (j->result == 0 && must_save && !j->mv->is_creating)
		manager_write_plan_then(j, back_saved);
	else
		answer(j);
}

void manager_end_change(struct errand *j)
{
	finish(j, false);
}

static void run_confirm(struct errand *j) ON_WORKER
{
	volume_confirm(j->mv->volume);
	errand_ended(j, j->result, NULL);
}

static void back_confirmed(struct errand *j) ON_MAIN
{
	finish(j, false);
}

/* The change is made and must not be seen before the plan knows of it: a restart would bring the
 * old size, or the old filters over the new ones' data. In force it is also when the save failed.
 */
static void back_saved_for_confirm(struct errand *j) ON_MAIN
{
	if (j->result)
		manager_not_saved(j->manager, &j->err);
	errand_again(j, run_confirm, back_confirmed);
}

static void save_and_confirm(struct errand *j) ON_MAIN
{
	if (j->result == 0)
		manager_write_plan_then(j, back_saved_for_confirm);
	else
		errand_again(j, run_confirm, back_confirmed);
}

/* ---------------------------------------------------------------- open, close */

void manager_run_open(struct errand *j)
{
	volume_open(j->mv->volume, errand_ended, j);
}

static void back_opened(struct errand *j) ON_MAIN
{
	finish(j, j->flag);
	manager_sweep_records(j->manager);
}

static void clear_quarantine(struct manager *m, const char *volume)
{
	for (uint32_t i = 0; i < SHARED_QUARANTINE_MAX; i++) {
		struct shared_quarantine *q = &m->shared->quarantine[i];

		if (atomic_load_explicit(&q->is_set, memory_order_acquire) &&
		    strcmp(q->volume, volume) == 0)
			atomic_store_explicit(&q->is_set, 0, memory_order_release);
	}
}

void manager_start_open(struct mvolume *mv, manager_fn fn, void *ctx)
{
	struct errand *j = errand_make(mv, manager_run_open, back_opened, fn, ctx);

	start(mv, j);
}

void manager_open_volume(struct manager *m, const char *name, manager_fn fn, void *ctx)
{
	struct mvolume *mv = manager_begin(m, name, fn, ctx);
	struct errand *j = mv ? errand_make(mv, manager_run_open, back_opened, fn, ctx) : NULL;

	if (!j)
		return;
	clear_quarantine(m, name);
	j->flag = !mv->plan->is_open;
	plan_set_open(mv->plan, true);
	start(mv, j);
}

static void run_close(struct errand *j) ON_WORKER
{
	volume_close(j->mv->volume, errand_ended, j);
}

static void back_closed(struct errand *j) ON_MAIN
{
	if (j->result == 0)
		plan_set_open(j->mv->plan, false);
	finish(j, true);
}

void manager_close_volume(struct manager *m, const char *name, manager_fn fn, void *ctx)
{
	struct mvolume *mv = manager_find(m, name);

	/* An open that waits for a lock may be ended by a close, and a wait for filters. */
	if (!mv || m->is_stopping || (mv->state != VOLUME_OPENING && !mv->may_settle))
		mv = manager_begin(m, name, fn, ctx);
	if (mv)
		start(mv, errand_make(mv, run_close, back_closed, fn, ctx));
}

/* ---------------------------------------------------------------- grow, flush */

static void back_flushed(struct errand *j) ON_MAIN
{
	finish(j, false);
}

static void back_grown(struct errand *j) ON_MAIN
{
	if (j->result) {
		finish(j, false);
		return;
	}
	if (j->mv->plan->size_bytes)
		plan_set_size(j->mv->plan, j->number);
	save_and_confirm(j);
}

static void run_grow(struct errand *j) ON_WORKER
{
	volume_grow(j->mv->volume, j->number, errand_ended, j);
}

void manager_grow_volume(struct manager *m, const char *name, uint64_t size_bytes, manager_fn fn,
			 void *ctx)
{
	struct mvolume *mv = manager_begin(m, name, fn, ctx);
	struct errand *j = mv ? errand_make(mv, run_grow, back_grown, fn, ctx) : NULL;

	if (!j)
		return;
	j->number = size_bytes;
	start_settling(mv, j);
}

static void run_flush(struct errand *j) ON_WORKER
{
	volume_flush(j->mv->volume, errand_ended, j);
}

void manager_flush_volume(struct manager *m, const char *name, manager_fn fn, void *ctx)
{
	struct mvolume *mv = manager_begin(m, name, fn, ctx);

	if (mv)
		start_settling(mv, errand_make(mv, run_flush, back_flushed, fn, ctx));
}

/* ---------------------------------------------------------------- filters */

static void back_filter_put(struct errand *j) ON_MAIN
{
	if (j->result) {
		finish(j, false);
		return;
	}
	j->result = plan_put_filter(j->mv->plan, &j->filter, &j->err);
	save_and_confirm(j);
}

static void back_filter_gone(struct errand *j) ON_MAIN
{
	if (j->result) {
		finish(j, false);
		return;
	}
	plan_drop_filter(j->mv->plan, j->name);
	save_and_confirm(j);
}

static void run_attach(struct errand *j) ON_WORKER
{
	volume_attach(j->mv->volume, &j->filter, errand_ended, j);
}

static void run_set(struct errand *j) ON_WORKER
{
	volume_set(j->mv->volume, &j->filter, errand_ended, j);
}

static void run_detach(struct errand *j) ON_WORKER
{
	volume_detach(j->mv->volume, j->name, errand_ended, j);
}

static void put_filter(struct manager *m, const char *name, struct plan_filter *f,
		       void (*run)(struct errand *j), manager_fn fn, void *ctx) ON_MAIN
{
	struct mvolume *mv = manager_begin(m, name, fn, ctx);
	struct errand *j = mv ? errand_make(mv, run, back_filter_put, fn, ctx) : NULL;

	if (!j) {
		plan_filter_fini(f);
		return;
	}
	j->filter = *f;
	start_settling(mv, j);
}

void manager_attach_filter(struct manager *m, const char *name, struct plan_filter *f,
			   manager_fn fn, void *ctx)
{
	put_filter(m, name, f, run_attach, fn, ctx);
}

void manager_set_filter(struct manager *m, const char *name, struct plan_filter *f, manager_fn fn,
			void *ctx)
{
	put_filter(m, name, f, run_set, fn, ctx);
}

void manager_detach_filter(struct manager *m, const char *name, const char *filter, manager_fn fn,
			   void *ctx)
{
	struct mvolume *mv = manager_begin(m, name, fn, ctx);
	struct errand *j = mv ? errand_make(mv, run_detach, back_filter_gone, fn, ctx) : NULL;

	if (!j)
		return;
	snprintf(j->name, sizeof(j->name), "%s", filter);
	start_settling(mv, j);
}
