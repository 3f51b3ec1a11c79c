/* SPDX-License-Identifier: MIT */
/* test_env_watch.c - descriptors, doorbells, the idle hook, and the tie between a socket and the
 * I/O. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "backend_rig.h"
#include "clock.h"
#include "env_linux.h"
#include "fd.h"

static struct env *env;

static int setup(void **state)
{
	return env_linux_create(NULL, &env, NULL);
}

static int teardown(void **state)
{
	env_linux_destroy(env);
	return 0;
}

static uint32_t calls;

static void on_event(void *ctx, int fd, uint32_t events)
{
	calls++;
	fd_event_take(fd);
}

static void doorbell_of_one_wakes_the_watch_of_the_other(void **state)
{
	int fd = fd_event_create();
	struct env_bell *bell = env_linux_bell_from_fd(fd);

	calls = 0;
	assert_int_equal(env_linux_watch(env, fd, on_event, NULL), 0);
	assert_int_equal(env_linux_watch(env, fd, on_event, NULL), -EEXIST);
	env_linux_turn(env, 0);
	assert_int_equal(calls, 0);
	env_bell_ring(env, bell);
	env_bell_ring(env, bell);
	env_linux_turn(env, UINT64_MAX);
	assert_int_equal(calls, 1);
	env_linux_unwatch(env, fd);
	env_linux_unwatch(env, fd);
	env_bell_ring(env, bell);
	env_linux_turn(env, 0);
	assert_int_equal(calls, 1);
	env_linux_bell_free(bell);
	close(fd);
}

static void on_event_unwatch_all(void *ctx, int fd, uint32_t events)
{
	const int *fds = ctx;

	calls++;
	for (int i = 0; i < 2; i++) {
		env_linux_unwatch(env, fds[i]);
		close(fds[i]);
	}
}

static void callback_may_end_watches_whose_events_are_already_there(void **state)
{
	int fds[2] = {fd_event_create(), fd_event_create()};

	calls = 0;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(env_linux_watch(env, fds[i], on_event_unwatch_all, fds), 0);
		fd_event_signal(fds[i]);
	}
	env_linux_turn(env, UINT64_MAX);
	env_linux_turn(env, 0);
	assert_int_equal(calls, 1);
}

static uint32_t sleeps, wakes;
static bool has_work;

static bool before_sleep(void *ctx)
{
	sleeps++;
	return has_work;
}

static void awake(void *ctx)
{
	wakes++;
}

static void idle_hook_is_asked_before_sleep_only_and_can_prevent_it(void **state)
{
	struct env_linux_idle hook = {.before_sleep = before_sleep, .awake = awake};
	uint64_t start_ns;

	env_linux_set_idle_hook(env, &hook);
	sleeps = wakes = 0;
	has_work = true;
	start_ns = clock_now_ns();
	for (int i = 0; i < 50; i++)
		env_linux_turn(env, UINT64_MAX);
	assert_int_equal(sleeps, 50);
	assert_int_equal(wakes, 50);
	assert_true(clock_now_ns() - start_ns < 4 * CLOCK_NS_PER_S); /* asleep it would be 5 s */
	env_linux_turn(env, 0);
	assert_int_equal(sleeps, 50);
	has_work = false;
	env_linux_turn(env, CLOCK_NS_PER_MS);
	assert_int_equal(sleeps, 51);
	assert_int_equal(wakes, 51);
	env_linux_set_idle_hook(env, NULL);
}

/* ---------------------------------------------------------------- a killed process's last I/O */

#define WRITE_BYTES (8u << 20)
#define WRITES      16u

static void ignore(struct env_io *io) {}

/* The child: many large direct writes in flight, then it waits to be killed. */
static void writer(const char *path, int sock)
{
	static struct env_io ios[WRITES];
	struct env_open how = {.path = path,
			       .flags = ENV_OPEN_CREATE | ENV_OPEN_DIRECT | ENV_OPEN_LOCK,
			       .size_bytes = (uint64_t)WRITE_BYTES * WRITES};
	struct env_file *f;
	struct env *e;
	void *buf = aligned_alloc(4096, WRITE_BYTES);

	if (!buf || env_linux_create(NULL, &e, NULL) || env_file_open(e, &how, &f, NULL) ||
	    env_linux_tie_fd(e, sock))
		_exit(1);
	memset(buf, 1, WRITE_BYTES);
	for (uint32_t i = 0; i < WRITES; i++) {
		ios[i] = (struct env_io){.op = ENV_IO_WRITE,
					 .file = f,
					 .buf = buf,
					 .offset_bytes = (uint64_t)i * WRITE_BYTES,
					 .len_bytes = WRITE_BYTES,
					 .done = ignore};
		env_io_submit(e, &ios[i]);
	}
	env_linux_turn(e, 0);
	if (write(sock, "x", 1) != 1)
		_exit(1);
	for (;;)
		env_linux_turn(e, UINT64_MAX);
}

/* R4: whoever sees HUP on a tied socket knows that nothing of the dead process still lands. */
static void hangup_of_a_tied_socket_comes_after_the_last_write(void **state)
{
	char *folder = rig_folder_make(), *path = rig_path(folder, "image");
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	struct pollfd hup;
	int pair[2], fd;
	char byte;
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		writer(path, pair[1]);
		_exit(1);
	}
	close(pair[1]);
	assert_int_equal(read(pair[0], &byte, 1), 1);
	kill(pid, SIGKILL);
	hup = (struct pollfd){.fd = pair[0], .events = POLLIN};
	assert_int_equal(poll(&hup, 1, 60000), 1);
	assert_true(hup.revents & POLLHUP);
	/* The lock lives as long as the last reference to the file, which each write holds. */
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	/* The kernel may put off its last look at a file by a few ms; writes would take longer. */
	for (int i = 0; i < 20 && fcntl(fd, F_OFD_SETLK, &lock); i++)
		poll(NULL, 0, 1);
	assert_int_equal(fcntl(fd, F_OFD_SETLK, &lock), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(fd);
	close(pair[0]);
	free(path);
	rig_folder_remove(folder);
}

static void tie_ends_with_untie(void **state)
{
	int pair[2];
	struct pollfd hup;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(env_linux_tie_fd(env, pair[1]), 0);
	env_linux_untie_fd(env, pair[1]);
	close(pair[1]);
	hup = (struct pollfd){.fd = pair[0], .events = POLLIN};
	for (int i = 0; i < 100 && !(hup.revents & POLLHUP); i++) {
		env_linux_turn(env, 0);
		poll(&hup, 1, 20);
	}
	assert_true(hup.revents & POLLHUP);
	close(pair[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(doorbell_of_one_wakes_the_watch_of_the_other, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(callback_may_end_watches_whose_events_are_already_there,
					    setup, teardown),
	    cmocka_unit_test_setup_teardown(idle_hook_is_asked_before_sleep_only_and_can_prevent_it,
					    setup, teardown),
	    cmocka_unit_test(hangup_of_a_tied_socket_comes_after_the_last_write),
	    cmocka_unit_test_setup_teardown(tie_ends_with_untie, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
