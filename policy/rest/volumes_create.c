/* SPDX-License-Identifier: MIT */
/*
 * volumes_create.c - POST /volumes. A file of its own: a volume's row, target, access list and
 * policy come into being in one transaction. Thread: main.
 *
 * clone_of: what the body leaves out is as with the source, its policy included, so that a copy of
 * encrypted data is not in clear by oversight; not the access list: nobody reaches a clone before
 * he is allowed to. The data is copied by the task, through both chains (transfer.h).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "access.h"
#include "app.h"
#include "datastores.h"
#include "json.h"
#include "model.h"
#include "parse.h"
#include "store_link.h"
#include "volume_policy.h"
#include "uuid.h"
#include "volume_rows.h"
#include "volume_view.h"
#include "volumes.h"

/* Members of the body that are no columns; NULL: not given. */
struct extras {
	json_t *policy, *hosts, *groups, *clone_of;
	bool is_policy_given; /* null: none, also for a clone */
	json_t *source;       /* the row that clone_of names */
};

static void extras_free(struct extras *x)
{
	json_decref(x->policy);
	json_decref(x->hosts);
	json_decref(x->groups);
	json_decref(x->clone_of);
	json_decref(x->source);
}

static int is_name(const char *field, const json_t *value, struct err *err)
{
	if (!value || json_is_string(value))
		return 0;
	return err_set(err, EINVAL, field, "%s must be a name, as a string", field);
}

static int extras_take(json_t *body, struct extras *x, struct err *err)
{
	int rc;

	x->is_policy_given = json_object_get(body, "policy") != NULL;
	x->policy = rows_take(body, "policy");
	x->hosts = rows_take(body, "hosts");
	x->groups = rows_take(body, "host_groups");
	x->clone_of = rows_take(body, "clone_of");
	if ((rc = is_name("policy", x->policy, err)) ||
	    (rc = is_name("clone_of", x->clone_of, err)) ||
	    (rc = rows_names_check("hosts", x->hosts, err)))
		return rc;
	return rows_names_check("host_groups", x->groups, err);
}

/* ---------------------------------------------------------------- clones */

static int source_get(struct request *q, struct extras *x, json_t *body, struct err *err)
{
	static const char *const inherited[] = {"datastore",   "size_bytes", "block_bytes",
						"write_cache", "is_thin",    NULL};
	const char *name = json_string_value(x->clone_of);
	int rc;

	if (q->is_part)
		return err_set(err, EINVAL, "clone_of",
			       "a configuration says what there is, and a clone is how it came to "
			       "be: make it by POST /volumes");
	x->source = store_get(q->store, &table_volumes, name, err);
	if (!x->source)
		return rows_named_in_body(-err->code, "clone_of", err);
	name = rows_text(x->source, "name");
	if (strcmp(rows_text(x->source, "desired_state"), "deleting") == 0)
		return err_set(err, EBUSY, "clone_of", "volume %s is being deleted", name);
	if ((rc = volume_view_no_transfer(x->source, err)) ||
	    (rc = volume_view_nobody(q, name, NULL, err)))
		return rc;
	for (const char *const *m = inherited; *m; m++)
		if (!json_object_get(body, *m))
			json_object_set(body, *m, json_object_get(x->source, *m));
	return 0;
}

static int source_fits(const struct extras *x, const json_t *body, struct err *err)
{
	const char *name = rows_text(x->source, "name");
	char size[32];

	parse_size_format(rows_u64(x->source, "size_bytes"), size, sizeof(size));
	if (rows_u64(body, "size_bytes") < rows_u64(x->source, "size_bytes"))
		return err_set(err, EINVAL, "size_bytes",
			       "volume %s has %s, so its clone needs as much or more", name, size);
	if (rows_u64(body, "block_bytes") != rows_u64(x->source, "block_bytes"))
		return err_set(err, EINVAL, "block_bytes",
			       "volume %s has blocks of %llu bytes, and what is on it counts in "
			       "them; its clone must have the same",
			       name, (unsigned long long)rows_u64(x->source, "block_bytes"));
	return 0;
}

static int source_busy(struct request *q, const struct extras *x, struct err *err)
{
	cleanup_json json_t *state = json_pack("{s:s}", "transfer", "export");

	return store_note(q->store, &table_volumes, rows_id(x->source), state, err);
}

/* ---------------------------------------------------------------- the row and what hangs on it */

static int body_check(struct request *q, json_t *body, struct extras *x, struct err *err)
{
	uint64_t block_bytes = 512;
	cleanup_json json_t *datastore = NULL;
	const json_t *is_thin;
	int rc;

	if (x->clone_of && (rc = source_get(q, x, body, err)))
		return rc;
	if ((rc = table_check(&table_volumes, body, TABLE_CREATE, err)) ||
	    (rc = volumes_state_check(body, err)) ||
	    (rc = json_opt_u64(body, "block_bytes", 512, 4096, &block_bytes, err)) ||
	    (rc = volumes_size_check(rows_u64(body, "size_bytes"), block_bytes, err)) ||
	    (x->source && (rc = source_fits(x, body, err))))
		return rc;
	if (block_bytes != 512 && block_bytes != 4096)
		return err_set(err, EINVAL, "block_bytes",
			       "block_bytes: %llu; it must be 512 or 4096",
			       (unsigned long long)block_bytes);
	datastore = store_get(q->store, &table_datastores, rows_text(body, "datastore"), err);
	if (!datastore)
		return rows_named_in_body(-err->code, "datastore", err);
	is_thin = json_object_get(body, "is_thin");
	return datastores_has_room(q, datastore, rows_u64(body, "size_bytes"),
				   !is_thin || json_is_true(is_thin), err);
}

static int links_make(struct request *q, const json_t *row, const struct extras *x, struct err *err)
{
	const char *name = rows_text(row, "name");
	cleanup_json json_t *inherited = NULL;
	const char *policy = json_string_value(x->policy);
	char iqn[224];
	int rc;

	model_iqn_make(q->app->cfg->iqn_base, name, rows_text(row, "uuid"), iqn);
	if ((rc = store_target_put(q->store, rows_id(row), iqn, err)) ||
	    (rc = access_set(q, rows_id(row), name, x->hosts, x->groups, err)))
		return rc;
	if (x->source && !x->is_policy_given) {
		inherited = store_assignment(q->store, rows_id(x->source), err);
		policy = json_string_value(json_object_get(inherited, "policy"));
	}
	return policy ? volume_policy_assign(q, rows_id(row), policy, 0, err) : 0;
}

static int make(struct request *q, struct reply *r, json_t *body, const struct extras *x,
		struct err *err)
{
	const char *name = rows_text(body, "name");
	char uuid[37], size[32];
	json_t *row;
	int rc;

	if ((rc = uuid_make(uuid, err)))
		return rc;
	json_object_set_new(body, "uuid", json_string(uuid));
	if (x->source)
		json_object_set_new(body, "transfer", json_string("import"));
	row = store_insert(q->store, &table_volumes, body, err);
	if (!row)
		return rows_named_in_body(-err->code, "datastore", err);
	rc = links_make(q, row, x, err);
	if (!rc && x->source)
		rc = source_busy(q, x, err);
	if (rc) {
		json_decref(row);
		return rc;
	}
	rows_object(r, name);
	parse_size_format(rows_u64(row, "size_bytes"), size, sizeof(size));
	rest_row(q, r, &table_volumes, row, volume_view_add);
	return rest_event(q, "info", "volume.created", "volume", name, err,
			  "volume %s, %s on %s%s%s, was created", name, size,
			  rows_text(body, "datastore"), x->source ? ", a clone of " : "",
			  x->source ? rows_text(x->source, "name") : "");
}

int volumes_create(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *body = rows_body(q, false, err), *parameters = NULL;
	struct extras x = {0};
	int rc;

	if (!body)
		return -err->code;
	rc = extras_take(body, &x, err);
	if (!rc)
		rc = body_check(q, body, &x, err);
	if (!rc)
		rc = make(q, r, body, &x, err);
	if (!rc && x.source)
		parameters = json_pack("{s:s}", "source", rows_text(x.source, "name"));
	if (!rc)
		rc = rest_task(q, r, x.source ? "volume.clone" : "volume.create", "volume",
			       rows_text(body, "name"), x.source != NULL, parameters, err);
	extras_free(&x);
	return rc;
}
