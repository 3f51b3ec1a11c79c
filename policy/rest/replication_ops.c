/* SPDX-License-Identifier: MIT */
/*
 * replication_ops.c - what is asked of a replication: pause, resume, roles, split brain, verify.
 * Each is a task that the replicator carries out. Thread: main.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app.h"
#include "json.h"
#include "replications.h"
#include "replicator.h"
#include "tables.h"
#include "volume_rows.h"

/* The row, active and without another task; its status. NULL with err. */
static json_t *ready(struct request *q, json_t **status, struct err *err)
{
	cleanup_json json_t *row = replications_wanted(q, err);
	const char *name;

	if (!row)
		return NULL;
	name = rows_text(row, "name");
	if (strcmp(rows_text(row, "phase"), "active") != 0) {
		err_set(err, EBUSY, "", "replication %s is %s: %s", name, rows_text(row, "phase"),
			rows_text(row, "state_text"));
		return NULL;
	}
	if (replications_is_free(q, name, err) < 0)
		return NULL;
	*status = replicator_status(q->app->replicator, name);
	if (!*status) {
		err_set(err, EAGAIN, "",
			"replication %s: sluice-filterd has not said yet how it is", name);
		return NULL;
	}
	return json_incref(row);
}

static int no_body(struct request *q, struct err *err)
{
	cleanup_json json_t *body = rows_body(q, true, err);
	static const char *const none[] = {NULL};

	return body ? json_only(body, none, err) : -err->code;
}

static int plain(struct request *q, struct reply *r, const char *kind, bool is_cancellable,
		 struct err *err)
{
	cleanup_json json_t *status = NULL, *row = NULL;
	int rc = no_body(q, err);

	if (rc)
		return rc;
	row = ready(q, &status, err);
	return row ? replications_task(q, r, row, kind, is_cancellable, NULL, err) : -err->code;
}

static int pause_it(struct request *q, struct reply *r, struct err *err)
{
	return plain(q, r, "replication.pause", false, err);
}

static int resume(struct request *q, struct reply *r, struct err *err)
{
	return plain(q, r, "replication.resume", false, err);
}

static int confirm(struct request *q, struct reply *r, struct err *err)
{
	return plain(q, r, "replication.confirm", false, err);
}

static int failback(struct request *q, struct reply *r, struct err *err)
{
	return plain(q, r, "replication.failback", true, err);
}

static int handover(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *status = NULL, *row = NULL;
	int rc = no_body(q, err);

	if (rc)
		return rc;
	row = ready(q, &status, err);
	if (!row)
		return -err->code;
	if (!rows_is(status, "is_serving"))
		return err_set(err, EBUSY, "",
			       "this side does not serve; hand over at %s, or take over here: "
			       "sluice replication promote",
			       rows_text(row, "peer"));
	if (!rows_is(status, "peer_up"))
		return err_set(
		    err, EBUSY, "",
		    "%s is not reached: nothing can be handed over; if this appliance is "
		    "to go down, promote there",
		    rows_text(row, "peer"));
	return replications_task(q, r, row, "replication.handover", false, NULL, err);
}

/* ---------------------------------------------------------------- promote */

static void loss_text(const json_t *status, char text[300])
{
	const json_t *loss = json_object_get(status, "loss");

	if (rows_is(loss, "is_known"))
		snprintf(text, 300,
			 "%llu bytes that the peer has acknowledged and that are not here",
			 (unsigned long long)rows_u64(loss, "bytes"));
	else if (rows_u64(loss, "since_ms"))
		snprintf(
		    text, 300,
		    "what the peer has acknowledged since %llu (ms since 1970), when this side "
		    "was last complete; how much is not known, as the peer is not reached",
		    (unsigned long long)rows_u64(loss, "since_ms"));
	else
		snprintf(text, 300,
			 "whatever the peer has acknowledged and did not bring here; how much is "
			 "not known");
}

static bool is_safe(const json_t *status)
{
	const char *state = rows_text(status, "state");

	return strcmp(state, "secondary_insync") == 0;
}

static int promote_check(const json_t *row, const json_t *status, bool is_forced,
			 const char *confirm, struct err *err)
{
	const char *name = rows_text(row, "name");
	char loss[300];

	loss_text(status, loss);
	if (rows_is(status, "is_serving"))
		return err_set(err, EBUSY, "", "this side serves already");
	if (!is_forced && !is_safe(status))
		return err_set(err, EBUSY, "force",
			       "this side is %s. Promoting it would lose %s. If that is accepted: "
			       "force, with confirm: \"%s\"",
			       rows_text(status, "state"), loss, name);
	if (is_forced && (!confirm || strcmp(confirm, name) != 0))
		return err_set(err, EINVAL, "confirm",
			       "a forced promotion may lose %s. Name the replication in confirm: "
			       "\"%s\"",
			       loss, name);
	return 0;
}

static int promote(struct request *q, struct reply *r, struct err *err)
{
	static const char *const keys[] = {"force", "confirm", NULL};
	cleanup_json json_t *body = rows_body(q, true, err), *status = NULL, *row = NULL;
	const char *confirmed = NULL;
	bool is_forced = false;
	int rc;

	if (!body)
		return -err->code;
	if ((rc = json_only(body, keys, err)) ||
	    (rc = json_opt_bool(body, "force", &is_forced, err)) ||
	    (rc = json_opt_string(body, "confirm", &confirmed, err)))
		return rc;
	row = ready(q, &status, err);
	if (!row)
		return -err->code;
	rc = promote_check(row, status, is_forced, confirmed, err);
	if (!rc && is_forced)
		rc = rest_event(q, "warning", "replication.promoted", "replication",
				rows_text(row, "name"), err,
				"%s promotes replication %s here by force", q->actor.name,
				rows_text(row, "name"));
	return rc ? rc
		  : replications_task(q, r, row, "replication.promote", false,
				      json_pack("{s:b}", "force", is_forced), err);
}

/* ---------------------------------------------------------------- resolve, verify */

static int resolve(struct request *q, struct reply *r, struct err *err)
{
	static const char *const keys[] = {"keep", "confirm", NULL};
	cleanup_json json_t *body = rows_body(q, false, err), *status = NULL, *row = NULL;
	const char *keep = NULL, *confirmed = NULL;
	int rc;

	if (!body)
		return -err->code;
	if ((rc = json_only(body, keys, err)) || (rc = json_get_string(body, "keep", &keep, err)) ||
	    (rc = json_opt_string(body, "confirm", &confirmed, err)))
		return rc;
	if (strcmp(keep, "own") != 0 && strcmp(keep, "peer") != 0)
		return err_set(err, EINVAL, "keep", "keep is \"own\" or \"peer\", and not %.40s",
			       keep);
	row = ready(q, &status, err);
	if (!row)
		return -err->code;
	if (strcmp(rows_text(status, "state"), "diverged") != 0)
		return err_set(err, EBUSY, "", "there is no split to resolve: it is %s",
			       rows_text(status, "state"));
	if (!confirmed || strcmp(confirmed, rows_text(row, "name")) != 0)
		return err_set(err, EINVAL, "confirm",
			       "what %s has written alone goes for good: name the replication in "
			       "confirm: \"%s\"",
			       strcmp(keep, "own") == 0 ? rows_text(row, "peer") : "this side",
			       rows_text(row, "name"));
	return replications_task(q, r, row, "replication.resolve", false,
				 json_pack("{s:s}", "keep", keep), err);
}

static int verify(struct request *q, struct reply *r, struct err *err)
{
	static const char *const keys[] = {"repair", NULL};
	cleanup_json json_t *body = rows_body(q, true, err), *status = NULL, *row = NULL;
	bool repairs = false;
	int rc;

	if (!body)
		return -err->code;
	if ((rc = json_only(body, keys, err)) ||
	    (rc = json_opt_bool(body, "repair", &repairs, err)))
		return rc;
	row = ready(q, &status, err);
	if (!row)
		return -err->code;
	return replications_task(q, r, row, "replication.verify", true,
				 json_pack("{s:b}", "repair", repairs), err);
}

#define OP(name) "/replications/{name}/" name
const struct route replication_ops_routes[] = {
    {"POST", OP("pause"), REST_OPERATOR, 0, pause_it, "replication", NULL},
    {"POST", OP("resume"), REST_OPERATOR, 0, resume, "replication", NULL},
    {"POST", OP("handover"), REST_OPERATOR, 0, handover, "replication", NULL},
    {"POST", OP("promote"), REST_OPERATOR, 0, promote, "replication", NULL},
    {"POST", OP("failback"), REST_OPERATOR, 0, failback, "replication", NULL},
    {"POST", OP("confirm"), REST_OPERATOR, 0, confirm, "replication", NULL},
    {"POST", OP("resolve"), REST_ADMIN, 0, resolve, "replication", NULL},
    {"POST", OP("verify"), REST_OPERATOR, 0, verify, "replication", NULL},
    {.method = NULL},
};
