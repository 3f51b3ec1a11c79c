/* SPDX-License-Identifier: GPL-2.0-only */
#include "conn.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "conn_int.h"
#include "initiator.h"
#include "lun.h"
#include "ops.h"
#include "pr.h"

static bool is_waiting_in_vain; /* the last bounded wait for WELCOME ended without one */

void conn_answered(void)
{
	is_waiting_in_vain = false;
}

/* ------------------------------------------------------------------ timer */

static void set_timer(struct conn *c, uint64_t period_ns)
{
	struct itimerspec its = {0};

	if (period_ns == c->timer_period_ns)
		return;
	c->timer_period_ns = period_ns;
	its.it_value.tv_sec = its.it_interval.tv_sec = (time_t)(period_ns / CLOCK_NS_PER_S);
	its.it_value.tv_nsec = its.it_interval.tv_nsec = (long)(period_ns % CLOCK_NS_PER_S);
	if (timerfd_settime(c->timer_fd, 0, &its, NULL) < 0)
		tgt_log(c->lu, "cannot set the timer: %s", strerror(errno));
}

/* After anything happened: the timer as it must be now. */
static void adjust_timer(struct conn *c)
{
	uint64_t period_ns = ring_client_in_flight(c->client) > 0 ? RING_CLIENT_TICK_NS : 0;

	if (c->state == CONN_DOWN && !c->is_orphan &&
	    (period_ns == 0 || conn_retry_ns(c) < period_ns))
		period_ns = conn_retry_ns(c);
	set_timer(c, period_ns);
}

static void destroy(struct conn *c)
{
	tgt_remove_sched_event(&c->flush_event);
	if (c->sock >= 0) {
		if (c->state == CONN_LIVE)
			conn_socket_bye(c->sock, c->generation);
		tgt_event_del(c->sock);
		close(c->sock);
	}
	if (c->memory.wake_fd >= 0)
		tgt_event_del(c->memory.wake_fd);
	if (c->timer_fd >= 0) {
		tgt_event_del(c->timer_fd);
		close(c->timer_fd);
	}
	ring_client_free(c->client);
	conn_memory_close(&c->memory);
	free(c);
}

/* The end of every handler. c may be gone afterwards. */
static void settle(struct conn *c)
{
	if (c->is_orphan && ring_client_in_flight(c->client) == 0)
		destroy(c);
	else
		adjust_timer(c);
}

/* ------------------------------------------------------------------ event handlers */

void conn_on_socket(int fd, int events, void *data)
{
	struct conn *c = data;

	conn_receive(c);
	settle(c);
}

/* As filterd would. */
static void ring_self(struct conn *c)
{
	uint64_t one = 1;
	ssize_t n = write(c->memory.wake_fd, &one, sizeof(one));

	(void)n; /* full means that it rings already */
}

static void on_wake(int fd, int events, void *data)
{
	struct conn *c = data;
	uint64_t count;
	ssize_t n = read(fd, &count, sizeof(count));

	(void)n;
	if (ring_client_poll(c->client, clock_now_ns()))
		ring_self(c);
	/* The timer is left as it is: on_timer() sees an idle period, this would see every gap. */
	if (c->is_orphan)
		settle(c);
}

/* Both are 0 for ever unless something is broken, and both would heal it silently. */
static void tell_troubles(struct conn *c, const struct ring_client_stats *s)
{
	if (s->rescues != c->rescues_told)
		tgt_log(c->lu,
			"volume %s: %llu completions were found by the rescan: a doorbell was lost",
			c->volume, (unsigned long long)(s->rescues - c->rescues_told));
	if (s->garbage != c->garbage_told)
		tgt_log(c->lu, "volume %s: the completion queue held garbage", c->volume);
	c->rescues_told = s->rescues;
	c->garbage_told = s->garbage;
}

static void on_timer(int fd, int events, void *data)
{
	struct conn *c = data;
	uint64_t expirations, now_ns = clock_now_ns();
	struct ring_client_stats stats;
	bool is_at_work;
	ssize_t n = read(fd, &expirations, sizeof(expirations));

	(void)n;
	if (c->state == CONN_DOWN && now_ns >= c->next_attempt_ns)
		conn_meet(c, now_ns);
	ring_client_tick(c->client, now_ns);
	stats = ring_client_stats(c->client);
	if (!c->is_orphan)
		tell_troubles(c, &stats);
	is_at_work =
	    stats.submitted != c->submitted_at_tick && c->state == CONN_LIVE && !c->is_orphan;
	c->submitted_at_tick = stats.submitted;
	/* A LUN at work stays armed through the gaps between its commands. */
	if (!is_at_work)
		settle(c);
}

static void on_flush(struct event_data *e)
{
	struct conn *c = e->data;

	ring_client_flush(c->client);
}

/* ------------------------------------------------------------------ the ring's host */

static void ring_complete(void *ctx, void *cookie, const struct ring_client_result *result)
{
	ops_complete(cookie, result);
}

static void ring_kick(void *ctx)
{
	struct conn *c = ctx;
	uint64_t one = 1;
	ssize_t n = write(c->memory.kick_fd, &one, sizeof(one));

	(void)n; /* full means that it rings already */
}

static bool ring_wants_abort(void *ctx, void *cookie)
{
	struct scsi_cmd *cmd = cookie;

	return cmd->mreq || pr_wants_abort(cmd) || initiator_is_gone(cmd);
}

static const struct ring_client_host ring_host = {
    .complete = ring_complete,
    .kick = ring_kick,
    .wants_abort = ring_wants_abort,
};

int conn_submit(struct conn *c, struct scsi_cmd *cmd)
{
	struct ring_client_cmd r = {
	    .cookie = cmd,
	    .nexus_id = cmd->cmd_itn_id,
	    .cdb = cmd->scb,
	    .cdb_bytes = (uint32_t)cmd->scb_len,
	    .out_data = scsi_get_out_buffer(cmd),
	    .out_bytes = scsi_get_out_length(cmd),
	    .in_data = scsi_get_in_buffer(cmd),
	    .in_bytes = scsi_get_in_length(cmd),
	};
	int rc;

	if (!r.out_data)
		r.out_bytes = 0;
	if (!r.in_data)
		r.in_bytes = 0;
	rc = ring_client_submit(c->client, &r, clock_now_ns());
	if (rc)
		return rc;
	tgt_add_sched_event(&c->flush_event);
	if (c->timer_period_ns == 0 || c->timer_period_ns > RING_CLIENT_TICK_NS)
		set_timer(c, RING_CLIENT_TICK_NS);
	return 0;
}

int conn_fd(const struct conn *c)
{
	return c->timer_fd;
}

/* ------------------------------------------------------------------ open, close */

static int make_ring(struct conn *c)
{
	int rc = conn_memory_open(&c->memory,
				  ring_client_memory_bytes(RING_SLOTS_DEFAULT, RING_ARENA_DEFAULT));

	if (rc)
		return rc;
	c->generation = conn_memory_random();
	c->client = ring_client_new(&ring_host, c, c->memory.base, RING_SLOTS_DEFAULT,
				    RING_ARENA_DEFAULT, c->generation);
	return c->client ? 0 : -ENOMEM;
}

static int watch(struct conn *c)
{
	c->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (c->timer_fd < 0)
		return -errno;
	if (tgt_event_add(c->memory.wake_fd, EPOLLIN, on_wake, c))
		return -EIO;
	if (tgt_event_add(c->timer_fd, EPOLLIN, on_timer, c)) {
		tgt_event_del(c->memory.wake_fd);
		return -EIO;
	}
	return 0;
}

/* The one place that waits: for a local process's answer, bounded by poll(). */
static void wait_for_welcome(struct conn *c)
{
	uint64_t deadline_ns = clock_now_ns() + CONN_OPEN_WAIT_MS * CLOCK_NS_PER_MS;

	while (c->state == CONN_GREETING && !is_waiting_in_vain) {
		struct pollfd p = {.fd = c->sock, .events = POLLIN};
		uint64_t now_ns = clock_now_ns();
		int n = now_ns >= deadline_ns
			    ? 0
			    : poll(&p, 1, (int)((deadline_ns - now_ns) / CLOCK_NS_PER_MS) + 1);

		if (n == 0)
			is_waiting_in_vain = true;
		else if (n > 0)
			conn_receive(c);
	}
}

int conn_open(struct scsi_lu *lu, const char *volume, const char *socket_path, struct conn **out)
{
	struct conn *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return -ENOMEM;
	c->lu = lu;
	c->sock = -1;
	c->timer_fd = -1;
	snprintf(c->volume, sizeof(c->volume), "%s", volume);
	snprintf(c->socket_path, sizeof(c->socket_path), "%s", socket_path);
	tgt_init_sched_event(&c->flush_event, on_flush, c);
	rc = make_ring(c);
	if (rc)
		goto free_conn;
	rc = watch(c);
	if (rc)
		goto free_ring;
	conn_meet(c, clock_now_ns());
	wait_for_welcome(c);
	adjust_timer(c);
	*out = c;
	return 0;

free_ring:
	if (c->timer_fd >= 0)
		close(c->timer_fd);
	ring_client_free(c->client);
	conn_memory_close(&c->memory);
free_conn:
	free(c);
	return rc;
}

void conn_close(struct conn *c)
{
	if (ring_client_in_flight(c->client) == 0) {
		destroy(c);
		return;
	}
	c->is_orphan = true;
	adjust_timer(c);
}
