/* SPDX-License-Identifier: MIT */
/*
 * sampler.c - the thread that measures: each second filterd's counters into figures, what filters
 * say of whole datastores, and filterd's events into the database; each five seconds tgtd's
 * sessions and the alert rules; each ten the history.
 *
 * What is published (figures, sessions) is copied by its readers under the lock: counting
 * references to one document from two threads is not safe in jansson. A part that fails is logged
 * and tried again a second later; it does not stop the others.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "alert_rows.h"
#include "alert_watch.h"
#include "clock.h"
#include "ctl_client.h"
#include "events_feed.h"
#include "figures.h"
#include "filters_feed.h"
#include "history_feed.h"
#include "json.h"
#include "log.h"
#include "notice.h"
#include "reconciler.h"
#include "store_link.h"

#define STEP_MS    1000u
#define TIMEOUT_MS 3000u
#define PAGE       200 /* volumes in one answer */

struct sampler {
	struct apply_cfg cfg; /* const after start */
	pthread_t thread;
	pthread_mutex_t
	    lock; /* the documents below, while they are changed or copied; is_stopping */
	pthread_cond_t stopped;
	bool is_stopping;
	json_t *figures, *sessions, *datastores, *chains;
	json_t *asked;        /* {volume: true}: whose chain somebody wants to see */
	struct notice notice; /* any */
	/* the thread's own */
	struct store *store;
	struct ctl_client filterd;
	struct figures rates;
	struct filters_feed filters;
	struct history_feed history;
	struct alert_watch alerts;
	struct log_limit complaints;
	json_int_t tgtd_pid;
	uint64_t watched_ns; /* when tgtd and the rules were last looked at */
};

static void complain(struct sampler *s, const char *what, const struct err *err)
{
	if (log_limit_pass(&s->complaints, 1))
		log_warn("sampler: %s: %s", what, err->text);
}

/* ---------------------------------------------------------------- filterd */

/* All volumes' counters, page by page. New reference; NULL: filterd does not answer. */
static json_t *counters(struct sampler *s, struct err *err)
{
	cleanup_json json_t *all = json_array(), *answer = NULL;
	const char *after = "";

	do {
		cleanup_json json_t *request = json_pack("{s:s, s:s, s:i}", "request", "figures",
							 "after", after, "limit", PAGE);
		json_t *page = ctl_client_ask(&s->filterd, request, -1, err);

		json_decref(answer);
		answer = page;
		if (!answer)
			return NULL;
		json_array_extend(all, json_object_get(answer, "volumes"));
		after = json_string_value(json_object_get(answer, "next"));
	} while (after);
	return json_incref(all);
}

static void publish(struct sampler *s, json_t **where, json_t *document)
{
	json_t *old;

	pthread_mutex_lock(&s->lock);
	old = *where;
	*where = document;
	pthread_mutex_unlock(&s->lock);
	json_decref(old);
}

/* For other threads. */
static json_t *published(struct sampler *s, json_t **where)
{
	json_t *copy;

	pthread_mutex_lock(&s->lock);
	copy = json_deep_copy(*where);
	pthread_mutex_unlock(&s->lock);
	return copy;
}

static void publish_figures(struct sampler *s, json_t *figures)
{
	json_object_set_new(figures, "at_ms", json_integer((json_int_t)clock_wall_ms()));
	publish(s, &s->figures, figures);
}

static void note_history(struct sampler *s, const json_t *volumes)
{
	struct err err;
	cleanup_json json_t *rows = NULL;
	int64_t wall_ms = (int64_t)clock_wall_ms();

	if (!history_feed_is_due(&s->history, wall_ms))
		return;
	rows = alert_rows_all(s->store, &table_volumes, &err);
	if (!rows ||
	    history_feed_step(&s->history, volumes, rows, clock_now_ns(), wall_ms, &err) < 0)
		complain(s, "the history", &err);
}

static void sample(struct sampler *s)
{
	struct err err;
	cleanup_json json_t *volumes = counters(s, &err);

	if (!volumes) {
		/* The reconciler says that filterd is down; here it means no figures. */
		figures_clear(&s->rates);
		publish_figures(s, figures_none());
		return;
	}
	publish_figures(s, figures_step(&s->rates, volumes, clock_now_ns()));
	note_history(s, volumes);
}

/* What filters say of themselves: of whole datastores, and in volumes' chains. */
static void look_at_filters(struct sampler *s)
{
	struct err err = {0};
	cleanup_json json_t *asked = NULL;
	json_t *datastores, *chains;

	pthread_mutex_lock(&s->lock);
	asked = json_deep_copy(s->asked);
	json_object_clear(s->asked);
	pthread_mutex_unlock(&s->lock);
	datastores = filters_feed_datastores(s->store, &s->filterd, &err);
	chains = filters_feed_chains(&s->filters, s->store, &s->filterd, asked, &err);
	if (err.code)
		complain(s, "the filters", &err);
	publish(s, &s->datastores, datastores);
	publish(s, &s->chains, chains);
}

static void pull_events(struct sampler *s)
{
	struct err err;
	uint32_t added = 0;

	if (s->filterd.fd < 0)
		return;
	if (events_feed_pull(s->store, &s->filterd, &added, &err) < 0)
		complain(s, "sluice-filterd's events", &err);
}

/* ---------------------------------------------------------------- tgtd */

static const json_t *host_of(const json_t *hosts, const char *initiator)
{
	const json_t *h;
	size_t i;

	json_array_foreach(hosts, i, h)
	{
		const char *iqn = json_string_value(json_object_get(h, "iqn"));

		if (iqn && strcasecmp(iqn, initiator) == 0)
			return json_object_get(h, "name");
	}
	return NULL;
}

/* The volume whose target it is: the LUN's path is its name. */
static const json_t *volume_of(const json_t *target)
{
	const json_t *luns = json_object_get(target, "luns"), *l;
	size_t i;

	json_array_foreach(luns, i, l)
	{
		const char *type = json_string_value(json_object_get(l, "bstype"));

		if (type && strcmp(type, "sluice") == 0)
			return json_object_get(l, "path");
	}
	return NULL;
}

static void add_sessions(json_t *out, const json_t *target, const json_t *hosts)
{
	const json_t *s, *volume = volume_of(target);
	size_t i;

	json_array_foreach(json_object_get(target, "sessions"), i, s)
	{
		const char *initiator = json_string_value(json_object_get(s, "initiator"));
		const json_t *host = initiator ? host_of(hosts, initiator) : NULL;
		json_t *line = json_object();

		json_object_set_new(line, "volume",
				    volume ? json_incref((json_t *)volume) : json_null());
		json_object_set(line, "iqn", json_object_get(target, "iqn"));
		json_object_set(line, "tid", json_object_get(target, "tid"));
		json_object_update_missing(line, (json_t *)s);
		json_object_set_new(line, "host", host ? json_incref((json_t *)host) : json_null());
		json_array_append_new(out, line);
	}
}

static json_t *sessions_of(struct sampler *s, const json_t *tgtd)
{
	const json_t *target;
	json_t *out = json_array();
	cleanup_json json_t *hosts = NULL;
	struct err err;
	size_t i;

	json_array_foreach(json_object_get(tgtd, "targets"), i, target)
	{
		if (json_array_size(json_object_get(target, "sessions")) == 0)
			continue;
		if (!hosts)
			hosts = alert_rows_all(s->store, &table_hosts, &err);
		add_sessions(out, target, hosts);
	}
	return out;
}

static void tgtd_restarted(struct sampler *s, json_int_t pid)
{
	struct err err;
	int64_t id = -EIO;
	int rc = store_begin(s->store, &err);

	if (rc == 0)
		id = store_event_add(s->store, "error", "daemon.restarted", "daemon", "tgtd",
				     "tgtd was restarted; its targets are being made again", NULL,
				     &err);
	if (rc == 0 && id > 0)
		rc = store_commit(s->store, &err);
	if (rc < 0 || id < 0) {
		store_rollback(s->store);
		complain(s, "an event", &err);
		return; /* the next round sees the same */
	}
	s->tgtd_pid = pid;
}

static void look_at_tgtd(struct sampler *s, const json_t *running)
{
	const json_t *tgtd = json_object_get(running, "tgtd");
	json_int_t pid = json_integer_value(json_object_get(tgtd, "pid"));

	publish(s, &s->sessions, sessions_of(s, tgtd));
	if (pid > 0 && s->tgtd_pid > 0 && pid != s->tgtd_pid)
		tgtd_restarted(s, pid);
	else if (pid > 0)
		s->tgtd_pid = pid;
}

/* ---------------------------------------------------------------- the thread */

/* Each few seconds: tgtd is not looked at more often, and no alert is in such a hurry. */
static void watch(struct sampler *s)
{
	cleanup_json json_t *running = NULL;
	uint64_t now_ns = clock_now_ns();
	uint32_t changed = 0;
	struct err err;

	if (s->watched_ns && now_ns - s->watched_ns < ALERT_WATCH_STEP_S * CLOCK_NS_PER_S)
		return;
	s->watched_ns = now_ns;
	running = s->cfg.reconciler ? reconciler_running(s->cfg.reconciler) : json_object();
	look_at_tgtd(s, running);
	/* Only this thread changes s->figures and s->chains, so it reads them without the lock. A
	 * filterd that is down says nothing of its filters, which is not that all is well. */
	if (alert_watch_step(&s->alerts, s->store, s->figures, s->filterd.fd < 0 ? NULL : s->chains,
			     running, (int64_t)clock_wall_ms(), &changed, &err) < 0)
		complain(s, "the alerts", &err);
}

static bool wait_step(struct sampler *s)
{
	struct timespec until;
	uint64_t ns = clock_now_ns() + STEP_MS * CLOCK_NS_PER_MS;
	bool is_stopping;

	until.tv_sec = (time_t)(ns / CLOCK_NS_PER_S);
	until.tv_nsec = (long)(ns % CLOCK_NS_PER_S);
	pthread_mutex_lock(&s->lock);
	while (!s->is_stopping)
		if (pthread_cond_timedwait(&s->stopped, &s->lock, &until) == ETIMEDOUT)
			break;
	is_stopping = s->is_stopping;
	pthread_mutex_unlock(&s->lock);
	return !is_stopping;
}

static void *run(void *arg)
{
	struct sampler *s = arg;

	do {
		sample(s);
		look_at_filters(s);
		pull_events(s);
		watch(s);
		notice_post(&s->notice);
	} while (wait_step(s));
	return NULL;
}

static int open_parts(struct sampler *s, struct err *err)
{
	int rc = store_open(s->cfg.db_path, s->cfg.backup_dir, false, &s->store, err);

	if (rc == 0)
		rc = alert_watch_install(s->store, err);
	if (rc == 0)
		rc = history_feed_open(&s->history, s->cfg.history_path, err);
	if (rc == 0)
		rc = ctl_client_init(&s->filterd, s->cfg.filterd_socket, "sluice-filterd",
				     TIMEOUT_MS, err);
	return rc;
}

static void close_parts(struct sampler *s)
{
	if (s->filterd.path)
		ctl_client_fini(&s->filterd);
	history_feed_close(&s->history);
	alert_watch_free(&s->alerts);
	figures_clear(&s->rates);
	store_close(s->store);
	json_decref(s->figures);
	json_decref(s->sessions);
	json_decref(s->datastores);
	json_decref(s->chains);
	json_decref(s->asked);
	filters_feed_free(&s->filters);
	pthread_cond_destroy(&s->stopped);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

int sampler_start(const struct apply_cfg *cfg, struct sampler **out, struct err *err)
{
	struct sampler *s = calloc(1, sizeof(*s));
	pthread_condattr_t attr;
	int rc;

	if (!s)
		return err_set(err, ENOMEM, "", "no memory for the sampler");
	s->cfg = *cfg;
	s->filterd.fd = -1;
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->stopped, &attr);
	pthread_condattr_destroy(&attr);
	s->figures = figures_none();
	json_object_set_new(s->figures, "at_ms", json_integer(0));
	s->sessions = json_array();
	s->datastores = json_object();
	s->chains = json_object();
	s->asked = json_object();
	notice_init(&s->notice, cfg->loop, cfg->changed_fn, cfg->ctx);
	rc = open_parts(s, err);
	if (rc == 0 && pthread_create(&s->thread, NULL, run, s) != 0)
		rc = err_set(err, EAGAIN, "", "cannot start the sampler's thread");
	if (rc < 0) {
		close_parts(s);
		return rc;
	}
	*out = s;
	return 0;
}

void sampler_stop(struct sampler *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	s->is_stopping = true;
	pthread_cond_signal(&s->stopped);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	notice_drain(&s->notice);
	close_parts(s);
}

json_t *sampler_figures(struct sampler *s)
{
	return published(s, &s->figures);
}

json_t *sampler_datastores(struct sampler *s)
{
	return published(s, &s->datastores);
}

json_t *sampler_chains(struct sampler *s)
{
	return published(s, &s->chains);
}

json_t *sampler_chain(struct sampler *s, const char *volume)
{
	json_t *copy;

	pthread_mutex_lock(&s->lock);
	copy = json_deep_copy(json_object_get(s->chains, volume));
	json_object_set_new(s->asked, volume, json_true());
	pthread_mutex_unlock(&s->lock);
	return copy;
}

json_t *sampler_sessions(struct sampler *s)
{
	return published(s, &s->sessions);
}
