/* SPDX-License-Identifier: MIT */
/* webhook.c - the delivery thread; see webhook.h. */
#include "webhook.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "ctl_client.h"
#include "json.h"
#include "log.h"
#include "store_link.h"

#define STEP_MS      1000u
#define EVENTS_PAGE  100u
#define EVENTS_BURST 50u /* to one webhook, before it is the next one's turn */
#define STATUS_BYTES 400u

struct webhook {
	struct webhook_cfg cfg; /* const after start */
	pthread_t thread;
	pthread_mutex_t lock; /* is_stopping */
	pthread_cond_t stopped;
	bool is_stopping;
	/* the thread's own */
	struct store *store;
	struct ctl_client egress;
	json_t *allowed; /* what egressd was told on this connection; NULL: nothing */
	struct log_limit complaints;
};

static void complain(struct webhook *w, const struct err *err)
{
	if (log_limit_pass(&w->complaints, 1))
		log_warn("webhooks: %s", err->text);
}

static int64_t number_of(const json_t *j, const char *key)
{
	return json_integer_value(json_object_get(j, key));
}

static const char *text_of(const json_t *j, const char *key)
{
	const char *text = json_string_value(json_object_get(j, key));

	return text ? text : "";
}

static bool is_over(struct webhook *w)
{
	bool is_stopping;

	pthread_mutex_lock(&w->lock);
	is_stopping = w->is_stopping;
	pthread_mutex_unlock(&w->lock);
	return is_stopping;
}

/* ---------------------------------------------------------------- egressd */

/* Tells a new connection, and one whose list has changed, where it may go. */
static int allow(struct webhook *w, struct err *err)
{
	cleanup_json json_t *wanted = store_setting(w->store, "egress_allow");
	cleanup_json json_t *request = NULL, *answer = NULL;

	if (!wanted)
		wanted = json_array();
	if (w->egress.fd >= 0 && w->allowed && json_equal(wanted, w->allowed))
		return 0;
	json_decref(w->allowed);
	w->allowed = NULL;
	request = json_pack("{s:s, s:O}", "request", "allow", "hosts", wanted);
	answer = ctl_client_ask(&w->egress, request, -1, err);
	if (!answer)
		return -err->code;
	w->allowed = json_incref(wanted);
	return 0;
}

static int send_one(struct webhook *w, const json_t *hook, const json_t *event,
		    char status[STATUS_BYTES], struct err *err)
{
	int rc = allow(w, err);

	if (rc < 0) {
		snprintf(status, STATUS_BYTES, "%s", err->text);
		return rc;
	}
	return webhook_send(&w->egress, w->cfg.sealer, hook, event, status, STATUS_BYTES, err);
}

/* ---------------------------------------------------------------- one webhook */

static int note(struct webhook *w, const json_t *hook, json_t *changes, struct err *err)
{
	cleanup_json json_t *owned = changes;
	int rc = store_begin(w->store, err);

	if (rc < 0)
		return rc;
	rc = store_note(w->store, &table_webhooks, number_of(hook, "id"), owned, err);
	if (rc == 0)
		rc = store_commit(w->store, err);
	if (rc < 0)
		store_rollback(w->store);
	return rc;
}

static json_t *attempt(const char *status, int64_t failures)
{
	return json_pack("{s:s, s:I, s:I}", "last_status", status, "last_attempt_ms",
			 (json_int_t)clock_wall_ms(), "failures", (json_int_t)failures);
}

/* 0: go on; otherwise this webhook has had its turn. */
static int deliver(struct webhook *w, const json_t *hook, const json_t *event, struct err *err)
{
	char status[STATUS_BYTES] = "";
	json_t *changes;
	int rc = send_one(w, hook, event, status, err);

	if (rc < 0) {
		changes = attempt(status, number_of(hook, "failures") + 1);
		if (note(w, hook, changes, err) < 0)
			complain(w, err);
		return rc;
	}
	changes = attempt(status, 0);
	json_object_set(changes, "last_event_id", json_object_get(event, "id"));
	return note(w, hook, changes, err);
}

static json_t *events_after(struct webhook *w, int64_t id, struct err *err)
{
	struct store_query q = {.after_id = id, .sort = "id", .limit = EVENTS_PAGE};
	cleanup_json json_t *page = store_list(w->store, &table_events, &q, err);

	return page ? json_incref(json_object_get(page, "items")) : NULL;
}

/* Of what it does not want only the last is noted, to be spared the way next time. */
static int note_skipped(struct webhook *w, const json_t *hook, int64_t id, struct err *err)
{
	return id ? note(w, hook, json_pack("{s:I}", "last_event_id", (json_int_t)id), err) : 0;
}

static void serve(struct webhook *w, const json_t *hook)
{
	int64_t after = number_of(hook, "last_event_id"), skipped = 0;
	cleanup_json json_t *events = NULL;
	struct err err;
	uint32_t sent = 0;
	json_t *e;
	size_t i;

	events = events_after(w, after, &err);
	if (!events) {
		complain(w, &err);
		return;
	}
	json_array_foreach(events, i, e)
	{
		if (!webhook_wants(hook, e)) {
			skipped = number_of(e, "id");
			continue;
		}
		if (sent++ == EVENTS_BURST || is_over(w))
			break;
		skipped = 0;
		if (deliver(w, hook, e, &err) < 0)
			return;
	}
	if (note_skipped(w, hook, skipped, &err) < 0)
		complain(w, &err);
}

/* A time to come was written before somebody set the clock back. */
static bool is_due(const json_t *hook, int64_t now_ms)
{
	uint64_t failures = (uint64_t)number_of(hook, "failures");
	int64_t since_ms = now_ms - number_of(hook, "last_attempt_ms");

	return json_is_true(json_object_get(hook, "is_enabled")) &&
	       (since_ms < 0 || since_ms >= webhook_backoff_ms(failures));
}

static json_t *hooks(struct webhook *w, struct err *err)
{
	struct store_query q = {.limit = STORE_PAGE_MAX};
	cleanup_json json_t *page = store_list(w->store, &table_webhooks, &q, err);

	return page ? json_incref(json_object_get(page, "items")) : NULL;
}

static void serve_all(struct webhook *w)
{
	cleanup_json json_t *all = NULL;
	struct err err;
	json_t *hook;
	size_t i;

	all = hooks(w, &err);
	if (!all)
		complain(w, &err);
	json_array_foreach(all, i, hook)
	{
		if (is_over(w))
			return;
		if (is_due(hook, (int64_t)clock_wall_ms()))
			serve(w, hook);
	}
}

/* ---------------------------------------------------------------- tests, asked for by REST */

static void end_task(struct webhook *w, int64_t id, const struct err *error)
{
	struct err err;
	int rc = store_begin(w->store, &err);

	if (rc == 0)
		rc = store_task_end(w->store, id, error ? "failed" : "succeeded", error, &err);
	if (rc == 0)
		rc = store_commit(w->store, &err);
	if (rc < 0) {
		store_rollback(w->store);
		complain(w, &err);
	}
}

static void run_test(struct webhook *w, int64_t id)
{
	struct err err;
	cleanup_json json_t *task = store_get_id(w->store, &table_tasks, id, &err);
	const char *name = text_of(task, "object_name");
	cleanup_json json_t *hook = task ? store_get(w->store, &table_webhooks, name, &err) : NULL;
	cleanup_json json_t *event =
	    json_pack("{s:i, s:I, s:s, s:s, s:s, s:s, s:s, s:{}}", "id", 0, "at_ms",
		      (json_int_t)clock_wall_ms(), "severity", "info", "kind", "webhook.test",
		      "object_type", "webhook", "object_name", name, "text",
		      "This is a test; nothing has happened.", "details");
	char status[STATUS_BYTES] = "";

	if (!hook || send_one(w, hook, event, status, &err) < 0)
		end_task(w, id, &err);
	else
		end_task(w, id, NULL);
}

static void run_tests(struct webhook *w)
{
	struct err err;
	cleanup_json json_t *ids = store_tasks_open(w->store, "webhook", NULL, &err);
	json_t *id;
	size_t i;

	if (!ids)
		complain(w, &err);
	json_array_foreach(ids, i, id)
	{
		run_test(w, json_integer_value(id));
	}
}

/* ---------------------------------------------------------------- the thread */

static bool wait_step(struct webhook *w)
{
	uint64_t ns = clock_now_ns() + STEP_MS * CLOCK_NS_PER_MS;
	struct timespec until = {.tv_sec = (time_t)(ns / CLOCK_NS_PER_S),
				 .tv_nsec = (long)(ns % CLOCK_NS_PER_S)};
	bool is_stopping;

	pthread_mutex_lock(&w->lock);
	while (!w->is_stopping)
		if (pthread_cond_timedwait(&w->stopped, &w->lock, &until) == ETIMEDOUT)
			break;
	is_stopping = w->is_stopping;
	pthread_mutex_unlock(&w->lock);
	return !is_stopping;
}

static void *run(void *arg)
{
	struct webhook *w = arg;

	do {
		run_tests(w);
		serve_all(w);
	} while (wait_step(w));
	return NULL;
}

static void release(struct webhook *w)
{
	if (w->egress.path)
		ctl_client_fini(&w->egress);
	store_close(w->store);
	json_decref(w->allowed);
	pthread_cond_destroy(&w->stopped);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

int webhook_start(const struct webhook_cfg *cfg, struct webhook **out, struct err *err)
{
	struct webhook *w = calloc(1, sizeof(*w));
	pthread_condattr_t attr;
	int rc;

	if (!w)
		return err_set(err, ENOMEM, "", "no memory for the webhooks");
	w->cfg = *cfg;
	w->egress.fd = -1;
	pthread_mutex_init(&w->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->stopped, &attr);
	pthread_condattr_destroy(&attr);
	rc = store_open(cfg->db_path, cfg->backup_dir, false, &w->store, err);
	if (rc == 0)
		rc = ctl_client_init(&w->egress, cfg->egress_socket, "sluice-egressd",
				     WEBHOOK_TIMEOUT_MS + 5000u, err);
	if (rc == 0 && pthread_create(&w->thread, NULL, run, w) != 0)
		rc = err_set(err, EAGAIN, "", "cannot start the webhooks' thread");
	if (rc < 0) {
		release(w);
		return rc;
	}
	*out = w;
	return 0;
}

void webhook_stop(struct webhook *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->is_stopping = true;
	pthread_cond_signal(&w->stopped);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	release(w);
}
