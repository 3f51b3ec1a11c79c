/* SPDX-License-Identifier: MIT */
/*
 * main.c - sluice-egressd: sends webhooks for policyd, which has no network itself.
 *
 * It listens on a Unix socket, connects to what policyd has allowed, and knows no secret: a body
 * comes signed. Order: socket, other user, system call filter, then the first request. What it
 * cannot read or write is its user's matter (and the unit's ProtectSystem); it opens nothing but
 * the certificates it trusts and the resolver's files.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "cleanup.h"
#include "confine.h"
#include "durable.h"
#include "egress.h"
#include "fd.h"
#include "log.h"
#include "release.h"
#include "watchdog.h"
#include "wire/ctl.h"

static const char usage[] =
    "usage: sluice-egressd [option...]\n"
    "  --run-dir DIR   the socket egress.sock is here (default " CTL_RUN_DIR ")\n"
    "  --user NAME     become this user after binding the socket\n"
    "  --ca FILE       trust these certificates instead of the system's\n"
    "  --version, --help\n";

static const struct option options[] = {
    {"run-dir", required_argument, NULL, 'r'}, {"user", required_argument, NULL, 'u'},
    {"ca", required_argument, NULL, 'c'},      {"version", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0},
};

struct settings {
	const char *run_dir, *user, *ca_file;
};

struct daemon {
	struct loop *loop;
	struct loop_fd signals;
	struct watchdog watchdog;
	struct egress *egress;
	struct ctl_server *server;
	int listen_fd;
	bool is_ending;
};

static void signal_came(struct loop_fd *w, uint32_t events)
{
	struct daemon *d = w->ctx;
	struct signalfd_siginfo info;

	if (read(w->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		d->is_ending = true;
}

static int watch_signals(struct daemon *d, struct err *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	d->signals = (struct loop_fd){.fn = signal_came, .ctx = d};
	d->signals.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (d->signals.fd < 0 || loop_add(d->loop, &d->signals, EPOLLIN) < 0)
		return err_set(err, errno, "", "cannot wait for signals: %s", strerror(errno));
	return 0;
}

/* The socket belongs to who starts us (root) or to us; others cannot connect, and a request of
 * theirs would be refused. */
static int start(struct daemon *d, const struct settings *s, struct err *err)
{
	struct confine_user user;
	cleanup_free char *path = NULL;
	struct ctl_server_cfg cfg;
	int rc;

	if (asprintf(&path, "%s/egress.sock", s->run_dir) < 0)
		return err_set(err, ENOMEM, "", "no memory");
	rc = confine_find(s->user, &user, err);
	if (rc < 0 || (rc = durable_mkdir(s->run_dir, err)) < 0)
		return rc;
	d->listen_fd = fd_unix_listen(path, SOCK_STREAM, 0600, err);
	if (d->listen_fd < 0)
		return d->listen_fd;
	if ((rc = confine_drop(&user, err)) < 0 || (rc = confine_syscalls(err)) < 0 ||
	    (rc = loop_create(&d->loop, err)) < 0 || (rc = watch_signals(d, err)) < 0 ||
	    (rc = egress_create(d->loop, s->ca_file, &d->egress, err)) < 0)
		return rc;
	cfg = (struct ctl_server_cfg){
	    .loop = d->loop, .listen_fd = d->listen_fd, .handler = egress_handle, .ctx = d->egress};
	rc = ctl_server_create(&cfg, &d->server, err);
	if (rc == 0)
		log_info("serving on %s as uid %u; nothing is allowed yet", path, geteuid());
	return rc;
}

static void end(struct daemon *d)
{
	watchdog_stop(&d->watchdog);
	egress_free(d->egress);
	if (d->server)
		ctl_server_free(d->server);
	fd_close(&d->listen_fd);
	if (d->loop)
		loop_remove(d->loop, &d->signals);
	fd_close(&d->signals.fd);
	loop_free(d->loop);
}

static int run(const struct settings *s)
{
	struct daemon d = {.listen_fd = -1, .signals.fd = -1};
	struct err err = {0};
	int rc = start(&d, s, &err);

	if (rc < 0) {
		log_error("%s", err.text);
	} else {
		sd_notify(0, "READY=1");
		watchdog_start(&d.watchdog, d.loop);
		while (!d.is_ending)
			loop_turn(d.loop, 1000);
		sd_notify(0, "STOPPING=1");
		log_info("ending");
	}
	end(&d);
	return rc < 0 ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct settings s = {.run_dir = CTL_RUN_DIR};
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 'r':
			s.run_dir = optarg;
			break;
		case 'u':
			s.user = optarg;
			break;
		case 'c':
			s.ca_file = optarg;
			break;
		case 'v':
			puts("sluice-egressd " SLUICE_VERSION);
			return 0;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (optind != argc) {
		fprintf(stderr, "sluice-egressd: '%s' is not an option\n%s", argv[optind], usage);
		return 2;
	}
	log_open("sluice-egressd", LOG_LEVEL_INFO);
	return run(&s);
}
