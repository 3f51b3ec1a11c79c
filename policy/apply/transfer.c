/* SPDX-License-Identifier: MIT */
/*
 * transfer.c - the dispatcher: finds queued tasks in the database and gives each a thread.
 *
 * One lock over jobs, streams and the wish to stop; nothing waits for anything else while it is
 * held.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "fd.h"
#include "json.h"
#include "log.h"
#include "store_link.h"
#include "transfer_int.h"

#define LOOK_MS          250u
#define ERRANDS_MAX      4u
#define STREAM_ORPHAN_NS (10ull * CLOCK_NS_PER_S)
#define CANCEL_LIMIT_MS  3000u

bool transfers_wait(struct transfers *t, uint32_t wait_ms)
{
	uint64_t until_ns = clock_now_ns() + wait_ms * CLOCK_NS_PER_MS;
	struct timespec until = {.tv_sec = (time_t)(until_ns / CLOCK_NS_PER_S),
				 .tv_nsec = (long)(until_ns % CLOCK_NS_PER_S)};
	bool goes_on;

	pthread_mutex_lock(&t->lock);
	if (wait_ms && !t->is_stopping)
		(void)pthread_cond_timedwait(&t->changed, &t->lock, &until);
	goes_on = !t->is_stopping;
	pthread_mutex_unlock(&t->lock);
	return goes_on;
}

/* ---------------------------------------------------------------- streams */

static struct stream *stream_find(struct transfers *t, int64_t task_id)
{
	for (uint32_t i = 0; i < TRANSFER_STREAMS_MAX; i++)
		if (t->streams[i].task_id == task_id)
			return &t->streams[i];
	return NULL;
}

int transfers_stream(struct transfers *t, int64_t task_id, int fd, struct err *err)
{
	struct stream *s;

	pthread_mutex_lock(&t->lock);
	/* A number whose transaction was undone is given again; what it left is nobody's. */
	s = stream_find(t, task_id);
	if (s)
		fd_close(&s->fd);
	else
		s = stream_find(t, 0);
	if (s)
		*s = (struct stream){.task_id = task_id, .fd = fd, .offered_ns = clock_now_ns()};
	pthread_mutex_unlock(&t->lock);
	return s ? 0
		 : err_set(err, EAGAIN, "", "%u streams are under way already; try again later",
			   TRANSFER_STREAMS_MAX);
}

void transfers_stream_ended(struct transfers *t, int64_t task_id, bool is_whole)
{
	struct stream *s;

	pthread_mutex_lock(&t->lock);
	s = stream_find(t, task_id);
	if (s) {
		s->is_ended = true;
		s->is_whole = is_whole;
		pthread_cond_broadcast(&t->changed);
	}
	pthread_mutex_unlock(&t->lock);
}

int transfers_stream_take(struct transfers *t, int64_t task_id)
{
	struct stream *s;
	int fd = -1;

	pthread_mutex_lock(&t->lock);
	s = stream_find(t, task_id);
	if (s) {
		fd = s->fd;
		s->fd = -1;
	}
	pthread_mutex_unlock(&t->lock);
	return fd;
}

int transfers_stream_verdict(struct transfers *t, int64_t task_id)
{
	struct stream *s;
	int verdict;

	pthread_mutex_lock(&t->lock);
	s = stream_find(t, task_id);
	verdict = !s ? 0 : s->is_ended ? s->is_whole : -EAGAIN;
	pthread_mutex_unlock(&t->lock);
	return verdict;
}

static void stream_free(struct stream *s)
{
	fd_close(&s->fd);
	*s = (struct stream){.fd = -1};
}

void transfers_stream_forget(struct transfers *t, int64_t task_id)
{
	struct stream *s;

	pthread_mutex_lock(&t->lock);
	s = stream_find(t, task_id);
	if (s)
		stream_free(s);
	pthread_mutex_unlock(&t->lock);
}

/* Whose transaction was undone never comes for its descriptor. */
static void streams_clean(struct transfers *t, struct store *store)
{
	uint64_t now_ns = clock_now_ns();

	for (uint32_t i = 0; i < TRANSFER_STREAMS_MAX; i++) {
		struct stream *s = &t->streams[i];
		cleanup_json json_t *task = NULL;
		struct err err;

		if (!s->task_id || s->fd < 0 || now_ns - s->offered_ns < STREAM_ORPHAN_NS)
			continue;
		task = store_get_id(store, &table_tasks, s->task_id, &err);
		if (task &&
		    json_is_true(json_object_get(json_object_get(task, "parameters"), "is_stream")))
			continue;
		transfers_stream_forget(t, s->task_id);
	}
}

/* ---------------------------------------------------------------- jobs */

static void job_free(struct job *j)
{
	json_decref(j->parameters);
	free(j);
}

/* Joins those that have ended; all: waits for the others too. */
static void jobs_reap(struct transfers *t, bool all)
{
	struct list_node *n, *next;

	pthread_mutex_lock(&t->lock);
	list_for_each_safe (n, next, &t->jobs) {
		struct job *j = list_entry(n, struct job, node);

		if (!j->is_ended && !all)
			continue;
		list_del(&j->node);
		pthread_mutex_unlock(&t->lock);
		pthread_join(j->thread, NULL);
		job_free(j);
		pthread_mutex_lock(&t->lock);
	}
	pthread_mutex_unlock(&t->lock);
}

/* This thread alone adds and takes away, so it may walk without the lock. */
static bool has_place(const struct transfers *t, const char *kind, int64_t task_id)
{
	static const uint32_t places[LANE_COUNT] = {[LANE_CONTENT] = TRANSFER_RUNNING_MAX,
						    [LANE_ERRAND] = ERRANDS_MAX,
						    [LANE_COMMAND] = TRANSFER_COMMAND_MAX,
						    [LANE_WALK] = TRANSFER_WALK_MAX};
	enum transfer_lane lane = transfer_lane(kind);
	uint32_t count = 0;
	struct list_node *n;

	list_for_each (n, &t->jobs) {
		const struct job *j = list_entry(n, struct job, node);

		if (j->task_id == task_id)
			return false;
		count += transfer_lane(j->kind) == lane;
	}
	return count < places[lane];
}

static const char *text_of(const json_t *row, const char *member)
{
	const char *text = json_string_value(json_object_get(row, member));

	return text ? text : "";
}

static void job_start(struct transfers *t, const json_t *task)
{
	struct job *j = calloc(1, sizeof(*j));
	struct err err;

	if (!j)
		return; /* it stays queued */
	j->owner = t;
	j->task_id = json_integer_value(json_object_get(task, "id"));
	j->parameters = json_deep_copy(json_object_get(task, "parameters"));
	snprintf(j->kind, sizeof(j->kind), "%s", text_of(task, "kind"));
	snprintf(j->object, sizeof(j->object), "%s", text_of(task, "object_name"));
	if (store_open(t->cfg->db_path, t->cfg->backup_dir, false, &j->store, &err) < 0) {
		log_error("task %lld waits: %s", (long long)j->task_id, err.text);
		job_free(j);
		return;
	}
	pthread_mutex_lock(&t->lock);
	list_push_back(&t->jobs, &j->node);
	pthread_mutex_unlock(&t->lock);
	if (pthread_create(&j->thread, NULL, transfer_job_main, j) != 0) {
		log_error("task %lld waits: no thread", (long long)j->task_id);
		pthread_mutex_lock(&t->lock);
		list_del(&j->node);
		pthread_mutex_unlock(&t->lock);
		store_close(j->store);
		job_free(j);
	}
}

/* Cancelled before it began. True: it is to run. */
static bool is_wanted(struct transfers *t, struct store *store, const json_t *task)
{
	struct job j = {.owner = t, .store = store};
	struct err why;

	if (!json_is_true(json_object_get(task, "is_cancel_wanted")))
		return true;
	j.task_id = json_integer_value(json_object_get(task, "id"));
	j.parameters = json_object_get(task, "parameters");
	/* A clone that never began is an empty volume under the name of a full one. */
	j.has_begun = strcmp(text_of(task, "kind"), "volume.clone") == 0;
	snprintf(j.kind, sizeof(j.kind), "%s", text_of(task, "kind"));
	snprintf(j.object, sizeof(j.object), "%s", text_of(task, "object_name"));
	transfer_note_end(&j, err_set(&why, ECANCELED, "", "cancelled before it began"), &why);
	transfers_stream_forget(t, j.task_id);
	return false;
}

static bool is_under_way(const json_t *task)
{
	return strcmp(text_of(task, "state"), "running") == 0;
}

/* By this thread alone, as has_place(). */
static bool has_job(const struct transfers *t, int64_t task_id)
{
	struct list_node *n;

	list_for_each (n, &t->jobs) {
		if (list_entry(n, struct job, node)->task_id == task_id)
			return true;
	}
	return false;
}

/* One that is queued; or that an earlier policyd has begun and nobody has ended. */
static bool is_to_begin(const struct transfers *t, const json_t *task)
{
	const char *kind = text_of(task, "kind");

	if (!transfer_is_kind(kind))
		return false;
	return strcmp(text_of(task, "state"), "queued") == 0 ||
	       (is_under_way(task) && transfer_is_lasting(kind) &&
		!has_job(t, json_integer_value(json_object_get(task, "id"))));
}

/* False: a task waits for its place, so look again although nothing changes. */
static bool look_at(struct transfers *t, struct store *store, const char *object_type)
{
	bool is_all = true;
	struct err err;
	cleanup_json json_t *ids = store_tasks_open(store, object_type, NULL, &err);
	const json_t *id;
	size_t i;

	json_array_foreach(ids, i, id)
	{
		cleanup_json json_t *task =
		    store_get_id(store, &table_tasks, json_integer_value(id), &err);

		if (!task || !is_to_begin(t, task) ||
		    (!is_under_way(task) && !is_wanted(t, store, task)))
			continue;
		is_all = false;
		if (has_place(t, text_of(task, "kind"), json_integer_value(id)))
			job_start(t, task);
	}
	return is_all && ids;
}

/* ---------------------------------------------------------------- the thread */

struct canceller {
	struct filterd_client filterd;
	bool is_open;
};

static void cancel_one(void *ctx, uint64_t id)
{
	struct canceller *c = ctx;
	cleanup_json json_t *request = json_pack("{s:I}", "transfer", (json_int_t)id);
	struct err err;

	/* A filterd that is not there runs none; one that was restarted knows none. */
	if (c->is_open)
		json_decref(filterd_ask(&c->filterd, "transfer.cancel", request, &err));
}

static void recover(struct transfers *t, struct store *store)
{
	struct canceller c = {0};
	struct err err;

	c.is_open =
	    filterd_client_init(&c.filterd, t->cfg->filterd_socket, CANCEL_LIMIT_MS, &err) == 0;
	transfer_note_recover(t, store, cancel_one, &c);
	if (c.is_open)
		filterd_client_fini(&c.filterd);
	transfer_file_clean(t->cfg->transfer_dir);
	if (t->reconciler)
		reconciler_wake(t->reconciler);
}

static struct store *open_store(struct transfers *t)
{
	struct store *store = NULL;
	struct err err;

	do {
		if (store_open(t->cfg->db_path, t->cfg->backup_dir, false, &store, &err) == 0)
			return store;
		log_error("transfers wait: %s", err.text);
	} while (transfers_wait(t, 5000));
	return NULL;
}

static void *dispatch(void *ctx)
{
	struct transfers *t = ctx;
	struct store *store = open_store(t);
	uint64_t seen = 0, version;

	if (!store)
		return NULL;
	recover(t, store);
	while (transfers_wait(t, LOOK_MS)) {
		jobs_reap(t, false);
		streams_clean(t, store);
		version = store_data_version(store);
		if (version == seen)
			continue;
		if (look_at(t, store, "volume") && look_at(t, store, "session"))
			seen = version;
	}
	jobs_reap(t, true);
	store_close(store);
	return NULL;
}

/* ---------------------------------------------------------------- begin and end */

static void cond_init(pthread_cond_t *c)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(c, &attr);
	pthread_condattr_destroy(&attr);
}

int transfers_start(const struct apply_cfg *cfg, struct reconciler *r, struct transfers **out,
		    struct err *err)
{
	struct transfers *t = calloc(1, sizeof(*t));

	if (!t)
		return err_set(err, ENOMEM, "", "no memory for transfers");
	t->cfg = cfg;
	t->reconciler = r;
	list_init(&t->jobs);
	for (uint32_t i = 0; i < TRANSFER_STREAMS_MAX; i++)
		t->streams[i].fd = -1;
	pthread_mutex_init(&t->lock, NULL);
	cond_init(&t->changed);
	if (pthread_create(&t->thread, NULL, dispatch, t) != 0) {
		pthread_cond_destroy(&t->changed);
		pthread_mutex_destroy(&t->lock);
		free(t);
		return err_set(err, EAGAIN, "", "no thread for transfers");
	}
	*out = t;
	return 0;
}

void transfers_stop(struct transfers *t)
{
	if (!t)
		return;
	pthread_mutex_lock(&t->lock);
	t->is_stopping = true;
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->lock);
	pthread_join(t->thread, NULL);
	for (uint32_t i = 0; i < TRANSFER_STREAMS_MAX; i++)
		fd_close(&t->streams[i].fd);
	pthread_cond_destroy(&t->changed);
	pthread_mutex_destroy(&t->lock);
	free(t);
}
