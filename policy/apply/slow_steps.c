/* SPDX-License-Identifier: MIT */
#include "slow_steps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "apply.h"
#include "apply_failures.h"
#include "clock.h"
#include "fd.h"
#include "json.h"
#include "model.h"

/* A cache without dirty data is settled in a moment. While others take their time, this one is not
 * waited for so long: the volumes behind it want their turn. */
#define FIRST_WAIT_MS 300u
#define LATER_WAIT_MS 20u

struct slow_job {
	struct list_node node;
	struct slow_steps *owner;
	char key[FAILURES_KEY_BYTES];
	json_t *step; /* a copy of its own: the thread reads it */
	struct filterd_client filterd;
	pthread_t thread;
	int fd; /* of its connection, to shut it down */
	struct err err;
	int result;
	bool is_ended; /* the lock */
	bool is_left;  /* the lock: nobody waits for it, so its end wakes the reconciler */
};

void slow_steps_init(struct slow_steps *s, const char *socket, void (*wake)(void *ctx), void *ctx)
{
	pthread_condattr_t attr;

	*s = (struct slow_steps){.socket = socket, .wake = wake, .ctx = ctx};
	list_init(&s->jobs);
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->ended, &attr);
	pthread_condattr_destroy(&attr);
}

/* ---------------------------------------------------------------- which ones */

static bool changes_chain(const char *step)
{
	static const char *const names[] = {"filter.attach", "filter.set", "filter.detach",
					    "volume.grow"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(step, names[i]) == 0)
			return true;
	return false;
}

static bool has_cache(const json_t *volume)
{
	const json_t *f;
	size_t i;

	json_array_foreach(json_object_get(volume, "filters"), i, f)
	{
		if ((uint32_t)json_integer_value(json_object_get(f, "class")) ==
		    model_class_number("cache"))
			return true;
	}
	return false;
}

bool slow_steps_is(const json_t *running, const json_t *step)
{
	const json_t *volumes = json_object_get(json_object_get(running, "filterd"), "volumes");
	const char *name = apply_text(step, "object_name");
	const json_t *v;
	size_t i;

	if (!changes_chain(apply_text(step, "step")))
		return false;
	json_array_foreach(volumes, i, v)
	{
		if (strcmp(apply_text(v, "name"), name) == 0)
			return has_cache(v);
	}
	return false;
}

/* ---------------------------------------------------------------- one job */

static void *job_main(void *ctx)
{
	struct slow_job *j = ctx;
	struct slow_steps *s = j->owner;
	struct apply apply = {.filterd = &j->filterd};
	int result = apply_step(&apply, j->step, &j->err);
	bool is_left;

	pthread_mutex_lock(&s->lock);
	j->result = result;
	j->is_ended = true;
	is_left = j->is_left;
	pthread_cond_broadcast(&s->ended);
	pthread_mutex_unlock(&s->lock);
	if (is_left)
		s->wake(s->ctx);
	return NULL;
}

static void job_free(struct slow_job *j)
{
	filterd_client_fini(&j->filterd);
	fd_close(&j->fd);
	json_decref(j->step);
	free(j);
}

static int job_begin(struct slow_job *j, struct err *err)
{
	int rc = filterd_client_init(&j->filterd, j->owner->socket, 0, err);

	if (rc == 0) {
		rc = filterd_look(&j->filterd, err); /* connects */
		rc = rc < 0 ? rc : 0;
	}
	if (rc == 0) {
		j->fd = fcntl(j->filterd.ctl.fd, F_DUPFD_CLOEXEC, 0);
		if (j->fd < 0 || pthread_create(&j->thread, NULL, job_main, j) != 0)
			rc = err_set(err, EAGAIN, "", "no thread for a step");
	}
	return rc;
}

/* False: it goes on, and will wake the reconciler. */
static bool wait_for(struct slow_job *j, uint32_t ms)
{
	uint64_t until_ns = clock_now_ns() + ms * CLOCK_NS_PER_MS;
	struct timespec until = {.tv_sec = (time_t)(until_ns / CLOCK_NS_PER_S),
				 .tv_nsec = (long)(until_ns % CLOCK_NS_PER_S)};
	bool is_ended;
	int rc = 0;

	pthread_mutex_lock(&j->owner->lock);
	while (rc == 0 && !j->is_ended)
		rc = pthread_cond_timedwait(&j->owner->ended, &j->owner->lock, &until);
	is_ended = j->is_ended;
	j->is_left = !is_ended;
	pthread_mutex_unlock(&j->owner->lock);
	return is_ended;
}

static void job_take_out(struct slow_job *j)
{
	pthread_join(j->thread, NULL);
	list_del(&j->node);
	j->owner->count--;
}

/* The volume was closed or filterd ended under it: no refusal, and worth another try. */
static int verdict(struct slow_job *j, struct err *err)
{
	*err = j->err;
	if (j->result < 0 && j->err.code == ECANCELED)
		err->code = EAGAIN;
	return j->result < 0 ? -err->code : 0;
}

int slow_steps_run(struct slow_steps *s, const char *key, const json_t *step, struct err *err)
{
	uint32_t wait_ms = s->count ? LATER_WAIT_MS : FIRST_WAIT_MS;
	struct slow_job *j;
	int rc;

	if (s->count == SLOW_STEPS_MAX)
		return SLOW_STEPS_GO_ON;
	j = calloc(1, sizeof(*j));
	if (!j)
		return err_set(err, ENOMEM, "", "no memory for a step");
	*j = (struct slow_job){.owner = s, .fd = -1, .step = json_deep_copy(step)};
	snprintf(j->key, sizeof(j->key), "%s", key);
	rc = j->step ? job_begin(j, err) : err_set(err, ENOMEM, "", "no memory for a step");
	if (rc < 0) {
		job_free(j);
		return rc;
	}
	list_push_back(&s->jobs, &j->node);
	s->count++;
	if (!wait_for(j, wait_ms))
		return SLOW_STEPS_GO_ON;
	job_take_out(j);
	rc = verdict(j, err);
	job_free(j);
	return rc;
}

/* ---------------------------------------------------------------- all of them */

bool slow_steps_has(const struct slow_steps *s, const char *key)
{
	struct list_node *n;

	list_for_each (n, &s->jobs)
		if (strcmp(list_entry(n, struct slow_job, node)->key, key) == 0)
			return true;
	return false;
}

void slow_steps_reap(struct slow_steps *s,
		     void (*fn)(void *ctx, const char *key, const json_t *step,
				const struct err *err),
		     void *ctx)
{
	struct list_node *n, *next;
	struct err err;

	list_for_each_safe (n, next, &s->jobs) {
		struct slow_job *j = list_entry(n, struct slow_job, node);

		if (!wait_for(j, 0))
			continue;
		job_take_out(j);
		fn(ctx, j->key, j->step, verdict(j, &err) < 0 ? &err : NULL);
		job_free(j);
	}
}

/* What the filters of the chain have not brought down yet; -1: they do not say. */
static json_int_t dirty_bytes(struct filterd_client *client, const char *volume)
{
	cleanup_json json_t *name = json_pack("{s:s}", "name", volume);
	struct err err;
	cleanup_json json_t *answer = filterd_ask(client, "volume.show", name, &err);
	const json_t *filters = json_object_get(json_object_get(answer, "volume"), "filters"), *f;
	json_int_t sum = -1;
	size_t i;

	json_array_foreach(filters, i, f)
	{
		const json_t *v = json_object_get(json_object_get(f, "status"), "dirty_bytes");

		if (json_is_integer(v))
			sum = (sum < 0 ? 0 : sum) + json_integer_value(v);
	}
	return sum;
}

json_t *slow_steps_texts(struct slow_steps *s, struct filterd_client *client)
{
	json_t *texts = json_object();
	struct list_node *n;

	list_for_each (n, &s->jobs) {
		const struct slow_job *j = list_entry(n, struct slow_job, node);
		const char *what = apply_text(j->step, "text");
		json_int_t left = dirty_bytes(client, apply_text(j->step, "object_name"));

		json_object_set_new(texts, j->key,
				    left < 0 ? json_sprintf("%s: the cache is being settled", what)
					     : json_sprintf("%s: destaging, %lld bytes left", what,
							    (long long)left));
	}
	return texts;
}

void slow_steps_fini(struct slow_steps *s)
{
	struct list_node *n, *next;

	if (!s->socket)
		return;
	list_for_each_safe (n, next, &s->jobs) {
		struct slow_job *j = list_entry(n, struct slow_job, node);

		shutdown(j->fd, SHUT_RDWR);
		job_take_out(j);
		job_free(j);
	}
	pthread_cond_destroy(&s->ended);
	pthread_mutex_destroy(&s->lock);
	s->socket = NULL;
}
