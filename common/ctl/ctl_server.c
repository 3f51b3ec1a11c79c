/* SPDX-License-Identifier: MIT */
#include "ctl_server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "ctl_frame.h"
#include "cleanup.h"
#include "fd.h"
#include "json.h"
#include "log.h"

struct ctl_conn {
	struct list_node node;
	struct ctl_server *server;
	struct loop_fd watch;
	struct ctl_reader reader;
	struct loop_timer timer; /* inside a frame */
	uid_t uid;
	int passed_fd; /* came along with the frame that is being read; -1: none */
	struct list_node calls;
	uint32_t pending;
	char *out; /* out_at..out_len is to be sent */
	size_t out_len, out_at;
	bool is_ending; /* reads nothing more, ends when out is sent */
};

struct ctl_server {
	struct ctl_server_cfg cfg;
	struct loop_fd watch;
	struct list_node conns;
	uint32_t conn_count;
	struct log_limit limit;
};

static void conn_close(struct ctl_conn *c)
{
	struct ctl_server *s = c->server;

	while (!list_is_empty(&c->calls)) {
		struct ctl_call *call =
		    list_entry(list_pop_front(&c->calls), struct ctl_call, node);

		call->conn = NULL;
	}
	loop_remove(s->cfg.loop, &c->watch);
	loop_timer_cancel(s->cfg.loop, &c->timer);
	close(c->watch.fd);
	fd_close(&c->passed_fd);
	list_del(&c->node);
	s->conn_count--;
	ctl_reader_fini(&c->reader);
	free(c->out);
	free(c);
}

static void conn_interest(struct ctl_conn *c)
{
	uint32_t events = 0;

	if (!c->is_ending && c->pending < CTL_PENDING_MAX)
		events |= EPOLLIN;
	if (c->out_at < c->out_len)
		events |= EPOLLOUT;
	loop_change(c->server->cfg.loop, &c->watch, events);
}

/* False: the connection is gone. */
static bool conn_flush(struct ctl_conn *c)
{
	while (c->out_at < c->out_len) {
		ssize_t n =
		    send(c->watch.fd, c->out + c->out_at, c->out_len - c->out_at, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) {
			conn_close(c);
			return false;
		}
		c->out_at += (size_t)n;
	}
	if (c->out_at == c->out_len) {
		c->out_at = c->out_len = 0;
		if (c->is_ending) {
			conn_close(c);
			return false;
		}
	}
	conn_interest(c);
	return true;
}

/* False: the connection is gone. */
static bool conn_send(struct ctl_conn *c, enum ctl_type type, uint32_t request_id, const char *body)
{
	size_t len = 0;
	char *frame = ctl_frame_make(type, request_id, body, &len);
	char *out;

	if (c->out_at) {
		memmove(c->out, c->out + c->out_at, c->out_len - c->out_at);
		c->out_len -= c->out_at;
		c->out_at = 0;
	}
	out = frame && c->out_len + len <= CTL_OUT_BYTES_MAX ? realloc(c->out, c->out_len + len)
							     : NULL;
	if (!out) {
		free(frame);
		log_warn("control: a client does not read its answers; its connection is closed");
		conn_close(c);
		return false;
	}
	c->out = out;
	memcpy(out + c->out_len, frame, len);
	c->out_len += len;
	free(frame);
	return conn_flush(c);
}

static char *error_body(const struct err *err)
{
	json_t *text = json_string(err->text);
	cleanup_json json_t *j =
	    json_pack("{s:{s:s, s:s, s:o}}", "error", "code", ctl_errno_name(err->code), "field",
		      err->field, "text", text ? text : json_string("(the message is not UTF-8)"));

	return j ? json_dumps(j, JSON_COMPACT) : NULL;
}

/* A malformed peer: one ERROR frame, then the end. */
static void conn_fail(struct ctl_conn *c, const struct err *err)
{
	char *body = error_body(err);

	if (log_limit_pass(&c->server->limit, 5))
		log_warn("control: connection of uid %u closed: %s", c->uid, err->text);
	c->is_ending = true;
	loop_timer_set(c->server->cfg.loop, &c->timer,
		       clock_now_ns() + CTL_FRAME_TIMEOUT_MS * CLOCK_NS_PER_MS);
	if (body)
		conn_send(c, CTL_ERROR,
			  c->reader.header_len == sizeof(c->reader.header)
			      ? c->reader.header.request_id
			      : 0,
			  body);
	else
		conn_close(c);
	free(body);
}

/* ---------------------------------------------------------------- answers */

static void call_free(struct ctl_call *call)
{
	json_decref(call->body);
	fd_close(&call->fd);
	free(call);
}

static void call_end(struct ctl_call *call, const char *body)
{
	struct ctl_conn *c = call->conn;
	uint32_t id = call->request_id;

	if (c) {
		list_del(&call->node);
		c->pending--;
	}
	call_free(call);
	if (c && !c->is_ending)
		conn_send(c, CTL_ANSWER, id, body);
}

void ctl_answer(struct ctl_call *call, json_t *more)
{
	cleanup_json json_t *j = more ? more : json_object();
	struct err err;
	char *body;

	json_object_set_new(j, "ok", json_true());
	body = json_dumps(j, JSON_COMPACT | JSON_SORT_KEYS);
	if (!body || strlen(body) > CTL_BODY_MAX) {
		free(body);
		err_set(&err, EFBIG, "", "the answer is larger than %u bytes; ask for one volume",
			CTL_BODY_MAX);
		ctl_answer_error(call, &err);
		return;
	}
	call_end(call, body);
	free(body);
}

void ctl_answer_error(struct ctl_call *call, const struct err *err)
{
	char *body = error_body(err);

	call_end(call,
		 body ? body
		      : "{\"error\":{\"code\":\"ENOMEM\",\"field\":\"\",\"text\":\"no memory\"}}");
	free(body);
}

/* ---------------------------------------------------------------- requests */

static int call_make(struct ctl_conn *c, struct ctl_call **out, struct err *err)
{
	const struct ctl_header *h = &c->reader.header;
	json_t *body;
	struct ctl_call *call;
	const char *request;

	if (h->type != CTL_REQUEST)
		return err_set(err, EPROTO, "type",
			       "a client sends requests only, not frames of type %u", h->type);
	body = json_parse(c->reader.body, c->reader.body_len, "the request", err);
	if (!body)
		return -EPROTO;
	if (!json_is_object(body) || json_get_string(body, "request", &request, err) < 0) {
		json_decref(body);
		return err_set(err, EPROTO, "request",
			       "a request is an object with a string \"request\"");
	}
	call = calloc(1, sizeof(*call));
	if (!call) {
		json_decref(body);
		return err_set(err, ENOMEM, "", "no memory");
	}
	call->conn = c;
	call->request_id = h->request_id;
	call->body = body;
	call->request = request;
	call->uid = c->uid;
	call->fd = take_fd(&c->passed_fd);
	list_push_back(&c->calls, &call->node);
	c->pending++;
	*out = call;
	return 0;
}

/* Handles one piece of input. The handler's answer may close the connection, so look it up again.
 */
static bool conn_is_there(const struct ctl_server *s, const struct ctl_conn *c)
{
	const struct list_node *n;

	list_for_each (n, &s->conns) {
		if (list_entry(n, struct ctl_conn, node) == c)
			return true;
	}
	return false;
}

static void conn_take(struct ctl_conn *c, const char *p, size_t len)
{
	struct ctl_server *s = c->server;
	struct err err = {0};
	struct ctl_call *call = NULL;
	int rc;

	for (;;) {
		rc = ctl_reader_next(&c->reader, &p, &len, &err);
		if (rc == 0)
			break;
		if (rc < 0 || (rc = call_make(c, &call, &err)) < 0) {
			conn_fail(c, &err);
			return;
		}
		s->cfg.handler(s->cfg.ctx, call);
		if (!conn_is_there(s, c))
			return;
		if (c->is_ending)
			return;
	}
	if (!ctl_reader_is_inside(&c->reader)) {
		loop_timer_cancel(s->cfg.loop, &c->timer);
	} else if (!c->timer.is_set) {
		uint32_t ms =
		    s->cfg.frame_timeout_ms ? s->cfg.frame_timeout_ms : CTL_FRAME_TIMEOUT_MS;

		loop_timer_set(s->cfg.loop, &c->timer, clock_now_ns() + ms * CLOCK_NS_PER_MS);
	}
	conn_interest(c);
}

static void conn_ready(struct loop_fd *w, uint32_t events)
{
	struct ctl_conn *c = w->ctx;
	char buf[16384];
	unsigned fds = 1;
	int fd = -1;
	ssize_t n;

	if ((events & EPOLLOUT) && !conn_flush(c))
		return;
	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return;
	n = fd_recv(w->fd, buf, sizeof(buf), &fd, &fds);
	if (n == -EAGAIN || n == -EINTR)
		return;
	if (n > 0 && fds) {
		fd_close(&c->passed_fd);
		c->passed_fd = fd;
	}
	if (n <= 0 || c->is_ending)
		conn_close(c);
	else
		conn_take(c, buf, (size_t)n);
}

static void frame_timer_fired(struct loop_timer *t)
{
	struct ctl_conn *c = t->ctx;
	struct err err;

	if (c->is_ending) { /* and it does not even read why */
		conn_close(c);
		return;
	}
	err_set(&err, ETIMEDOUT, "", "a frame was begun and not ended in time");
	conn_fail(c, &err);
}

/* ---------------------------------------------------------------- connections */

/* The socket's mode lets in its group; so do we, supplementary groups included. */
static bool may_ask(int fd, const struct fd_peer *peer)
{
	gid_t groups[64];
	socklen_t len = sizeof(groups);

	if (peer->uid == 0 || peer->uid == getuid() || peer->gid == getgid())
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) < 0)
		return false;
	for (size_t i = 0; i < len / sizeof(groups[0]); i++)
		if (groups[i] == getgid())
			return true;
	return false;
}

static void conn_open(struct ctl_server *s, int fd)
{
	struct ctl_conn *c = calloc(1, sizeof(*c));
	struct fd_peer peer = {0};
	struct err err;

	if (!c || fd_peer_get(fd, &peer) < 0) {
		free(c);
		close(fd);
		return;
	}
	c->server = s;
	c->uid = peer.uid;
	c->passed_fd = -1;
	c->watch = (struct loop_fd){.fd = fd, .fn = conn_ready, .ctx = c};
	c->timer = (struct loop_timer){.fn = frame_timer_fired, .ctx = c};
	list_init(&c->calls);
	ctl_reader_init(&c->reader);
	list_push_back(&s->conns, &c->node);
	s->conn_count++;
	if (loop_add(s->cfg.loop, &c->watch, EPOLLIN) < 0) {
		conn_close(c);
		return;
	}
	if (!may_ask(fd, &peer)) {
		err_set(&err, EPERM, "",
			"uid %u may not ask here: root, this program's own user and its group may",
			peer.uid);
		conn_fail(c, &err);
	} else if (s->conn_count > CTL_CLIENTS_MAX) {
		err_set(&err, EBUSY, "", "%u clients are connected already", CTL_CLIENTS_MAX);
		conn_fail(c, &err);
	}
}

static void listen_ready(struct loop_fd *w, uint32_t events)
{
	struct ctl_server *s = w->ctx;
	int fd = fd_accept(w->fd);

	if (fd >= 0)
		conn_open(s, fd);
	else if (fd != -EAGAIN && log_limit_pass(&s->limit, 1))
		log_warn("control: a connection could not be accepted: %s", strerror(-fd));
}

int ctl_server_create(const struct ctl_server_cfg *cfg, struct ctl_server **out, struct err *err)
{
	struct ctl_server *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return err_set(err, ENOMEM, "", "no memory for the control server");
	s->cfg = *cfg;
	list_init(&s->conns);
	s->watch = (struct loop_fd){.fd = cfg->listen_fd, .fn = listen_ready, .ctx = s};
	rc = loop_add(cfg->loop, &s->watch, EPOLLIN);
	if (rc) {
		free(s);
		return err_set(err, -rc, "", "the control socket cannot be watched: %s",
			       strerror(-rc));
	}
	*out = s;
	return 0;
}

void ctl_server_free(struct ctl_server *s)
{
	if (!s)
		return;
	while (!list_is_empty(&s->conns))
		conn_close(list_entry(s->conns.next, struct ctl_conn, node));
	loop_remove(s->cfg.loop, &s->watch);
	free(s);
}

uint32_t ctl_server_clients(const struct ctl_server *s)
{
	return s->conn_count;
}

uint64_t ctl_server_unsent_bytes(const struct ctl_server *s)
{
	const struct list_node *n;
	uint64_t bytes = 0;

	list_for_each (n, &s->conns) {
		const struct ctl_conn *c = list_entry(n, struct ctl_conn, node);

		bytes += c->out_len - c->out_at;
	}
	return bytes;
}
