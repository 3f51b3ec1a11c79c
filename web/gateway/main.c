/* SPDX-License-Identifier: MIT */
/*
 * main.c - sluice-webd: HTTPS for browsers and REST clients, in front of policyd.
 *
 * It holds no password, no key but its TLS key, and no database. Order: sockets are bound, then the
 * user is changed, the certificate read or made, the system call filter set, the static files read;
 * then requests are taken. After that it opens two files only, tls.key and tls.crt at a
 * SIGHUP; that it could open no others is its user's matter (and the unit's ProtectSystem): a path
 * from a client never gets near open().
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "cert.h"
#include "clock.h"
#include "confine.h"
#include "durable.h"
#include "fd.h"
#include "gateway.h"
#include "listen.h"
#include "options.h"
#include "static.h"
#include "release.h"
#include "watchdog.h"

struct daemon {
	struct loop *loop;
	struct loop_fd signals;
	struct watchdog watchdog;
	struct static_index *files;
	struct gateway *gateway;
	int https_fd, http_fd;
	bool is_ending;
};

static void reload(void)
{
	struct err err = {0};

	if (cert_reload(clock_now_ns(), &err) < 0)
		log_warn("tls: the new certificate is not used, the old one stays: %s", err.text);
	else
		log_info("tls: new certificate, SHA-256 fingerprint %s", cert_fingerprint());
}

static void signal_came(struct loop_fd *w, uint32_t events)
{
	struct daemon *d = w->ctx;
	struct signalfd_siginfo info;

	if (read(w->fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP)
		reload();
	else
		d->is_ending = true;
}

static int watch_signals(struct daemon *d, struct err *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	d->signals = (struct loop_fd){.fn = signal_came, .ctx = d};
	d->signals.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (d->signals.fd < 0 || loop_add(d->loop, &d->signals, EPOLLIN) < 0)
		return err_set(err, errno, "", "cannot wait for signals: %s", strerror(errno));
	return 0;
}

/* A connection and its way to policyd are two descriptors. */
static void raise_descriptors(uint32_t connections)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	if (limit.rlim_cur < 2 * connections + 64) {
		limit.rlim_cur = 2 * connections + 64;
		if (limit.rlim_cur > limit.rlim_max)
			limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* The state folder must be the user's, who keeps the key in it. */
static int prepare_state(const struct options *o, const struct confine_user *user, struct err *err)
{
	int rc = durable_mkdir(o->state_dir, err);

	if (rc == 0 && user->is_set && geteuid() == 0 &&
	    chown(o->state_dir, user->uid, user->gid) < 0)
		rc = err_set(err, errno, "--state-dir", "%s cannot be given to uid %u: %s",
			     o->state_dir, user->uid, strerror(errno));
	return rc;
}

static int confine(struct daemon *d, const struct options *o, struct err *err)
{
	struct confine_user user;
	int rc = confine_find(o->user, &user, err);

	if (rc == 0)
		rc = prepare_state(o, &user, err);
	if (rc == 0 && (d->https_fd = listen_tcp("--listen", o->listen, err)) < 0)
		rc = d->https_fd;
	if (rc == 0 && o->http && (d->http_fd = listen_tcp("--http", o->http, err)) < 0)
		rc = d->http_fd;
	raise_descriptors(o->gateway.connections_max);
	if (rc == 0)
		rc = confine_drop(&user, err);
	/* Before the filter: a new certificate names this machine's addresses, which AF_NETLINK
	 * knows. */
	if (rc == 0)
		rc = cert_open(o->state_dir, err);
	if (rc == 0)
		rc = confine_syscalls(err);
	return rc;
}

static int start(struct daemon *d, const struct options *o, struct err *err)
{
	struct gateway_cfg cfg = o->gateway;
	int rc = confine(d, o, err);

	if (rc < 0 || (rc = loop_create(&d->loop, err)) < 0 || (rc = watch_signals(d, err)) < 0 ||
	    (rc = static_load(o->static_dir, &d->files, err)) < 0)
		return rc;
	cfg.loop = d->loop;
	cfg.https_fd = d->https_fd;
	cfg.http_fd = d->http_fd;
	cfg.https_port = strrchr(o->listen, ':') + 1;
	cfg.files = d->files;
	rc = gateway_create(&cfg, &d->gateway, err);
	if (rc == 0)
		log_info("serving https on %s as uid %u", o->listen, geteuid());
	return rc;
}

static void end(struct daemon *d)
{
	if (d->gateway)
		gateway_free(d->gateway);
	watchdog_stop(&d->watchdog);
	static_free(d->files);
	cert_close();
	if (d->loop)
		loop_remove(d->loop, &d->signals);
	fd_close(&d->signals.fd);
	loop_free(d->loop);
	fd_close(&d->https_fd);
	fd_close(&d->http_fd);
}

static int run(const struct options *o)
{
	struct daemon d = {.https_fd = -1, .http_fd = -1, .signals.fd = -1};
	struct err err = {0};
	int rc = start(&d, o, &err);

	if (rc < 0) {
		log_error("%s", err.text);
	} else {
		sd_notify(0, "READY=1");
		watchdog_start(&d.watchdog, d.loop);
		while (!d.is_ending)
			gateway_turn(d.gateway);
		sd_notify(0, "STOPPING=1");
		log_info("ending");
	}
	end(&d);
	return rc < 0 ? 1 : 0;
}

static int print_fingerprint(const struct options *o)
{
	char text[CERT_FINGERPRINT_MAX];
	struct err err = {0};

	if (cert_file_fingerprint(o->state_dir, text, &err) < 0) {
		fprintf(stderr, "sluice-webd: %s\n", err.text);
		return 1;
	}
	puts(text);
	return 0;
}

int main(int argc, char **argv)
{
	struct options o;
	struct err err = {0};

	if (options_read(argc, argv, &o, &err) < 0) {
		fprintf(stderr, "sluice-webd: %s\n%s", err.text, options_usage);
		return 2;
	}
	switch (o.job) {
	case OPTIONS_HELP:
		fputs(options_usage, stdout);
		return 0;
	case OPTIONS_VERSION:
		puts("sluice-webd " SLUICE_VERSION);
		return 0;
	case OPTIONS_FINGERPRINT:
		return print_fingerprint(&o);
	default:
		log_open("sluice-webd", LOG_LEVEL_INFO);
		return run(&o);
	}
}
