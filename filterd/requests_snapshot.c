/* SPDX-License-Identifier: MIT */
/* requests_snapshot.c - snapshots: made, listed, reverted to, cloned, deleted; repair. */
#include <errno.h>

#include "json.h"
#include "requests_int.h"

/* "volume" and "snapshot", checked. False: the call is answered. */
static bool get_snapshot(struct ctl_call *call, const char *const *keys, const char **volume,
			 const char **snapshot)
{
	uint8_t uuid[16];
	struct err err;

	if (json_only(call->body, keys, &err) == 0 &&
	    json_get_string(call->body, "volume", volume, &err) == 0 &&
	    parse_name("volume", *volume, &err) == 0 &&
	    (!snapshot || (json_get_string(call->body, "snapshot", snapshot, &err) == 0 &&
			   parse_uuid("snapshot", *snapshot, uuid, &err) == 0)))
		return true;
	requests_refused(call, &err);
	return false;
}

static const char *const two_keys[] = {"request", "volume", "snapshot", NULL};

void requests_snapshot_create(struct requests *c, struct ctl_call *call)
{
	static const char *const keys[] = {"request", "members", "group", NULL};
	struct err err;

	if (json_only(call->body, keys, &err) < 0)
		requests_refused(call, &err);
	else
		manager_snapshot(c->manager, call->body, requests_answered, call);
}

void requests_snapshot_delete(struct requests *c, struct ctl_call *call)
{
	const char *volume, *snapshot;

	if (get_snapshot(call, two_keys, &volume, &snapshot))
		manager_delete_snapshot(c->manager, volume, snapshot, false, requests_answered,
					call);
}

void requests_snapshot_delete_cancel(struct requests *c, struct ctl_call *call)
{
	const char *volume, *snapshot;

	if (get_snapshot(call, two_keys, &volume, &snapshot))
		manager_delete_snapshot(c->manager, volume, snapshot, true, requests_answered,
					call);
}

void requests_snapshot_revert(struct requests *c, struct ctl_call *call)
{
	const char *volume, *snapshot;

	if (get_snapshot(call, two_keys, &volume, &snapshot))
		manager_revert(c->manager, volume, snapshot, requests_answered, call);
}

void requests_snapshot_clone(struct requests *c, struct ctl_call *call)
{
	static const char *const keys[] = {"request", "volume",    "snapshot",
					   "image",   "is_linked", NULL};
	const char *volume, *snapshot, *image;
	bool is_linked = true;
	struct err err;

	if (!get_snapshot(call, keys, &volume, &snapshot))
		return;
	if (json_get_string(call->body, "image", &image, &err) < 0 ||
	    parse_name("image", image, &err) < 0 ||
	    json_opt_bool(call->body, "is_linked", &is_linked, &err) < 0)
		requests_refused(call, &err);
	else
		manager_clone(c->manager, volume, snapshot, image, is_linked, requests_answered,
			      call);
}

void requests_snapshot_list(struct requests *c, struct ctl_call *call)
{
	static const char *const keys[] = {"request", "volume", NULL};
	const char *volume;

	if (get_snapshot(call, keys, &volume, NULL))
		manager_list_snapshots(c->manager, volume, requests_answered, call);
}

void requests_snapshot_repair(struct requests *c, struct ctl_call *call)
{
	static const char *const keys[] = {"request", "volume", "apply", NULL};
	const char *volume;
	bool is_apply = false;
	struct err err;

	if (!get_snapshot(call, keys, &volume, NULL))
		return;
	if (json_opt_bool(call->body, "apply", &is_apply, &err) < 0)
		requests_refused(call, &err);
	else
		manager_repair(c->manager, volume, is_apply, requests_answered, call);
}
