/* SPDX-License-Identifier: MIT */
#include "ctl_client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "cleanup.h"
#include "ctl_frame.h"
#include "fd.h"
#include "json.h"

int ctl_client_init(struct ctl_client *c, const char *path, const char *program,
		    uint32_t timeout_ms, struct err *err)
{
	*c = (struct ctl_client){.program = program, .timeout_ms = timeout_ms, .fd = -1};
	if (strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return err_set(err, ENAMETOOLONG, "socket",
			       "the socket's path has more than %zu characters: %s",
			       sizeof(((struct sockaddr_un *)0)->sun_path) - 1, path);
	c->path = strdup(path);
	return c->path ? 0 : err_set(err, ENOMEM, "", "no memory");
}

void ctl_client_fini(struct ctl_client *c)
{
	fd_close(&c->fd);
	free(c->path);
	c->path = NULL;
}

static int connect_to(struct ctl_client *c, struct err *err)
{
	struct timeval limit = {.tv_sec = c->timeout_ms / 1000,
				.tv_usec = (c->timeout_ms % 1000) * 1000};
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int code;

	memcpy(sa.sun_path, c->path, strlen(c->path) + 1);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd >= 0 && setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0 &&
	    setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) == 0 &&
	    connect(c->fd, (const struct sockaddr *)&sa, sizeof(sa)) == 0)
		return 0;
	code = errno;
	fd_close(&c->fd);
	if (code == ENOENT || code == ECONNREFUSED)
		return err_set(err, code, "socket", "%s is not running at %s", c->program, c->path);
	if (code == EACCES)
		return err_set(err, code, "socket",
			       "%s: permission denied; be root or of the socket's group", c->path);
	return err_set(err, code, "socket", "%s: %s", c->path, strerror(code));
}

static int failed(struct ctl_client *c, const char *what, struct err *err)
{
	int code = errno == EAGAIN || errno == EWOULDBLOCK ? ETIMEDOUT : errno;

	fd_close(&c->fd);
	if (code == ETIMEDOUT)
		return err_set(err, code, "", "%s %s for %u ms", c->program, what, c->timeout_ms);
	return err_set(err, code, "", "%s: %s", c->program, strerror(code));
}

static int send_all(struct ctl_client *c, const char *p, size_t left, int pass_fd, struct err *err)
{
	unsigned fds = pass_fd >= 0 ? 1 : 0;

	while (left) {
		ssize_t n = fd_send(c->fd, p, left, fds ? &pass_fd : NULL, fds);

		if (n == -EINTR)
			continue;
		if (n < 0) {
			errno = (int)-n;
			return failed(c, "took no request", err);
		}
		fds = 0; /* it went with the first byte */
		p += n;
		left -= (size_t)n;
	}
	return 0;
}

static int receive(struct ctl_client *c, struct ctl_reader *r, struct err *err)
{
	char buf[65536];

	for (;;) {
		ssize_t n = recv(c->fd, buf, sizeof(buf), 0);
		const char *p = buf;
		size_t len;
		int rc;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return failed(c, "did not answer", err);
		if (n == 0) {
			fd_close(&c->fd);
			return err_set(err, ECONNRESET, "",
				       "%s ended the connection before it answered; whether it has "
				       "carried out the request is seen in its status",
				       c->program);
		}
		len = (size_t)n;
		rc = ctl_reader_next(r, &p, &len, err);
		if (rc < 0)
			fd_close(&c->fd);
		if (rc)
			return rc < 0 ? rc : 0;
	}
}

int ctl_errno_from_name(const char *name)
{
	for (int code = 1; name && code < 200; code++) {
		const char *known = strerrorname_np(code);

		if (known && strcasecmp(known, name) == 0)
			return code;
	}
	return EREMOTEIO;
}

/* An error answer becomes err. */
static int check(const json_t *answer, struct err *err)
{
	const json_t *e = json_object_get(answer, "error");
	const char *field = json_string_value(json_object_get(e, "field"));
	const char *text = json_string_value(json_object_get(e, "text"));

	/* An answer may speak of an error that is not its own: a transfer that failed. */
	if (!e || json_is_true(json_object_get(answer, "ok")))
		return 0;
	return err_set(err, ctl_errno_from_name(json_string_value(json_object_get(e, "code"))),
		       field ? field : "", "%s", text ? text : "an error without a text");
}

static json_t *exchange(struct ctl_client *c, const char *frame, size_t len, int pass_fd,
			struct err *err)
{
	struct ctl_reader r;
	json_t *answer = NULL;

	ctl_reader_init(&r);
	if (send_all(c, frame, len, pass_fd, err) == 0 && receive(c, &r, err) == 0) {
		if (r.header.type == CTL_ERROR)
			fd_close(&c->fd);
		else if (r.header.request_id != c->last_id)
			err_set(err, EPROTO, "", "%s answered request %u instead of %u", c->program,
				r.header.request_id, c->last_id);
		if (r.header.type == CTL_ERROR || r.header.request_id == c->last_id)
			answer = json_parse(r.body, r.body_len, "the answer", err);
	}
	if (!answer)
		fd_close(&c->fd);
	ctl_reader_fini(&r);
	if (answer && check(answer, err) < 0) {
		json_decref(answer);
		return NULL;
	}
	return answer;
}

json_t *ctl_client_ask(struct ctl_client *c, const json_t *request, int pass_fd, struct err *err)
{
	cleanup_free char *body = json_dumps(request, JSON_COMPACT);
	cleanup_free char *frame = NULL;
	size_t len = 0;

	if (body && strlen(body) <= CTL_BODY_MAX)
		frame = ctl_frame_make(CTL_REQUEST, ++c->last_id, body, &len);
	if (!frame) {
		err_set(err, EFBIG, "", "the request is larger than %u bytes", CTL_BODY_MAX);
		return NULL;
	}
	if (c->fd < 0 && connect_to(c, err) < 0)
		return NULL;
	return exchange(c, frame, len, pass_fd, err);
}
