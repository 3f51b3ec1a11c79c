/* SPDX-License-Identifier: MIT */
/*
 * main.c - sluice-policyd: its parts in the order in which they need one another, and the end.
 *
 *   options -> lock -> seal key, database -> sockets -> confinement -> threads -> serve
 *
 * Sockets and files are opened before the confinement, threads are made after it.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "app.h"
#include "auth.h"
#include "clock.h"
#include "confine.h"
#include "durable.h"
#include "fd.h"
#include "history.h"
#include "keys.h"
#include "keys_feed.h"
#include "log.h"
#include "notice.h"
#include "options.h"
#include "replicator.h"
#include "snapshotter.h"
#include "samples.h"
#include "server.h"
#include "setup.h"
#include "sse.h"
#include "store_link.h"
#include "transfer.h"
#include "webhook.h"

#define CLEAN_S   3600u /* old rows go out */
#define SAMPLES_S 10u   /* bundled policies are looked at so often at most */
#define END_S     20u   /* after SIGTERM; passwords may be at work on a busy machine */

struct policyd {
	struct options options;
	struct apply_cfg cfg;
	struct app app;
	int lock_fd;
	struct loop_fd signals;
	struct loop_timer clean, watchdog, samples;
	uint64_t watchdog_us;
	struct notice keys_notice;
	struct keys_feed *keys_feed;
	bool is_ending;
};

/* ---------------------------------------------------------------- timers, signals */

static void on_signal(struct loop_fd *w, uint32_t events)
{
	struct policyd *p = w->ctx;
	struct signalfd_siginfo info;

	if (read(w->fd, &info, sizeof(info)) == sizeof(info)) {
		log_info("ends: signal %u", info.ssi_signo);
		p->is_ending = true;
	}
}

static void on_clean(struct loop_timer *t)
{
	struct policyd *p = t->ctx;
	struct err err = {0};

	if (store_begin(p->app.store, &err) < 0 || store_clean(p->app.store, &err) < 0 ||
	    store_commit(p->app.store, &err) < 0) {
		store_rollback(p->app.store);
		log_warn("old rows stay: %s", err.text);
	}
	loop_timer_set(p->app.loop, t, clock_now_ns() + CLEAN_S * CLOCK_NS_PER_S);
}

static void on_watchdog(struct loop_timer *t)
{
	struct policyd *p = t->ctx;

	sd_notify(0, "WATCHDOG=1");
	loop_timer_set(p->app.loop, t, clock_now_ns() + p->watchdog_us / 2 * CLOCK_NS_PER_US);
}

static void on_samples(struct loop_timer *t)
{
	struct policyd *p = t->ctx;
	struct err err = {0};

	if (samples_load(p->app.store, p->options.samples_dir, &err) < 0)
		log_warn("bundled policies: %s", err.text);
}

/* The reconciler or the sampler has noted something. */
static void on_changed(void *ctx)
{
	struct policyd *p = ctx;

	if (p->app.sse)
		sse_poke(p->app.sse);
	/* filters may have come: with them the policies that need them */
	if (!p->samples.is_set && !p->is_ending)
		loop_timer_set(p->app.loop, &p->samples,
			       clock_now_ns() + SAMPLES_S * CLOCK_NS_PER_S);
}

static int start_signals(struct policyd *p, struct err *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	p->signals.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	p->signals.fn = on_signal;
	p->signals.ctx = p;
	if (p->signals.fd < 0 || loop_add(p->app.loop, &p->signals, EPOLLIN) < 0)
		return err_set(err, errno, "", "no descriptor for signals: %s", strerror(errno));
	return 0;
}

static void start_timers(struct policyd *p)
{
	p->clean = (struct loop_timer){.fn = on_clean, .ctx = p};
	p->samples = (struct loop_timer){.fn = on_samples, .ctx = p};
	p->watchdog = (struct loop_timer){.fn = on_watchdog, .ctx = p};
	loop_timer_set(p->app.loop, &p->clean, clock_now_ns());
	loop_timer_set(p->app.loop, &p->samples, clock_now_ns());
	if (sd_watchdog_enabled(0, &p->watchdog_us) > 0)
		loop_timer_set(p->app.loop, &p->watchdog, clock_now_ns());
}

/* ---------------------------------------------------------------- start */

static int take_lock(struct policyd *p, struct err *err)
{
	const char *path = p->options.lock_path;

	p->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (p->lock_fd < 0)
		return err_set(err, errno, "", "%s: %s", path, strerror(errno));
	if (flock(p->lock_fd, LOCK_EX | LOCK_NB) < 0)
		return err_set(err, EBUSY, "", "another sluice-policyd runs in %s: stop it first",
			       p->options.run_dir);
	return 0;
}

static int make_folders(const struct options *o, struct err *err)
{
	const char *const folders[] = {o->run_dir, o->state_dir, o->backup_dir, o->transfer_dir};

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		if (durable_mkdir(folders[i], err) < 0)
			return -err->code;
	return 0;
}

static void fill(struct policyd *p)
{
	const struct options *o = &p->options;

	p->cfg = (struct apply_cfg){
	    .db_path = o->db_path,
	    .backup_dir = o->backup_dir,
	    .history_path = o->history_path,
	    .filterd_socket = o->filterd_socket,
	    .ring_socket = o->ring_socket,
	    .tgt_socket = o->tgt_socket,
	    .iqn_base = o->iqn_base,
	    .transfer_dir = o->transfer_dir,
	    .sealer = p->app.sealer,
	    .loop = p->app.loop,
	    .changed_fn = on_changed,
	    .ctx = p,
	};
	p->app.cfg = &p->cfg;
	p->app.run_dir = o->run_dir;
	p->app.state_dir = o->state_dir;
	p->app.backup_dir = o->backup_dir;
	p->app.transfer_dir = o->transfer_dir;
	p->app.egress_socket = o->egress_socket;
	p->app.samples_dir = o->samples_dir;
	p->app.started_ns = clock_now_ns();
}

static int open_state(struct policyd *p, struct err *err)
{
	const struct options *o = &p->options;
	/* without the key the secrets of an existing database cannot be read: a new key is for a
	 * new database only */
	bool is_new = access(o->db_path, F_OK) != 0;
	int rc = sealer_open(o->seal_path, is_new, &p->app.sealer, err);

	if (rc == 0)
		rc = store_open(o->db_path, o->backup_dir, true, &p->app.store, err);
	if (rc == 0)
		rc = history_open(o->history_path, &p->app.history, err);
	return rc;
}

static int start_sockets(struct policyd *p, struct err *err)
{
	const struct server_cfg cfg = {
	    .app = &p->app,
	    .local_path = p->options.local_path,
	    .web_path = p->options.web_path,
	    .web_uid = p->options.web_uid,
	    .web_gid = p->options.web_gid,
	};

	return server_start(&cfg, &p->app.http, err);
}

/* A worker of a key provider has noted something. */
static void on_keys_changed(void *ctx)
{
	struct policyd *p = ctx;

	notice_post(&p->keys_notice);
}

static int start_keys(struct policyd *p, struct err *err)
{
	const struct keys_cfg cfg = {
	    .db_path = p->options.db_path,
	    .backup_dir = p->options.backup_dir,
	    .keys_dir = p->options.keys_dir,
	    .transfer_dir = p->options.transfer_dir,
	    .credentials_dir = getenv("CREDENTIALS_DIRECTORY"),
	    .egress_socket = p->options.egress_socket,
	    .sealer = p->app.sealer,
	    .changed_fn = on_keys_changed,
	    .ctx = p,
	};

	notice_init(&p->keys_notice, p->app.loop, on_changed, p);
	return keys_start(&cfg, &p->app.keys, err);
}

static int start_threads(struct policyd *p, struct err *err)
{
	const struct webhook_cfg webhooks = {
	    .db_path = p->options.db_path,
	    .backup_dir = p->options.backup_dir,
	    .egress_socket = p->options.egress_socket,
	    .sealer = p->app.sealer,
	};
	int rc = auth_start(p->app.loop, p->app.store, PASSWORD_LOG_N, &p->app.auth, err);

	if (rc == 0)
		rc = sse_create(&p->app, &p->app.sse, err);
	if (rc == 0)
		rc = start_keys(p, err);
	if (rc == 0)
		rc = reconciler_start(&p->cfg, &p->app.reconciler, err);
	p->cfg.reconciler = p->app.reconciler;
	if (rc == 0)
		rc = sampler_start(&p->cfg, &p->app.sampler, err);
	if (rc == 0)
		rc = replicator_start(&p->cfg, &p->app.replicator, err);
	if (rc == 0)
		rc = snapshotter_start(&p->cfg, NULL, &p->app.snapshotter, err);
	p->cfg.key_get = key_get;
	p->cfg.keys = p->app.keys;
	if (rc == 0)
		rc = transfers_start(&p->cfg, p->app.reconciler, &p->app.transfers, err);
	if (rc == 0)
		rc = webhook_start(&webhooks, &p->app.webhook, err);
	if (rc == 0)
		rc = keys_feed_start(&p->cfg, p->app.keys, p->app.sampler, &p->keys_feed, err);
	return rc;
}

static int start(struct policyd *p, struct err *err)
{
	int rc = open_state(p, err);

	if (rc == 0)
		rc = loop_create(&p->app.loop, err);
	if (rc == 0)
		rc = start_signals(p, err);
	if (rc < 0)
		return rc;
	fill(p);
	rc = setup_prepare(p->app.store, p->options.setup_path, err);
	if (rc == 0)
		rc = start_sockets(p, err);
	if (rc == 0 && !p->options.has_no_confinement)
		rc = confine(err);
	if (rc == 0)
		rc = start_threads(p, err);
	if (rc == 0)
		start_timers(p);
	return rc;
}

/* ---------------------------------------------------------------- end */

static void on_late(int signal_number)
{
	static const char text[] = "sluice-policyd: something did not end in time\n";

	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(2);
	/* every change is committed or not: there is nothing that an orderly end would save */
	_exit(1);
}

static void end(struct policyd *p)
{
	signal(SIGALRM, on_late);
	alarm(END_S);
	sd_notify(0, "STOPPING=1");
	/* The password threads write into requests: they end while the requests are still there,
	 * and what they have posted is run. Requests use all the rest: so the server goes next. */
	if (p->app.auth)
		password_pool_end(p->app.auth->pool);
	if (p->app.loop)
		loop_turn(p->app.loop, 0);
	server_stop(p->app.http);
	replicator_stop(p->app.replicator);
	snapshotter_stop(p->app.snapshotter);
	transfers_stop(p->app.transfers); /* its tasks ask for keys */
	keys_feed_stop(p->keys_feed);
	if (p->app.keys) {
		keys_stop(p->app.keys);
		notice_drain(&p->keys_notice);
	}
	keys_feed_free(p->keys_feed);
	webhook_stop(p->app.webhook);
	if (p->app.sampler)
		sampler_stop(p->app.sampler);
	if (p->app.reconciler)
		reconciler_stop(p->app.reconciler);
	if (p->app.loop)
		loop_turn(p->app.loop, 0); /* what they have posted */
	sse_free(p->app.sse);
	auth_stop(p->app.auth);
	if (p->app.history)
		history_close(p->app.history);
	if (p->app.store)
		store_close(p->app.store);
	if (p->app.sealer)
		sealer_free(p->app.sealer);
	fd_close(&p->signals.fd);
	loop_free(p->app.loop);
	fd_close(&p->lock_fd);
	options_free(&p->options);
}

static int serve(struct policyd *p)
{
	log_info("serves on %s and %s", p->options.local_path, p->options.web_path);
	sd_notify(0, "READY=1");
	while (!p->is_ending)
		loop_turn(p->app.loop, 60000);
	return 0;
}

/* --restore, --check-db: the database alone. */
static int maintain(struct policyd *p, struct err *err)
{
	const struct options *o = &p->options;
	int rc = 0;

	if (o->restore) {
		rc = store_restore(o->db_path, o->restore, err);
		if (rc == 0)
			log_info("%s stands in the place of %s", o->restore, o->db_path);
	}
	if (rc == 0 && o->is_check_only) {
		rc = store_open(o->db_path, o->backup_dir, true, &p->app.store, err);
		if (rc == 0)
			log_info("%s is whole; schema version %u", o->db_path,
				 store_schema_version(p->app.store));
	}
	return rc;
}

int main(int argc, char **argv)
{
	struct policyd p = {.lock_fd = -1, .signals.fd = -1};
	struct err err = {0};
	int rc = options_read(argc, argv, &p.options);

	if (rc)
		return rc > 0 ? 0 : 2;
	log_open("sluice-policyd", LOG_LEVEL_INFO);
	umask(077);
	prctl(PR_SET_DUMPABLE, 0); /* passwords pass through here: no core, no ptrace */
	rc = options_complete(&p.options, &err);
	if (rc == 0)
		rc = make_folders(&p.options, &err);
	if (rc == 0)
		rc = take_lock(&p, &err);
	if (rc == 0 && (p.options.restore || p.options.is_check_only))
		rc = maintain(&p, &err);
	else if (rc == 0 && (rc = start(&p, &err)) == 0)
		rc = serve(&p);
	if (rc < 0)
		log_error("%s", err.text);
	end(&p);
	return rc < 0 ? 1 : 0;
}
