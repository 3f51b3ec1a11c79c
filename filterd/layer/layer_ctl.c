/* SPDX-License-Identifier: MIT */
/*
 * layer_ctl.c - what all changes of the tree need: one at a time, new files, a saved manifest, and
 * a moment without changes of the data.
 *
 * Files are made and the manifest is written on a helper thread; the worker goes on meanwhile.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layer_int.h"

/* ---------------------------------------------------------------- one at a time */

int ctl_lock(struct layers *v, struct ctl_waiter *w)
{
	if (v->ctl.is_locked && v->ctl.is_control && w->is_control)
		return -EBUSY;
	if (v->ctl.is_locked) {
		list_push_back(&v->ctl.waiting, &w->node);
		return 0;
	}
	v->ctl.is_locked = true;
	v->ctl.is_control = w->is_control;
	w->fn(w);
	return 0;
}

void ctl_unlock(struct layers *v)
{
	struct list_node *n = list_pop_front(&v->ctl.waiting);
	struct ctl_waiter *w;

	v->ctl.is_locked = v->ctl.is_control = false;
	if (!n)
		return;
	w = list_entry(n, struct ctl_waiter, node);
	v->ctl.is_locked = true;
	v->ctl.is_control = w->is_control;
	w->fn(w);
}

void ctl_refuse(struct layers *v, layer_fn fn, void *ctx, int code, const char *text)
{
	struct err err;

	(void)err_set(&err, code, "snapshot", "%s", text);
	fn(ctx, -code, &err);
}

static bool is_busy(const struct layers *v)
{
	bool is_busy = v->ctl.is_locked && v->ctl.is_control;

	for (struct list_node *n = v->ctl.waiting.next; n != &v->ctl.waiting; n = n->next)
		is_busy |= list_entry(n, struct ctl_waiter, node)->is_control;
	return is_busy;
}

/* It may have failed while the request waited for a merge. */
static void begin_go(struct ctl_waiter *w)
{
	struct layers *v = list_entry(w, struct layers, ctl.own);
	struct err err;

	if (!v->b.is_failed) {
		v->ctl.go(w);
		return;
	}
	(void)err_set(&err, EIO, "snapshot", "%s", v->b.failed_text);
	ctl_end(v, -EIO, &err);
}

bool ctl_begin(struct layers *v, layer_fn fn, void *ctx, void (*go)(struct ctl_waiter *w))
{
	if (v->is_readonly) {
		ctl_refuse(v, fn, ctx, EROFS,
			   "the volume is read-only; its snapshots stay as they are");
		return false;
	}
	if (v->b.is_failed) {
		ctl_refuse(v, fn, ctx, EIO, v->b.failed_text);
		return false;
	}
	if (is_busy(v)) {
		ctl_refuse(
		    v, fn, ctx, EBUSY,
		    "another snapshot, revert or clone of the volume is under way; try again");
		return false;
	}
	v->ctl.fn = fn;
	v->ctl.ctx = ctx;
	v->ctl.go = go;
	v->ctl.own = (struct ctl_waiter){.fn = begin_go, .is_control = true};
	return ctl_lock(v, &v->ctl.own) == 0;
}

void ctl_begin_with(struct layers *v, const char *snapshot, layer_fn fn, void *ctx,
		    void (*go)(struct ctl_waiter *w))
{
	if (!is_busy(v))
		memcpy(v->ctl.uuid, snapshot, strlen(snapshot) + 1);
	(void)ctl_begin(v, fn, ctx, go);
}

void ctl_end(struct layers *v, int rc, const struct err *err)
{
	layer_fn fn = v->ctl.fn;
	void *ctx = v->ctl.ctx;

	v->ctl.is_copy_later = v->ctl.is_deciding = false;
	v->ctl.fn = NULL;
	ctl_unlock(v);
	merge_kick(v);
	fn(ctx, rc, err); /* who may end the volume */
}

/* ---------------------------------------------------------------- helper thread */

static void call_end(struct env_work *w)
{
	struct work_call *c = w->ctx;
	void (*fn)(struct layers * v, int rc, const struct err *err) = c->fn;

	free(c->text);
	free(c->data_path);
	free(c->map_path);
	c->text = c->data_path = c->map_path = NULL;
	c->fn = NULL;
	fn(c->v, c->rc, &c->err);
}

static struct work_call *call_new(struct layers *v,
				  void (*fn)(struct layers *v, int rc, const struct err *err))
{
	struct work_call *c = &v->ctl.call;

	assert(!c->fn && v->ctl.is_locked);
	memset(c, 0, sizeof(*c));
	c->v = v;
	c->fn = fn;
	return c;
}

static void call_submit(struct work_call *c, void (*run)(struct env_work *w),
			void (*done)(struct env_work *w))
{
	c->work = (struct env_work){.run = run, .done = done, .ctx = c};
	env_work_submit(c->v->env, &c->work);
}

/* Written, but its folder could not be flushed: who reads it now sees it. */
static bool is_seen(struct work_call *c)
{
	char *text = NULL;
	size_t len_bytes = 0;
	bool is_so = env_text_read(c->v->env, c->data_path, MANIFEST_BYTES_MAX, &text, &len_bytes,
				   NULL) == 0 &&
		     len_bytes == c->text_bytes && memcmp(text, c->text, len_bytes) == 0;

	free(text);
	return is_so;
}

static void save_run(struct env_work *w)
{
	struct work_call *c = w->ctx;
	struct env *e = c->v->env;

	c->rc = c->data_path ? env_text_write(e, c->data_path, c->text, c->text_bytes, &c->err)
			     : err_set(&c->err, ENOMEM, "", "out of memory");
	if (c->rc && c->data_path && is_seen(c)) {
		c->rc = env_text_write(e, c->data_path, c->text, c->text_bytes, &c->err);
		c->is_doubtful = c->rc != 0;
	}
	c->is_copied = c->rc == 0 && c->map_path &&
		       env_text_write(e, c->map_path, c->text, c->text_bytes, NULL) == 0;
}

static void save_done(struct env_work *w)
{
	struct work_call *c = w->ctx;
	struct layers *v = c->v;

	if (c->rc == 0 || c->is_kept) {
		manifest_free(v->m);
		v->m = c->next;
		v->is_copy_behind = !c->is_copied;
	} else {
		manifest_free(c->next);
	}
	if (c->is_doubtful)
		ctl_fail(v, "the manifest could not be written", c->rc);
	c->next = NULL;
	call_end(w);
}

void ctl_save(struct layers *v, struct manifest *next,
	      void (*fn)(struct layers *v, int rc, const struct err *err))
{
	struct work_call *c = call_new(v, fn);

	c->next = next;
	c->is_kept = v->ctl.is_deciding;
	c->text = manifest_print(next, &c->text_bytes);
	c->data_path = c->text ? tree_manifest_path(v->image_path, false) : NULL;
	c->map_path = v->ctl.is_copy_later ? NULL : tree_manifest_path(v->image_path, true);
	call_submit(c, save_run, save_done);
}

static void save_copy_run(struct env_work *w)
{
	struct work_call *c = w->ctx;

	c->rc = c->map_path && c->text
		    ? env_text_write(c->v->env, c->map_path, c->text, c->text_bytes, &c->err)
		    : err_set(&c->err, ENOMEM, "", "out of memory");
}

static void save_copy_done(struct env_work *w)
{
	struct work_call *c = w->ctx;

	c->v->is_copy_behind = c->rc != 0;
	call_end(w);
}

void ctl_save_copy(struct layers *v, void (*fn)(struct layers *v, int rc, const struct err *err))
{
	struct work_call *c = call_new(v, fn);

	c->text = manifest_print(v->m, &c->text_bytes);
	c->map_path = tree_manifest_path(v->image_path, true);
	call_submit(c, save_copy_run, save_copy_done);
}

static int make_file(struct work_call *c, const char *path, uint64_t size_bytes,
		     struct env_file **out)
{
	struct env_open how = {
	    .path = path,
	    .flags = ENV_OPEN_CREATE | (c->v->is_buffered ? 0 : ENV_OPEN_DIRECT),
	    .size_bytes = size_bytes,
	};
	/* One that no manifest names is left from a process that was killed. */
	int rc = env_file_remove(c->v->env, path, &c->err);

	if (rc && rc != -ENOENT)
		return rc;
	return env_file_open(c->v->env, &how, out, &c->err);
}

static void make_run(struct env_work *w)
{
	struct work_call *c = w->ctx;

	c->rc = c->data_path && c->map_path ? 0 : err_set(&c->err, ENOMEM, "", "out of memory");
	if (c->rc == 0)
		c->rc = make_file(c, c->data_path, tree_file_bytes(c->size_bytes), &c->data);
	if (c->rc == 0)
		c->rc = make_file(c, c->map_path, tree_map_bytes(c->size_bytes), &c->map);
	if (c->rc && c->data) {
		env_file_close(c->v->env, c->data);
		c->data = NULL;
		(void)env_file_remove(c->v->env, c->data_path, NULL);
	}
}

void ctl_make_files(struct layers *v, uint32_t number, uint64_t size_bytes,
		    void (*fn)(struct layers *v, int rc, const struct err *err))
{
	struct work_call *c = call_new(v, fn);

	c->size_bytes = size_bytes;
	c->data_path = tree_path(v->image_path, number, false);
	c->map_path = tree_path(v->image_path, number, true);
	call_submit(c, make_run, call_end);
}

/* ---------------------------------------------------------------- a moment without changes */

static void gate_reached(struct layers *v, int rc)
{
	void (*fn)(struct layers * to, int result) = v->ctl.gate_fn;

	v->ctl.gate_fn = NULL;
	fn(v, rc);
}

static void on_map_flushed(struct map_waiter *w, int result)
{
	gate_reached(list_entry(w, struct layers, ctl.gate_map), result);
}

static void on_data_flushed(struct commit_waiter *w, int result)
{
	struct layers *v = list_entry(w, struct layers, ctl.gate_flush);

	if (result || LAYER_MUTATE(FREEZE_NOT_FLUSHED)) {
		gate_reached(v, result ? -EIO : 0);
		return;
	}
	/* Also of pages whose flush failed before, and of what an earlier process wrote. */
	v->ctl.gate_map.fn = on_map_flushed;
	mapflush_wait(v, &v->ctl.gate_map);
}

static void gate_flush(struct layers *v)
{
	v->ctl.gate_flush.fn = on_data_flushed;
	if (LAYER_MUTATE(FREEZE_NOT_FLUSHED))
		on_data_flushed(&v->ctl.gate_flush, 0);
	else
		commit_wait(&v->commit, &v->ctl.gate_flush);
}

void ctl_close_gate(struct layers *v, void (*fn)(struct layers *v, int rc))
{
	v->ctl.is_gate_closed = true;
	v->ctl.gate_fn = fn;
	if (v->ctl.changes == 0 || LAYER_MUTATE(SWITCH_UNDER_WRITES))
		gate_flush(v);
}

void ctl_change_ended(struct layers *v)
{
	if (--v->ctl.changes == 0 && v->ctl.is_gate_closed && v->ctl.gate_fn &&
	    !LAYER_MUTATE(SWITCH_UNDER_WRITES))
		gate_flush(v);
}

void ctl_open_gate(struct layers *v)
{
	struct list_node waiting = LIST_INIT(waiting), *n;

	v->ctl.is_gate_closed = false;
	list_splice_back(&waiting, &v->ctl.gate);
	while ((n = list_pop_front(&waiting))) {
		struct layer_io *x = list_entry(n, struct layer_io, gate);

		layer_io_submit(&v->b, x->sio);
	}
}

void ctl_fail(struct layers *v, const char *what, int rc)
{
	v->b.is_failed = true;
	snprintf(v->b.failed_text, sizeof(v->b.failed_text),
		 "%s (%s); what was written before may be lost, so nothing more is written", what,
		 strerror(-rc));
}
