/* SPDX-License-Identifier: MIT */
/* config.c - /config, /config/diff, /config/apply; see config.h. Thread: main. */
#include "config.h"

#include <errno.h>

#include "json.h"
#include "tables.h"
#include "volume_rows.h"

static int get(struct request *q, struct reply *r, struct err *err)
{
	r->body = config_export(q->store, err);
	return r->body ? 0 : -err->code;
}

static int flag(json_t *document, const char *name, bool *out, struct err *err)
{
	int rc = json_opt_bool(document, name, out, err);

	json_object_del(document, name);
	return rc;
}

/* The changes that the request's document means. {"document": {...}} and a bare document are both
 * taken. New reference. */
static json_t *changes_of(struct request *q, struct err *err)
{
	json_t *inner = q->body ? json_object_get(q->body, "document") : NULL;
	cleanup_json json_t *document = NULL, *now = NULL;
	struct config_prune prune = {0};

	if (!q->body || (inner && !json_is_object(inner))) {
		err_set(err, EINVAL, "document", "a configuration document is expected");
		return NULL;
	}
	/* Deep: it is written anew where the database writes it differently. */
	document = json_deep_copy(inner ? inner : q->body);
	if (inner) {
		static const char *const beside[] = {"document", "prune", "prune_volumes", NULL};

		if (json_only(q->body, beside, err) < 0)
			return NULL;
		json_object_set(document, "prune", json_object_get(q->body, "prune"));
		json_object_set(document, "prune_volumes",
				json_object_get(q->body, "prune_volumes"));
	}
	if (flag(document, "prune", &prune.is_on, err) < 0 ||
	    flag(document, "prune_volumes", &prune.volumes_too, err) < 0 ||
	    config_check(document, err) < 0 || config_normalise(q->store, document, err) < 0)
		return NULL;
	now = config_export(q->store, err);
	return now ? config_diff(now, document, prune) : NULL;
}

static int diff(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *changes = changes_of(q, err);

	if (!changes)
		return -err->code;
	r->body = config_diff_public(changes);
	return 0;
}

static int apply(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *changes = changes_of(q, err), *secrets = json_object();
	cleanup_json json_t *parameters = NULL;
	size_t count = json_array_size(changes);

	if (!changes || config_apply(q, changes, secrets, err) < 0)
		return -err->code;
	r->body = config_diff_public(changes);
	if (json_object_size(secrets) > 0)
		json_object_set(r->body, "chap_secrets", secrets);
	if (count == 0)
		return 0;
	parameters = json_pack("{s:I}", "changes", (json_int_t)count);
	if (rest_event(q, "info", "config.applied", "config", "", err,
		       "%s applied a configuration; changes: %zu", q->actor.name, count) < 0)
		return -err->code;
	return rest_task(q, r, "config.apply", "config", "", false, parameters, err);
}

/* force: volumes' own, for those that go while somebody is logged in. */
static const char *const apply_query[] = {"force", NULL};

const struct route config_routes[] = {
    {"GET", "/config", REST_ADMIN, 0, get, "config", NULL},
    {"POST", "/config/diff", REST_OPERATOR, ROUTE_READS | ROUTE_BIG_BODY, diff, "config", NULL},
    {"POST", "/config/apply", REST_ADMIN, ROUTE_BIG_BODY, apply, "config", apply_query},
    {.method = NULL},
};
