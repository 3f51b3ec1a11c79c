/* SPDX-License-Identifier: MIT */
#include "apply.h"

#include <errno.h>
#include <string.h>

#include "json.h"

const char *apply_text(const json_t *arguments, const char *key)
{
	const char *text = json_string_value(json_object_get(arguments, key));

	return text ? text : "";
}

/* ---------------------------------------------------------------- filterd */

static int ask(struct apply *a, const char *request, const json_t *arguments, struct err *err)
{
	cleanup_json json_t *answer = filterd_ask(a->filterd, request, arguments, err);

	return answer ? 0 : -err->code;
}

/* Gone already is as good as removed. */
static int unless_gone(int rc, const struct err *err)
{
	return rc == -ENOENT && !filterd_is_gone(err) ? 0 : rc;
}

static int datastore_add(struct apply *a, const json_t *arguments, struct err *err)
{
	cleanup_json json_t *q =
	    json_pack("{s:s, s:s, s:s, s:b}", "name", apply_text(arguments, "name"), "type",
		      apply_text(arguments, "type"), "path", apply_text(arguments, "path"),
		      "buffered", json_is_true(json_object_get(arguments, "is_buffered")));
	const char *uuid = apply_text(arguments, "uuid");

	if (*uuid)
		json_object_set_new(q, "uuid", json_string(uuid));
	return ask(a, "datastore.add", q, err);
}

static int datastore_remove(struct apply *a, const json_t *arguments, struct err *err)
{
	return unless_gone(ask(a, "datastore.remove", arguments, err), err);
}

static int datastore_filter_set(struct apply *a, const json_t *arguments, struct err *err)
{
	return ask(a, "datastore.filter.set", arguments, err);
}

/* Only what filterd takes of a filter. New reference. */
static json_t *filters_of(const json_t *arguments)
{
	json_t *filters = json_array();
	const json_t *f;
	size_t i;

	json_array_foreach(json_object_get(arguments, "filters"), i, f)
	{
		json_array_append_new(filters, json_pack("{s:O, s:O*, s:O*}", "filter",
							 json_object_get(f, "filter"), "on_failure",
							 json_object_get(f, "on_failure"), "params",
							 json_object_get(f, "params")));
	}
	return filters;
}

static int volume_create(struct apply *a, const json_t *arguments, struct err *err)
{
	static const char *const same[] = {"name",        "uuid",        "datastore", "size_bytes",
					   "block_bytes", "write_cache", "open",      "snapshot_of",
					   "has_image",   NULL};
	cleanup_json json_t *q = json_object();

	for (size_t i = 0; same[i]; i++)
		if (json_object_get(arguments, same[i]))
			json_object_set(q, same[i], json_object_get(arguments, same[i]));
	json_object_set_new(q, "filters", filters_of(arguments));
	json_object_set_new(q, "full",
			    json_boolean(json_is_false(json_object_get(arguments, "is_thin"))));
	return ask(a, "volume.create", q, err);
}

/* Asked again it is the same image. */
static int snapshot_clone(struct apply *a, const json_t *arguments, struct err *err)
{
	return ask(a, "snapshot.clone", arguments, err);
}

/* With the UUID: what was seen a moment ago may be another filterd's by now. */
static int volume_delete(struct apply *a, const json_t *arguments, struct err *err)
{
	const char *name = apply_text(arguments, "name");
	const json_t *row = json_object_get(a->volumes, name);
	cleanup_json json_t *q =
	    json_pack("{s:s, s:s}", "name", name, "uuid", apply_text(row, "uuid"));

	return unless_gone(ask(a, "volume.delete", q, err), err);
}

static int filter_detach(struct apply *a, const json_t *arguments, struct err *err)
{
	cleanup_json json_t *q = json_pack("{s:s, s:s}", "name", apply_text(arguments, "name"),
					   "filter", apply_text(arguments, "filter"));

	return ask(a, "filter.detach", q, err);
}

static int filter_put(struct apply *a, const char *request, const json_t *arguments,
		      struct err *err)
{
	static const char *const keys[] = {"name", "filter", "on_failure", "params", NULL};
	cleanup_json json_t *q = json_object();

	for (size_t i = 0; keys[i]; i++)
		if (json_object_get(arguments, keys[i]))
			json_object_set(q, keys[i], json_object_get(arguments, keys[i]));
	return ask(a, request, q, err);
}

static int filter_attach(struct apply *a, const json_t *arguments, struct err *err)
{
	return filter_put(a, "filter.attach", arguments, err);
}

static int filter_set(struct apply *a, const json_t *arguments, struct err *err)
{
	return filter_put(a, "filter.set", arguments, err);
}

static int volume_open(struct apply *a, const json_t *arguments, struct err *err)
{
	return ask(a, "volume.open", arguments, err);
}

static int volume_close(struct apply *a, const json_t *arguments, struct err *err)
{
	return ask(a, "volume.close", arguments, err);
}

static int volume_grow(struct apply *a, const json_t *arguments, struct err *err)
{
	return ask(a, "volume.grow", arguments, err);
}

/* ---------------------------------------------------------------- the table */

static const struct {
	const char *name;
	apply_fn fn;
	enum apply_daemon daemon;
	bool withdraws;
} steps[] = {
    {"datastore.add", datastore_add, APPLY_FILTERD, false},
    {"datastore.remove", datastore_remove, APPLY_FILTERD, false},
    {"datastore.filter.set", datastore_filter_set, APPLY_FILTERD, false},
    {"snapshot.clone", snapshot_clone, APPLY_FILTERD, false},
    {"volume.create", volume_create, APPLY_FILTERD, false},
    {"volume.open", volume_open, APPLY_FILTERD, false},
    {"volume.close", volume_close, APPLY_FILTERD, false},
    {"volume.delete", volume_delete, APPLY_FILTERD, false},
    {"volume.grow", volume_grow, APPLY_FILTERD, false},
    {"filter.attach", filter_attach, APPLY_FILTERD, false},
    {"filter.set", filter_set, APPLY_FILTERD, false},
    {"filter.detach", filter_detach, APPLY_FILTERD, false},
    {"portal.add", apply_portal_add, APPLY_TGTD, false},
    {"portal.remove", apply_portal_remove, APPLY_TGTD, false},
    {"target.create", apply_target_create, APPLY_TGTD, false},
    {"target.delete", apply_target_delete, APPLY_TGTD, false},
    {"lun.create", apply_lun_create, APPLY_TGTD, false},
    {"lun.delete", apply_lun_delete, APPLY_TGTD, false},
    {"account.create", apply_account_create, APPLY_TGTD, false},
    {"account.delete", apply_account_delete, APPLY_TGTD, false},
    {"account.bind", apply_account_bind, APPLY_TGTD, false},
    {"account.unbind", apply_account_unbind, APPLY_TGTD, false},
    {"acl.bind", apply_acl_bind, APPLY_TGTD, false},
    {"acl.unbind", apply_acl_unbind, APPLY_TGTD, true},
    {"session.close", apply_session_close, APPLY_TGTD, true},
};

static int find(const char *step)
{
	for (size_t i = 0; step && i < sizeof(steps) / sizeof(steps[0]); i++)
		if (strcmp(steps[i].name, step) == 0)
			return (int)i;
	return -1;
}

int apply_daemon(const char *step)
{
	int i = find(step);

	return i < 0 ? -1 : (int)steps[i].daemon;
}

bool apply_withdraws(const char *step)
{
	int i = find(step);

	return i >= 0 && steps[i].withdraws;
}

int apply_step(struct apply *a, const json_t *step, struct err *err)
{
	const char *name = apply_text(step, "step");
	int i = find(name);

	*err = (struct err){0};
	if (i < 0)
		return err_set(err, EINVAL, "step", "nobody knows how to do '%.60s'", name);
	return steps[i].fn(a, json_object_get(step, "arguments"), err);
}

/* ---------------------------------------------------------------- a pass */

static json_t *by_name(const json_t *rows)
{
	json_t *index = json_object();
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		json_object_set(index, apply_text(row, "name"), row);
	}
	return index;
}

/* Lists of our own, so that what others may be reading stays as it is. */
static json_t *target_copy(const json_t *t)
{
	return json_pack("{s:O, s:o, s:o, s:o, s:O}", "tid", json_object_get(t, "tid"), "addresses",
			 json_copy(json_object_get(t, "addresses")), "initiators",
			 json_copy(json_object_get(t, "initiators")), "accounts",
			 json_copy(json_object_get(t, "accounts")), "outgoing",
			 json_object_get(t, "outgoing"));
}

int apply_begin(struct apply *a, const json_t *running, struct err *err)
{
	const json_t *t;
	size_t i;

	a->targets = json_object();
	a->hosts = by_name(json_object_get(a->desired, "hosts"));
	a->volumes = by_name(json_object_get(a->desired, "volumes"));
	a->next_tid = 1;
	json_array_foreach(json_object_get(json_object_get(running, "tgtd"), "targets"), i, t)
	{
		int32_t tid = apply_tid(t);

		json_object_set_new(a->targets, apply_text(t, "iqn"), target_copy(t));
		if (tid >= a->next_tid)
			a->next_tid = tid + 1;
	}
	if (a->targets && a->hosts && a->volumes)
		return 0;
	apply_end(a);
	return err_set(err, ENOMEM, "", "no memory for a round");
}

void apply_end(struct apply *a)
{
	json_decref(a->targets);
	json_decref(a->hosts);
	json_decref(a->volumes);
	a->targets = a->hosts = a->volumes = NULL;
}
