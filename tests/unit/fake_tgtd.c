/* SPDX-License-Identifier: MIT */
#include "fake_tgtd.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fd.h"

#define TARGETS_MAX 64
#define SLOTS       16
#define TEXT_MAX    128
#define SHOW_MAX    262144

struct request {
	uint32_t mode, op;
	char driver[64];
	uint32_t total_bytes;
	int32_t tid;
	uint64_t sid, lun;
	uint32_t cid, host, device_type, direction, pack, force;
};

struct target {
	int32_t tid; /* 0: free */
	char iqn[TEXT_MAX], lun_path[TEXT_MAX], outgoing[TEXT_MAX];
	uint64_t lun; /* 0: only the controller */
	char accounts[SLOTS][TEXT_MAX];
	uint32_t account_count;
	char addresses[SLOTS][TEXT_MAX], initiators[SLOTS][TEXT_MAX];
	uint32_t sid; /* 0: no session */
	char session[TEXT_MAX];
};

struct fake_tgtd {
	pthread_t thread;
	pthread_mutex_t lock;
	int listener, stop_fd;
	char path[108];
	enum fake_fault fault;
	uint32_t refuse_mode, refuse_op, refuse_code, changes;
	bool has_died;
	struct target targets[TARGETS_MAX];
	char users[64][TEXT_MAX], portals[SLOTS][TEXT_MAX];
	char last_args[4096];
};

/* ---------------------------------------------------------------- lists of names */

static char *find_in(char *list, uint32_t count, const char *text)
{
	for (uint32_t i = 0; i < count; i++)
		if (strcmp(list + i * TEXT_MAX, text) == 0)
			return list + i * TEXT_MAX;
	return NULL;
}

static uint32_t put_in(char *list, uint32_t count, const char *text, uint32_t exists)
{
	char *slot;

	if (find_in(list, count, text))
		return exists;
	slot = find_in(list, count, "");
	snprintf(slot, TEXT_MAX, "%.127s", text);
	return 0;
}

static uint32_t take_from(char *list, uint32_t count, const char *text, uint32_t missing)
{
	char *slot = find_in(list, count, text);

	if (!slot)
		return missing;
	*slot = 0;
	return 0;
}

static struct target *by_tid(struct fake_tgtd *f, int32_t tid)
{
	for (int i = 0; i < TARGETS_MAX; i++)
		if (tid && f->targets[i].tid == tid)
			return &f->targets[i];
	return NULL;
}

static struct target *by_iqn(struct fake_tgtd *f, const char *iqn)
{
	for (int i = 0; i < TARGETS_MAX; i++)
		if (f->targets[i].tid && strcmp(f->targets[i].iqn, iqn) == 0)
			return &f->targets[i];
	return NULL;
}

/* ---------------------------------------------------------------- what is printed */

static void print_target(struct fake_tgtd *f, const struct target *t, FILE *out)
{
	fprintf(out,
		"Target %d: %s\n    System information:\n        Driver: iscsi\n"
		"        State: ready\n    I_T nexus information:\n",
		t->tid, t->iqn);
	if (t->sid)
		fprintf(out,
			"        I_T nexus: %u\n            Initiator: %s alias: none\n"
			"            Connection: 0\n                IP Address: 127.0.0.1\n",
			t->sid, t->session);
	fprintf(out,
		"    LUN information:\n        LUN: 0\n"
		"            Backing store type: null\n            Backing store path: None\n");
	if (t->lun)
		fprintf(out,
			"        LUN: %llu\n            Backing store type: sluice\n"
			"            Backing store path: %s\n",
			(unsigned long long)t->lun, t->lun_path);
	fprintf(out, "    Account information:\n");
	for (uint32_t i = 0; i < t->account_count; i++) {
		if (!t->accounts[i][0])
			f->has_died = true;
		fprintf(out, "        %s\n", t->accounts[i]);
	}
	if (t->outgoing[0])
		fprintf(out, "        %s (outgoing)\n", t->outgoing);
	fprintf(out, "    ACL information:\n");
	for (int i = 0; i < SLOTS; i++)
		if (t->addresses[i][0])
			fprintf(out, "        %s\n", t->addresses[i]);
	for (int i = 0; i < SLOTS; i++)
		if (t->initiators[i][0])
			fprintf(out, "        %s\n", t->initiators[i]);
}

static void print_targets(struct fake_tgtd *f, FILE *out)
{
	for (int32_t tid = 1; tid < 10000; tid++) {
		const struct target *t = by_tid(f, tid);

		if (t)
			print_target(f, t, out);
	}
}

static void show(struct fake_tgtd *f, const struct request *q, FILE *out)
{
	const struct target *t;

	if (q->mode == 1)
		print_targets(f, out);
	if (q->mode == 4)
		fprintf(out, "LLDs:\n    iscsi: ready\n");
	for (int i = 0; i < TARGETS_MAX && q->mode == 4; i++)
		if (f->targets[i].tid)
			fprintf(out, "        Target %d: %s\n", f->targets[i].tid,
				f->targets[i].iqn);
	for (int i = 0; i < SLOTS && q->mode == 3; i++)
		if (f->portals[i][0])
			fprintf(out, "Portal: %s,1\n", f->portals[i]);
	if (q->mode == 7)
		fprintf(out, "Account list:\n");
	for (int i = 0; i < 64 && q->mode == 7; i++)
		if (f->users[i][0])
			fprintf(out, "    %s\n", f->users[i]);
	t = q->mode == 6 ? by_tid(f, q->tid) : NULL;
	if (t && t->sid)
		fprintf(out,
			"Session: %u\n    Connection: 0\n        Initiator: %s\n"
			"        IP Address: 127.0.0.1\n",
			t->sid, t->session);
}

/* ---------------------------------------------------------------- changes */

static uint32_t target_op(struct fake_tgtd *f, const struct request *q, const char *value,
			  bool is_address)
{
	struct target *t = by_tid(f, q->tid);
	char *list;

	if (q->op == 0) {
		if (t || by_iqn(f, value))
			return 9;
		for (t = f->targets; t->tid; t++) {
		}
		*t = (struct target){.tid = q->tid};
		snprintf(t->iqn, sizeof(t->iqn), "%.127s", value);
		return 0;
	}
	if (!t)
		return 4;
	if (q->op == 1 && t->sid)
		return 19;
	if (q->op == 1)
		t->tid = 0;
	list = is_address ? t->addresses[0] : t->initiators[0];
	if (q->op == 3)
		return put_in(list, SLOTS, value, 12);
	return q->op == 4 ? take_from(list, SLOTS, value, 13) : 0;
}

static uint32_t lun_op(struct fake_tgtd *f, const struct request *q, const char *value)
{
	struct target *t = by_tid(f, q->tid);

	if (!t)
		return 4;
	if (q->op == 0 && t->lun)
		return 10;
	if (q->op == 1 && t->lun != q->lun)
		return 5;
	t->lun = q->op == 0 ? q->lun : 0;
	if (q->op == 0)
		snprintf(t->lun_path, sizeof(t->lun_path), "%.*s", (int)strcspn(value, ","), value);
	return 0;
}

static uint32_t bind_op(struct target *t, const struct request *q, const char *user)
{
	uint32_t rc;

	if (q->direction) {
		snprintf(t->outgoing, sizeof(t->outgoing), "%.127s", q->op == 3 ? user : "");
		return 0;
	}
	rc = q->op == 3 ? put_in(t->accounts[0], SLOTS, user, 14)
			: take_from(t->accounts[0], SLOTS, user, 15);
	if (rc == 0)
		t->account_count += q->op == 3 ? 1 : (uint32_t)-1;
	return rc;
}

static uint32_t account_op(struct fake_tgtd *f, const struct request *q, char *user)
{
	struct request unbind = {.op = 4};
	struct target *t = by_tid(f, q->tid);

	user[strcspn(user, ",")] = 0;
	if (q->op == 0)
		return put_in(f->users[0], 64, user, 14);
	if (!find_in(f->users[0], 64, user))
		return 15;
	if (q->op >= 3)
		return t ? bind_op(t, q, user) : 4;
	for (int i = 0; i < TARGETS_MAX; i++)
		if (f->targets[i].tid)
			bind_op(&f->targets[i], &unbind, user);
	return take_from(f->users[0], 64, user, 15);
}

static uint32_t session_op(struct fake_tgtd *f, const struct request *q)
{
	struct target *t = by_tid(f, q->tid);

	if (!t || t->sid != q->sid)
		return 6;
	t->sid = 0;
	return 0;
}

static uint32_t change(struct fake_tgtd *f, const struct request *q, char *args)
{
	char *value = strchr(args, '=');

	value = value ? value + 1 : args;
	f->changes++;
	switch (q->mode) {
	case 1:
		return target_op(f, q, value, strncmp(args, "initiator-address", 17) == 0);
	case 2:
		return lun_op(f, q, value);
	case 3:
		return q->op == 0 ? put_in(f->portals[0], SLOTS, value, 17)
				  : take_from(f->portals[0], SLOTS, value, 17);
	case 6:
		return session_op(f, q);
	case 7:
		return account_op(f, q, value);
	default:
		return 17;
	}
}

/* ---------------------------------------------------------------- the wire */

static bool receive(struct fake_tgtd *f, int fd, struct request *q)
{
	size_t len;

	if (recv(fd, q, sizeof(*q), MSG_WAITALL) != sizeof(*q))
		return false;
	len = q->total_bytes - sizeof(*q);
	memset(f->last_args, 0, sizeof(f->last_args));
	return len < sizeof(f->last_args) &&
	       (!len || recv(fd, f->last_args, len, MSG_WAITALL) == (ssize_t)len);
}

static void answer(struct fake_tgtd *f, int fd, uint32_t code, const char *text, size_t len)
{
	uint32_t head[2] = {code, (uint32_t)(sizeof(head) + (code ? 0 : len))};
	size_t head_bytes = f->fault == FAKE_CUT_HEAD ? 4 : sizeof(head);
	ssize_t sent;

	if (f->fault == FAKE_CLOSES)
		return;
	if (f->fault == FAKE_CUT_BODY)
		head[1] += 100;
	if (f->fault == FAKE_BAD_LENGTH)
		head[1] = 3;
	sent = send(fd, head, head_bytes, MSG_NOSIGNAL);
	if (sent == sizeof(head) && !code && len)
		sent = send(fd, text, len, MSG_NOSIGNAL);
	(void)sent;
}

static void serve(struct fake_tgtd *f, int fd)
{
	struct request q;
	char *text = NULL, args[sizeof(f->last_args)];
	size_t len = 0;
	uint32_t code = 0;
	FILE *out;

	if (!receive(f, fd, &q))
		return;
	if (f->fault == FAKE_SILENT) {
		struct pollfd p = {.fd = f->stop_fd, .events = POLLIN};

		pthread_mutex_unlock(&f->lock);
		poll(&p, 1, 1000);
		pthread_mutex_lock(&f->lock);
		return;
	}
	out = open_memstream(&text, &len);
	memcpy(args, f->last_args, sizeof(args));
	if (f->refuse_code && f->refuse_mode == q.mode && f->refuse_op == q.op)
		code = f->refuse_code;
	else if (q.op == 2)
		show(f, &q, out);
	else
		code = change(f, &q, args);
	fputc(0, out);
	fclose(out);
	answer(f, fd, code, text, len);
	free(text);
}

static void *run(void *arg)
{
	struct fake_tgtd *f = arg;

	for (;;) {
		struct pollfd p[2] = {{.fd = f->listener, .events = POLLIN},
				      {.fd = f->stop_fd, .events = POLLIN}};
		int fd;

		poll(p, 2, -1);
		if (p[1].revents)
			return NULL;
		fd = fd_accept(f->listener);
		if (fd < 0)
			continue;
		if (fd_set_nonblock(fd, false) == 0) {
			pthread_mutex_lock(&f->lock);
			serve(f, fd);
			pthread_mutex_unlock(&f->lock);
		}
		close(fd);
	}
}

/* ---------------------------------------------------------------- for the test */

struct fake_tgtd *fake_tgtd_start(const char *path)
{
	struct fake_tgtd *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	pthread_mutex_init(&f->lock, NULL);
	snprintf(f->path, sizeof(f->path), "%s", path);
	unlink(path);
	f->listener = fd_unix_listen(path, SOCK_STREAM, 0600, NULL);
	assert_true(f->listener >= 0);
	f->stop_fd = fd_event_create();
	assert_int_equal(pthread_create(&f->thread, NULL, run, f), 0);
	return f;
}

void fake_tgtd_stop(struct fake_tgtd *f)
{
	fd_event_signal(f->stop_fd);
	pthread_join(f->thread, NULL);
	unlink(f->path);
	close(f->listener);
	close(f->stop_fd);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

void fake_tgtd_fault(struct fake_tgtd *f, enum fake_fault fault)
{
	pthread_mutex_lock(&f->lock);
	f->fault = fault;
	pthread_mutex_unlock(&f->lock);
}

void fake_tgtd_refuse(struct fake_tgtd *f, uint32_t mode, uint32_t op, uint32_t code)
{
	pthread_mutex_lock(&f->lock);
	f->refuse_mode = mode;
	f->refuse_op = op;
	f->refuse_code = code;
	pthread_mutex_unlock(&f->lock);
}

bool fake_tgtd_has_died(struct fake_tgtd *f)
{
	bool has_died;

	pthread_mutex_lock(&f->lock);
	has_died = f->has_died;
	pthread_mutex_unlock(&f->lock);
	return has_died;
}

uint32_t fake_tgtd_requests(struct fake_tgtd *f)
{
	uint32_t n;

	pthread_mutex_lock(&f->lock);
	n = f->changes;
	pthread_mutex_unlock(&f->lock);
	return n;
}

char *fake_tgtd_show(struct fake_tgtd *f)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	pthread_mutex_lock(&f->lock);
	print_targets(f, out);
	pthread_mutex_unlock(&f->lock);
	fclose(out);
	return text;
}

char *fake_tgtd_last_args(struct fake_tgtd *f)
{
	char *text;

	pthread_mutex_lock(&f->lock);
	text = strdup(f->last_args);
	pthread_mutex_unlock(&f->lock);
	return text;
}

void fake_tgtd_add_session(struct fake_tgtd *f, const char *iqn, uint32_t sid,
			   const char *initiator)
{
	struct target *t;

	pthread_mutex_lock(&f->lock);
	t = by_iqn(f, iqn);
	assert_non_null(t);
	t->sid = sid;
	snprintf(t->session, sizeof(t->session), "%.127s", initiator);
	pthread_mutex_unlock(&f->lock);
}
