/* SPDX-License-Identifier: MIT */
#include "initiator.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bytes.h"
#include "clock.h"

#define DEFAULT_IQN   "iqn.2025-01.test.sluice:initiator"
#define POLL_SLICE_MS 20

struct waiter {
	bool is_over;
	int status;
};

static uint64_t deadline_after(int limit_ms)
{
	return clock_now_ns() + (uint64_t)limit_ms * CLOCK_NS_PER_MS;
}

static int fail(struct initiator *in, const char *what)
{
	const char *why = in->iscsi ? iscsi_get_error(in->iscsi) : "no context";

	snprintf(in->error, sizeof(in->error), "%s: %s", what,
		 why && *why ? why : "no reason given");
	return -1;
}

static void on_end(struct iscsi_context *iscsi, int status, void *data, void *priv)
{
	struct waiter *w = priv;

	(void)iscsi;
	(void)data;
	w->is_over = true;
	w->status = status;
}

/* Comes twice: when connected, and when the connection is torn down. */
static void on_connect(struct iscsi_context *iscsi, int status, void *data, void *priv)
{
	struct initiator *in = priv;

	(void)iscsi;
	(void)data;
	if (in->has_connected)
		in->is_broken = true;
	in->has_connected = true;
	in->connect_status = status;
}

static int wait_for(struct initiator *in, struct waiter *w, int limit_ms)
{
	uint64_t end_ns = deadline_after(limit_ms);

	while (!w->is_over && !in->is_broken && clock_now_ns() < end_ns)
		initiator_poll(&in, 1, POLL_SLICE_MS);
	return w->is_over ? 0 : -1;
}

static int connect_to(struct initiator *in, const char *portal, int limit_ms)
{
	uint64_t end_ns = deadline_after(limit_ms);

	if (iscsi_connect_async(in->iscsi, portal, on_connect, in))
		return fail(in, "connect");
	while (!in->has_connected && !in->is_broken && clock_now_ns() < end_ns)
		initiator_poll(&in, 1, POLL_SLICE_MS);
	if (!in->has_connected || in->connect_status != SCSI_STATUS_GOOD)
		return fail(in, "connect");
	return 0;
}

static int step(struct initiator *in, int limit_ms, const char *what, int started, struct waiter *w)
{
	if (started || wait_for(in, w, limit_ms) || w->status != SCSI_STATUS_GOOD)
		return fail(in, what);
	return 0;
}

int initiator_login(struct initiator *in, const char *url, const char *name, int limit_ms)
{
	struct waiter logged_in = {0};
	struct iscsi_url *u;
	int rc;

	memset(in, 0, sizeof(*in));
	in->iscsi = iscsi_create_context(name ? name : DEFAULT_IQN);
	if (!in->iscsi)
		return fail(in, "context");
	u = iscsi_parse_full_url(in->iscsi, url);
	if (!u)
		return fail(in, url);
	in->lun = u->lun;
	iscsi_set_targetname(in->iscsi, u->target);
	iscsi_set_session_type(in->iscsi, ISCSI_SESSION_NORMAL);
	iscsi_set_header_digest(in->iscsi, ISCSI_HEADER_DIGEST_NONE);
	iscsi_set_noautoreconnect(in->iscsi, 1);
	rc = connect_to(in, u->portal, limit_ms);
	if (!rc)
		rc = step(in, limit_ms, "login", iscsi_login_async(in->iscsi, on_end, &logged_in),
			  &logged_in);
	iscsi_destroy_url(u);
	if (rc)
		initiator_close(in);
	return rc;
}

int initiator_open(struct initiator *in, const char *url, const char *name, int limit_ms)
{
	uint64_t end_ns = deadline_after(limit_ms);
	struct cdb tur = cdb_test_unit_ready(), cap = cdb_read_capacity16();
	struct outcome out = {.status = -1};
	struct scsi_task *task;

	if (initiator_login(in, url, name, limit_ms))
		return -1;
	while (initiator_simple(in, &tur, limit_ms, &out) != SCSI_STATUS_GOOD) {
		if (in->is_broken || clock_now_ns() > end_ns) {
			char text[64];

			outcome_text(&out, text, sizeof(text));
			initiator_close(in);
			snprintf(in->error, sizeof(in->error), "the LUN is not ready: %s", text);
			return -1;
		}
		usleep(20000);
	}
	if (initiator_run(in, &cap, limit_ms, &task, &out)) {
		initiator_close(in);
		return -1;
	}
	if (out.status == SCSI_STATUS_GOOD && out.data_len >= 12) {
		in->blocks = get_be64(out.data) + 1;
		in->block_bytes = get_be32(out.data + 8);
	}
	scsi_free_scsi_task(task);
	if (in->blocks)
		return 0;
	initiator_close(in);
	snprintf(in->error, sizeof(in->error), "READ CAPACITY (16) did not succeed");
	return -1;
}

void initiator_close(struct initiator *in)
{
	struct iscsi_context *iscsi = in->iscsi;

	in->is_broken = true;
	in->iscsi = NULL;
	if (iscsi)
		iscsi_destroy_context(iscsi);
}

int initiator_logout(struct initiator *in, int limit_ms)
{
	struct waiter w = {0};
	int rc = step(in, limit_ms, "logout", iscsi_logout_async(in->iscsi, on_end, &w), &w);

	initiator_close(in);
	return rc;
}

struct scsi_task *initiator_start(struct initiator *in, const struct cdb *cdb, iscsi_command_cb cb,
				  void *priv)
{
	int dir = cdb->out_len ? SCSI_XFER_WRITE : cdb->in_len ? SCSI_XFER_READ : SCSI_XFER_NONE;
	int len = cdb->out_len ? cdb->out_len : cdb->in_len;
	struct iscsi_data out = {.size = (size_t)cdb->out_len};
	unsigned char bytes[16];
	struct scsi_task *task;

	if (in->is_broken)
		return NULL;
	memcpy(bytes, cdb->bytes, sizeof(bytes));
	task = scsi_create_task(cdb->len, bytes, dir, len);
	if (!task)
		return NULL;
	/* libiscsi only reads from it; its interface has no const. */
	memcpy(&out.data, &cdb->out, sizeof(out.data));
	if (cdb->in_buf && dir == SCSI_XFER_READ &&
	    scsi_task_add_data_in_buffer(task, len, cdb->in_buf)) {
		scsi_free_scsi_task(task);
		return NULL;
	}
	if (iscsi_scsi_command_async(in->iscsi, in->lun, task, cb, cdb->out_len ? &out : NULL,
				     priv)) {
		scsi_free_scsi_task(task);
		return NULL;
	}
	return task;
}

#define SESSIONS_MAX 64

/*
 * libiscsi answers a lost connection by giving up its commands and staying half alive. So it never
 * gets to see one: a socket at its end is noticed here.
 */
static bool is_at_end(int fd, int revents)
{
	uint8_t byte;
	ssize_t n;

	if (revents & (POLLERR | POLLNVAL))
		return true;
	if (!(revents & (POLLIN | POLLHUP)))
		return false;
	n = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

void initiator_poll(struct initiator **in, int n, int wait_ms)
{
	struct pollfd p[SESSIONS_MAX];

	if (n > SESSIONS_MAX)
		n = SESSIONS_MAX;
	for (int i = 0; i < n; i++) {
		p[i].fd = in[i]->iscsi && !in[i]->is_broken ? iscsi_get_fd(in[i]->iscsi) : -1;
		p[i].events = p[i].fd >= 0 ? (short)iscsi_which_events(in[i]->iscsi) : 0;
		p[i].revents = 0;
	}
	if (poll(p, (nfds_t)n, wait_ms) < 0)
		return;
	for (int i = 0; i < n; i++) {
		if (p[i].fd < 0 || in[i]->is_broken)
			continue;
		if ((in[i]->has_connected && is_at_end(p[i].fd, p[i].revents)) ||
		    iscsi_service(in[i]->iscsi, p[i].revents) < 0) {
			fail(in[i], "connection");
			in[i]->is_broken = true;
		}
	}
}

void outcome_of(struct scsi_task *task, int status, struct outcome *out)
{
	const uint8_t *raw = task->datain.data;
	int size = task->datain.size;

	memset(out, 0, sizeof(*out));
	out->status = status;
	if (status == SCSI_STATUS_GOOD && raw) {
		out->data = raw;
		out->data_len = (size_t)size;
	}
	/* The data segment of a check condition: a length of two bytes, then the sense data. */
	if (status != SCSI_STATUS_CHECK_CONDITION || size < 2 + 14)
		return;
	raw += 2;
	size -= 2;
	if ((raw[0] & 0x7e) == 0x70) {
		out->key = raw[2] & 0x0f;
		out->asc = raw[12];
		out->ascq = raw[13];
		out->has_information = raw[0] & 0x80;
		out->information = get_be32(raw + 3);
		return;
	}
	out->key = raw[1] & 0x0f;
	out->asc = raw[2];
	out->ascq = raw[3];
	if (size >= 20 && raw[8] == 0 && (raw[10] & 0x80)) {
		out->has_information = true;
		out->information = get_be64(raw + 12);
	}
}

const char *outcome_text(const struct outcome *out, char *buf, size_t size)
{
	static const struct {
		int status;
		const char *word;
	} words[] = {
	    {SCSI_STATUS_GOOD, "good"},
	    {SCSI_STATUS_CONDITION_MET, "met"},
	    {SCSI_STATUS_BUSY, "busy"},
	    {SCSI_STATUS_RESERVATION_CONFLICT, "conflict"},
	    {SCSI_STATUS_TASK_SET_FULL, "full"},
	    {SCSI_STATUS_TASK_ABORTED, "aborted"},
	    {(int)SCSI_STATUS_CANCELLED, "cancelled"},
	    {(int)SCSI_STATUS_TIMEOUT, "timeout"},
	    {(int)SCSI_STATUS_ERROR, "transport"},
	};

	if (out->status == SCSI_STATUS_CHECK_CONDITION) {
		snprintf(buf, size, "check %X/%02X/%02X", out->key, out->asc, out->ascq);
		return buf;
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (words[i].status == out->status)
			return words[i].word;
	}
	snprintf(buf, size, "status 0x%x", (unsigned)out->status);
	return buf;
}

int initiator_run(struct initiator *in, const struct cdb *cdb, int limit_ms,
		  struct scsi_task **task, struct outcome *out)
{
	struct waiter *w = calloc(1, sizeof(*w));

	memset(out, 0, sizeof(*out));
	out->status = SCSI_STATUS_ERROR;
	*task = w ? initiator_start(in, cdb, on_end, w) : NULL;
	if (!*task) {
		free(w);
		return fail(in, "send");
	}
	if (wait_for(in, w, limit_ms)) {
		/* The task still points at the waiter; closing the session ends it. */
		initiator_close(in);
		free(w);
		snprintf(in->error, sizeof(in->error), "no answer within %d ms", limit_ms);
		out->status = SCSI_STATUS_TIMEOUT;
		*task = NULL;
		return -1;
	}
	outcome_of(*task, w->status, out);
	free(w);
	return 0;
}

int initiator_simple(struct initiator *in, const struct cdb *cdb, int limit_ms, struct outcome *out)
{
	struct scsi_task *task;

	for (int attentions = 0;; attentions++) {
		if (initiator_run(in, cdb, limit_ms, &task, out))
			return -1;
		out->data = NULL;
		out->data_len = 0;
		scsi_free_scsi_task(task);
		if (out->status != SCSI_STATUS_CHECK_CONDITION ||
		    out->key != SCSI_SENSE_UNIT_ATTENTION || attentions == 16)
			return out->status;
	}
}
