/* SPDX-License-Identifier: MIT */
/* replicator.c - see replicator.h: the thread, its rounds and its life. */
#include "replicator.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "json.h"
#include "log.h"
#include "replicator_int.h"
#include "store_link.h"

#define LOOK_MS    500u
#define FILTERD_MS 15000u /* a pairing takes as long as the other side's answers */
#define OFFER_MS   2000u

/* ---------------------------------------------------------------- small things */

const char *replicator_text(const json_t *row, const char *member)
{
	const char *text = json_string_value(json_object_get(row, member));

	return text ? text : "";
}

json_int_t replicator_number(const json_t *row, const char *member)
{
	return json_integer_value(json_object_get(row, member));
}

bool replicator_is_text(const json_t *row, const char *member, const char *text)
{
	return strcmp(replicator_text(row, member), text) == 0;
}

bool replicator_is_stopping(struct replicator *r)
{
	bool is_stopping;

	pthread_mutex_lock(&r->lock);
	is_stopping = r->is_stopping;
	pthread_mutex_unlock(&r->lock);
	return is_stopping;
}

/* Ends the transaction that rc comes out of. */
static int settle(struct store *s, int rc, struct err *err)
{
	if (rc == 0)
		rc = store_commit(s, err);
	if (rc < 0)
		store_rollback(s);
	return rc;
}

int replicator_note(struct replicator *r, const struct store_table *t, const json_t *row,
		    json_t *fields, struct err *err)
{
	cleanup_json json_t *owned = fields;
	int rc = store_begin(r->store, err);

	if (rc == 0)
		rc = settle(r->store,
			    store_note(r->store, t, replicator_number(row, "id"), owned, err), err);
	r->has_changed |= rc == 0;
	return rc;
}

int replicator_event(struct replicator *r, const char *severity, const char *kind, const char *type,
		     const char *name, const char *text, struct err *err)
{
	int64_t id;
	int rc = store_begin(r->store, err);

	if (rc)
		return rc;
	id = store_event_add(r->store, severity, kind, type, name, text, NULL, err);
	r->has_changed = true;
	return settle(r->store, id < 0 ? (int)id : 0, err);
}

/* ---------------------------------------------------------------- tasks */

void replicator_end(struct replicator *r, const json_t *task, const struct err *error)
{
	struct err err = {0};
	int rc = store_begin(r->store, &err);
	const char *state = !error                     ? "succeeded"
			    : error->code == ECANCELED ? "cancelled"
						       : "failed";

	if (rc == 0)
		rc = settle(
		    r->store,
		    store_task_end(r->store, replicator_number(task, "id"), state, error, &err),
		    &err);
	r->has_changed = true;
	if (rc < 0)
		log_warn("a task's end: %s", err.text);
}

void replicator_go_on(struct replicator *r, const json_t *task, uint32_t progress_pct,
		      const char *text)
{
	bool is_new = *text && !replicator_is_text(task, "text", text);
	struct err err = {0};
	json_t *fields;

	if (!is_new && replicator_is_text(task, "state", "running") &&
	    replicator_number(task, "progress_pct") == (json_int_t)progress_pct)
		return;
	fields = json_pack("{s:s, s:i, s:s}", "state", "running", "progress_pct", (int)progress_pct,
			   "text", *text ? text : replicator_text(task, "text"));
	if (replicator_is_text(task, "state", "queued"))
		json_object_set_new(fields, "started_ms",
				    json_integer((json_int_t)clock_wall_ms()));
	if (replicator_note(r, &table_tasks, task, fields, &err) < 0)
		log_warn("a task's progress: %s", err.text);
}

json_t *replicator_rows(struct store *s, const struct store_table *t, struct err *err)
{
	return store_list_all(s, t, NULL, err);
}

json_t *replicator_open_tasks(struct store *s, const char *type, const char *name, struct err *err)
{
	cleanup_json json_t *ids = store_tasks_open(s, type, name, err);
	json_t *tasks, *id;
	size_t i;

	if (!ids)
		return NULL;
	tasks = json_array();
	json_array_foreach(ids, i, id)
	{
		json_t *task = store_get_id(s, &table_tasks, json_integer_value(id), err);

		if (task)
			json_array_append_new(tasks, task);
	}
	return tasks;
}

/* ---------------------------------------------------------------- filterd */

json_t *replicator_filter_status(struct filterd_client *f, const char *volume, bool *is_there,
				 uint64_t *size_bytes, struct err *err)
{
	cleanup_json json_t *name = json_pack("{s:s}", "name", volume);
	cleanup_json json_t *answer = filterd_ask(f, "volume.show", name, err);
	const json_t *shown = json_object_get(answer, "volume"), *filter;
	size_t i;

	*is_there = false;
	if (!answer)
		return NULL;
	err->code = 0;
	if (size_bytes)
		*size_bytes = (uint64_t)replicator_number(shown, "size_bytes");
	json_array_foreach(json_object_get(shown, "filters"), i, filter)
	{
		json_t *status = json_object_get(filter, "status");

		if (!replicator_is_text(filter, "filter", REPLICATOR_FILTER))
			continue;
		*is_there = true;
		return json_is_object(status) ? json_incref(status) : json_object();
	}
	err_set(err, ENODATA, "", "the filter is not in the chain of volume %s", volume);
	return NULL;
}

json_t *replicator_command(struct filterd_client *f, const char *volume, const char *command,
			   json_t *args, struct err *err)
{
	cleanup_json json_t *q =
	    json_pack("{s:s, s:s, s:s, s:o}", "name", volume, "filter", REPLICATOR_FILTER,
		      "command", command, "args", args ? args : json_object());
	cleanup_json json_t *answer = filterd_ask(f, "filter.command", q, err);

	return answer ? json_incref(json_object_get(answer, "reply")) : NULL;
}

json_t *replicator_offer(const struct apply_cfg *cfg, const char *name, struct err *err)
{
	cleanup_json json_t *q = json_pack("{s:s}", "name", name);
	struct filterd_client f;
	json_t *answer;

	if (filterd_client_init(&f, cfg->filterd_socket, OFFER_MS, err) < 0)
		return NULL;
	answer = filterd_ask(&f, "peer.offer", q, err);
	filterd_client_fini(&f);
	return answer;
}

/* ---------------------------------------------------------------- rounds */

static bool wait_a_moment(struct replicator *r)
{
	uint64_t until_ns = clock_now_ns() + LOOK_MS * CLOCK_NS_PER_MS;
	struct timespec until = {.tv_sec = (time_t)(until_ns / CLOCK_NS_PER_S),
				 .tv_nsec = (long)(until_ns % CLOCK_NS_PER_S)};
	bool is_stopping;

	pthread_mutex_lock(&r->lock);
	if (!r->is_stopping && !r->is_woken)
		pthread_cond_timedwait(&r->cond, &r->lock, &until);
	r->is_woken = false;
	is_stopping = r->is_stopping;
	pthread_mutex_unlock(&r->lock);
	return !is_stopping;
}

static void *run(void *arg)
{
	struct replicator *r = arg;

	do {
		r->has_changed = false;
		replicator_peers_round(r);
		replicator_groups_round(r);
		if (r->has_changed)
			notice_post(&r->notice);
	} while (wait_a_moment(r));
	return NULL;
}

/* ---------------------------------------------------------------- life */

static int open_all(struct replicator *r, struct err *err)
{
	const struct apply_cfg *c = &r->cfg;
	int rc = filterd_client_init(&r->filterd, c->filterd_socket, FILTERD_MS, err);

	if (rc == 0)
		rc = filterd_client_init(&r->answer_filterd, c->filterd_socket, FILTERD_MS, err);
	if (rc == 0)
		rc = store_open(c->db_path, c->backup_dir, false, &r->store, err);
	if (rc == 0)
		rc = store_open(c->db_path, c->backup_dir, false, &r->answer_store, err);
	return rc;
}

static int start_threads(struct replicator *r, struct err *err)
{
	r->has_thread = pthread_create(&r->thread, NULL, run, r) == 0;
	r->has_answering = pthread_create(&r->answering, NULL, replicator_answering, r) == 0;
	return r->has_thread && r->has_answering
		   ? 0
		   : err_set(err, EAGAIN, "", "no threads for replications");
}

int replicator_start(const struct apply_cfg *cfg, struct replicator **out, struct err *err)
{
	struct replicator *r = calloc(1, sizeof(*r));
	pthread_condattr_t attr;
	int rc;

	if (!r)
		return err_set(err, ENOMEM, "", "no memory for replications");
	r->cfg = *cfg;
	r->statuses = json_object();
	r->hellos = json_object();
	r->told = json_object();
	r->described = json_object();
	notice_init(&r->notice, cfg->loop, cfg->changed_fn, cfg->ctx);
	pthread_mutex_init(&r->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&r->cond, &attr);
	pthread_cond_init(&r->ended, &attr);
	pthread_condattr_destroy(&attr);
	rc = open_all(r, err);
	if (rc == 0)
		rc = start_threads(r, err);
	if (rc == 0)
		*out = r;
	else
		replicator_stop(r);
	return rc;
}

void replicator_wake(struct replicator *r)
{
	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	r->is_woken = true;
	pthread_cond_signal(&r->cond);
	pthread_mutex_unlock(&r->lock);
}

void replicator_stop(struct replicator *r)
{
	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	r->is_stopping = true;
	pthread_cond_signal(&r->cond);
	pthread_cond_signal(&r->ended);
	pthread_mutex_unlock(&r->lock);
	if (r->has_thread)
		pthread_join(r->thread, NULL);
	if (r->has_answering)
		pthread_join(r->answering, NULL);
	notice_drain(&r->notice);
	if (r->filterd.ctl.path)
		filterd_client_fini(&r->filterd);
	if (r->answer_filterd.ctl.path)
		filterd_client_fini(&r->answer_filterd);
	store_close(r->store);
	store_close(r->answer_store);
	json_decref(r->statuses);
	json_decref(r->hellos);
	json_decref(r->told);
	json_decref(r->described);
	pthread_cond_destroy(&r->cond);
	pthread_cond_destroy(&r->ended);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

json_t *replicator_status(struct replicator *r, const char *replication)
{
	json_t *status = NULL;

	if (!r)
		return NULL;
	pthread_mutex_lock(&r->lock);
	status = json_deep_copy(json_object_get(r->statuses, replication));
	pthread_mutex_unlock(&r->lock);
	return status;
}
