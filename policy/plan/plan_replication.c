/* SPDX-License-Identifier: MIT */
/*
 * plan_replication.c - a replicated volume is exported where its filter says that it serves, and
 * nowhere else; and the filter leaves a chain only when the replication has been ended.
 *
 * Two appliances bear the same volume. Which of them may be seen by initiators is not decided here:
 * the replication's filter knows its role and has it confirmed by its peer, a witness or an
 * operator. What it says is followed; what it does not say leaves things as they are.
 */
#include <string.h>

#include "plan_int.h"

/* By its name: others of its class may do something else. */
#define REPLICATION_FILTER "replication"

static bool is_replication(const json_t *runs)
{
	return strcmp(plan_text(runs, "filter"), REPLICATION_FILTER) == 0;
}

static const json_t *replication_of(const struct view *v)
{
	const json_t *r = json_object_get(v->row, "replication");

	return json_is_object(r) ? r : NULL;
}

static bool is_phase(const json_t *replication, const char *phase)
{
	return strcmp(plan_text(replication, "phase"), phase) == 0;
}

static const json_t *filter_of(const struct view *v)
{
	const json_t *runs;
	size_t i;

	json_array_foreach(json_object_get(v->runs, "filters"), i, runs)
	{
		if (is_replication(runs))
			return runs;
	}
	return NULL;
}

/* Without its filter the volume is an ordinary one only where the replication begins with it. */
static enum export without_filter(const struct view *v, const json_t *replication,
				  enum export usual)
{
	bool begins = strcmp(plan_text(replication, "initial_role"), "primary") == 0;
	bool is_ended = is_phase(replication, "ending");

	if (is_ended && strcmp(plan_text(replication, "role"), "primary") == 0)
		return usual;
	return begins && (is_phase(replication, "pending") || is_phase(replication, "attaching"))
		   ? usual
		   : EXPORT_NO;
}

enum export plan_replication_export(const struct view *v, enum export usual)
{
	const json_t *replication = replication_of(v), *filter = filter_of(v);
	const json_t *status = json_object_get(v->runs, "replication");

	if (usual == EXPORT_NO || (!replication && !filter))
		return usual;
	if (!v->runs && v->presence == PRESENCE_UNKNOWN)
		return usual; /* filterd is down: nothing new is made */
	if (!filter)
		return without_filter(v, replication, usual);
	if (json_is_true(json_object_get(filter, "is_bypassed")))
		return EXPORT_NO;
	if (!json_is_object(status) || !plan_is_serving(v->runs))
		return EXPORT_KEEP;
	return json_is_true(json_object_get(status, "is_serving")) ? usual : EXPORT_NO;
}

bool plan_replication_to_stay(const struct view *v, const json_t *runs)
{
	const json_t *replication = replication_of(v);

	return is_replication(runs) && !(replication && is_phase(replication, "ending"));
}

void plan_replication_check(struct plan *p, const struct view *v)
{
	const json_t *replication = replication_of(v), *filter = filter_of(v);

	if (filter && !replication)
		plan_problem(p, plan_volume_of(v),
			     "volume %s has the filter %s in its chain, and no replication here "
			     "knows of it; it stays, as another appliance may have the newer data. "
			     "Adopt it: make the replication anew, or detach it with "
			     "sluice-filterctl once you are sure",
			     v->name, plan_text(filter, "filter"));
	if (!filter && replication && is_phase(replication, "active"))
		plan_problem(p, plan_volume_of(v),
			     "volume %s is in replication %s, and its filter has gone from the "
			     "chain; it is attached anew, and not exported before it says that "
			     "this side serves",
			     v->name, plan_text(replication, "name"));
}
