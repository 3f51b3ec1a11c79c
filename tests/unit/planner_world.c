/* SPDX-License-Identifier: MIT */
/* planner_world.c - the world as a whole: steps in order, failures, helpers. */
#include "planner_world.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* splitmix64 */
uint64_t world_random(struct world *w, uint64_t below)
{
	uint64_t z = (w->random += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return (z ^ (z >> 31)) % below;
}

void world_fault(struct world *w, const char *fmt, ...)
{
	va_list ap;

	if (w->fault[0])
		return;
	va_start(ap, fmt);
	vsnprintf(w->fault, sizeof(w->fault), fmt, ap);
	va_end(ap);
}

const char *world_text(const json_t *j, const char *key)
{
	const char *text = json_string_value(json_object_get(j, key));

	return text ? text : "";
}

json_t *world_find(const json_t *array, const char *key, const char *text)
{
	json_t *j;
	size_t i;

	json_array_foreach(array, i, j)
	{
		if (strcmp(world_text(j, key), text) == 0)
			return j;
	}
	return NULL;
}

size_t world_index(const json_t *array, const char *text)
{
	const json_t *j;
	size_t i;

	json_array_foreach(array, i, j)
	{
		if (strcmp(json_string_value(j), text) == 0)
			return i;
	}
	return SIZE_MAX;
}

void world_take_out(json_t *array, const json_t *what)
{
	json_t *j;
	size_t i;

	json_array_foreach(array, i, j)
	{
		if (j == what) {
			json_array_remove(array, i);
			return;
		}
	}
}

json_t *world_list(const json_t *daemon, const char *key)
{
	return json_object_get(daemon, key);
}

size_t world_luns(const struct world *w, const char *volume)
{
	const json_t *t, *lun;
	size_t i, k, count = 0;

	json_array_foreach(world_list(w->tgtd, "targets"), i, t)
	{
		json_array_foreach(world_list(t, "luns"), k, lun)
		{
			count += strcmp(world_text(lun, "path"), volume) == 0;
		}
	}
	return count;
}

/* ---------------------------------------------------------------- steps */

static bool run_op(struct world *w, const struct world_op *op, bool is_up, const json_t *a)
{
	bool is_done = world_random(w, 2) == 0; /* a failure may come before or after the deed */

	if (!is_up)
		return false;
	if (world_random(w, 100) >= w->fail_pct)
		return op->fn(w, a);
	if (is_done)
		op->fn(w, a);
	return false;
}

static const struct world_op *find_op(const struct world_op *ops, const char *name)
{
	for (; ops->name; ops++)
		if (strcmp(ops->name, name) == 0)
			return ops;
	return NULL;
}

static bool run_step(struct world *w, const json_t *step)
{
	const char *name = world_text(step, "step");
	const json_t *a = json_object_get(step, "arguments");
	const struct world_op *f = find_op(world_filterd_ops, name);
	const struct world_op *t = find_op(world_tgtd_ops, name);

	if (f)
		return run_op(w, f, w->is_filterd_up, a);
	if (t)
		return run_op(w, t, w->is_tgtd_up, a);
	world_fault(w, "there is no step %s", name);
	return false;
}

static bool is_done_anyway(const json_t *step)
{
	const char *name = world_text(step, "step");

	return strcmp(name, "acl.unbind") == 0 || strcmp(name, "session.close") == 0;
}

void world_carry_out(struct world *w, const json_t *steps)
{
	json_t *failed = json_object(), *step;
	char object[400];
	size_t i;

	json_array_foreach(steps, i, step)
	{
		snprintf(object, sizeof(object), "%s %s", world_text(step, "object_type"),
			 world_text(step, "object_name"));
		if (json_object_get(failed, object) && !is_done_anyway(step))
			continue;
		if (!run_step(w, step))
			json_object_set_new(failed, object, json_true());
		world_check_reach(w);
		if (w->fault[0])
			break;
		if (w->fail_pct && world_random(w, 60) == 0)
			world_restart_tgtd(w);
		if (w->fail_pct && world_random(w, 10) == 0)
			world_log_in(w);
	}
	json_decref(failed);
}

static json_t *running_of(const struct world *w)
{
	json_t *down = json_pack("{s:b}", "is_up", 0);
	json_t *running = json_pack("{s:O, s:O}", "filterd", w->is_filterd_up ? w->filterd : down,
				    "tgtd", w->is_tgtd_up ? w->tgtd : down);

	json_decref(down);
	return running;
}

json_t *world_running(const struct world *w)
{
	json_t *v;
	size_t i;

	json_array_foreach(world_list(w->filterd, "volumes"), i, v)
	{
		json_object_set_new(v, "rings",
				    json_integer((json_int_t)world_luns(w, world_text(v, "name"))));
	}
	return running_of(w);
}

void world_init(struct world *w, uint64_t seed)
{
	memset(w, 0, sizeof(*w));
	w->random = seed;
	w->is_filterd_up = w->is_tgtd_up = true;
	w->granted = json_object();
	w->created = json_object();
	w->lost = json_object();
	w->half_open = json_array();
	w->filterd = json_pack("{s:b, s:[], s:[]}", "is_up", 1, "datastores", "volumes");
	world_restart_tgtd(w);
	wish_init(w);
}

void world_fini(struct world *w)
{
	json_decref(w->granted);
	json_decref(w->created);
	json_decref(w->lost);
	json_decref(w->half_open);
	json_decref(w->filterd);
	json_decref(w->tgtd);
	json_decref(w->desired);
}
