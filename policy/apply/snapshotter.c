/* SPDX-License-Identifier: MIT */
/* snapshotter.c - see snapshotter.h: the thread, its rounds and its life. */
#include "snapshotter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "calendar.h"
#include "clock.h"
#include "json.h"
#include "snapshotter_int.h"
#include "store_link.h"
#include "store_snapshots.h"

#define LOOK_MS    500u
#define FILTERD_MS 15000u

void snapshotter_name(const char *volume, const char *snapshot, char out[SNAPSHOTTER_NAME_BYTES])
{
	snprintf(out, SNAPSHOTTER_NAME_BYTES, "%.80s@%.80s", volume, snapshot);
}

/* ---------------------------------------------------------------- what the files share */

const json_t *snapshotter_list(struct snapshotter *n, const char *volume, struct err *err)
{
	const json_t *known = json_object_get(n->lists, volume);
	cleanup_json json_t *q = NULL;
	json_t *answer;

	*err = (struct err){0};
	if (known)
		return json_is_object(known) ? known : NULL;
	q = json_pack("{s:s}", "volume", volume);
	answer = filterd_ask(&n->filterd, "snapshot.list", q, err);
	json_object_set_new(n->lists, volume, answer ? answer : json_null());
	return answer;
}

const json_t *snapshotter_item(const json_t *list, const char *uuid)
{
	const json_t *item;
	size_t i;

	json_array_foreach(json_object_get(list, "items"), i, item)
	{
		if (notes_is(item, "snapshot", uuid))
			return item;
	}
	return NULL;
}

json_t *snapshotter_row(struct snapshotter *n, const char *uuid)
{
	struct err err;

	return store_get(n->notes.store, &table_snapshots, uuid, &err);
}

static int drop_group_if_empty(struct snapshotter *n, const char *group, struct err *err)
{
	int64_t id = *group ? store_id_of(n->notes.store, &table_snapshot_groups, group, err) : 0;
	cleanup_json json_t *left =
	    id ? store_snapshots_of_group(n->notes.store, id, err) : json_array();

	if (!left)
		return -err->code;
	if (!id || json_array_size(left) > 0)
		return 0;
	return store_delete(n->notes.store, &table_snapshot_groups, id, 0, err);
}

int snapshotter_drop(struct snapshotter *n, const json_t *row, struct err *err)
{
	int rc = store_begin(n->notes.store, err);

	if (rc)
		return rc;
	rc = store_delete(n->notes.store, &table_snapshots, notes_number(row, "id"), 0, err);
	if (rc == 0)
		rc = drop_group_if_empty(n, notes_text(row, "group"), err);
	return notes_settle(&n->notes, rc, err);
}

json_t *snapshotter_volume(struct snapshotter *n, const char *volume)
{
	json_t *known;

	if (!n)
		return NULL;
	pthread_mutex_lock(&n->lock);
	known = json_deep_copy(json_object_get(n->volumes, volume));
	pthread_mutex_unlock(&n->lock);
	return known;
}

/* ---------------------------------------------------------------- rounds */

static bool wait_a_moment(struct snapshotter *n)
{
	uint64_t until_ns = clock_now_ns() + LOOK_MS * CLOCK_NS_PER_MS;
	struct timespec until = {.tv_sec = (time_t)(until_ns / CLOCK_NS_PER_S),
				 .tv_nsec = (long)(until_ns % CLOCK_NS_PER_S)};
	bool is_stopping;

	pthread_mutex_lock(&n->lock);
	if (!n->is_stopping && !n->is_woken)
		pthread_cond_timedwait(&n->cond, &n->lock, &until);
	n->is_woken = false;
	is_stopping = n->is_stopping;
	pthread_mutex_unlock(&n->lock);
	return !is_stopping;
}

static void *run(void *arg)
{
	struct snapshotter *n = arg;

	do {
		json_object_clear(n->lists);
		json_array_clear(n->waiting);
		json_array_clear(n->deleting);
		n->notes.has_changed = false;
		asks_reap(&n->asks, snapshotter_ended, n);
		snapshotter_schedules_round(n);
		snapshotter_tasks_round(n);
		snapshotter_sync_round(n);
		if (n->notes.has_changed)
			notice_post(&n->notice);
	} while (wait_a_moment(n));
	return NULL;
}

/* ---------------------------------------------------------------- life */

static void wake(void *ctx)
{
	snapshotter_wake(ctx);
}

void snapshotter_wake(struct snapshotter *n)
{
	if (!n)
		return;
	pthread_mutex_lock(&n->lock);
	n->is_woken = true;
	pthread_cond_signal(&n->cond);
	pthread_mutex_unlock(&n->lock);
}

static uint64_t wall_clock(void)
{
	return clock_wall_ms();
}

static void prepare(struct snapshotter *n, const struct apply_cfg *cfg, uint64_t (*now_ms)(void))
{
	pthread_condattr_t attr;

	n->cfg = *cfg;
	n->now_ms = now_ms ? now_ms : wall_clock;
	n->volumes = json_object();
	n->lists = json_object();
	n->later = json_object();
	n->waiting = json_array();
	n->deleting = json_array();
	calendar_begin();
	notice_init(&n->notice, cfg->loop, cfg->changed_fn, cfg->ctx);
	asks_init(&n->asks, cfg->filterd_socket, wake, n);
	pthread_mutex_init(&n->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&n->cond, &attr);
	pthread_condattr_destroy(&attr);
}

int snapshotter_start(const struct apply_cfg *cfg, uint64_t (*now_ms)(void),
		      struct snapshotter **out, struct err *err)
{
	struct snapshotter *n = calloc(1, sizeof(*n));
	int rc;

	if (!n)
		return err_set(err, ENOMEM, "", "no memory for snapshots");
	prepare(n, cfg, now_ms);
	rc = filterd_client_init(&n->filterd, cfg->filterd_socket, FILTERD_MS, err);
	if (rc == 0)
		rc = store_open(cfg->db_path, cfg->backup_dir, false, &n->notes.store, err);
	if (rc == 0) {
		n->has_thread = pthread_create(&n->thread, NULL, run, n) == 0;
		if (!n->has_thread)
			rc = err_set(err, EAGAIN, "", "no thread for snapshots");
	}
	if (rc == 0)
		*out = n;
	else
		snapshotter_stop(n);
	return rc;
}

void snapshotter_stop(struct snapshotter *n)
{
	if (!n)
		return;
	pthread_mutex_lock(&n->lock);
	n->is_stopping = true;
	pthread_cond_signal(&n->cond);
	pthread_mutex_unlock(&n->lock);
	if (n->has_thread)
		pthread_join(n->thread, NULL);
	asks_fini(&n->asks); /* its threads wake this one */
	notice_drain(&n->notice);
	if (n->filterd.ctl.path)
		filterd_client_fini(&n->filterd);
	store_close(n->notes.store);
	json_decref(n->volumes);
	json_decref(n->lists);
	json_decref(n->later);
	json_decref(n->waiting);
	json_decref(n->deleting);
	pthread_cond_destroy(&n->cond);
	pthread_mutex_destroy(&n->lock);
	free(n);
}
