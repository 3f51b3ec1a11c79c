/* SPDX-License-Identifier: MIT */
#include "manager.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "errand.h"
#include "ring_listener.h"
#include "transfers.h"

/* A beat before the limit becomes the short one again, or the parent would count the call. */
void manager_beat_blocking(struct shared_beat *b, bool begins)
{
	atomic_fetch_add_explicit(&b->beats, 1, memory_order_relaxed);
	if (begins)
		atomic_fetch_add_explicit(&b->blocking, 1, memory_order_release);
	else
		atomic_fetch_sub_explicit(&b->blocking, 1, memory_order_release);
}

/* ---------------------------------------------------------------- tables */

struct mvolume *manager_find(const struct manager *m, const char *name)
{
	struct list_node *n;

	list_for_each (n, &m->volumes) {
		struct mvolume *mv = list_entry(n, struct mvolume, node);

		if (strcmp(mv->plan->name, name) == 0)
			return mv;
	}
	return NULL;
}

void manager_event(struct manager *m, const char *volume, const char *filter, const char *kind,
		   const char *text)
{
	events_add(m->events, "", volume, filter, kind, text);
}

void manager_datastore_event(struct manager *m, const char *datastore, const char *filter,
			     const char *kind, const char *text)
{
	events_add(m->events, datastore, "", filter, kind, text);
}

/* ---------------------------------------------------------------- start and end */

static const struct shared_quarantine *find_quarantine(const struct manager *m, const char *volume)
{
	for (uint32_t i = 0; i < SHARED_QUARANTINE_MAX; i++) {
		const struct shared_quarantine *q = &m->shared->quarantine[i];

		if (atomic_load_explicit(&q->is_set, memory_order_acquire) &&
		    strcmp(q->volume, volume) == 0)
			return q;
	}
	return NULL;
}

static void run_quarantine(struct errand *j) ON_WORKER
{
	const struct shared_quarantine *q = find_quarantine(j->manager, j->mv->plan->name);

	if (q)
		volume_quarantine(j->mv->volume, q->filter, q->text);
	errand_ended(j, 0, NULL);
}

static void start_volume(struct mvolume *mv) ON_MAIN
{
	struct errand *j;

	if (!find_quarantine(mv->manager, mv->plan->name)) {
		if (mv->plan->is_open) {
			mv->state = VOLUME_OPENING;
			manager_start_open(mv, NULL, NULL);
		}
		return;
	}
	j = errand_make(mv, run_quarantine, errand_answer, NULL, NULL);
	if (j)
		errand_start(j);
}

int manager_start(struct manager *m, uint32_t worker_count, struct plan *plan, struct err *err)
{
	struct list_node *n;
	int rc;

	m->started_ns = clock_now_ns();
	list_init(&m->datastores);
	list_init(&m->volumes);
	list_init(&m->transfers);
	manager_save_init(m);
	peers_init(&m->peers);
	plan_init(&m->plan);
	list_splice_back(&m->plan.datastores, &plan->datastores);
	list_splice_back(&m->plan.volumes, &plan->volumes);
	for (uint32_t i = 0; i < worker_count; i++) {
		rc = worker_create(i, m->shared, m->loop, &m->workers[i], err);
		if (rc)
			return rc;
		m->worker_count++;
		rc = worker_start(m->workers[i], err);
		if (rc)
			return rc;
	}
	atomic_store_explicit(&m->shared->worker_count, worker_count, memory_order_release);
	list_for_each (n, &m->plan.datastores) {
		rc = manager_make_datastore(m, list_entry(n, struct plan_datastore, node), err);
		if (rc)
			return rc;
	}
	list_for_each (n, &m->plan.volumes) {
		struct mvolume *mv =
		    manager_make_volume(m, list_entry(n, struct plan_volume, node), err);

		if (!mv)
			return -err->code;
		start_volume(mv);
	}
	return 0;
}

static void stop_check(struct manager *m)
{
	if (m->closing == 0)
		m->stopped(m->stopped_ctx);
}

static void datastore_ended(struct mdatastore *d)
{
	d->manager->closing--;
	stop_check(d->manager);
}

static void run_close(struct errand *j) ON_WORKER
{
	volume_close(j->mv->volume, errand_ended, j);
}

static void back_stopped(struct errand *j) ON_MAIN
{
	if (j->result == -EBUSY) { /* its request ends soon, then it can close */
		errand_again(j, run_close, back_stopped);
		return;
	}
	j->manager->closing--;
	stop_check(j->manager);
}

void manager_stop(struct manager *m, void (*fn)(void *ctx), void *ctx)
{
	struct list_node *n;

	m->is_stopping = true;
	m->stopped = fn;
	m->stopped_ctx = ctx;
	m->closing = 1; /* ourselves, while the lists are walked */
	list_for_each (n, &m->volumes) {
		struct errand *j = errand_make(list_entry(n, struct mvolume, node), run_close,
					       back_stopped, NULL, NULL);

		if (!j)
			continue;
		m->closing++;
		errand_start(j);
	}
	list_for_each (n, &m->datastores) {
		m->closing++;
		manager_end_datastore(list_entry(n, struct mdatastore, node), datastore_ended);
	}
	m->closing--;
	stop_check(m);
}

void manager_tell_open(const struct manager *m)
{
	const struct list_node *n;

	for (n = m->volumes.next; n != &m->volumes; n = n->next) {
		const struct mvolume *mv = list_entry(n, const struct mvolume, node);

		if (mv->state == VOLUME_CLOSED || mv->state == VOLUME_FAILED ||
		    mv->state == VOLUME_QUARANTINED)
			continue;
		log_error("volume %s is still %s: %s", mv->plan->name, volume_state_word(mv->state),
			  mv->reason[0]     ? mv->reason
			  : mv->is_changing ? "a request of it is under way"
					    : "its worker has not come to closing it");
	}
}

void manager_free(struct manager *m)
{
	for (uint32_t i = 0; i < m->worker_count; i++)
		worker_stop(m->workers[i]);
	while (!list_is_empty(&m->volumes)) {
		struct mvolume *mv = list_entry(m->volumes.next, struct mvolume, node);

		volume_destroy(mv->volume);
		manager_free_volume(mv);
	}
	while (!list_is_empty(&m->datastores))
		manager_free_datastore(list_entry(m->datastores.next, struct mdatastore, node));
	for (uint32_t i = 0; i < m->worker_count; i++)
		worker_free(m->workers[i]);
	transfers_free_all(m);
	plan_fini(&m->plan);
	peers_fini(&m->peers);
}
