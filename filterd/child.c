/* SPDX-License-Identifier: MIT */
#include "child.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cleanup.h"
#include "chain.h"
#include "clock.h"
#include "crash.h"
#include "ctl_server.h"
#include "durable.h"
#include "keyring.h"
#include "log.h"
#include "manager.h"
#include "net.h"
#include "plugin.h"
#include "requests.h"
#include "ring_listener.h"
#include "role.h"

struct child {
	const struct child_cfg *cfg;
	struct loop *loop;
	struct manager manager;
	struct net *net;
	struct ring_listener *rings;
	struct ctl_server *control;
	struct requests requests;
	struct loop_fd signals;
	struct loop_timer stop_timer;
	char *plan_folder;
	char *store_root;
	char *groups_path;
	bool is_stopping;
	bool is_closed;  /* all volumes are */
	bool is_hurried; /* the time for an orderly end is over */
};

static void volumes_closed(void *ctx)
{
	struct child *c = ctx;

	c->is_closed = true;
}

static void stop_timer_fired(struct loop_timer *t) ON_MAIN
{
	struct child *c = t->ctx;

	log_error(
	    "volumes are not closed after %u s; what initiators were told is safe, so the end comes now",
	    CHILD_STOP_MS / 1000);
	manager_tell_open(&c->manager);
	c->is_hurried = true;
}

static void stop(void *ctx) ON_MAIN
{
	struct child *c = ctx;

	if (c->is_stopping)
		return;
	c->is_stopping = true;
	log_info("stopping: volumes are drained and closed");
	atomic_store_explicit(&c->cfg->shared->is_stopping, 1, memory_order_release);
	c->stop_timer = (struct loop_timer){.fn = stop_timer_fired, .ctx = c};
	loop_timer_set(c->loop, &c->stop_timer, clock_now_ns() + CHILD_STOP_MS * CLOCK_NS_PER_MS);
	manager_stop(&c->manager, volumes_closed, c);
}

static void signal_ready(struct loop_fd *w, uint32_t events) ON_MAIN
{
	struct signalfd_siginfo info;

	if (read(w->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		stop(w->ctx);
}

static int watch_signals(struct child *c, struct err *err)
{
	sigset_t set;
	int rc;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	c->signals = (struct loop_fd){
	    .fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), .fn = signal_ready, .ctx = c};
	rc = c->signals.fd < 0 ? -errno : loop_add(c->loop, &c->signals, EPOLLIN);
	if (rc)
		return err_set(err, -rc, "", "signals cannot be watched: %s", strerror(-rc));
	return 0;
}

static void plan_damaged(void *ctx, const char *kind, const char *name, const char *text) ON_MAIN
{
	struct child *c = ctx;

	if (name[0])
		log_error("%s; %s %s is not served until it is made known again", text, kind, name);
	else
		log_error("%s; nothing is served until the volumes are made known again", text);
	manager_event(&c->manager, strcmp(kind, "volume") == 0 ? name : "", "", "plan_damaged",
		      text);
}

static int load_plan(struct child *c, struct plan *plan, struct err *err) ON_MAIN
{
	const struct plan_listener listener = {.damaged = plan_damaged, .ctx = c};
	cleanup_free char *former = NULL;

	if (asprintf(&former, "%s/plan.json", c->cfg->state_dir) < 0)
		return err_set(err, ENOMEM, "", "no memory");
	return plan_load(c->plan_folder, former, plan, &listener, err);
}

static void peer_event(void *ctx, const char *kind, const char *text) ON_MAIN
{
	struct child *c = ctx;

	manager_event(&c->manager, "", "", kind, text);
}

/* After the filters are loaded: one of them gives OpenSSL its allocator. Before the volumes. */
static int begin_net(struct child *c, struct err *err)
{
	const struct child_cfg *cfg = c->cfg;
	struct net_cfg net = {
	    .loop = c->loop, .state_dir = cfg->state_dir, .event = peer_event, .ctx = c};
	int rc = net_create(&net, &c->net, err);

	if (rc)
		return rc;
	c->manager.net = net_host(c->net);
	return net_listen(c->net, cfg->peer_listen.fds, cfg->peer_listen.count, err);
}

static int begin(struct child *c, struct err *err) ON_MAIN
{
	const struct child_cfg *cfg = c->cfg;
	struct ctl_server_cfg control = {
	    .listen_fd = cfg->control_listen_fd, .handler = requests_handle, .ctx = &c->requests};
	struct plan plan;
	int rc = loop_create(&c->loop, err);

	if (rc)
		return rc;
	if (asprintf(&c->plan_folder, "%s/plan", cfg->state_dir) < 0 ||
	    asprintf(&c->store_root, "%s/store", cfg->state_dir) < 0 ||
	    asprintf(&c->groups_path, "%s/groups", cfg->state_dir) < 0)
		return err_set(err, ENOMEM, "", "no memory");
	c->manager.loop = c->loop;
	c->manager.shared = cfg->shared;
	c->manager.plan_folder = c->plan_folder;
	c->manager.store_root = c->store_root;
	c->manager.groups_path = c->groups_path;
	c->manager.has_records = true; /* until the first look finds none */
	c->manager.keyring = cfg->keyring;
	c->manager.events = &cfg->shared->events;
	rc = plugin_load_dir(cfg->filter_dir, err);
	if (rc < 0)
		log_warn("no filters: %s", err->text);
	rc = begin_net(c, err);
	if (rc || (rc = load_plan(c, &plan, err)))
		return rc;
	rc = manager_start(&c->manager, cfg->worker_count, &plan, err);
	plan_fini(&plan);
	if (rc || (rc = ring_listener_create(&c->manager, cfg->ring_listen_fd, cfg->ring_uid,
					     &c->rings, err)))
		return rc;
	c->manager.rings = c->rings;
	c->requests =
	    (struct requests){.manager = &c->manager, .net = c->net, .shutdown = stop, .ctx = c};
	control.loop = c->loop;
	rc = ctl_server_create(&control, &c->control, err);
	return rc ? rc : watch_signals(c, err);
}

static bool is_over(const struct child *c)
{
	if (c->is_hurried)
		return true;
	return c->is_closed && ring_listener_total(c->rings) == 0 &&
	       ctl_server_unsent_bytes(c->control) == 0;
}

static void tidy_up(struct child *c) ON_MAIN
{
	loop_timer_cancel(c->loop, &c->stop_timer);
	loop_remove(c->loop, &c->signals);
	close(c->signals.fd);
	ctl_server_free(c->control);
	ring_listener_free(c->rings);
	c->manager.rings = NULL;
	net_stop(c->net);
	manager_free(&c->manager);
	net_free(c->net);
	loop_free(c->loop);
	free(c->plan_folder);
	free(c->store_root);
	free(c->groups_path);
}

enum child_end child_run(const struct child_cfg *cfg)
{
	struct child c = {.cfg = cfg};
	struct err err = {0};

	ROLE_KNOWN(role_main); /* the process was forked with this one thread */
	log_open("sluice-filterd", LOG_LEVEL_INFO);
	crash_watch(cfg->shared);
	keyring_recover(cfg->keyring);
	chain_link_logs();
	json_object_seed(0); /* once, before there are threads */
	if (begin(&c, &err) < 0) {
		log_error("cannot start: %s", err.text);
		return CHILD_CANNOT;
	}
	atomic_store_explicit(&cfg->shared->is_ready, 1, memory_order_release);
	log_info("serving, incarnation %llu, %u worker%s, %u filters",
		 (unsigned long long)atomic_load_explicit(&cfg->shared->incarnation,
							  memory_order_relaxed),
		 cfg->worker_count, cfg->worker_count == 1 ? "" : "s", plugin_count());
	while (!is_over(&c)) {
		atomic_fetch_add_explicit(&cfg->shared->main.beats, 1, memory_order_relaxed);
		loop_turn(c.loop, 100);
	}
	if (c.is_hurried)
		return CHILD_HURRIED;
	tidy_up(&c);
	log_info("stopped");
	return CHILD_STOPPED;
}
