/* SPDX-License-Identifier: MIT */
/*
 * replicator_tasks.c - what operators have asked of a replication: a command to its filter, and
 * then its status, until that shows what was asked for.
 *
 * What is asked for is looked at first: after a kill of policyd nothing is commanded twice that has
 * happened already.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "json.h"
#include "replicator_int.h"
#include "store_link.h"
#include "store_replication.h"

#define CALL_MS  4000u
#define LIMIT_MS 60000 /* a change of roles that has not come about by then has failed */

struct step {
	struct replicator *r;
	const json_t *row, *status, *task;
	const char *leader;
};

static bool is(const struct step *s, const char *member)
{
	return json_is_true(json_object_get(s->status, member));
}

static const json_t *parameters(const struct step *s)
{
	return json_object_get(s->task, "parameters");
}

static bool is_queued(const struct step *s)
{
	return replicator_is_text(s->task, "state", "queued");
}

static void ask(const struct step *s, const char *command, json_t *args, const char *text)
{
	struct err err = {0};
	cleanup_json json_t *reply =
	    replicator_command(&s->r->filterd, s->leader, command, args, &err);

	if (reply)
		replicator_go_on(s->r, s->task, 0, text);
	else if (filterd_is_gone(&err) || err.code == EAGAIN)
		replicator_go_on(s->r, s->task, 0, err.text);
	else
		replicator_end(s->r, s->task, &err);
}

static bool is_late(const struct step *s, const char *what)
{
	json_int_t since_ms = replicator_number(s->task, "started_ms");
	struct err err;

	if (!since_ms || (json_int_t)clock_wall_ms() - since_ms < LIMIT_MS)
		return false;
	err_set(&err, ETIMEDOUT, "", "%s did not come about within %d s: %s", what, LIMIT_MS / 1000,
		replicator_text(s->row, "state_text"));
	replicator_end(s->r, s->task, &err);
	return true;
}

/* ---------------------------------------------------------------- at once */

static void command_once(const struct step *s, const char *command, json_t *args)
{
	struct err err = {0};
	cleanup_json json_t *reply =
	    replicator_command(&s->r->filterd, s->leader, command, args, &err);

	if (reply || err.code == EALREADY)
		replicator_end(s->r, s->task, NULL);
	else if (!filterd_is_gone(&err))
		replicator_end(s->r, s->task, &err);
}

static void pause_it(const struct step *s)
{
	command_once(s, "pause", NULL);
}

static void resume(const struct step *s)
{
	command_once(s, "resume", NULL);
}

static void confirm(const struct step *s)
{
	if (is(s, "is_serving"))
		replicator_end(s->r, s->task, NULL);
	else
		command_once(s, "confirm", NULL);
}

/* ---------------------------------------------------------------- roles */

static void handover(const struct step *s)
{
	if (replicator_is_text(s->status, "role", "secondary"))
		replicator_end(s->r, s->task, NULL);
	else if (is_queued(s))
		ask(s, "handover", NULL, "I/O is held, and the peer takes over");
	else
		is_late(s, "the hand-over");
}

static void promote(const struct step *s)
{
	bool is_forced = json_is_true(json_object_get(parameters(s), "force"));

	if (is(s, "is_serving"))
		replicator_end(s->r, s->task, NULL);
	else if (is_queued(s) ||
		 (strcmp(replicator_text(s->task, "text"), "this side takes over") != 0 &&
		  !is_late(s, "the promotion")))
		ask(s, "promote", json_pack("{s:b}", "force", is_forced), "this side takes over");
	else
		is_late(s, "the promotion");
}

static bool is_in_sync(const struct step *s)
{
	return is(s, "peer_up") &&
	       (replicator_is_text(s->status, "state", "primary_pair") ||
		replicator_is_text(s->status, "state", "secondary_insync") ||
		(replicator_is_text(s->status, "mode", "async") &&
		 !replicator_is_text(s->status, "state", "outdated") && is(s, "is_consistent") &&
		 replicator_number(s->status, "dirty_bytes") == 0));
}

static uint32_t resync_pct(const struct step *s)
{
	const json_t *resync = json_object_get(s->status, "resync");
	json_int_t total = replicator_number(resync, "total_bytes");
	json_int_t done = replicator_number(resync, "done_bytes");

	return total > 0 && done <= total ? (uint32_t)(done * 99 / total) : 0;
}

/* The peer is primary: it is asked to give the role back. */
static void ask_back(const struct step *s)
{
	struct err err = {0};
	cleanup_json json_t *answer = replicator_call(
	    &s->r->filterd, replicator_text(s->row, "peer"), "replication.handover",
	    json_pack("{s:s}", "group", replicator_text(s->row, "group_uuid")), CALL_MS, &err);

	replicator_go_on(s->r, s->task, 99, answer ? "the peer hands over" : err.text);
}

/* The side that the group began on becomes primary again, as soon as it has all. */
static void failback(const struct step *s)
{
	const char *home = replicator_text(s->row, "initial_role");

	if (is(s, "is_serving") == (strcmp(home, "primary") == 0) &&
	    replicator_is_text(s->status, "role", home))
		replicator_end(s->r, s->task, NULL);
	else if (!is_in_sync(s))
		replicator_go_on(
		    s->r, s->task, resync_pct(s),
		    "what was changed since is brought to the side that it goes back to");
	else if (strcmp(home, "primary") == 0)
		ask_back(s);
	else
		ask(s, "handover", NULL, "I/O is held, and the peer takes over");
}

static void resolve(const struct step *s)
{
	const char *keep = replicator_text(parameters(s), "keep");

	if (!replicator_is_text(s->status, "state", "diverged"))
		replicator_end(s->r, s->task, NULL);
	else if (is_queued(s))
		ask(s, "resolve", json_pack("{s:s}", "keep", keep),
		    "the side that is kept takes over, and the other one follows it");
	else
		is_late(s, "the resolution");
}

/* ---------------------------------------------------------------- verify */

static void verify_ended(const struct step *s, const json_t *verify)
{
	json_int_t different = replicator_number(verify, "different_blocks");
	json_int_t repaired = replicator_number(verify, "repaired_blocks");
	json_int_t failed = replicator_number(verify, "failed_bytes");
	struct err err;
	char text[200];

	snprintf(text, sizeof(text), "%lld blocks compared different, %lld were repaired",
		 (long long)different, (long long)repaired);
	replicator_go_on(s->r, s->task, 99, text);
	if (replicator_is_text(verify, "state", "cancelled"))
		err_set(&err, ECANCELED, "", "%s before it was cancelled", text);
	else if (different > repaired)
		err_set(&err, EUCLEAN, "",
			"%s; repair them from the primary: sluice replication verify --repair",
			text);
	else if (failed > 0)
		err_set(&err, EIO, "",
			"%s; %lld bytes could not be read on one of the two sides: the events of "
			"both say why",
			text, (long long)failed);
	else
		err.code = 0;
	replicator_end(s->r, s->task, err.code ? &err : NULL);
}

static void verify(const struct step *s)
{
	const json_t *verify = json_object_get(s->status, "verify");
	json_int_t total = replicator_number(verify, "total_bytes");
	json_int_t done = replicator_number(verify, "done_bytes");
	bool repairs = json_is_true(json_object_get(parameters(s), "repair"));

	if (is_queued(s)) {
		ask(s, "verify", json_pack("{s:b}", "repair", repairs), "both sides are compared");
		return;
	}
	if (!replicator_is_text(verify, "state", "running")) {
		verify_ended(s, verify);
		return;
	}
	if (is(s, "peer_up"))
		replicator_go_on(s->r, s->task, total ? (uint32_t)(done * 99 / total) : 0, "");
	if (json_is_true(json_object_get(s->task, "is_cancel_wanted"))) {
		struct err err = {0};

		json_decref(
		    replicator_command(&s->r->filterd, s->leader, "verify_cancel", NULL, &err));
	}
}

/* ---------------------------------------------------------------- growing */

/* First the replica, so that nothing is ever written that has no place there. */
static void grow(const struct step *s)
{
	const char *volume = replicator_text(parameters(s), "volume");
	json_int_t size_bytes = replicator_number(parameters(s), "size_bytes");
	struct replicator *r = s->r;
	struct err err = {0};
	cleanup_json json_t *row = store_get(r->store, &table_volumes, volume, &err);
	cleanup_json json_t *answer = NULL, *now = NULL, *change = NULL;
	int rc;

	if (!row) {
		replicator_end(r, s->task, &err);
		return;
	}
	answer = replicator_call(&r->filterd, replicator_text(s->row, "peer"), "replication.grow",
				 json_pack("{s:s, s:s, s:I}", "group",
					   replicator_text(s->row, "group_uuid"), "uuid",
					   replicator_text(row, "uuid"), "size_bytes", size_bytes),
				 CALL_MS, &err);
	if (!answer || !json_is_true(json_object_get(answer, "is_done"))) {
		replicator_go_on(r, s->task, 0, answer ? "the replica grows" : err.text);
		return;
	}
	change = json_pack("{s:I}", "size_bytes", size_bytes);
	rc = store_begin(r->store, &err);
	if (rc == 0) {
		now = store_update(r->store, &table_volumes, replicator_number(row, "id"), change,
				   0, &err);
		rc = now ? store_commit(r->store, &err) : -err.code;
	}
	if (rc < 0)
		store_rollback(r->store);
	reconciler_wake(r->cfg.reconciler);
	replicator_end(r, s->task, rc < 0 ? &err : NULL);
}

/* ---------------------------------------------------------------- the table */

static void follow_phase(const struct step *s)
{
	replicator_go_on(s->r, s->task, 0, replicator_text(s->row, "state_text"));
}

static const struct {
	const char *kind;
	void (*fn)(const struct step *s);
	bool needs_status, is_lasting; /* may be cancelled by itself while it waits */
} kinds[] = {
    {"replication.create", follow_phase, false, false},
    {"replication.delete", follow_phase, false, false},
    {"replication.pause", pause_it, true, false},
    {"replication.resume", resume, true, false},
    {"replication.handover", handover, true, false},
    {"replication.promote", promote, true, false},
    {"replication.failback", failback, true, true},
    {"replication.confirm", confirm, true, false},
    {"replication.resolve", resolve, true, false},
    {"replication.verify", verify, true, false},
    {"replication.grow", grow, false, true},
};

void replicator_task_step(struct replicator *r, const json_t *row, const char *leader,
			  const json_t *status, const json_t *task)
{
	const struct step s = {r, row, status, task, leader};
	struct err err;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!replicator_is_text(task, "kind", kinds[i].kind))
			continue;
		if (kinds[i].is_lasting &&
		    json_is_true(json_object_get(task, "is_cancel_wanted"))) {
			err_set(&err, ECANCELED, "", "it was cancelled");
			replicator_end(r, task, &err);
		} else if (!kinds[i].needs_status || (status && json_object_get(status, "term"))) {
			kinds[i].fn(&s);
		} else {
			replicator_go_on(r, task, 0, "waiting for the filter to speak");
		}
		return;
	}
}
