/* SPDX-License-Identifier: MIT */
/*
 * change.c - a request that changes something: all of it, with its audit row and the answer for a
 * repeated Idempotency-Key, stands in one transaction, or nothing does.
 */
#include <errno.h>
#include <unistd.h>

#include "app.h"
#include "auth.h"
#include "cleanup.h"
#include "exchange.h"
#include "idempotency.h"
#include "json.h"
#include "planner.h"
#include "snapshotter.h"
#include "sse.h"
#include "store_link.h"

/* ---------------------------------------------------------------- dry run */

static json_t *plan_now(const struct exchange *x, const json_t *running, struct err *err)
{
	cleanup_json json_t *desired = store_desired(x->q.store, err);

	return desired ? planner_steps(desired, running, x->app->cfg->iqn_base) : NULL;
}

/* Steps that this change brings: those that were not pending before. */
static void take_out(json_t *steps, const json_t *before)
{
	size_t i = 0, k;
	json_t *b;

	while (i < json_array_size(steps)) {
		bool is_old = false;

		json_array_foreach((json_t *)(uintptr_t)before, k, b)
		{
			if (json_equal(b, json_array_get(steps, i))) {
				is_old = true;
				break;
			}
		}
		if (is_old)
			json_array_remove(steps, i);
		else
			i++;
	}
}

/* In the transaction, which is undone afterwards. */
static int render_dry_run(struct exchange *x, const json_t *running, const json_t *before,
			  struct err *err)
{
	json_t *plan = json_array();

	if (before) {
		json_decref(plan);
		plan = plan_now(x, running, err);
		if (!plan)
			return err->code ? -err->code : err_set(err, ENOMEM, "", "no plan");
		take_out(plan, before);
	}
	x->r.body =
	    json_pack("{s:o, s:o}", "plan", plan, "result", x->r.body ? x->r.body : json_null());
	x->r.status = 200;
	x->r.task_id = x->r.revision = 0;
	x->r.location[0] = '\0';
	return exchange_render(x, err);
}

static enum exchange_next dry_run(struct exchange *x)
{
	cleanup_json json_t *running = NULL, *before = NULL;
	struct err err = {0};
	int rc = store_begin(x->q.store, &err);

	if (rc == 0 && !(x->match.route->flags & ROUTE_NO_RECONCILE)) {
		running = reconciler_running(x->app->reconciler);
		before = plan_now(x, running, &err);
		rc = before ? 0 : -EIO;
	}
	if (rc == 0)
		rc = x->match.route->fn(&x->q, &x->r, &err);
	if (rc == 0)
		rc = render_dry_run(x, running, before, &err);
	store_rollback(x->q.store);
	if (rc < 0) {
		err.code = err.code ? err.code : -rc;
		exchange_refuse(x, 0, NULL, &err);
	}
	return EXCHANGE_ANSWER;
}

/* ---------------------------------------------------------------- for good */

static void close_body(struct exchange *x)
{
	if (x->r.ended)
		x->r.ended(x->r.ended_ctx, false, &x->r);
	x->r.ended = NULL;
	if (x->r.body_fd >= 0)
		close(x->r.body_fd);
	x->r.body_fd = -1;
}

/* In the transaction: the function, and what goes with it. 1: answered from before. */
static int run_in_transaction(struct exchange *x, const char *key, struct err *err)
{
	int rc;

	/* Rights were looked at with the head. Whoever has lost his since, while a slow body came
	 * or a password was worked out, must not get one more change through. */
	if (x->match.route->role > REST_PUBLIC && !auth_is_still(x->app->auth, &x->q.actor))
		return err_set(err, EPERM, "", "the session or token has ended meanwhile");
	rc = key ? idempotency_replay(x, key, err) : 0;
	if (rc)
		return rc;
	rc = x->match.route->fn(&x->q, &x->r, err);
	if (rc == 0)
		rc = exchange_render(x, err);
	if (rc == 0 && key)
		rc = idempotency_keep(x, key, err);
	if (rc == 0)
		rc = trail_add(x, x->answer.status, err);
	if (rc == 0)
		rc = store_commit(x->q.store, err);
	return rc;
}

static void tell(struct exchange *x)
{
	if (!(x->match.route->flags & ROUTE_NO_RECONCILE) && x->app->reconciler)
		reconciler_wake(x->app->reconciler);
	snapshotter_wake(x->app->snapshotter);
	if (x->app->sse)
		sse_poke(x->app->sse);
}

enum exchange_next change_run(struct exchange *x)
{
	const char *key = NULL;
	struct err err = {0};
	int rc;

	if (x->q.is_dry_run)
		return dry_run(x);
	rc = idempotency_key(x, &key, &err);
	if (rc == 0)
		rc = store_begin(x->q.store, &err);
	if (rc == 0)
		rc = run_in_transaction(x, key, &err);
	if (rc != 0)
		store_rollback(x->q.store);
	if (rc < 0) {
		close_body(x);
		err.code = err.code ? err.code : -rc;
		if (x->r.retry_after_s)
			x->answer.retry_after_s = x->r.retry_after_s;
		exchange_refuse(x, 0, x->r.problem, &err);
		return EXCHANGE_ANSWER;
	}
	if (rc == 0)
		tell(x);
	return rc == 0 && x->r.body_fd >= 0 ? EXCHANGE_STREAM_IN : EXCHANGE_ANSWER;
}
