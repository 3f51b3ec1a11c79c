/* SPDX-License-Identifier: MIT */
/*
 * plan_snapshots.c - volumes that come from a snapshot: an exposure shows one, read-only, and a
 * clone begins as one. Both need the volume that has the snapshot; only what is made of it is
 * planned here, never the snapshot itself: that is no state to return to after a boot, but
 * something that happened once.
 */
#include <string.h>

#include "plan_int.h"

/* What the volume is to be made from: its member, or NULL. */
static const json_t *origin_of(const struct view *v)
{
	const json_t *of = json_object_get(v->row, "snapshot_of");

	return of ? of : json_object_get(v->row, "clone_from");
}

static bool is_deleting(const json_t *row)
{
	return strcmp(plan_text(row, "desired_state"), "deleting") == 0;
}

bool plan_snapshots_may_create(const struct plan *p, const struct view *v)
{
	const json_t *of = origin_of(v);

	return !of || json_object_get(p->volumes, plan_text(of, "volume"));
}

void plan_snapshots_check(struct plan *p, const struct view *v)
{
	const json_t *of = origin_of(v);
	const char *source = plan_text(of, "volume");

	if (of && p->filterd && !is_deleting(v->row) && !json_object_get(p->volumes, source))
		plan_problem(p, plan_volume_of(v),
			     "volume %s is made of snapshot %s of volume %s, and sluice-filterd "
			     "does not have that volume; bring it back, or delete %s",
			     v->name, plan_text(of, "snapshot_name"), source, v->name);
}

void plan_snapshots_clone(struct plan *p, const struct view *v)
{
	const json_t *from = json_object_get(v->row, "clone_from");
	bool is_linked = strcmp(plan_text(from, "kind"), "linked") == 0;

	if (!from)
		return;
	plan_step(p, plan_volume_of(v), "snapshot.clone",
		  json_pack("{s:s, s:s, s:s, s:b}", "volume", plan_text(from, "volume"), "snapshot",
			    plan_text(from, "snapshot"), "image", v->name, "is_linked", is_linked),
		  "make volume %s of snapshot %s of volume %s", v->name,
		  plan_text(from, "snapshot_name"), plan_text(from, "volume"));
}

void plan_snapshots_origin(const struct view *v, json_t *arguments)
{
	const json_t *of = json_object_get(v->row, "snapshot_of");

	if (of)
		json_object_set_new(arguments, "snapshot_of",
				    json_pack("{s:s, s:s}", "volume", plan_text(of, "volume"),
					      "snapshot", plan_text(of, "snapshot")));
	else if (json_object_get(v->row, "clone_from"))
		json_object_set_new(arguments, "has_image", json_true());
}
