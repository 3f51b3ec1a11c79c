/* SPDX-License-Identifier: MIT */
/*
 * replicator_replica.c - this appliance's side of a replication that a peer has begun: volumes with
 * the same UUID (so that NAA and serial are the same), size and blocks, on the datastore that it
 * names, with a policy that has the same rules. Done twice it is done once.
 *
 * A volume with that UUID may be here already: of a replication that was ended, or a copy that was
 * brought by hand. It is taken when it is offline and fits, and its content is compared, not
 * trusted.
 *
 * Thread: the answering one's, in its transaction.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "model.h"
#include "parse.h"
#include "replicator_int.h"
#include "store_link.h"
#include "store_replication.h"

#define BYTES_MIN (1ull << 20)
#define BYTES_MAX (1ull << 50)

static struct store *db(struct replicator *r)
{
	return r->answer_store;
}

/* "name", or "name-from-peer" where that is taken. */
static int free_name(struct replicator *r, const struct store_table *t, const char *name,
		     const char *peer, char out[128], struct err *err)
{
	struct err none = {0};

	snprintf(out, 128, "%s", name);
	if (store_id_of(db(r), t, out, &none) == 0)
		return 0;
	if (snprintf(out, 128, "%s-from-%s", name, peer) > 80)
		return err_set(err, EEXIST, "name", "%s is taken here, and %s is too long a name",
			       name, out);
	if (store_id_of(db(r), t, out, &none) == 0)
		return 0;
	return err_set(err, EEXIST, "name", "%s and %s are both taken here", name, out);
}

/* ---------------------------------------------------------------- policies */

static bool has_same_rules(struct replicator *r, int64_t policy_id, const json_t *filters,
			   const json_t *rules)
{
	struct err none;
	cleanup_json json_t *here = store_policy_rules(db(r), policy_id, 0, &none);
	cleanup_json json_t *normal = NULL;
	json_t *diff;
	bool is_same;

	if (!here || model_rules_check(here, filters, &normal, &none) < 0)
		return false;
	diff = model_rules_diff(normal, rules);
	is_same = json_is_true(json_object_get(diff, "is_same"));
	json_decref(diff);
	return is_same;
}

/* The policy here that has these rules, made if need be; its number, or -errno. */
static int64_t policy_for(struct replicator *r, const char *peer, const char *name,
			  const json_t *rules, const json_t *filters, struct err *err)
{
	cleanup_json json_t *row = NULL, *made = NULL;
	struct err none = {0};
	int64_t id = store_id_of(db(r), &table_policies, name, &none), version;
	char own[128];

	if (id && has_same_rules(r, id, filters, rules))
		return id;
	snprintf(own, sizeof(own), "%.40s-from-%.34s", name, peer);
	id = store_id_of(db(r), &table_policies, own, &none);
	if (id && has_same_rules(r, id, filters, rules))
		return id;
	if (id) {
		version =
		    store_policy_add_version(db(r), id, rules, peer, "came with a replica", err);
		return version < 0 ? version : id;
	}
	id = store_id_of(db(r), &table_policies, name, &none);
	row = json_pack("{s:s, s:s, s:i}", "name", id ? own : name, "description",
			"Came with a replica.", "version", 0);
	made = store_insert(db(r), &table_policies, row, err);
	if (!made)
		return -err->code;
	id = replicator_number(made, "id");
	version = store_policy_add_version(db(r), id, rules, peer, "came with a replica", err);
	return version < 0 ? version : id;
}

static int assign(struct replicator *r, const char *peer, int64_t volume_id, const json_t *policy,
		  const json_t *filters, struct err *err)
{
	static const char *const keys[] = {"name", "rules", NULL};
	cleanup_json json_t *rules = NULL, *row = NULL;
	const char *name;
	int64_t id;

	if (!policy || json_is_null(policy))
		return store_assign(db(r), volume_id, 0, 0, err);
	if (!json_is_object(policy))
		return err_set(err, EINVAL, "policy", "policy must be an object");
	if (json_only(policy, keys, err) < 0 || json_get_string(policy, "name", &name, err) < 0 ||
	    parse_name("policy", name, err) < 0 ||
	    model_rules_check(json_object_get(policy, "rules"), filters, &rules, err) < 0)
		return -err->code;
	id = policy_for(r, peer, name, rules, filters, err);
	if (id < 0)
		return (int)id;
	row = store_get_id(db(r), &table_policies, id, err);
	return row ? store_assign(db(r), volume_id, id, replicator_number(row, "version"), err)
		   : -err->code;
}

/* ---------------------------------------------------------------- volumes */

static int size_check(const json_t *volume, struct err *err)
{
	uint64_t size_bytes, block_bytes = 512;

	if (json_get_u64(volume, "size_bytes", BYTES_MIN, BYTES_MAX, &size_bytes, err) < 0 ||
	    json_opt_u64(volume, "block_bytes", 512, 4096, &block_bytes, err) < 0)
		return -err->code;
	if ((block_bytes != 512 && block_bytes != 4096) || size_bytes % block_bytes)
		return err_set(err, EINVAL, "block_bytes",
			       "blocks of %llu bytes do not fit a volume of %llu",
			       (unsigned long long)block_bytes, (unsigned long long)size_bytes);
	return 0;
}

/* Only what a volume may be made of, and right. The row to insert, or NULL. */
static json_t *volume_row(const json_t *volume, const char *datastore, struct err *err)
{
	static const char *const keys[] = {"uuid",        "name",        "size_bytes",
					   "block_bytes", "write_cache", "is_thin",
					   "description", "policy",      NULL};
	cleanup_json json_t *row = NULL;
	const char *uuid, *name;
	uint8_t bytes[16];

	if (!json_is_object(volume)) {
		err_set(err, EINVAL, "volumes", "volumes must be objects");
		return NULL;
	}
	if (json_only(volume, keys, err) < 0 || json_get_string(volume, "uuid", &uuid, err) < 0 ||
	    parse_uuid("uuid", uuid, bytes, err) < 0 ||
	    json_get_string(volume, "name", &name, err) < 0 || size_check(volume, err) < 0)
		return NULL;
	row = json_copy((json_t *)(uintptr_t)volume);
	json_object_del(row, "uuid");
	json_object_del(row, "policy");
	json_object_set_new(row, "datastore", json_string(datastore));
	if (table_check(&table_volumes, row, TABLE_CREATE, err) < 0)
		return NULL;
	json_object_set_new(row, "uuid", json_string(uuid));
	return json_incref(row);
}

static json_t *volume_with_uuid(struct replicator *r, const char *uuid, struct err *err)
{
	cleanup_json json_t *all = replicator_rows(db(r), &table_volumes, err);
	json_t *one;
	size_t i;

	json_array_foreach(all, i, one)
	{
		if (replicator_is_text(one, "uuid", uuid))
			return json_incref(one);
	}
	return NULL;
}

static int take_over(struct replicator *r, const json_t *here, const json_t *row, struct err *err)
{
	const char *name = replicator_text(here, "name");
	cleanup_json json_t *online = json_pack("{s:s}", "desired_state", "online");
	cleanup_json json_t *other =
	    store_volume_replication(db(r), replicator_number(here, "id"), err);
	cleanup_json json_t *now = NULL;

	if (json_is_object(other))
		return err_set(err, EBUSY, "uuid", "volume %s is in another replication here",
			       name);
	if (!replicator_is_text(here, "desired_state", "offline"))
		return err_set(err, EBUSY, "uuid",
			       "volume %s with this UUID is here and not offline: take it offline "
			       "if it is to become the replica",
			       name);
	if (replicator_number(here, "size_bytes") != replicator_number(row, "size_bytes") ||
	    replicator_number(here, "block_bytes") != replicator_number(row, "block_bytes") ||
	    !replicator_is_text(here, "datastore", replicator_text(row, "datastore")))
		return err_set(err, EEXIST, "uuid",
			       "volume %s with this UUID is here, and has another size, blocks or "
			       "datastore: delete it first",
			       name);
	now = store_update(db(r), &table_volumes, replicator_number(here, "id"), online, 0, err);
	return now ? 0 : -err->code;
}

/* The volume's number, or -errno. */
static int64_t volume_make(struct replicator *r, const char *peer, json_t *row, struct err *err)
{
	const char *uuid = replicator_text(row, "uuid");
	cleanup_json json_t *here = volume_with_uuid(r, uuid, err), *made = NULL;
	char name[128], iqn[224];
	int rc;

	if (here) {
		rc = take_over(r, here, row, err);
		return rc ? rc : replicator_number(here, "id");
	}
	rc = free_name(r, &table_volumes, replicator_text(row, "name"), peer, name, err);
	if (rc)
		return rc;
	json_object_set_new(row, "name", json_string(name));
	made = store_insert(db(r), &table_volumes, row, err);
	if (!made)
		return -err->code;
	model_iqn_make(r->cfg.iqn_base, name, uuid, iqn);
	rc = store_target_put(db(r), replicator_number(made, "id"), iqn, err);
	return rc ? rc : replicator_number(made, "id");
}

/* ---------------------------------------------------------------- the group */

/* The settings as a row's members, checked as REST checks them. */
static json_t *settings_row(const json_t *body, const char *name, const char *peer, struct err *err)
{
	const json_t *settings = json_object_get(body, "settings");
	cleanup_json json_t *row = json_object();

	if (!json_is_object(settings)) {
		err_set(err, EINVAL, "settings", "settings must be an object");
		return NULL;
	}
	json_object_update(row, (json_t *)(uintptr_t)settings);
	json_object_set_new(row, "name", json_string(name));
	json_object_set_new(row, "peer", json_string(peer));
	return table_check(&table_replications, row, TABLE_CREATE, err) < 0 ? NULL
									    : json_incref(row);
}

static int members_make(struct replicator *r, const char *peer, const json_t *body, int64_t id,
			struct err *err)
{
	cleanup_json json_t *filters = replicator_rows(db(r), &table_filters, err);
	const json_t *volumes = json_object_get(body, "volumes"), *v;
	size_t i;

	if (!filters)
		return -EIO;
	json_array_foreach(volumes, i, v)
	{
		cleanup_json json_t *row = volume_row(v, replicator_text(body, "datastore"), err);
		int64_t volume_id = row ? volume_make(r, peer, row, err) : -err->code;
		int rc;

		if (volume_id < 0)
			return (int)volume_id;
		rc = assign(r, peer, volume_id, json_object_get(v, "policy"), filters, err);
		if (rc == 0)
			rc = store_replication_member_add(db(r), id, volume_id, (int64_t)i, err);
		if (rc)
			return rc;
	}
	return 0;
}

static int body_check(const json_t *body, struct err *err)
{
	static const char *const keys[] = {"version",   "call",     "group",   "name",
					   "datastore", "settings", "volumes", NULL};
	const json_t *volumes = json_object_get(body, "volumes");
	const char *name, *datastore, *group;
	uint8_t bytes[16];

	if (json_only(body, keys, err) < 0 || json_get_string(body, "name", &name, err) < 0 ||
	    parse_name("name", name, err) < 0 ||
	    json_get_string(body, "datastore", &datastore, err) < 0 ||
	    json_get_string(body, "group", &group, err) < 0 ||
	    parse_uuid("group", group, bytes, err) < 0)
		return -err->code;
	if (!json_is_array(volumes) || json_array_size(volumes) == 0 ||
	    json_array_size(volumes) > STORE_REPLICATION_MEMBERS_MAX)
		return err_set(err, ERANGE, "volumes", "a group has 1 to %u volumes",
			       STORE_REPLICATION_MEMBERS_MAX);
	return 0;
}

static int make(struct replicator *r, const char *peer, const json_t *body, struct err *err)
{
	cleanup_json json_t *row = NULL, *made = NULL;
	char name[128], text[300];
	int rc = free_name(r, &table_replications, replicator_text(body, "name"), peer, name, err);
	int64_t id;

	if (rc)
		return rc;
	row = settings_row(body, name, peer, err);
	if (!row)
		return -err->code;
	json_object_set_new(row, "group_uuid", json_string(replicator_text(body, "group")));
	json_object_set_new(row, "initial_role", json_string("secondary"));
	json_object_set_new(row, "phase", json_string("attaching"));
	made = store_insert(db(r), &table_replications, row, err);
	if (!made)
		return -err->code;
	rc = members_make(r, peer, body, replicator_number(made, "id"), err);
	if (rc)
		return rc;
	snprintf(text, sizeof(text), "peer %s keeps a replica here: %s, of %zu volumes", peer, name,
		 json_array_size(json_object_get(body, "volumes")));
	id = store_event_add(db(r), "info", "replication.created", "replication", name, text, NULL,
			     err);
	return id < 0 ? (int)id : 0;
}

/* Ready: every filter of the group speaks, as one of a replica does. */
static json_t *readiness(struct replicator *r, const json_t *row, struct err *err)
{
	bool is_ready = replicator_is_text(row, "phase", "active");

	return json_pack("{s:b, s:s, s:s}", "is_ready", is_ready, "name",
			 replicator_text(row, "name"), "state_text",
			 replicator_text(row, "state_text"));
}

json_t *replicator_replica_make(struct replicator *r, const char *peer, const json_t *body,
				struct err *err)
{
	cleanup_json json_t *row = NULL;

	if (body_check(body, err) < 0)
		return NULL;
	row = store_replication_of_group(db(r), replicator_text(body, "group"), err);
	if (json_is_null(row)) {
		cleanup_json json_t *datastore =
		    store_get(db(r), &table_datastores, replicator_text(body, "datastore"), err);

		if (!datastore || make(r, peer, body, err) < 0)
			return NULL;
		json_decref(row);
		row = store_replication_of_group(db(r), replicator_text(body, "group"), err);
	}
	if (!json_is_object(row))
		return NULL;
	if (!replicator_is_text(row, "peer", peer)) {
		err_set(err, EEXIST, "group", "this group is there, and not with you");
		return NULL;
	}
	return readiness(r, row, err);
}

/* ---------------------------------------------------------------- changes */

/* The volumes have the policies that the primary's have. Those of a group stay the same. */
static int policies_change(struct replicator *r, const json_t *row, const json_t *body,
			   struct err *err)
{
	cleanup_json json_t *filters = replicator_rows(db(r), &table_filters, err);
	cleanup_json json_t *members =
	    store_replication_members(db(r), replicator_number(row, "id"), err);
	const json_t *volumes = json_object_get(body, "volumes"), *m;
	size_t i;
	int rc;

	if (!filters || !members)
		return -EIO;
	if (json_array_size(volumes) != json_array_size(members))
		return err_set(err, EINVAL, "volumes", "this group has %zu volumes, and not %zu",
			       json_array_size(members), json_array_size(volumes));
	json_array_foreach(members, i, m)
	{
		const json_t *v = json_array_get(volumes, i);

		if (!replicator_is_text(v, "uuid", replicator_text(m, "uuid")))
			return err_set(err, EINVAL, "volumes",
				       "volume %zu of this group is %s, and another one is named",
				       i, replicator_text(m, "volume"));
		rc = assign(r, replicator_text(row, "peer"), replicator_number(m, "volume_id"),
			    json_object_get(v, "policy"), filters, err);
		if (rc)
			return rc;
	}
	return 0;
}

json_t *replicator_replica_change(struct replicator *r, const json_t *row, const json_t *body,
				  struct err *err)
{
	static const char *const kept[] = {"name",          "peer",        "witness",
					   "journal_bytes", "stage_bytes", NULL};
	cleanup_json json_t *fields = NULL, *now = NULL, *noted = NULL;
	const struct store_table *t = &table_replications;

	if (body_check(body, err) < 0)
		return NULL;
	if (replicator_is_text(row, "role", "primary")) {
		err_set(err, EBUSY, "", "this side is primary, and says what holds");
		return NULL;
	}
	fields =
	    settings_row(body, replicator_text(row, "name"), replicator_text(row, "peer"), err);
	if (!fields || policies_change(r, row, body, err) < 0)
		return NULL;
	for (const char *const *k = kept; *k; k++)
		json_object_del(fields, *k);
	/* What is not named any more is the policy's again. */
	for (uint32_t i = 0; i < t->column_count; i++)
		if ((t->columns[i].flags & STORE_NULLABLE) &&
		    !(t->columns[i].flags & STORE_CREATE_ONLY) &&
		    !json_object_get(fields, t->columns[i].name))
			json_object_set_new(fields, t->columns[i].name, json_null());
	now = store_update(db(r), t, replicator_number(row, "id"), fields, 0, err);
	if (!now)
		return NULL;
	noted = json_pack("{s:O}", "told_revision", json_object_get(now, "revision"));
	return store_note(db(r), t, replicator_number(row, "id"), noted, err) < 0 ? NULL
										  : json_object();
}
