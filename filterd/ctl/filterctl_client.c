/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cleanup.h"
#include "ctl_frame.h"
#include "filterctl.h"
#include "json.h"

static int open_socket(const char *path, struct err *err)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	cleanup_fd int fd = -1;
	int code;

	if (strlen(path) >= sizeof(sa.sun_path))
		return err_set(err, ENAMETOOLONG, "socket",
			       "the socket's path has more than %zu characters: %s",
			       sizeof(sa.sun_path) - 1, path);
	memcpy(sa.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) == 0)
		return take_fd(&fd);
	code = errno;
	if (code == ENOENT || code == ECONNREFUSED)
		return err_set(
		    err, code, "socket",
		    "sluice-filterd is not running at %s; start it, or say --socket PATH", path);
	if (code == EACCES)
		return err_set(err, code, "socket",
			       "%s: permission denied; be root or of the socket's group", path);
	return err_set(err, code, "socket", "%s: %s", path, strerror(code));
}

static int send_all(int fd, const char *p, size_t left, struct err *err)
{
	while (left) {
		ssize_t n = send(fd, p, left, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(err, errno, "", "the request could not be sent: %s",
				       strerror(errno));
		p += n;
		left -= (size_t)n;
	}
	return 0;
}

static int receive(int fd, struct ctl_reader *r, struct err *err)
{
	char buf[16384];

	for (;;) {
		ssize_t n = recv(fd, buf, sizeof(buf), 0);
		const char *p = buf;
		size_t len;
		int rc;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_set(
			    err, ECONNRESET, "",
			    "sluice-filterd ended the connection before it answered; what became of the request is "
			    "seen with: status");
		len = (size_t)n;
		rc = ctl_reader_next(r, &p, &len, err);
		if (rc)
			return rc < 0 ? rc : 0;
	}
}

/* An error answer becomes err. */
static int check(const json_t *answer, struct err *err)
{
	const json_t *e = json_object_get(answer, "error");
	const char *field = json_string_value(json_object_get(e, "field"));
	const char *text = json_string_value(json_object_get(e, "text"));

	if (!e)
		return 0;
	return err_set(err, EREMOTEIO, field, "%s", text ? text : "an error without a text");
}

static json_t *exchange(int fd, const char *frame, size_t len, struct err *err)
{
	struct ctl_reader r;
	json_t *answer = NULL;

	ctl_reader_init(&r);
	if (send_all(fd, frame, len, err) == 0 && receive(fd, &r, err) == 0)
		answer = json_parse(r.body, r.body_len, "the answer", err);
	ctl_reader_fini(&r);
	if (answer && check(answer, err) < 0) {
		json_decref(answer);
		return NULL;
	}
	return answer;
}

json_t *filterctl_client_ask(const char *socket_path, const json_t *request, struct err *err)
{
	cleanup_fd int fd = open_socket(socket_path, err);
	cleanup_free char *body = json_dumps(request, JSON_COMPACT);
	cleanup_free char *frame = NULL;
	size_t len = 0;

	if (fd < 0)
		return NULL;
	if (body && strlen(body) <= CTL_BODY_MAX)
		frame = ctl_frame_make(CTL_REQUEST, 1, body, &len);
	if (!frame) {
		err_set(err, EFBIG, "", "the request is larger than %u bytes", CTL_BODY_MAX);
		return NULL;
	}
	return exchange(fd, frame, len, err);
}
