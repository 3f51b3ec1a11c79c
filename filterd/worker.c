/* SPDX-License-Identifier: MIT */
#include "worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "env_linux.h"
#include "log.h"

#define NS_PER_MS 1000000ull

static _Thread_local uint32_t self; /* number + 1 */

uint32_t worker_self(void)
{
	return self;
}

static void rescan_timer_fired(struct env_timer *t) ON_WORKER
{
	struct worker *w = t->ctx;

	ring_set_rescan(&w->ring_set);
	env_timer_set(w->env, t, env_now_ns(w->env) + WORKER_RESCAN_MS * NS_PER_MS);
}

int worker_create(uint32_t index, struct shared *shared, struct loop *main_loop,
		  struct worker **out, struct err *err)
{
	struct worker *w = calloc(1, sizeof(*w));
	struct env_linux_cfg cfg = {.heartbeat = &shared->workers[index].beats};
	struct env_linux_idle idle = {
	    .before_sleep = worker_rings_before_sleep, .awake = worker_rings_awake, .ctx = w};
	int rc;

	if (!w)
		return err_set(err, ENOMEM, "", "no memory for worker %u", index);
	w->index = index;
	w->main_loop = main_loop;
	w->beat = &shared->workers[index];
	list_init(&w->rings);
	w->rescan_timer.fn = rescan_timer_fired;
	w->rescan_timer.ctx = w;
	rc = env_linux_create(&cfg, &w->env, err);
	if (rc) {
		free(w);
		return rc;
	}
	ring_set_init(&w->ring_set, w->env);
	env_linux_set_idle_hook(w->env, &idle);
	*out = w;
	return 0;
}

static void *run(void *arg) ON_WORKER
{
	struct worker *w = arg;
	char name[16];

	self = w->index + 1;
	snprintf(name, sizeof(name), "worker-%u", w->index);
	pthread_setname_np(pthread_self(), name);
	env_linux_turn(w->env, 0);
	env_timer_set(w->env, &w->rescan_timer, env_now_ns(w->env) + WORKER_RESCAN_MS * NS_PER_MS);
	while (!atomic_load_explicit(&w->must_stop, memory_order_acquire)) {
		uint32_t taken = ring_set_poll(&w->ring_set, WORKER_RING_BUDGET);

		env_linux_turn(w->env, taken ? 0 : ENV_LINUX_TURN_MAX_NS);
		ring_set_kick(&w->ring_set);
	}
	env_timer_cancel(w->env, &w->rescan_timer);
	env_linux_turn(w->env, 0); /* what was posted before the end was asked for */
	return NULL;
}

int worker_start(struct worker *w, struct err *err)
{
	int code = pthread_create(&w->thread, NULL, run, w);

	if (code)
		return err_set(err, code, "", "worker %u could not be started: %s", w->index,
			       strerror(code));
	w->is_started = true;
	return 0;
}

void worker_stop(struct worker *w)
{
	if (!w->is_started)
		return;
	atomic_store_explicit(&w->must_stop, true, memory_order_release);
	env_linux_wake(w->env);
	pthread_join(w->thread, NULL);
	w->is_started = false;
}

void worker_free(struct worker *w)
{
	if (!w)
		return;
	env_linux_destroy(w->env);
	free(w);
}
