/* SPDX-License-Identifier: MIT */
/*
 * replicator_answers.c - what a peer's policyd asks. The peer is known by its key, and is still a
 * stranger: it may speak of the groups that it shares with us and of no other, every member is
 * checked, and what changes something stands in the audit with the answer.
 *
 * Thread: its own.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "json.h"
#include "log.h"
#include "parse.h"
#include "release.h"
#include "replicator_int.h"
#include "store_link.h"
#include "store_replication.h"

#define TAKE_MS  1000u
#define RETRY_MS 500u

struct asked {
	struct replicator *r;
	const char *peer; /* its name here */
	const json_t *body;
	json_t *row; /* of the group that it names; NULL: there is none */
};

/* ---------------------------------------------------------------- the calls */

static json_t *hello(struct asked *a, struct err *err)
{
	return json_pack("{s:s, s:I}", "software", SLUICE_VERSION, "now_ms",
			 (json_int_t)clock_wall_ms());
}

static json_t *prepare(struct asked *a, struct err *err)
{
	return replicator_replica_make(a->r, a->peer, a->body, err);
}

static json_t *change(struct asked *a, struct err *err)
{
	return replicator_replica_change(a->r, a->row, a->body, err);
}

static json_t *end(struct asked *a, struct err *err)
{
	static const char *const keys[] = {"version", "call", "group", NULL};
	json_int_t revision = replicator_number(a->row, "revision");
	cleanup_json json_t *fields =
	    json_pack("{s:s, s:I}", "phase", "ending", "told_revision", revision);

	if (json_only(a->body, keys, err) < 0 ||
	    store_note(a->r->answer_store, &table_replications, replicator_number(a->row, "id"),
		       fields, err) < 0)
		return NULL;
	return json_object();
}

static const char *leader_of(struct asked *a, json_t **members, struct err *err)
{
	*members =
	    store_replication_members(a->r->answer_store, replicator_number(a->row, "id"), err);
	return replicator_text(json_array_get(*members, 0), "volume");
}

static json_t *handover(struct asked *a, struct err *err)
{
	static const char *const keys[] = {"version", "call", "group", NULL};
	cleanup_json json_t *members = NULL;

	if (json_only(a->body, keys, err) < 0)
		return NULL;
	return replicator_command(&a->r->answer_filterd, leader_of(a, &members, err), "handover",
				  NULL, err);
}

static json_t *status(struct asked *a, struct err *err)
{
	static const char *const keys[] = {"version", "call", "group", NULL};
	cleanup_json json_t *members = NULL;
	bool is_there;

	if (json_only(a->body, keys, err) < 0)
		return NULL;
	return replicator_filter_status(&a->r->answer_filterd, leader_of(a, &members, err),
					&is_there, NULL, err);
}

static const json_t *member_of(const json_t *members, const char *uuid)
{
	const json_t *m;
	size_t i;

	json_array_foreach(members, i, m)
	{
		if (replicator_is_text(m, "uuid", uuid))
			return m;
	}
	return NULL;
}

static json_t *grow(struct asked *a, struct err *err)
{
	static const char *const keys[] = {"version", "call", "group", "uuid", "size_bytes", NULL};
	cleanup_json json_t *members = NULL, *now = NULL, *fields = NULL, *shown = NULL;
	const char *uuid;
	const json_t *m;
	uint64_t size_bytes, is_bytes = 0;
	bool is_there;

	leader_of(a, &members, err);
	if (json_only(a->body, keys, err) < 0 || json_get_string(a->body, "uuid", &uuid, err) < 0 ||
	    json_get_u64(a->body, "size_bytes", 1u << 20, 1ull << 50, &size_bytes, err) < 0)
		return NULL;
	m = member_of(members, uuid);
	if (!m || size_bytes % 4096) {
		err_set(err, EINVAL, m ? "size_bytes" : "uuid",
			m ? "the size must be a multiple of 4096" : "it is not in the group");
		return NULL;
	}
	if (!replicator_is_text(a->row, "role", "secondary")) {
		err_set(err, EBUSY, "", "this side is not the replica, and grows by its own word");
		return NULL;
	}
	if ((uint64_t)replicator_number(m, "size_bytes") < size_bytes) {
		fields = json_pack("{s:I}", "size_bytes", (json_int_t)size_bytes);
		now = store_update(a->r->answer_store, &table_volumes,
				   replicator_number(m, "volume_id"), fields, 0, err);
		if (!now)
			return NULL;
	}
	shown = replicator_filter_status(&a->r->answer_filterd, replicator_text(m, "volume"),
					 &is_there, &is_bytes, err);
	return json_pack("{s:b}", "is_done", shown && is_bytes >= size_bytes);
}

static const struct {
	const char *call;
	json_t *(*fn)(struct asked *a, struct err *err);
	bool needs_group, changes;
} calls[] = {
    {"hello", hello, false, false},
    {"replication.prepare", prepare, false, true},
    {"replication.change", change, true, true},
    {"replication.grow", grow, true, true},
    {"replication.end", end, true, true},
    {"replication.handover", handover, true, true},
    {"replication.status", status, true, false},
};

/* ---------------------------------------------------------------- checking who and what */

static int find_group(struct asked *a, struct err *err)
{
	const char *uuid = replicator_text(a->body, "group");
	uint8_t bytes[16];

	if (parse_uuid("group", uuid, bytes, err) < 0)
		return -err->code;
	a->row = store_replication_of_group(a->r->answer_store, uuid, err);
	if (!a->row)
		return -EIO;
	if (json_is_object(a->row) && replicator_is_text(a->row, "peer", a->peer))
		return 0;
	/* Of others' groups it is not even told that they are there. */
	return err_set(err, ENOENT, "group", "there is no replication of this group with you here");
}

static int audit(struct asked *a, const char *call, const struct err *error, struct err *err)
{
	char actor[100], name[100];
	const struct store_audit row = {.actor = actor,
					.role = "peer",
					.address = "",
					.method = "CALL",
					.path = call,
					.object_type = "replication",
					.object_name = name,
					.summary = error ? error->text : "",
					.status = error ? 409 : 200};

	snprintf(actor, sizeof(actor), "peer:%.90s", a->peer);
	snprintf(name, sizeof(name), "%s", replicator_text(a->row, "name"));
	return store_audit_add(a->r->answer_store, &row, err);
}

/* What a peer repeats until it is done is no news each time. */
static bool is_repeated(const char *call)
{
	return strcmp(call, "replication.prepare") == 0 || strcmp(call, "replication.grow") == 0;
}

static json_t *carry_out(struct asked *a, size_t n, struct err *err)
{
	struct store *s = a->r->answer_store;
	uint64_t before = store_data_version(s);
	json_t *result = NULL;
	int rc = store_begin(s, err);

	if (rc == 0 && calls[n].needs_group)
		rc = find_group(a, err);
	if (rc == 0) {
		result = calls[n].fn(a, err);
		rc = result ? 0 : -err->code;
	}
	if (rc == 0 && calls[n].changes && !is_repeated(calls[n].call))
		rc = audit(a, calls[n].call, NULL, err);
	if (rc == 0)
		rc = store_commit(s, err);
	if (rc == 0) {
		if (calls[n].changes && store_data_version(s) != before)
			reconciler_wake(a->r->cfg.reconciler);
		return result;
	}
	json_decref(result);
	store_rollback(s);
	return NULL;
}

static json_t *carry_out_call(struct asked *a, struct err *err)
{
	const char *call = replicator_text(a->body, "call");

	if (replicator_number(a->body, "version") != REPLICATOR_VERSION) {
		err_set(err, EPROTO, "version",
			"this appliance speaks version %d of these messages, and not %lld; bring "
			"both to the same release",
			REPLICATOR_VERSION, (long long)replicator_number(a->body, "version"));
		return NULL;
	}
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (strcmp(calls[i].call, call) == 0)
			return carry_out(a, i, err);
	err_set(err, EINVAL, "call", "there is no call %.60s", call);
	return NULL;
}

/* ---------------------------------------------------------------- the thread */

static void note_refusal(struct asked *a, const struct err *error)
{
	struct err err = {0};
	struct store *s = a->r->answer_store;

	if (replicator_is_text(a->body, "call", "hello") || error->code == EBUSY ||
	    error->code == EAGAIN || store_begin(s, &err) < 0)
		return;
	if (audit(a, replicator_text(a->body, "call"), error, &err) < 0 ||
	    store_commit(s, &err) < 0)
		store_rollback(s);
}

json_t *replicator_answer(struct replicator *r, const char *peer, const json_t *body,
			  struct err *err)
{
	struct asked a = {.r = r, .peer = peer, .body = body};
	json_t *result = carry_out_call(&a, err);

	if (!result)
		note_refusal(&a, err);
	json_decref(a.row);
	return result;
}

static void serve(struct replicator *r, const json_t *taken)
{
	struct err err = {0}, lost = {0};
	json_t *result = replicator_answer(r, replicator_text(taken, "peer"),
					   json_object_get(taken, "body"), &err);
	cleanup_json json_t *q = NULL, *answered = NULL;
	json_t *body;

	if (result)
		body = json_pack("{s:i, s:o}", "version", REPLICATOR_VERSION, "result", result);
	else
		body =
		    json_pack("{s:i, s:{s:s, s:s}}", "version", REPLICATOR_VERSION, "error", "code",
			      strerrorname_np(err.code) ? strerrorname_np(err.code) : "EIO", "text",
			      err.text);
	q = json_pack("{s:O, s:o}", "call", json_object_get(taken, "call"), "body", body);
	answered = filterd_ask(&r->answer_filterd, "peer.answer", q, &lost);
	replicator_wake(r);
}

/* Until the end, or a moment: filterd is not there. */
static void rest_a_moment(struct replicator *r)
{
	uint64_t until_ns = clock_now_ns() + RETRY_MS * CLOCK_NS_PER_MS;
	struct timespec until = {.tv_sec = (time_t)(until_ns / CLOCK_NS_PER_S),
				 .tv_nsec = (long)(until_ns % CLOCK_NS_PER_S)};
	int rc = 0;

	pthread_mutex_lock(&r->lock);
	while (rc == 0 && !r->is_stopping)
		rc = pthread_cond_timedwait(&r->ended, &r->lock, &until);
	pthread_mutex_unlock(&r->lock);
}

void *replicator_answering(void *replicator)
{
	struct replicator *r = replicator;

	while (!replicator_is_stopping(r)) {
		cleanup_json json_t *q = json_pack("{s:i}", "wait_ms", (int)TAKE_MS);
		struct err err = {0};
		cleanup_json json_t *taken = filterd_ask(&r->answer_filterd, "peer.take", q, &err);

		if (!taken)
			rest_a_moment(r);
		else if (json_is_integer(json_object_get(taken, "call")))
			serve(r, taken);
	}
	return NULL;
}
