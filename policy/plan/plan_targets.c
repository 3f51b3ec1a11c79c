/* SPDX-License-Identifier: MIT */
/* plan_targets.c - targets and their LUNs. A target is made without anybody in its access list. */
#include <string.h>

#include "plan_int.h"

static void delete_lun(struct plan *p, struct object o, const char *iqn, const json_t *lun)
{
	plan_step(p, o, "lun.delete",
		  json_pack("{s:s, s:I}", "iqn", iqn, "lun", plan_number(lun, "lun")),
		  "remove LUN %lld from target %s", (long long)plan_number(lun, "lun"), iqn);
}

static void delete_target(struct plan *p, struct object o, const json_t *target)
{
	const char *iqn = plan_text(target, "iqn");
	const json_t *lun;
	size_t i;

	json_array_foreach(json_object_get(target, "luns"), i, lun)
	{
		if (plan_number(lun, "lun") != 0) /* 0 is tgtd's own, and goes with the target */
			delete_lun(p, o, iqn, lun);
	}
	plan_step(p, o, "target.delete", json_pack("{s:s}", "iqn", iqn), "remove target %s", iqn);
}

/* ---------------------------------------------------------------- without a row */

static void empty_target(struct plan *p, struct object o, const json_t *target)
{
	static const char *const lists[][2] = {{"addresses", "address"},
					       {"initiators", "initiator"}};
	const char *iqn = plan_text(target, "iqn");
	const json_t *j;
	size_t i;

	for (size_t l = 0; l < 2; l++)
		json_array_foreach(json_object_get(target, lists[l][0]), i, j)
		{
			plan_step(
			    p, o, "acl.unbind",
			    json_pack("{s:s, s:s}", "iqn", iqn, lists[l][1], json_string_value(j)),
			    "let %s no longer into target %s", json_string_value(j), iqn);
		}
	json_array_foreach(json_object_get(target, "sessions"), i, j)
	{
		plan_step(p, o, "session.close",
			  json_pack("{s:s, s:I, s:I, s:s}", "iqn", iqn, "sid",
				    plan_number(j, "sid"), "cid", plan_number(j, "cid"),
				    "initiator", plan_text(j, "initiator")),
			  "end the session of %s at target %s", plan_text(j, "initiator"), iqn);
	}
}

/* Somebody else's target with one of our volumes in it: the LUN goes, the rest is theirs. */
static void take_out_ours(struct plan *p, const json_t *target)
{
	const json_t *lun;
	size_t i;

	json_array_foreach(json_object_get(target, "luns"), i, lun)
	{
		if (plan_is_our_lun(lun) && json_object_get(p->rows, plan_text(lun, "path")))
			delete_lun(p, (struct object){"target", plan_text(target, "iqn")},
				   plan_text(target, "iqn"), lun);
	}
}

void plan_targets_strange(struct plan *p)
{
	const json_t *target;
	size_t i;

	json_array_foreach(json_object_get(p->tgtd, "targets"), i, target)
	{
		struct object o = {"target", plan_text(target, "iqn")};

		if (json_object_get(p->row_iqns, o.name))
			continue;
		if (!plan_is_our_target(p, target)) {
			take_out_ours(p, target);
			continue;
		}
		empty_target(p, o, target);
		delete_target(p, o, target);
	}
}

/* ---------------------------------------------------------------- of a volume */

static bool is_right_lun(const struct view *v, const json_t *lun)
{
	return plan_number(lun, "lun") == v->lun && plan_is_our_lun(lun) &&
	       strcmp(plan_text(lun, "path"), v->name) == 0;
}

void plan_targets_remove(struct plan *p, struct view *v)
{
	const json_t *lun;
	size_t i;

	if (!v->target)
		return;
	if (v->export == EXPORT_NO) {
		delete_target(p, plan_volume_of(v), v->target);
		return;
	}
	json_array_foreach(json_object_get(v->target, "luns"), i, lun)
	{
		if (plan_number(lun, "lun") != 0 && !is_right_lun(v, lun))
			delete_lun(p, plan_volume_of(v), v->iqn, lun);
	}
}

static bool has_lun(const struct view *v)
{
	const json_t *lun;
	size_t i;

	json_array_foreach(json_object_get(v->target, "luns"), i, lun)
	{
		if (is_right_lun(v, lun))
			return true;
	}
	return false;
}

bool plan_targets_make(struct plan *p, struct view *v)
{
	if (v->export == EXPORT_NO)
		return false;
	if (has_lun(v))
		return true;
	if (v->export == EXPORT_KEEP)
		return false;
	if (!v->target)
		plan_step(p, plan_volume_of(v), "target.create", json_pack("{s:s}", "iqn", v->iqn),
			  "create target %s", v->iqn);
	plan_step(p, plan_volume_of(v), "lun.create",
		  json_pack("{s:s, s:I, s:s}", "iqn", v->iqn, "lun", v->lun, "volume", v->name),
		  "put volume %s into target %s as LUN %lld", v->name, v->iqn, (long long)v->lun);
	return true;
}
