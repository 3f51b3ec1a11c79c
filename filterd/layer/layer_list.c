/* SPDX-License-Identifier: MIT */
/* layer_list.c - what a volume's tree looks like, for people. */
#include <stdlib.h>
#include <string.h>

#include "layer_int.h"

/* The nearest snapshot on the way down from number, it included. */
static const char *snapshot_at(const struct manifest *m, uint32_t number)
{
	while (number) {
		for (uint32_t i = m->snapshot_count; i-- > 0;)
			if (m->snapshots[i].layer == number)
				return m->snapshots[i].uuid;
		number = manifest_layer(m, number)->parent;
	}
	return NULL;
}

static json_t *clones_json(struct layers *v, uint32_t number)
{
	json_t *a = json_array();

	for (uint32_t i = 0; i < v->m->hold_count; i++) {
		const char *path = v->m->holds[i].path, *name = strrchr(path, '/');
		size_t n;

		if (v->m->holds[i].layer != number ||
		    !tree_is_held_by(v->env, path, v->image_path, number))
			continue;
		name = name ? name + 1 : path;
		n = strlen(name);
		json_array_append_new(
		    a, json_stringn(name, n > 4 && strcmp(name + n - 4, ".img") == 0 ? n - 4 : n));
	}
	return a;
}

static uint64_t own_bytes(const struct layers *v, const struct manifest_layer *l)
{
	if (l->number == v->m->head)
		return v->own_blocks * BLOCK_BYTES;
	return l->has_map ? l->own_blocks * BLOCK_BYTES : l->size_bytes;
}

static json_t *item_json(struct layers *v, const struct manifest_snapshot *s)
{
	const struct manifest_layer *l = manifest_layer(v->m, s->layer);
	uint64_t done = 0, total = 0;

	if (s->is_deleting)
		merge_progress(v, s->layer, &done, &total);
	return json_pack("{s:s, s:s, s:s?, s:I, s:I, s:I, s:s, s:I, s:I, s:o}", "snapshot", s->uuid,
			 "name", s->name, "parent", snapshot_at(v->m, l->parent), "created_ms",
			 (json_int_t)s->created_ms, "own_bytes", (json_int_t)own_bytes(v, l),
			 "size_bytes", (json_int_t)l->size_bytes, "state",
			 s->is_deleting ? "deleting" : "ready", "done_bytes", (json_int_t)done,
			 "total_bytes", (json_int_t)total, "clones", clones_json(v, s->layer));
}

static json_t *head_json(struct layers *v)
{
	uint64_t done = 0, total = 0, own = v->b.size_bytes;
	const char *parent = NULL;

	if (v->m) {
		const struct manifest_layer *l = manifest_layer(v->m, v->m->head);

		own = own_bytes(v, l);
		parent = snapshot_at(v->m, l->parent);
	}
	if (v->m && v->m->is_full)
		merge_progress(v, 0, &done, &total);
	return json_pack("{s:i, s:s?, s:I, s:I, s:I, s:I}", "layer", v->m ? (int)v->m->head : 1,
			 "parent", parent, "own_bytes", (json_int_t)own, "size_bytes",
			 (json_int_t)v->b.size_bytes, "done_bytes", (json_int_t)done, "total_bytes",
			 (json_int_t)total);
}

json_t *layer_list(struct backend *b)
{
	struct layers *v = layers_of(b);
	json_t *items = json_array();

	for (uint32_t i = 0; v->m && i < v->m->snapshot_count; i++)
		json_array_append_new(items, item_json(v, &v->m->snapshots[i]));
	return json_pack("{s:b, s:b, s:s, s:o, s:o}", "is_layered", v->is_layered, "is_degraded",
			 v->b.is_failed, "problem", v->b.is_failed ? v->b.failed_text : "", "head",
			 head_json(v), "items", items);
}
