/* SPDX-License-Identifier: MIT */
/*
 * reconciler.c - the thread: when to look, what to do with a failure.
 *
 *   wake, news of a daemon, a failure's time, 30 s ─▶ round ─▶ pass, pass, ... until nothing is
 *                                                            left that is worth a try now
 *   pass: tasks, desired ─▶ observe ─▶ plan ─▶ steps ─▶ plan again from what is then ─▶ note
 *
 * A pass takes nothing for done because it was asked for: what counts is what the next pass sees,
 * so a round that was cut short anywhere, by a crash of anybody, is simply begun anew. The
 * transaction that notes is short; no daemon is spoken to while it is open.
 *
 * Thread: its own; the functions of reconciler.h main's. What both touch is under lock.
 */
#include "reconciler.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "apply_failures.h"
#include "clock.h"
#include "fd.h"
#include "json.h"
#include "log.h"
#include "notice.h"
#include "observe.h"
#include "outcome.h"
#include "pass.h"
#include "store.h"

#define LOOK_MS        5000u
#define LOOK_DOWN_MS   1000u /* while a daemon is down */
#define WHOLE_MS       30000u
#define STORE_RETRY_MS 1000u
#define PASSES_MAX     64u
#define SLOW_LOOK_MS   2000u /* while a slow step is under way: how much of it is left */

struct reconciler {
	struct apply_cfg cfg;
	struct notice notice;
	pthread_t thread;
	int event_fd; /* woken, or to stop */
	atomic_bool is_stopping, is_woken;
	struct pass pass;  /* the thread's */
	uint64_t last_ns;  /* of the last round; the thread's */
	uint64_t again_ns; /* the database was busy or full: then; 0: it was not */
	struct log_limit log_limit;
	atomic_uint wakes;      /* how often anybody said that something has changed */
	atomic_uint wakes_seen; /* so many of them has a whole round looked at */
	pthread_mutex_t lock;
	json_t *running; /* lock */
	json_t *health;  /* lock */
};

/* ---------------------------------------------------------------- what others may read */

static void publish(struct reconciler *r)
{
	json_t *health = pass_health(&r->pass), *old[2];

	pthread_mutex_lock(&r->lock);
	old[0] = r->running;
	old[1] = r->health;
	r->running = json_incref(r->pass.running);
	r->health = health;
	pthread_mutex_unlock(&r->lock);
	json_decref(old[0]);
	json_decref(old[1]);
}

/* Whole: counting references to one document from two threads is not safe in jansson. */
static json_t *copy(struct reconciler *r, json_t *const *what)
{
	json_t *j;

	pthread_mutex_lock(&r->lock);
	j = *what ? json_deep_copy(*what) : json_object();
	pthread_mutex_unlock(&r->lock);
	return j;
}

json_t *reconciler_running(struct reconciler *r)
{
	return copy(r, &r->running);
}

/* The one whose member is this text; borrowed, with the lock held. */
static const json_t *find(const struct reconciler *r, const char *daemon, const char *list,
			  const char *member, const char *text)
{
	const json_t *all = json_object_get(json_object_get(r->running, daemon), list), *one;
	size_t i;

	json_array_foreach(all, i, one)
	{
		const char *is = json_string_value(json_object_get(one, member));

		if (is && strcasecmp(is, text) == 0)
			return one;
	}
	return NULL;
}

uint64_t reconciler_tid(struct reconciler *r, const char *iqn)
{
	json_int_t tid;

	pthread_mutex_lock(&r->lock);
	tid = json_integer_value(json_object_get(find(r, "tgtd", "targets", "iqn", iqn), "tid"));
	pthread_mutex_unlock(&r->lock);
	return tid > 0 ? (uint64_t)tid : 0;
}

json_t *reconciler_volume(struct reconciler *r, const char *name)
{
	json_t *copied;

	pthread_mutex_lock(&r->lock);
	copied = json_deep_copy(find(r, "filterd", "volumes", "name", name));
	pthread_mutex_unlock(&r->lock);
	return copied;
}

/* What was changed and not looked at yet is pending, too: who has just changed something must not
 * read of a time before. */
json_t *reconciler_health(struct reconciler *r)
{
	unsigned seen = atomic_load_explicit(&r->wakes_seen, memory_order_acquire);
	cleanup_json json_t *last = copy(r, &r->health);
	json_t *health = json_copy(last);

	if (seen != atomic_load_explicit(&r->wakes, memory_order_acquire) &&
	    json_integer_value(json_object_get(health, "pending")) == 0)
		json_object_set_new(health, "pending", json_integer(1));
	return health;
}

/* ---------------------------------------------------------------- rounds */

static bool must_stop(void *ctx)
{
	struct reconciler *r = ctx;

	return atomic_load_explicit(&r->is_stopping, memory_order_acquire);
}

static void wake(void *ctx)
{
	reconciler_wake(ctx);
}

static void round_run(struct reconciler *r)
{
	unsigned wakes = atomic_load_explicit(&r->wakes, memory_order_acquire);
	enum pass_result result = PASS_AGAIN;
	struct err err = {0};

	r->again_ns = 0;
	pass_round_begin(&r->pass);
	for (uint32_t i = 0; i < PASSES_MAX && result == PASS_AGAIN && !must_stop(r); i++) {
		result = pass_run(&r->pass, &err);
		if (result == PASS_FAILED)
			break;
		publish(r);
		if (r->pass.outcome.has_changed)
			notice_post(&r->notice);
	}
	if (result == PASS_FAILED) {
		if (log_limit_pass(&r->log_limit, 1))
			log_error("reconciler: %s", err.text);
		r->again_ns = clock_now_ns() + STORE_RETRY_MS * CLOCK_NS_PER_MS;
	} else if (result == PASS_AGAIN || r->pass.outcome.must_look) {
		r->again_ns = clock_now_ns() + STORE_RETRY_MS * CLOCK_NS_PER_MS;
	}
	if (result == PASS_DONE)
		atomic_store_explicit(&r->wakes_seen, wakes, memory_order_release);
	r->last_ns = clock_now_ns();
}

/* Until woken, or the next look. */
static void sleep_until(struct reconciler *r, uint64_t deadline_ns)
{
	uint64_t now_ns = clock_now_ns();
	struct pollfd p = {.fd = r->event_fd, .events = POLLIN};
	int ms = deadline_ns > now_ns ? (int)((deadline_ns - now_ns) / CLOCK_NS_PER_MS) + 1 : 0;

	if (poll(&p, 1, ms) > 0)
		fd_event_take(r->event_fd);
}

static uint64_t lesser(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t look_ms(const struct reconciler *r)
{
	const struct observer *o = &r->pass.observer;

	return o->filterd.is_up && o->tgtd.is_up ? LOOK_MS : LOOK_DOWN_MS;
}

/* Sleeps until there is a reason for a round. */
static void wait_for_reason(struct reconciler *r)
{
	uint64_t look_ns = clock_now_ns() + look_ms(r) * CLOCK_NS_PER_MS;

	while (!must_stop(r)) {
		uint64_t now_ns = clock_now_ns();
		uint64_t retry_ns = r->again_ns ? r->again_ns : failures_next_ns(r->pass.failures);
		uint64_t whole_ns =
		    r->last_ns + (r->pass.slow.count ? SLOW_LOOK_MS : WHOLE_MS) * CLOCK_NS_PER_MS;

		if (atomic_exchange_explicit(&r->is_woken, false, memory_order_acq_rel)) {
			failures_hurry(r->pass.failures);
			return;
		}
		if (now_ns >= retry_ns || now_ns >= whole_ns)
			return;
		if (now_ns >= look_ns) {
			if (observer_has_news(&r->pass.observer)) {
				failures_hurry(r->pass.failures);
				return;
			}
			look_ns = clock_now_ns() + look_ms(r) * CLOCK_NS_PER_MS;
		}
		sleep_until(r, lesser(look_ns, lesser(retry_ns, whole_ns)));
	}
}

static void *run(void *arg)
{
	struct reconciler *r = arg;

	while (!must_stop(r)) {
		round_run(r);
		wait_for_reason(r);
	}
	return NULL;
}

/* ---------------------------------------------------------------- life */

static void release(struct reconciler *r)
{
	pass_fini(&r->pass);
	json_decref(r->running);
	json_decref(r->health);
	pthread_mutex_destroy(&r->lock);
	fd_close(&r->event_fd);
	free(r);
}

int reconciler_start(const struct apply_cfg *cfg, struct reconciler **out, struct err *err)
{
	struct reconciler *r = calloc(1, sizeof(*r));
	int rc;

	if (!r)
		return err_set(err, ENOMEM, "", "no memory for the reconciler");
	r->cfg = *cfg;
	atomic_init(&r->wakes, 1); /* the start itself */
	pthread_mutex_init(&r->lock, NULL);
	notice_init(&r->notice, cfg->loop, cfg->changed_fn, cfg->ctx);
	r->event_fd = fd_event_create();
	rc = r->event_fd < 0 ? err_set(err, -r->event_fd, "", "no eventfd for the reconciler") : 0;
	if (rc == 0)
		rc = pass_init(&r->pass, &r->cfg, must_stop, wake, r, err);
	if (rc == 0) {
		rc = -pthread_create(&r->thread, NULL, run, r);
		if (rc)
			err_set(err, -rc, "", "no thread for the reconciler: %s", strerror(-rc));
	}
	if (rc) {
		release(r);
		return rc;
	}
	*out = r;
	return 0;
}

void reconciler_wake(struct reconciler *r)
{
	if (!r)
		return;
	atomic_fetch_add_explicit(&r->wakes, 1, memory_order_acq_rel);
	atomic_store_explicit(&r->is_woken, true, memory_order_release);
	fd_event_signal(r->event_fd);
}

void reconciler_stop(struct reconciler *r)
{
	if (!r)
		return;
	atomic_store_explicit(&r->is_stopping, true, memory_order_release);
	fd_event_signal(r->event_fd);
	pthread_join(r->thread, NULL);
	notice_drain(&r->notice);
	release(r);
}
