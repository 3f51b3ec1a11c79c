/* SPDX-License-Identifier: MIT */
/* The socket of the rings, with a worker that the test plays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fd.h"
#include "manager.h"
#include "ring_listener.h"

static struct manager manager;
static struct mvolume volume;
static char path[] = "/tmp/sluice-listener-XXXXXX";
static int listener_fd, client;
static struct worker_ring *ring; /* that the worker was given */
static uint32_t drains, releases;
static uint8_t client_uuid; /* of the volume that the client has served; 0: none yet */
static struct plan_volume plan_volume = {.uuid = {7}};

/* ---------------------------------------------------------------- what surrounds the listener */

void worker_ring_attach(struct worker_ring *r)
{
	ring = r;
}

void worker_ring_drain(struct worker_ring *r)
{
	drains++;
}

void worker_ring_release(struct worker_ring *r)
{
	releases++;
	free(r);
}

struct mvolume *manager_find(const struct manager *m, const char *name)
{
	return strcmp(name, "v") == 0 ? &volume : NULL;
}

void manager_event(struct manager *m, const char *name, const char *filter, const char *kind,
		   const char *text)
{
}

void manager_rings_changed(struct mvolume *mv, uint32_t live) {}

const char *volume_state_word(enum volume_state state)
{
	return "?";
}

/* ---------------------------------------------------------------- the client */

static int ring_memory(void)
{
	struct ring_header h = {.magic = RING_MAGIC, .abi = RING_ABI};
	int fd = memfd_create("ring", MFD_ALLOW_SEALING);

	ring_layout(&h, RING_SLOTS_MIN, RING_PAGE_BYTES);
	assert_int_equal(ftruncate(fd, (off_t)h.total_bytes), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL), 0);
	return fd;
}

static void say_hello(void)
{
	struct ring_msg_hello hello = {.type = RING_MSG_HELLO,
				       .abi_newest = RING_ABI,
				       .abi_oldest = RING_ABI_OLDEST,
				       .volume = "v",
				       .uuid = {client_uuid}};
	int fds[3] = {ring_memory(), fd_event_create(), fd_event_create()};

	client = fd_unix_connect(path, SOCK_SEQPACKET);
	assert_true(client >= 0);
	assert_int_equal(fd_send(client, &hello, sizeof(hello), fds, 3), sizeof(hello));
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	loop_turn(manager.loop, 1000); /* accepted */
	loop_turn(manager.loop, 1000); /* heard */
}

/* The type of the message that came, 0: the other side has closed, -1: nothing. */
static int answer(void)
{
	union ring_msg msg;
	ssize_t n = fd_recv(client, &msg, sizeof(msg), NULL, NULL);

	return n > 0 ? (int)msg.type : n == 0 ? 0 : -1;
}

static int set_up(void **state)
{
	struct err err;

	memcpy(path + sizeof(path) - 7, "XXXXXX", 7);
	close(mkstemp(path));
	unlink(path);
	memset(&manager, 0, sizeof(manager));
	memset(&volume, 0, sizeof(volume));
	volume.state = VOLUME_SERVING;
	volume.plan = &plan_volume;
	client_uuid = 7;
	ring = NULL;
	drains = releases = 0;
	assert_int_equal(loop_create(&manager.loop, &err), 0);
	listener_fd = fd_unix_listen(path, SOCK_SEQPACKET, 0600, &err);
	assert_true(listener_fd >= 0);
	assert_int_equal(
	    ring_listener_create(&manager, listener_fd, (uid_t)-1, &manager.rings, &err), 0);
	return 0;
}

static int tear_down(void **state)
{
	ring_listener_free(manager.rings);
	loop_free(manager.loop);
	close(client);
	close(listener_fd);
	unlink(path);
	return 0;
}

static void ring_is_welcomed_drained_at_its_clients_end_and_closed_when_drained(void **state)
{
	say_hello();
	ring->attached(ring);
	assert_int_equal(answer(), RING_MSG_WELCOME);
	assert_int_equal(ring_listener_count(manager.rings, &volume), 1);
	assert_int_equal(shutdown(client, SHUT_WR), 0);
	while (drains == 0)
		loop_turn(manager.loop, 1000);
	assert_int_equal(answer(), -1); /* the proof that all has ended comes when it has */
	ring->gone(ring);
	assert_int_equal(answer(), 0);
	assert_int_equal(drains, 1);
	assert_int_equal(releases, 1);
	assert_int_equal(ring_listener_count(manager.rings, &volume), 0);
}

/* The kernel may let go of a tied socket late, on older ones not before others' I/O has ended. */
static void client_hears_of_the_end_although_the_tie_still_holds_the_socket(void **state)
{
	int tie;

	say_hello();
	tie = dup(ring->sock_fd);
	ring->attached(ring);
	assert_int_equal(answer(), RING_MSG_WELCOME);
	assert_int_equal(shutdown(client, SHUT_WR), 0);
	while (drains == 0)
		loop_turn(manager.loop, 1000);
	ring->gone(ring);
	assert_int_equal(answer(), 0);
	close(tie);
}

/* RING-5: the garbage is seen while commands are replayed, before anybody knows of the ring. */
static void ring_that_breaks_while_it_is_attached_is_drained_and_closed(void **state)
{
	say_hello();
	ring->broken(ring);
	assert_int_equal(drains, 0); /* the worker has not said that it has it */
	ring->attached(ring);
	assert_int_equal(drains, 1);
	assert_int_equal(answer(), -1);
	ring->gone(ring);
	assert_int_equal(answer(), 0);
	assert_int_equal(releases, 1);
}

/* A volume was deleted and another one made under its name: what waits in the ring is not for it.
 */
static void ring_of_another_volume_of_the_same_name_is_refused_untouched(void **state)
{
	client_uuid = 8;
	say_hello();
	assert_null(ring);
	assert_int_equal(answer(), RING_MSG_REFUSE);
	assert_int_equal(answer(), 0);
}

static void ring_that_has_served_no_volume_yet_is_taken(void **state)
{
	client_uuid = 0;
	say_hello();
	assert_non_null(ring);
	ring->attached(ring);
	assert_int_equal(answer(), RING_MSG_WELCOME);
	ring->gone(ring);
}

static void client_that_goes_while_its_ring_is_attached_is_drained(void **state)
{
	say_hello();
	assert_int_equal(shutdown(client, SHUT_WR), 0);
	loop_turn(manager.loop, 1000);
	assert_int_equal(drains, 0);
	ring->attached(ring);
	assert_int_equal(drains, 1);
	ring->gone(ring);
	assert_int_equal(releases, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	    T(ring_is_welcomed_drained_at_its_clients_end_and_closed_when_drained),
	    T(client_hears_of_the_end_although_the_tie_still_holds_the_socket),
	    T(ring_that_breaks_while_it_is_attached_is_drained_and_closed),
	    T(ring_of_another_volume_of_the_same_name_is_refused_untouched),
	    T(ring_that_has_served_no_volume_yet_is_taken),
	    T(client_that_goes_while_its_ring_is_attached_is_drained),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
