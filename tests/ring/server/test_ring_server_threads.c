/* SPDX-License-Identifier: MIT */
/*
 * The real client and the server in two threads, with real doorbells and no rescans: each command
 * is completed once with the right data, no wake-up is lost, also while the server dies and comes
 * back. Most useful under ThreadSanitizer, which checks the memory orders.
 */
#include <assert.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fd.h"
#include "ring_client.h"
#include "ring_server.h"

#define COMMANDS    100000u
#define DEPTH       24u
#define SLOTS       16u
#define ARENA_BYTES (32ull * RING_PAGE_BYTES)
#define DATA_BYTES  512u
#define RESTARTS    15u
#define HANG_S      20 /* times SLUICE_PATIENCE, as of the scripts; a lost wake-up is one for ever */
#define HELD_MAX    8u

/* Messages of the connection. */
enum { HELLO = 'h', WELCOME = 'w', HUP = 'u', BYE = 'b' };

struct rig {
	uint8_t *base;
	uint64_t size_bytes;
	int kick_fd, wake_fd;
	int sock[2]; /* client's, server's */
};

static int hang_ms(void)
{
	const char *text = getenv("SLUICE_PATIENCE");
	long patience = text ? strtol(text, NULL, 10) : 3;

	return HANG_S * 1000 * (int)(patience > 0 && patience < 100 ? patience : 3);
}

/* ---------------------------------------------------------------- the server's thread */

struct server {
	struct env env; /* first */
	struct rig *rig;
	struct ring_server ring;
	struct ring_cmd held[SLOTS];
	uint32_t held_count;
	uint64_t incarnation;
	uint32_t turns, answered, restarts;
};

static void ring_bell(struct env *e, struct env_bell *b)
{
	fd_event_signal(((struct server *)e)->rig->wake_fd);
}

static const struct env_ops server_ops = {.bell_ring = ring_bell};

static void take(void *ctx, const struct ring_cmd *cmd)
{
	struct server *s = ctx;

	assert(s->held_count < SLOTS);
	s->held[s->held_count++] = *cmd;
}

static void answer_some(struct server *s)
{
	uint32_t leave = s->turns % 3 ? 0 : s->held_count / 2;

	while (s->held_count > leave) {
		struct ring_cmd *c = &s->held[--s->held_count];
		struct ring_response rsp = {.in_bytes = c->in_bytes};
		uint8_t *data = c->data;

		for (uint32_t i = 0; i < c->in_bytes; i++)
			data[i] = (uint8_t)(data[i] + c->cdb[1]);
		/* Never dies in between: a replay would add again. */
		ring_server_done(&s->ring, c->slot, &rsp);
		s->answered++;
	}
}

static void send_byte(int fd, char what)
{
	ssize_t n = write(fd, &what, 1);

	assert(n == 1);
}

static char wait_byte(int fd)
{
	char what;
	ssize_t n = read(fd, &what, 1);

	return n == 1 ? what : 0;
}

/* False: the client said goodbye. */
static bool serve_begin(struct server *s)
{
	struct err err;
	int rc;

	if (wait_byte(s->rig->sock[1]) != HELLO)
		return false;
	rc = ring_server_init(&s->ring, &s->env, s->rig->base, s->rig->size_bytes,
			      (struct env_bell *)s, ++s->incarnation, &err);
	assert(rc == 0);
	ring_server_recover(&s->ring, take, s);
	send_byte(s->rig->sock[1], WELCOME);
	return true;
}

/* What was taken and not answered is left to the next incarnation. */
static void serve_die(struct server *s)
{
	s->ring.in_flight = 0;
	ring_server_fini(&s->ring);
	s->held_count = 0;
	send_byte(s->rig->sock[1], HUP);
}

static bool sleep_until_news(struct server *s)
{
	struct pollfd fds[2] = {{.fd = s->rig->kick_fd, .events = POLLIN},
				{.fd = s->rig->sock[1], .events = POLLIN}};
	int rc = poll(fds, 2, hang_ms());

	assert(rc > 0); /* else a wake-up was lost */
	fd_event_take(s->rig->kick_fd);
	return !(fds[1].revents & POLLIN);
}

static void *serve(void *rig)
{
	struct server s = {.env.ops = &server_ops, .rig = rig};
	bool goes_on = serve_begin(&s);

	while (goes_on) {
		ring_server_poll(&s.ring, 5, take, &s);
		assert(!s.ring.is_broken);
		s.turns++;
		if (s.answered > (s.restarts + 1) * (COMMANDS / (RESTARTS + 2))) {
			s.restarts++;
			serve_die(&s);
			goes_on = serve_begin(&s);
			continue;
		}
		answer_some(&s);
		ring_server_kick(&s.ring);
		if (s.held_count || ring_server_before_sleep(&s.ring))
			continue;
		goes_on = sleep_until_news(&s);
		ring_server_awake(&s.ring);
	}
	assert(s.restarts >= RESTARTS);
	s.ring.in_flight = 0;
	ring_server_fini(&s.ring);
	return NULL;
}

/* ---------------------------------------------------------------- the client's thread */

struct command {
	bool is_busy;
	uint8_t add, first;
	uint8_t cdb[6];
	uint8_t out[DATA_BYTES], in[DATA_BYTES];
};

struct client {
	struct rig *rig;
	struct ring_client *ring;
	struct command commands[DEPTH];
	uint32_t sent, ended;
};

static void submit(struct client *c, struct command *x)
{
	struct ring_client_cmd cmd = {
	    .cookie = x,
	    .nexus_id = 1,
	    .cdb = x->cdb,
	    .cdb_bytes = sizeof(x->cdb),
	    .out_data = x->out,
	    .out_bytes = DATA_BYTES,
	    .in_data = x->in,
	    .in_bytes = DATA_BYTES,
	};
	int rc;

	if (c->sent == COMMANDS)
		return;
	c->sent++;
	x->is_busy = true;
	x->cdb[1] = (uint8_t)(c->sent * 7 | 1);
	memset(x->out, (int)(c->sent & 0xff), DATA_BYTES);
	rc = ring_client_submit(c->ring, &cmd, 0);
	assert(rc == 0);
}

static void complete(void *ctx, void *cookie, const struct ring_client_result *r)
{
	struct client *c = ctx;
	struct command *x = cookie;
	uint8_t expected = (uint8_t)(x->out[0] + x->cdb[1]);

	assert(x->is_busy);
	assert(r->end == RING_CLIENT_ANSWERED && r->status == 0 && r->in_bytes == DATA_BYTES);
	assert(x->in[0] == expected && x->in[DATA_BYTES - 1] == expected);
	x->is_busy = false;
	c->ended++;
	submit(c, x);
}

static void kick(void *ctx)
{
	struct client *c = ctx;

	fd_event_signal(c->rig->kick_fd);
}

static const struct ring_client_host client_host = {.complete = complete, .kick = kick};

static void hear(struct client *c)
{
	switch (wait_byte(c->rig->sock[0])) {
	case WELCOME:
		ring_client_attached(c->ring, 0);
		break;
	case HUP:
		ring_client_detached(c->ring, 0);
		send_byte(c->rig->sock[0], HELLO);
		break;
	default:
		assert(false);
	}
}

static void run_client(struct rig *rig)
{
	struct client *c = calloc(1, sizeof(*c));
	struct pollfd fds[2] = {{.fd = rig->wake_fd, .events = POLLIN},
				{.fd = rig->sock[0], .events = POLLIN}};

	c->rig = rig;
	c->ring = ring_client_new(&client_host, c, rig->base, SLOTS, ARENA_BYTES, 1);
	assert(c->ring);
	send_byte(rig->sock[0], HELLO);
	for (uint32_t i = 0; i < DEPTH; i++)
		submit(c, &c->commands[i]);
	ring_client_flush(c->ring);
	while (c->ended < COMMANDS) {
		int rc = poll(fds, 2, hang_ms());

		assert(rc > 0); /* else a wake-up was lost */
		if (fds[1].revents & POLLIN)
			hear(c);
		fd_event_take(rig->wake_fd);
		if (ring_client_poll(c->ring, 0))
			fd_event_signal(rig->wake_fd);
		ring_client_flush(c->ring);
	}
	assert(ring_client_in_flight(c->ring) == 0);
	/* A server that begins names again what its predecessor may have named: more hints than
	 * slots are no garbage here. */
	assert(ring_client_stats(c->ring).rescues == 0);
	send_byte(rig->sock[0], BYE);
	ring_client_free(c->ring);
	free(c);
}

int main(void)
{
	struct rig rig = {.size_bytes = ring_client_memory_bytes(SLOTS, ARENA_BYTES)};
	pthread_t thread;
	int rc;

	rig.base = aligned_alloc(RING_PAGE_BYTES, rig.size_bytes);
	memset(rig.base, 0, rig.size_bytes);
	rig.kick_fd = fd_event_create();
	rig.wake_fd = fd_event_create();
	rc = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, rig.sock);
	assert(rc == 0 && rig.kick_fd >= 0 && rig.wake_fd >= 0);
	rc = pthread_create(&thread, NULL, serve, &rig);
	assert(rc == 0);
	run_client(&rig);
	pthread_join(thread, NULL);
	free(rig.base);
	printf("%u commands, %u restarts of the server, no wake-up lost\n", COMMANDS, RESTARTS);
	return 0;
}
