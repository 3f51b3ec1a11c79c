/* SPDX-License-Identifier: MIT */
/* apply_targets.c - targets, logical units, portals, access lists and sessions of tgtd. Thread: the
 * reconciler's. */
#include <errno.h>
#include <string.h>

#include "apply.h"
#include "tgt_ops.h"

/* ---------------------------------------------------------------- what we know of a target */

json_t *apply_target(const struct apply *a, const json_t *arguments, struct err *err)
{
	const char *iqn = apply_text(arguments, "iqn");
	json_t *t = json_object_get(a->targets, iqn);

	if (!t)
		err_set(err, ENOENT, "iqn", "tgtd has no target %s", iqn);
	return t;
}

int32_t apply_tid(const json_t *target)
{
	return (int32_t)json_integer_value(json_object_get(target, "tid"));
}

static size_t position(const json_t *list, const char *text)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(list, i, entry)
	{
		if (strcmp(json_string_value(entry), text) == 0)
			return i;
	}
	return SIZE_MAX;
}

void apply_list_add(json_t *target, const char *list, const char *text)
{
	json_t *l = json_object_get(target, list);

	if (position(l, text) == SIZE_MAX)
		json_array_append_new(l, json_string(text));
}

static void list_remove(json_t *target, const char *list, const char *text)
{
	json_t *l = json_object_get(target, list);
	size_t i = position(l, text);

	if (i != SIZE_MAX)
		json_array_remove(l, i);
}

/* ---------------------------------------------------------------- portals */

int apply_portal_add(struct apply *a, const json_t *arguments, struct err *err)
{
	return tgt_portal_new(a->tgt, apply_text(arguments, "name"), err);
}

int apply_portal_remove(struct apply *a, const json_t *arguments, struct err *err)
{
	return tgt_portal_delete(a->tgt, apply_text(arguments, "name"), err);
}

/* ---------------------------------------------------------------- targets and logical units */

int apply_target_create(struct apply *a, const json_t *arguments, struct err *err)
{
	const char *iqn = apply_text(arguments, "iqn");
	int32_t tid = a->next_tid++;
	int rc;

	if (json_object_get(a->targets, iqn))
		return 0;
	rc = tgt_target_new(a->tgt, tid, iqn, err);
	if (rc == 0)
		json_object_set_new(a->targets, iqn,
				    json_pack("{s:i, s:[], s:[], s:[], s:n}", "tid", (int)tid,
					      "addresses", "initiators", "accounts", "outgoing"));
	return rc;
}

int apply_target_delete(struct apply *a, const json_t *arguments, struct err *err)
{
	const char *iqn = apply_text(arguments, "iqn");
	const json_t *t = json_object_get(a->targets, iqn);
	int rc = t ? tgt_target_delete(a->tgt, apply_tid(t), err) : 0;

	if (rc == 0)
		json_object_del(a->targets, iqn);
	return rc;
}

static uint64_t number(const json_t *arguments, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(arguments, key));
}

int apply_lun_create(struct apply *a, const json_t *arguments, struct err *err)
{
	const json_t *t = apply_target(a, arguments, err);

	return t ? tgt_lun_new(a->tgt, apply_tid(t), number(arguments, "lun"),
			       apply_text(arguments, "volume"), a->cfg->ring_socket, err)
		 : -ENOENT;
}

int apply_lun_delete(struct apply *a, const json_t *arguments, struct err *err)
{
	const json_t *t = json_object_get(a->targets, apply_text(arguments, "iqn"));

	return t ? tgt_lun_delete(a->tgt, apply_tid(t), number(arguments, "lun"), err) : 0;
}

/* ---------------------------------------------------------------- access lists and sessions */

/* Which of the two it is, and its value. */
static const char *who(const json_t *arguments, const char **address, const char **initiator,
		       const char **list)
{
	*address = json_string_value(json_object_get(arguments, "address"));
	*initiator = *address ? NULL : apply_text(arguments, "initiator");
	*list = *address ? "addresses" : "initiators";
	return *address ? *address : *initiator;
}

int apply_acl_bind(struct apply *a, const json_t *arguments, struct err *err)
{
	const char *address, *initiator, *list;
	const char *value = who(arguments, &address, &initiator, &list);
	json_t *t = apply_target(a, arguments, err);
	int rc = t ? tgt_acl_bind(a->tgt, apply_tid(t), address, initiator, err) : -ENOENT;

	if (rc == 0)
		apply_list_add(t, list, value);
	return rc;
}

int apply_acl_unbind(struct apply *a, const json_t *arguments, struct err *err)
{
	const char *address, *initiator, *list;
	const char *value = who(arguments, &address, &initiator, &list);
	json_t *t = json_object_get(a->targets, apply_text(arguments, "iqn"));
	int rc = t ? tgt_acl_unbind(a->tgt, apply_tid(t), address, initiator, err) : 0;

	if (rc == 0 && t)
		list_remove(t, list, value);
	return rc;
}

int apply_session_close(struct apply *a, const json_t *arguments, struct err *err)
{
	const json_t *t = json_object_get(a->targets, apply_text(arguments, "iqn"));

	return t ? tgt_session_close(a->tgt, apply_tid(t), number(arguments, "sid"),
				     (uint32_t)number(arguments, "cid"),
				     apply_text(arguments, "initiator"), err)
		 : 0;
}
