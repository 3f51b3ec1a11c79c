/* SPDX-License-Identifier: MIT */
#include "tgt_client.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "clock.h"
#include "fd.h"

/* What goes over the socket, as tgtd 1.0.85 on this machine lays it out: host byte order, natural
 * alignment. */
struct wire_request {
	uint32_t mode;
	uint32_t op;
	char driver[64];
	uint32_t total_bytes; /* with what follows */
	int32_t tid;
	uint64_t sid;
	uint64_t lun;
	uint32_t cid;
	uint32_t host;
	uint32_t device_type; /* 0: disk */
	uint32_t account_direction;
	uint32_t pack;
	uint32_t force;
};
static_assert(sizeof(struct wire_request) == 120, "tgtd's request");
static_assert(offsetof(struct wire_request, total_bytes) == 72, "tgtd's request");
static_assert(offsetof(struct wire_request, sid) == 80, "tgtd's request");
static_assert(offsetof(struct wire_request, account_direction) == 108, "tgtd's request");

struct wire_answer {
	uint32_t error;
	uint32_t total_bytes;
};
static_assert(sizeof(struct wire_answer) == 8, "tgtd's answer");

#define ARGS_MAX   4096u
#define ANSWER_MAX (64u << 20) /* 10,000 targets with their sessions take 20 MiB */

static const struct {
	int code;
	const char *sentence;
} errors[] = {
    [1] = {EIO, "tgtd says 'unknown error'; its log has more"},
    [2] = {ENOMEM, "tgtd has no memory left"},
    [3] = {ENODEV, "tgtd has no iSCSI driver"},
    [4] = {ENOENT, "tgtd has no such target"},
    [5] = {ENOENT, "tgtd has no such logical unit"},
    [6] = {ENOENT, "tgtd has no such session"},
    [7] = {ENOENT, "tgtd has no such connection"},
    [8] = {ENOENT, "tgtd has no such binding"},
    [9] = {EEXIST, "tgtd has a target of this name or number already"},
    [10] = {EEXIST, "tgtd has this logical unit already"},
    [11] = {EEXIST, "tgtd has this binding already"},
    [12] = {EEXIST, "tgtd has this access rule already"},
    [13] = {ENOENT, "tgtd has no such access rule"},
    [14] = {EEXIST, "tgtd has this account already"},
    [15] = {ENOENT, "tgtd has no such account"},
    [16] = {ENOSPC, "tgtd takes no more accounts"},
    [17] = {EINVAL, "tgtd refuses the request; its log says why"},
    [18] = {EEXIST, "the target has an outgoing account already"},
    [19] = {EBUSY, "the target still has sessions"},
    [20] = {EBUSY, "the logical unit still has commands under way"},
    [21] = {EBUSY, "tgtd's iSCSI driver is busy"},
    [22] = {ENOTSUP, "tgtd does not support the request"},
    [23] = {EINVAL, "tgtd does not know this parameter"},
    [24] = {EBUSY, "an initiator forbids the removal of the logical unit"},
};

int tgt_client_errno(uint32_t tgt_error, const char **sentence)
{
	*sentence = NULL;
	if (tgt_error == 0)
		return 0;
	if (tgt_error >= sizeof(errors) / sizeof(errors[0])) {
		*sentence = "tgtd answers with an error of a number that 1.0.85 does not have";
		return EIO;
	}
	*sentence = errors[tgt_error].sentence;
	return errors[tgt_error].code;
}

bool tgt_life_equal(const struct tgt_life *a, const struct tgt_life *b)
{
	return a->pid == b->pid && a->socket_made_ns == b->socket_made_ns;
}

bool tgt_client_is_gone(const struct err *err)
{
	return err->code == ECONNREFUSED || err->code == ECONNRESET || err->code == ETIMEDOUT;
}

/* ---------------------------------------------------------------- bytes, with a deadline */

static int wait_for(const struct tgt_client *c, int fd, short events, uint64_t deadline_ns,
		    struct err *err)
{
	for (;;) {
		uint64_t now_ns = clock_now_ns();
		struct pollfd p = {.fd = fd, .events = events};
		int rc;

		if (now_ns >= deadline_ns)
			return err_set(err, ETIMEDOUT, "", "tgtd did not answer for %u ms",
				       c->timeout_ms);
		rc = poll(&p, 1, (int)((deadline_ns - now_ns) / CLOCK_NS_PER_MS) + 1);
		if (rc > 0)
			return 0;
		if (rc < 0 && errno != EINTR)
			return err_set(err, errno, "", "waiting for tgtd: %s", strerror(errno));
	}
}

static int lost(int code, struct err *err)
{
	return err_set(err, ECONNRESET, "",
		       "tgtd ended the connection before it answered (%s); it takes requests only "
		       "from the user and group that it runs as",
		       code ? strerror(code) : "end of file");
}

static int send_all(const struct tgt_client *c, int fd, const char *p, size_t left,
		    uint64_t deadline_ns, struct err *err)
{
	while (left) {
		ssize_t n = send(fd, p, left, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			int rc = wait_for(c, fd, POLLOUT, deadline_ns, err);

			if (rc < 0)
				return rc;
			continue;
		}
		if (n < 0)
			return lost(errno, err);
		p += n;
		left -= (size_t)n;
	}
	return 0;
}

static int receive_all(const struct tgt_client *c, int fd, void *buf, size_t left,
		       uint64_t deadline_ns, struct err *err)
{
	char *p = buf;

	while (left) {
		ssize_t n = recv(fd, p, left, 0);
		int rc;

		if (n > 0) {
			p += n;
			left -= (size_t)n;
			continue;
		}
		if (n == 0)
			return lost(0, err);
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN && errno != EWOULDBLOCK)
			return lost(errno, err);
		rc = wait_for(c, fd, POLLIN, deadline_ns, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* ---------------------------------------------------------------- one request */

static int connect_to(struct tgt_client *c, struct err *err)
{
	struct fd_peer peer;
	struct stat st;
	int fd = fd_unix_connect(c->path, SOCK_STREAM);

	if (fd == -EAGAIN)
		return err_set(err, ETIMEDOUT, "", "tgtd does not take connections at %s", c->path);
	if (fd < 0)
		return err_set(err, ECONNREFUSED, "", "tgtd is not running at %s%s%s", c->path,
			       fd == -ECONNREFUSED || fd == -ENOENT ? "" : ": ",
			       fd == -ECONNREFUSED || fd == -ENOENT ? "" : strerror(-fd));
	if (fd_peer_get(fd, &peer) < 0 || stat(c->path, &st) < 0) {
		fd_close(&fd);
		return err_set(err, ECONNRESET, "", "tgtd is just ending or starting");
	}
	c->life.pid = peer.pid;
	c->life.socket_made_ns =
	    (uint64_t)st.st_ctim.tv_sec * CLOCK_NS_PER_S + (uint64_t)st.st_ctim.tv_nsec;
	return fd;
}

static void fill(struct wire_request *w, const struct tgt_request *q, size_t args_bytes)
{
	static const char driver[] = "iscsi";

	memset(w, 0, sizeof(*w));
	memcpy(w->driver, driver, sizeof(driver));
	w->mode = q->mode;
	w->op = q->op;
	w->tid = q->tid;
	w->sid = q->sid;
	w->lun = q->lun;
	w->cid = q->cid;
	w->account_direction = q->is_outgoing;
	w->total_bytes = (uint32_t)(sizeof(*w) + args_bytes);
}

static int read_answer(const struct tgt_client *c, int fd, char **text, uint64_t deadline_ns,
		       struct err *err)
{
	struct wire_answer a;
	const char *sentence;
	cleanup_free char *buf = NULL;
	size_t len;
	int rc = receive_all(c, fd, &a, sizeof(a), deadline_ns, err);

	if (rc < 0)
		return rc;
	rc = tgt_client_errno(a.error, &sentence);
	if (rc)
		return err_set(err, rc, "", "%s", sentence);
	if (a.total_bytes < sizeof(a) || a.total_bytes > ANSWER_MAX)
		return err_set(err, EBADMSG, "", "tgtd announces an answer of %u bytes",
			       a.total_bytes);
	len = a.total_bytes - sizeof(a);
	buf = malloc(len + 1);
	if (!buf)
		return err_set(err, ENOMEM, "", "no memory for tgtd's answer of %zu bytes", len);
	rc = receive_all(c, fd, buf, len, deadline_ns, err);
	if (rc < 0)
		return rc;
	buf[len] = 0;
	if (text) {
		*text = buf;
		buf = NULL;
	}
	return 0;
}

int tgt_client_ask(struct tgt_client *c, const struct tgt_request *q, char **text, struct err *err)
{
	uint64_t deadline_ns = clock_now_ns() + c->timeout_ms * CLOCK_NS_PER_MS;
	size_t args_bytes = q->args ? strlen(q->args) + 1 : 0;
	char frame[sizeof(struct wire_request) + ARGS_MAX];
	struct wire_request w;
	cleanup_fd int fd = -1;
	int rc;

	if (args_bytes > ARGS_MAX)
		return err_set(err, EINVAL, "", "a request to tgtd has at most %u bytes, not %zu",
			       ARGS_MAX, args_bytes);
	fd = connect_to(c, err);
	if (fd < 0)
		return fd;
	fill(&w, q, args_bytes);
	memcpy(frame, &w, sizeof(w));
	if (args_bytes)
		memcpy(frame + sizeof(w), q->args, args_bytes);
	rc = send_all(c, fd, frame, sizeof(w) + args_bytes, deadline_ns, err);
	explicit_bzero(frame, sizeof(frame)); /* it may have borne a secret */
	return rc < 0 ? rc : read_answer(c, fd, text, deadline_ns, err);
}
