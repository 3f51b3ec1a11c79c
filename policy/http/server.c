/* SPDX-License-Identifier: MIT */
#include "server.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "fd.h"
#include "log.h"
#include "server_int.h"

#define POOL_BYTES (40u << 10) /* of a connection: 16 KiB of headers, MHD's notes, the answer's */

/* ---------------------------------------------------------------- time limits */

static void on_deadline(struct loop_timer *t)
{
	struct conn *conn = t->ctx;

	/* MHD sees the end of the stream and closes */
	shutdown(conn->fd, SHUT_RDWR);
}

void conn_deadline(struct conn *conn, uint32_t seconds)
{
	struct loop *loop = conn->listener->server->cfg.app->loop;

	if (seconds)
		loop_timer_set(loop, &conn->deadline, clock_now_ns() + seconds * CLOCK_NS_PER_S);
	else
		loop_timer_cancel(loop, &conn->deadline);
}

static struct conn *conn_new(struct listener *l, struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct conn *conn = calloc(1, sizeof(*conn));
	struct fd_peer peer;

	if (!conn)
		return NULL;
	conn->listener = l;
	conn->fd = info->connect_fd;
	conn->uid = fd_peer_get(conn->fd, &peer) == 0 ? peer.uid : (uid_t)-1;
	conn->deadline.fn = on_deadline;
	conn->deadline.ctx = conn;
	conn_deadline(conn, l->server->cfg.head_s);
	return conn;
}

static void on_connection(void *cls, struct MHD_Connection *mhd, void **socket_context,
			  enum MHD_ConnectionNotificationCode toe)
{
	struct conn *conn = *socket_context;

	if (toe == MHD_CONNECTION_NOTIFY_STARTED) {
		*socket_context = conn_new(cls, mhd);
		return;
	}
	if (conn)
		conn_deadline(conn, 0);
	free(conn);
	*socket_context = NULL;
}

/* ---------------------------------------------------------------- MHD in the loop */

static void run(struct listener *l)
{
	MHD_UNSIGNED_LONG_LONG wait_ms;
	struct loop *loop = l->server->cfg.app->loop;

	l->has_resumed = false;
	MHD_run(l->mhd);
	if (l->has_resumed)
		loop_timer_set(loop, &l->timer, clock_now_ns());
	else if (MHD_get_timeout(l->mhd, &wait_ms) == MHD_YES)
		loop_timer_set(loop, &l->timer, clock_now_ns() + wait_ms * CLOCK_NS_PER_MS);
	else
		loop_timer_cancel(loop, &l->timer);
}

static void on_epoll(struct loop_fd *w, uint32_t events)
{
	run(w->ctx);
}

static void on_timer(struct loop_timer *t)
{
	run(t->ctx);
}

void carrier_suspend(struct carrier *c)
{
	if (c->is_suspended)
		return;
	c->is_suspended = true;
	list_push_back(&c->listener->server->suspended, &c->node);
	MHD_suspend_connection(c->mhd);
}

void carrier_resume(struct carrier *c)
{
	if (!c->is_suspended)
		return;
	c->is_suspended = false;
	list_del(&c->node);
	MHD_resume_connection(c->mhd);
	/* without threads of its own MHD signals nothing: it looks when it runs next */
	c->listener->has_resumed = true;
	loop_timer_set(c->listener->server->cfg.app->loop, &c->listener->timer, clock_now_ns());
}

static void on_mhd_log(void *cls, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));
static void on_mhd_log(void *cls, const char *fmt, va_list ap)
{
	char text[300];

	vsnprintf(text, sizeof(text), fmt, ap);
	text[strcspn(text, "\n")] = '\0';
	log_debug("http: %s", text); /* a peer can bring this about as often as he likes */
}

/* Decoding is url.c's: MHD would do it before the path is taken apart. */
static size_t leave_as_is(void *cls, struct MHD_Connection *mhd, char *text)
{
	return strlen(text);
}

static int start_mhd(struct listener *l, int fd, struct err *err)
{
	const union MHD_DaemonInfo *info;

	l->mhd = MHD_start_daemon(
	    MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL,
	    carrier_access, l, MHD_OPTION_EXTERNAL_LOGGER, on_mhd_log, l, MHD_OPTION_LISTEN_SOCKET,
	    fd, MHD_OPTION_CONNECTION_LIMIT, SERVER_CONNECTIONS_MAX,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)POOL_BYTES, MHD_OPTION_CONNECTION_TIMEOUT,
	    120u, MHD_OPTION_NOTIFY_CONNECTION, on_connection, l, MHD_OPTION_NOTIFY_COMPLETED,
	    carrier_end, l, MHD_OPTION_URI_LOG_CALLBACK, carrier_begin, l,
	    MHD_OPTION_UNESCAPE_CALLBACK, leave_as_is, NULL, MHD_OPTION_STRICT_FOR_CLIENT, 1,
	    MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_END);
	if (!l->mhd)
		return err_set(err, EIO, "", "libmicrohttpd does not start on %s", l->path);
	info = MHD_get_daemon_info(l->mhd, MHD_DAEMON_INFO_EPOLL_FD);
	l->epoll = (struct loop_fd){.fd = info->epoll_fd, .fn = on_epoll, .ctx = l};
	l->timer = (struct loop_timer){.fn = on_timer, .ctx = l};
	if (loop_add(l->server->cfg.app->loop, &l->epoll, EPOLLIN) < 0)
		return err_set(err, EIO, "", "no room in the event loop for %s", l->path);
	return 0;
}

static int listen_on(struct http_server *s, struct listener *l, const char *path, bool is_local,
		     struct err *err)
{
	int fd, rc;

	l->server = s;
	l->is_local = is_local;
	if (!path)
		return 0;
	fd = fd_unix_listen(path, SOCK_STREAM, is_local ? 0600 : 0660, err);
	if (fd < 0)
		return fd;
	l->path = path;
	if (!is_local && chown(path, s->cfg.web_uid, s->cfg.web_gid) < 0)
		rc = err_set(err, errno, "", "%s cannot be given to the gateway's user: %s", path,
			     strerror(errno));
	else
		rc = start_mhd(l, fd, err);
	if (rc < 0 && !l->mhd)
		fd_close(&fd);
	return rc;
}

static void listener_stop(struct listener *l)
{
	if (l->mhd) {
		struct loop *loop = l->server->cfg.app->loop;

		loop_remove(loop, &l->epoll);
		loop_timer_cancel(loop, &l->timer);
		MHD_stop_daemon(l->mhd); /* closes the listening socket too */
	}
	if (l->path)
		unlink(l->path);
}

int server_start(const struct server_cfg *cfg, struct http_server **out, struct err *err)
{
	struct http_server *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return err_set(err, ENOMEM, "", "no memory for the HTTP server");
	s->cfg = *cfg;
	s->cfg.head_s = cfg->head_s ? cfg->head_s : SERVER_HEAD_S;
	s->cfg.answer_s = cfg->answer_s ? cfg->answer_s : SERVER_ANSWER_S;
	list_init(&s->suspended);
	s->local.server = s->web.server = s;
	rc = listen_on(s, &s->local, cfg->local_path, true, err);
	if (rc == 0)
		rc = listen_on(s, &s->web, cfg->web_path, false, err);
	if (rc < 0) {
		server_stop(s);
		return rc;
	}
	*out = s;
	return 0;
}

void server_stop(struct http_server *s)
{
	if (!s)
		return;
	s->is_stopping = true;
	/* MHD takes a suspended connection at its end for a mistake of ours */
	while (!list_is_empty(&s->suspended))
		carrier_resume(list_entry(s->suspended.next, struct carrier, node));
	listener_stop(&s->local);
	listener_stop(&s->web);
	free(s);
}
