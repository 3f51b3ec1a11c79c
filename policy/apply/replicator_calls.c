/* SPDX-License-Identifier: MIT */
/* replicator_calls.c - asking a peer's policyd, through both filterds. */
#include <errno.h>
#include <string.h>

#include "ctl_client.h"
#include "json.h"
#include "replicator_int.h"
#include "store_link.h"
#include "store_replication.h"

/* A refusal names what it is about, and who refused. */
static void refused(const char *peer, const json_t *problem, struct err *err)
{
	const char *code = replicator_text(problem, "code");

	err_set(err, *code ? ctl_errno_from_name(code) : EPROTO, "", "%s: %.400s", peer,
		*replicator_text(problem, "text") ? replicator_text(problem, "text")
						  : "it refuses, and does not say why");
}

static json_t *unwrap(const char *peer, const json_t *answer, struct err *err)
{
	const json_t *problem = json_object_get(answer, "error");
	json_t *result = json_object_get(answer, "result");

	if (json_is_object(problem)) {
		refused(peer, problem, err);
		return NULL;
	}
	if (replicator_number(answer, "version") != REPLICATOR_VERSION || !json_is_object(result)) {
		err_set(err, EPROTO, "",
			"%s answers in another way than version %d of these messages; bring both "
			"appliances to the same release",
			peer, REPLICATOR_VERSION);
		return NULL;
	}
	return json_incref(result);
}

json_t *replicator_call(struct filterd_client *f, const char *peer, const char *call,
			json_t *arguments, uint32_t timeout_ms, struct err *err)
{
	json_t *body = arguments ? arguments : json_object();
	cleanup_json json_t *q = NULL, *answer = NULL;

	json_object_set_new(body, "version", json_integer(REPLICATOR_VERSION));
	json_object_set_new(body, "call", json_string(call));
	q = json_pack("{s:s, s:o, s:i}", "name", peer, "body", body, "timeout_ms", (int)timeout_ms);
	answer = filterd_ask(f, "peer.call", q, err);
	return answer ? unwrap(peer, json_object_get(answer, "answer"), err) : NULL;
}

/* ---------------------------------------------------------------- what it is told */

static void copy(json_t *to, const json_t *from, const char *const *names)
{
	for (; *names; names++) {
		json_t *v = json_object_get(from, *names);

		if (v && !json_is_null(v))
			json_object_set(to, *names, v);
	}
}

/* {"name", "rules"} of the policy that the volume has, or null. */
static json_t *policy_of(struct store *s, int64_t volume_id, struct err *err)
{
	cleanup_json json_t *a = store_assignment(s, volume_id, err);
	int64_t policy_id;
	json_t *rules;

	if (!json_is_object(a))
		return json_null();
	policy_id = store_id_of(s, &table_policies, replicator_text(a, "policy"), err);
	rules = policy_id ? store_policy_rules(s, policy_id, replicator_number(a, "version"), err)
			  : NULL;
	return rules ? json_pack("{s:s, s:o}", "name", replicator_text(a, "policy"), "rules", rules)
		     : json_null();
}

static json_t *volume_of(struct store *s, const json_t *member, struct err *err)
{
	static const char *const same[] = {"uuid",        "name",    "size_bytes",  "block_bytes",
					   "write_cache", "is_thin", "description", NULL};
	cleanup_json json_t *row =
	    store_get_id(s, &table_volumes, replicator_number(member, "volume_id"), err);
	json_t *out;

	if (!row)
		return NULL;
	out = json_object();
	copy(out, row, same);
	json_object_set_new(out, "policy", policy_of(s, replicator_number(row, "id"), err));
	return out;
}

json_t *replicator_describe(struct store *s, const json_t *row, struct err *err)
{
	static const char *const settings[] = {"mode",
					       "when_peer_is_lost",
					       "rpo_target_ms",
					       "rpo_warning_ms",
					       "rpo_error_ms",
					       "bandwidth_bytes_per_s",
					       "bandwidth_day_bytes_per_s",
					       "day_from_h",
					       "day_to_h",
					       "backpressure_max_ms",
					       "compression",
					       "journal_bytes",
					       "stage_bytes",
					       "witness",
					       NULL};
	cleanup_json json_t *members =
	    store_replication_members(s, replicator_number(row, "id"), err);
	cleanup_json json_t *volumes = json_array();
	const json_t *m, *first = json_array_get(members, 0);
	const char *datastore = replicator_text(row, "peer_datastore");
	cleanup_json json_t *leader = NULL;
	json_t *out, *set;
	size_t i;

	if (!members)
		return NULL;
	leader = store_get_id(s, &table_volumes, replicator_number(first, "volume_id"), err);
	json_array_foreach(members, i, m)
	{
		json_t *v = volume_of(s, m, err);

		if (!v)
			return NULL;
		json_array_append_new(volumes, v);
	}
	out = json_pack("{s:s, s:s, s:s, s:O}", "group", replicator_text(row, "group_uuid"), "name",
			replicator_text(row, "name"), "datastore",
			*datastore ? datastore : replicator_text(leader, "datastore"), "volumes",
			volumes);
	set = json_object();
	copy(set, row, settings);
	json_object_set_new(out, "settings", set);
	return out;
}
