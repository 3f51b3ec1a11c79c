/* SPDX-License-Identifier: MIT */
/* plan_volumes.c - volumes in filterd: create, open, grow; close, delete. */
#include <string.h>

#include "parse.h"
#include "plan_int.h"

/* ---------------------------------------------------------------- what no step can mend */

static void check_presence(struct plan *p, const struct view *v)
{
	const json_t *elsewhere = json_object_get(p->uuids, plan_text(v->row, "uuid"));

	if (v->presence == PRESENCE_GONE && strcmp(plan_text(v->row, "desired_state"), "deleting"))
		plan_problem(p, plan_volume_of(v),
			     "volume %s was created once and sluice-filterd does not have it any "
			     "more; restore its datastore, or delete the volume",
			     v->name);
	else if (v->presence == PRESENCE_OTHER && elsewhere)
		plan_problem(p, plan_volume_of(v),
			     "volume %s runs in sluice-filterd under the name %s; it is left alone",
			     v->name, plan_text(elsewhere, "name"));
	else if (v->presence == PRESENCE_OTHER)
		plan_problem(
		    p, plan_volume_of(v),
		    "sluice-filterd has another volume by the name of %s (its UUID is %s); it is "
		    "left alone and not exported",
		    v->name, plan_text(json_object_get(p->volumes, v->name), "uuid"));
}

static void check_text(struct plan *p, const struct view *v, const char *key)
{
	const char *wanted = plan_text(v->row, key), *is = plan_text(v->runs, key);

	if (*is && strcmp(wanted, is) != 0)
		plan_problem(p, plan_volume_of(v),
			     "volume %s: %s is %s and should be %s, which cannot be changed",
			     v->name, key, is, wanted);
}

static void check_numbers(struct plan *p, const struct view *v)
{
	json_int_t wanted = plan_number(v->row, "size_bytes"),
		   is = plan_number(v->runs, "size_bytes");
	json_int_t block = plan_number(v->runs, "block_bytes");

	if (is > wanted)
		plan_problem(p, plan_volume_of(v),
			     "volume %s has %lld bytes and should have %lld; it is never made "
			     "smaller",
			     v->name, (long long)is, (long long)wanted);
	if (block && block != plan_number(v->row, "block_bytes"))
		plan_problem(p, plan_volume_of(v),
			     "volume %s has blocks of %lld bytes and should have %lld, which "
			     "cannot be changed",
			     v->name, (long long)block,
			     (long long)plan_number(v->row, "block_bytes"));
}

void plan_volumes_check(struct plan *p, struct view *v)
{
	if (!p->filterd)
		return;
	check_presence(p, v);
	plan_snapshots_check(p, v);
	if (!v->runs || strcmp(plan_text(v->row, "desired_state"), "deleting") == 0)
		return;
	check_text(p, v, "datastore");
	check_text(p, v, "write_cache");
	check_numbers(p, v);
	plan_filters_installed(p, v);
	plan_needs_check(p, v);
	plan_replication_check(p, v);
	if (strcmp(plan_text(v->runs, "state"), "quarantined") == 0)
		plan_problem(p, plan_volume_of(v), "volume %s is in quarantine: %s", v->name,
			     plan_text(v->runs, "reason"));
}

/* ---------------------------------------------------------------- away */

/* LUNs on this volume in its own target. */
static json_int_t count_own_luns(const struct view *v)
{
	const json_t *lun;
	json_int_t count = 0;
	size_t i;

	json_array_foreach(json_object_get(v->target, "luns"), i, lun)
	{
		count += plan_is_our_lun(lun) && strcmp(plan_text(lun, "path"), v->name) == 0;
	}
	return count;
}

/* Its own target's LUN goes in this plan, and should that fail, the close is left out with it.
 * Every other user must be gone already. */
static bool may_close(struct plan *p, const struct view *v)
{
	json_int_t own = count_own_luns(v), all = plan_number(p->luns, v->name);

	if (all > own)
		return false;
	if (own > 0)
		return true;
	if (plan_number(v->runs, "rings") == 0)
		return true;
	plan_problem(p, plan_volume_of(v),
		     "volume %s is in use by a tgtd that does not answer or is not known here; it "
		     "is closed when that lets go of it",
		     v->name);
	return false;
}

void plan_volumes_close(struct plan *p, struct view *v)
{
	bool is_closed = plan_is_closed(v->runs);
	bool is_deleting = strcmp(plan_text(v->row, "desired_state"), "deleting") == 0;

	if (!v->runs || v->wants_open || (is_closed && !is_deleting) || !may_close(p, v))
		return;
	if (!is_closed)
		plan_step(p, plan_volume_of(v), "volume.close", json_pack("{s:s}", "name", v->name),
			  "close volume %s", v->name);
	if (is_deleting)
		plan_step(p, plan_volume_of(v), "volume.delete",
			  json_pack("{s:s}", "name", v->name), "delete volume %s and its data",
			  v->name);
}

/* ---------------------------------------------------------------- here */

bool plan_volumes_may_create(struct plan *p, const struct view *v)
{
	return plan_datastores_has(p, plan_text(v->row, "datastore")) &&
	       plan_snapshots_may_create(p, v) && plan_filters_installed(p, v) &&
	       plan_needs_met(p, v);
}

static void create(struct plan *p, const struct view *v)
{
	json_int_t size_bytes = plan_number(v->row, "size_bytes");
	json_t *arguments = json_pack(
	    "{s:s, s:s, s:s, s:I, s:I, s:s, s:b, s:o}", "name", v->name, "uuid",
	    plan_text(v->row, "uuid"), "datastore", plan_text(v->row, "datastore"), "size_bytes",
	    size_bytes, "block_bytes", plan_number(v->row, "block_bytes"), "write_cache",
	    plan_text(v->row, "write_cache"), "is_thin",
	    json_is_true(json_object_get(v->row, "is_thin")), "filters", plan_filters_of(v));
	char size[32];

	parse_size_format((uint64_t)size_bytes, size, sizeof(size));
	plan_snapshots_clone(p, v);
	plan_snapshots_origin(v, arguments);
	plan_step(p, plan_volume_of(v), "volume.create", arguments, "create volume %s, %s on %s",
		  v->name, size, plan_text(v->row, "datastore"));
}

static void grow(struct plan *p, const struct view *v)
{
	json_int_t size_bytes = plan_number(v->row, "size_bytes");
	json_int_t is = plan_number(v->runs, "size_bytes");
	char size[32];

	/* 0: as large as its device; what a snapshot shows has the size that it had then */
	if (is == 0 || is >= size_bytes || json_object_get(v->row, "snapshot_of"))
		return;
	parse_size_format((uint64_t)size_bytes, size, sizeof(size));
	plan_step(p, plan_volume_of(v), "volume.grow",
		  json_pack("{s:s, s:I}", "name", v->name, "size_bytes", size_bytes),
		  "grow volume %s to %s", v->name, size);
}

void plan_volumes_make(struct plan *p, struct view *v)
{
	if (v->is_creating)
		create(p, v);
	if (!v->runs || !v->wants_open)
		return;
	if (v->is_opening) {
		/* Before it, as it may be one of them that does not let the volume open. */
		plan_filters_detach(p, v);
		plan_step(p, plan_volume_of(v), "volume.open", json_pack("{s:s}", "name", v->name),
			  "open volume %s", v->name);
	}
	if (v->is_opening || plan_is_serving(v->runs))
		grow(p, v);
}
