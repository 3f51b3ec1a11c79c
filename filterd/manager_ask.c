/* SPDX-License-Identifier: MIT */
/*
 * manager_ask.c - what a filter asks about its own volume's snapshots, carried from its worker to
 * main, which does it as for an operator, and back.
 *
 *   worker: manager_ask() --> main: snapshot, deletion or list --> worker: fn
 *
 * The filter's handle stays until fn, so volume and worker do; main answers in any case.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "errand.h"
#include "json.h"
#include "log.h"

struct ask {
	struct mvolume *mv;
	volume_done_fn fn;
	void *ctx;
	int result;
	struct err err;
	struct chain_snapshot copy; /* its strings stay until fn */
	struct loop_msg there;
	struct env_msg home;
};

static void run_home(struct env_msg *m) ON_WORKER
{
	struct ask *a = m->ctx;

	a->fn(a->ctx, a->result, a->result ? &a->err : NULL);
	free(a);
}

static void go_home(struct ask *a, const struct err *err) ON_MAIN
{
	if (err) {
		a->err = *err;
		a->result = -(err->code ? err->code : EIO);
	}
	a->home = (struct env_msg){.fn = run_home, .ctx = a};
	env_post(a->mv->worker->env, &a->home);
}

static void made(void *ctx, const struct err *err, json_t *more) ON_MAIN
{
	json_decref(more);
	go_home(ctx, err);
}

/* What is not there need not be deleted. */
static void deleted(void *ctx, const struct err *err, json_t *more) ON_MAIN
{
	json_decref(more);
	go_home(ctx, err && err->code == ENOENT ? NULL : err);
}

static void listed(void *ctx, const struct err *err, json_t *more) ON_MAIN
{
	struct ask *a = ctx;
	bool is_there = false;
	struct err none;
	json_t *item;
	size_t i;

	json_array_foreach(json_object_get(more, "items"), i, item)
	{
		const char *uuid = json_string_value(json_object_get(item, "snapshot"));

		is_there |= uuid && strcmp(uuid, a->copy.snapshot) == 0;
	}
	if (!err && !is_there) {
		err_set(&none, ENOENT, "snapshot", "volume %s has no snapshot %s",
			a->mv->plan->name, a->copy.snapshot);
		err = &none;
	}
	json_decref(more);
	go_home(a, err);
}

static void make(struct ask *a) ON_MAIN
{
	cleanup_json json_t *body =
	    json_pack("{s:[{s:s, s:s, s:s}]}", "members", "volume", a->mv->plan->name, "snapshot",
		      a->copy.snapshot, "name", a->copy.name);
	struct err err;

	if (body) {
		manager_snapshot(a->mv->manager, body, made, a);
		return;
	}
	err_set(&err, EINVAL, "name", "a snapshot's name that is no text");
	go_home(a, &err);
}

static void arrived(struct loop_msg *m) ON_MAIN
{
	struct ask *a = m->ctx;
	const char *volume = a->mv->plan->name;

	switch (a->copy.what) {
	case SLUICE_SNAPSHOT_MAKE:
		make(a);
		break;
	case SLUICE_SNAPSHOT_DELETE:
		manager_delete_snapshot(a->mv->manager, volume, a->copy.snapshot, false, deleted,
					a);
		break;
	case SLUICE_SNAPSHOT_FIND:
		manager_list_snapshots(a->mv->manager, volume, listed, a);
		break;
	}
}

void manager_ask(void *mv, const struct chain_snapshot *s, volume_done_fn fn, void *ctx)
{
	struct ask *a = calloc(1, sizeof(*a));

	if (!a) { /* the filter would wait for ever */
		log_error("no memory for a filter's snapshot; starting again");
		abort();
	}
	a->mv = mv;
	a->copy = *s;
	a->fn = fn;
	a->ctx = ctx;
	a->there = (struct loop_msg){.fn = arrived, .ctx = a};
	loop_post(a->mv->manager->loop, &a->there);
}
