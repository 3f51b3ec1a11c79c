/* SPDX-License-Identifier: MIT */
/*
 * layer_choose.c - which layer is to be merged next, and which way.
 *
 * A layer that no snapshot and no clone needs goes: dropped, when nothing stands on it; merged,
 * when one layer does. With more than one on it, it stays, without the name that was deleted.
 */
#include "layer_int.h"

static bool is_pinned(struct layers *v, uint32_t number)
{
	if (LAYER_MUTATE(MERGE_PINNED))
		return number == v->m->head;
	return number == v->m->head || manifest_has_snapshot(v->m, number) ||
	       tree_holder(v->env, v->m, v->image_path, number);
}

static bool is_deleting_on(const struct manifest *m, uint32_t number)
{
	for (uint32_t i = 0; i < m->snapshot_count; i++)
		if (m->snapshots[i].layer == number && m->snapshots[i].is_deleting)
			return true;
	return false;
}

static bool is_held(struct layers *v, uint32_t number)
{
	return tree_holder(v->env, v->m, v->image_path, number) != NULL;
}

/* What to do about layer x, whose only child is c. */
static enum merge_what choose_way(struct layers *v, uint32_t x, uint32_t c)
{
	const struct manifest_layer *lx = manifest_layer(v->m, x), *lc = manifest_layer(v->m, c);
	bool may_go_up = x != 1;
	bool may_go_down = !is_held(v, c);

	if (may_go_up && (!may_go_down || lx->own_blocks <= lc->own_blocks))
		return MERGE_UP;
	return may_go_down ? MERGE_DOWN : MERGE_NOTHING;
}

static enum merge_what choose_for(struct layers *v, uint32_t x)
{
	struct merge *m = &v->merge;
	uint32_t c = 0, count = manifest_children(v->m, x, &c);
	enum merge_what what = MERGE_NOTHING;

	if (is_pinned(v, x))
		return MERGE_NOTHING;
	if (count == 0)
		return x == 1 ? MERGE_NOTHING : MERGE_DROP;
	if (count == 1 && c == v->m->head)
		what = is_deleting_on(v->m, x) && (x != 1 || !is_held(v, c)) ? MERGE_FREEZE
									     : MERGE_NOTHING;
	else if (count == 1)
		what = choose_way(v, x, c);
	m->from = what == MERGE_DOWN ? c : x;
	m->to = what == MERGE_DOWN ? x : c;
	return what == MERGE_NOTHING && is_deleting_on(v->m, x) ? MERGE_UNNAME : what;
}

/* Until it is ended the target is neither what it was nor what it will be, and only the record says
 * so. */
static enum merge_what choose_recorded(struct layers *v)
{
	struct merge *m = &v->merge;

	m->from = v->m->merge_from;
	m->to = v->m->merge_to;
	return is_pinned(v, m->to) || is_held(v, m->from) ? MERGE_NOTHING : MERGE_DOWN;
}

enum merge_what choose_what(struct layers *v)
{
	struct merge *m = &v->merge;

	if (v->is_copy_behind)
		return MERGE_SECURE;
	if (v->m->merge_from && !LAYER_MUTATE(RECORD_LEFT))
		return choose_recorded(v);
	for (uint32_t i = 0; i < v->m->layer_count; i++) {
		enum merge_what what;

		m->from = v->m->layers[i].number;
		what = choose_for(v, m->from);
		if (what != MERGE_NOTHING)
			return what;
	}
	m->from = 0;
	m->to = 1;
	if (!v->m->is_full || !v->m->origin_path[0])
		return MERGE_NOTHING;
	return v->m->head == 1 ? MERGE_FREEZE : MERGE_COPY;
}

bool choose_is_put_off(const struct layers *v)
{
	bool is_so = v->m->merge_from != 0;

	for (uint32_t i = 0; i < v->m->snapshot_count; i++)
		is_so |= v->m->snapshots[i].is_deleting;
	return is_so;
}

bool merge_is_wanted(struct layers *v)
{
	const struct merge *m = &v->merge;
	const struct manifest_layer *from = manifest_layer(v->m, m->from);
	const struct manifest_layer *to = manifest_layer(v->m, m->to);

	if (v->b.is_failed || m->is_stopping || !to)
		return false;
	if (m->what == MERGE_COPY)
		return v->m->is_full && v->m->origin_path[0];
	if (!from)
		return false;
	if (m->what == MERGE_UP)
		return to->parent == m->from && !is_pinned(v, m->from);
	return from->parent == m->to && !is_pinned(v, m->to) && !is_held(v, m->from);
}
