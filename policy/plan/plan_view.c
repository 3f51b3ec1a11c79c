/* SPDX-License-Identifier: MIT */
/* plan_view.c - the two documents, indexed, and what is to become of each volume. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan_int.h"

const char *plan_text(const json_t *obj, const char *key)
{
	const char *text = json_string_value(json_object_get(obj, key));

	return text ? text : "";
}

json_int_t plan_number(const json_t *obj, const char *key)
{
	return json_integer_value(json_object_get(obj, key));
}

bool plan_has_text(const json_t *array, const char *text)
{
	const json_t *j;
	size_t i;

	json_array_foreach(array, i, j)
	{
		if (json_is_string(j) && strcmp(json_string_value(j), text) == 0)
			return true;
	}
	return false;
}

bool plan_is_serving(const json_t *runs)
{
	const char *state = plan_text(runs, "state");

	return strcmp(state, "serving") == 0 || strcmp(state, "open") == 0;
}

bool plan_is_closed(const json_t *runs)
{
	const char *state = plan_text(runs, "state");

	return strcmp(state, "closed") == 0 || strcmp(state, "quarantined") == 0;
}

bool plan_is_our_lun(const json_t *lun)
{
	return plan_number(lun, "lun") != 0 && strcmp(plan_text(lun, "bstype"), "sluice") == 0;
}

bool plan_is_our_target(const struct plan *p, const json_t *target)
{
	const char *iqn = plan_text(target, "iqn");
	size_t n = strlen(p->iqn_base);

	return json_object_get(p->row_iqns, iqn) ||
	       (n && strncmp(iqn, p->iqn_base, n) == 0 && iqn[n] == ':');
}

const json_t *plan_allowed_host(const struct view *v, const char *iqn)
{
	const json_t *host;
	size_t i;

	json_array_foreach(v->allowed, i, host)
	{
		if (strcmp(plan_text(host, "iqn"), iqn) == 0)
			return host;
	}
	return NULL;
}

/* ---------------------------------------------------------------- indexes */

static json_t *index_by(const json_t *array, const char *key)
{
	json_t *index = json_object(), *j;
	size_t i;

	json_array_foreach(array, i, j)
	{
		json_object_set(index, plan_text(j, key), j);
	}
	return index;
}

static json_t *index_hosts(const json_t *hosts)
{
	json_t *index = json_object(), *j;
	char id[24];
	size_t i;

	json_array_foreach(hosts, i, j)
	{
		snprintf(id, sizeof(id), "%lld", (long long)plan_number(j, "id"));
		json_object_set(index, id, j);
	}
	return index;
}

static json_t *index_row_iqns(const json_t *volumes)
{
	json_t *index = json_object(), *j;
	size_t i;

	json_array_foreach(volumes, i, j)
	{
		const json_t *target = json_object_get(j, "target");

		if (json_is_object(target))
			json_object_set(index, plan_text(target, "iqn"), j);
	}
	return index;
}

static json_t *count_luns(const json_t *targets)
{
	json_t *index = json_object();
	const json_t *target, *lun;
	size_t i, k;

	json_array_foreach(targets, i, target)
	{
		json_array_foreach(json_object_get(target, "luns"), k, lun)
		{
			const char *path = plan_text(lun, "path");

			if (plan_is_our_lun(lun))
				json_object_set_new(index, path,
						    json_integer(plan_number(index, path) + 1));
		}
	}
	return index;
}

static void build_indexes(struct plan *p)
{
	const json_t *volumes = json_object_get(p->desired, "volumes");

	p->hosts = index_hosts(json_object_get(p->desired, "hosts"));
	p->filters = index_by(json_object_get(p->desired, "filters"), "name");
	p->rows = index_by(volumes, "name");
	p->row_iqns = index_row_iqns(volumes);
	p->volumes = index_by(json_object_get(p->filterd, "volumes"), "name");
	p->uuids = index_by(json_object_get(p->filterd, "volumes"), "uuid");
	p->datastores = index_by(json_object_get(p->filterd, "datastores"), "name");
	p->targets = index_by(json_object_get(p->tgtd, "targets"), "iqn");
	p->luns = count_luns(json_object_get(p->tgtd, "targets"));
	p->accounts = json_object();
}

/* ---------------------------------------------------------------- one volume */

static enum presence presence_of(const struct plan *p, const struct view *v)
{
	const json_t *named = json_object_get(p->volumes, v->name);
	const char *uuid = plan_text(v->row, "uuid");

	if (!p->filterd)
		return PRESENCE_UNKNOWN;
	if (named)
		return strcmp(plan_text(named, "uuid"), uuid) == 0 ? PRESENCE_OURS : PRESENCE_OTHER;
	if (json_object_get(p->uuids, uuid))
		return PRESENCE_OTHER;
	return json_is_true(json_object_get(v->row, "is_created")) ? PRESENCE_GONE
								   : PRESENCE_ABSENT;
}

/*
 * Hosts of one target have all CHAP or none: to tgtd it is the target's matter, not the
 * initiator's. Where they are mixed, those without are left out; the other way round the target
 * would take everybody without a secret.
 */
static void choose_hosts(struct plan *p, struct view *v)
{
	const json_t *ids = json_object_get(v->row, "hosts"), *id;
	json_t *with = json_array(), *without = json_array();
	size_t i;

	json_array_foreach(ids, i, id)
	{
		char key[24];
		json_t *host;

		snprintf(key, sizeof(key), "%lld", (long long)json_integer_value(id));
		host = json_object_get(p->hosts, key);
		if (host)
			json_array_append(*plan_text(host, "chap_user") ? with : without, host);
	}
	v->has_chap = json_array_size(with) > 0;
	v->allowed = v->has_chap ? with : without;
	v->wants_guard = v->has_chap || json_array_size(v->allowed) == 0;
	if (v->has_chap && json_array_size(without) > 0)
		plan_problem(
		    p, plan_volume_of(v),
		    "host %s has no CHAP user and others of volume %s have one: it is not let in; "
		    "give all of them CHAP, or none",
		    plan_text(json_array_get(without, 0), "name"), v->name);
	json_decref(v->has_chap ? without : with);
}

static enum export export_of(const struct view *v)
{
	bool is_wanted = strcmp(plan_text(v->row, "desired_state"), "online") == 0 &&
			 *plan_text(v->row, "transfer") == '\0';

	if (!is_wanted || !v->iqn || v->presence == PRESENCE_OTHER)
		return EXPORT_NO;
	if (v->is_creating || v->is_opening || (v->runs && plan_is_serving(v->runs)))
		return EXPORT_YES;
	return EXPORT_KEEP;
}

/* Out of quarantine only with other filters than those that filterd crashed with. */
static bool may_open(const struct view *v)
{
	const char *state = plan_text(v->runs, "state");

	return strcmp(state, "closed") == 0 || strcmp(state, "failed") == 0 ||
	       (strcmp(state, "quarantined") == 0 && plan_filters_has_others(v));
}

static void look_at_filterd(struct plan *p, struct view *v)
{
	const char *wanted = plan_text(v->row, "desired_state");

	v->wants_open = strcmp(wanted, "deleting") != 0 &&
			(strcmp(wanted, "online") == 0 || *plan_text(v->row, "transfer"));
	v->presence = presence_of(p, v);
	if (v->presence == PRESENCE_OURS)
		v->runs = json_object_get(p->volumes, v->name);
	v->is_creating = v->presence == PRESENCE_ABSENT && strcmp(wanted, "deleting") != 0 &&
			 plan_volumes_may_create(p, v);
	v->is_opening = v->runs && v->wants_open && may_open(v);
}

static void look_at_tgtd(struct plan *p, struct view *v)
{
	const json_t *target = json_object_get(v->row, "target");

	if (json_is_object(target) && *plan_text(target, "iqn"))
		v->iqn = plan_text(target, "iqn");
	v->lun = plan_number(target, "lun");
	v->target = v->iqn ? json_object_get(p->targets, v->iqn) : NULL;
	choose_hosts(p, v);
	if (*plan_text(target, "mutual_user"))
		v->mutual_user = plan_text(target, "mutual_user");
}

void plan_view_build(struct plan *p)
{
	const json_t *volumes = json_object_get(p->desired, "volumes"), *row;
	size_t i;

	build_indexes(p);
	p->view_count = json_array_size(volumes);
	p->views = calloc(p->view_count + 1, sizeof(*p->views));
	if (!p->views) {
		p->view_count = 0;
		return;
	}
	json_array_foreach(volumes, i, row)
	{
		struct view *v = &p->views[i];

		v->row = row;
		v->name = plan_text(row, "name");
		look_at_filterd(p, v);
		look_at_tgtd(p, v);
		v->export = plan_replication_export(v, export_of(v));
	}
}

void plan_view_free(struct plan *p)
{
	json_t *const all[] = {p->hosts,   p->filters, p->volumes, p->uuids,    p->datastores,
			       p->targets, p->luns,    p->rows,    p->row_iqns, p->accounts};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		json_decref(all[i]);
	for (size_t i = 0; i < p->view_count; i++)
		json_decref(p->views[i].allowed);
	free(p->views);
}
