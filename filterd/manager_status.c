/* SPDX-License-Identifier: MIT */
/* manager_status.c - questions: what there is, as JSON. Thread: main; a volume's own part on its
 * worker. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "env_linux.h"
#include "errand.h"
#include "ring_listener.h"

static json_t *volume_line(const struct mvolume *mv)
{
	json_t *filters = json_array();

	for (uint32_t i = 0; i < mv->plan->filter_count; i++)
		json_array_append_new(filters, json_string(mv->plan->filters[i].name));
	return json_pack(
	    "{s:s, s:s, s:s, s:s, s:I, s:i, s:s, s:i, s:i, s:o}", "name", mv->plan->name, "state",
	    volume_state_word(mv->state), "reason", mv->reason, "datastore", mv->plan->datastore,
	    "size_bytes", (json_int_t)mv->size_bytes, "block_bytes", (int)mv->plan->block_bytes,
	    "write_cache", mv->plan->write_cache == WRITE_CACHE_VOLATILE ? "volatile" : "durable",
	    "worker", (int)mv->worker->index, "rings",
	    (int)ring_listener_count(mv->manager->rings, mv), "filters", filters);
}

json_t *manager_status(const struct manager *m)
{
	json_t *datastores = json_array(), *volumes = json_array(), *workers = json_array();
	uint64_t used, available;
	struct list_node *n;

	list_for_each (n, &m->datastores) {
		const struct mdatastore *d = list_entry(n, struct mdatastore, node);
		json_t *j = plan_datastore_to_json(d->plan);

		space_get(&d->space, &used, &available);
		json_object_set_new(j, "used_bytes", json_integer((json_int_t)used));
		json_object_set_new(j, "available_bytes", json_integer((json_int_t)available));
		json_object_set_new(j, "worker", json_integer(d->worker->index));
		json_array_append_new(datastores, j);
	}
	list_for_each (n, &m->volumes) {
		json_array_append_new(volumes, volume_line(list_entry(n, struct mvolume, node)));
	}
	for (uint32_t i = 0; i < m->worker_count; i++)
		json_array_append_new(
		    workers, json_pack("{s:i, s:I, s:b}", "worker", (int)i, "turns",
				       (json_int_t)atomic_load_explicit(&m->workers[i]->beat->beats,
									memory_order_relaxed),
				       "io_uring", env_linux_has_uring(m->workers[i]->env)));
	return json_pack(
	    "{s:I, s:i, s:i, s:o, s:o, s:o}", "incarnation",
	    (json_int_t)atomic_load_explicit(&m->shared->incarnation, memory_order_relaxed), "pid",
	    (int)getpid(), "starts",
	    (int)atomic_load_explicit(&m->shared->starts, memory_order_relaxed), "workers", workers,
	    "datastores", datastores, "volumes", volumes);
}

/* ---------------------------------------------------------------- from the workers */

static void run_show(struct errand *j) ON_WORKER
{
	json_t *v = volume_status(j->mv->volume);

	j->json = v ? json_pack("{s:o}", "volume", v) : NULL;
	errand_ended(j, 0, NULL);
}

static void run_stats(struct errand *j) ON_WORKER
{
	j->json = volume_stats(j->mv->volume);
	errand_ended(j, 0, NULL);
}

static void no_volume(const char *name, manager_fn fn, void *ctx)
{
	struct err err;

	err_set(&err, ENOENT, "name", "there is no volume %s", name);
	fn(ctx, &err, NULL);
}

static void back_show(struct errand *j) ON_MAIN
{
	if (j->json)
		json_object_set_new(json_object_get(j->json, "volume"), "rings_detail",
				    ring_listener_to_json(j->manager->rings, j->mv));
	errand_answer(j);
}

void manager_show_volume(struct manager *m, const char *name, manager_fn fn, void *ctx)
{
	struct mvolume *mv = manager_find(m, name);
	struct errand *j;

	if (!mv) {
		no_volume(name, fn, ctx);
		return;
	}
	j = errand_make(mv, run_show, back_show, fn, ctx);
	if (j)
		errand_start(j);
}

struct gather {
	uint32_t missing;
	json_t *volumes;
	manager_fn fn;
	void *ctx;
};

static void gather_one(struct gather *g)
{
	if (--g->missing > 0)
		return;
	g->fn(g->ctx, NULL, json_pack("{s:o}", "volumes", g->volumes));
	free(g);
}

static void back_stats(struct errand *j)
{
	struct gather *g = j->ctx;

	if (j->json)
		json_array_append(g->volumes, j->json);
	gather_one(g);
}

void manager_stats(struct manager *m, const char *name, manager_fn fn, void *ctx)
{
	struct gather *g;
	struct list_node *n;

	if (name && !manager_find(m, name)) {
		no_volume(name, fn, ctx);
		return;
	}
	g = calloc(1, sizeof(*g));
	if (!g) {
		no_volume("(no memory)", fn, ctx);
		return;
	}
	*g = (struct gather){.missing = 1, .volumes = json_array(), .fn = fn, .ctx = ctx};
	list_for_each (n, &m->volumes) {
		struct mvolume *mv = list_entry(n, struct mvolume, node);
		struct errand *j = name && mv != manager_find(m, name)
				       ? NULL
				       : errand_make(mv, run_stats, back_stats, NULL, g);

		if (!j)
			continue;
		g->missing++;
		errand_start(j);
	}
	gather_one(g);
}
