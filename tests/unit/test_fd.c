/* SPDX-License-Identifier: MIT */
/* test_fd.c - Unix sockets: modes, stale files, descriptors in messages without leaks. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "backend_rig.h"
#include "fd.h"

static char *folder, *path;

static int setup(void **state)
{
	folder = rig_folder_make();
	path = rig_path(folder, "sock");
	return 0;
}

static int teardown(void **state)
{
	free(path);
	rig_folder_remove(folder);
	return 0;
}

static uint32_t open_count(void)
{
	DIR *d = opendir("/proc/self/fd");
	uint32_t count = 0;

	while (readdir(d))
		count++;
	closedir(d);
	return count;
}

static void listener_has_its_mode_and_tells_who_connects(void **state)
{
	struct err err = {0};
	struct fd_peer peer;
	struct stat st;
	int listener = fd_unix_listen(path, SOCK_SEQPACKET, 0620, &err);
	int client, server;

	assert_true(listener >= 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0620);
	assert_int_equal(fd_accept(listener), -EAGAIN);
	client = fd_unix_connect(path, SOCK_SEQPACKET);
	assert_true(client >= 0);
	server = fd_accept(listener);
	assert_true(server >= 0);
	assert_int_equal(fd_peer_get(server, &peer), 0);
	assert_int_equal(peer.pid, getpid());
	assert_int_equal(peer.uid, getuid());
	assert_true(fcntl(server, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(server, F_GETFL) & O_NONBLOCK);
	assert_int_equal(fd_unix_listen(path, SOCK_SEQPACKET, 0600, &err), -EADDRINUSE);
	close(listener);
	close(client);
	close(server);
	assert_int_equal(fd_unix_connect(path, SOCK_SEQPACKET), -ECONNREFUSED);
	listener =
	    fd_unix_listen(path, SOCK_SEQPACKET, 0600, &err); /* the stale file is replaced */
	assert_true(listener >= 0);
	close(listener);
}

static void bad_paths_are_refused_with_a_sentence(void **state)
{
	struct err err = {0};
	char longest[200];
	int fd;

	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(fd_unix_connect(longest, SOCK_STREAM), -ENAMETOOLONG);
	assert_int_equal(fd_unix_listen(longest, SOCK_STREAM, 0600, &err), -ENAMETOOLONG);
	assert_non_null(strstr(err.text, "107"));
	assert_int_equal(fd_unix_connect(path, SOCK_STREAM), -ENOENT);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	assert_int_equal(fd_unix_listen(path, SOCK_STREAM, 0600, &err), -EEXIST);
	assert_int_equal(access(path, F_OK), 0);
}

static void descriptors_travel_with_a_message(void **state)
{
	int pair[2], sent[3], got[3];
	unsigned count = 3;
	uint32_t before = open_count();
	char text[8];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	for (int i = 0; i < 3; i++)
		sent[i] = fd_event_create();
	assert_int_equal(fd_send(pair[0], "hello", 5, sent, 3), 5);
	assert_int_equal(fd_recv(pair[1], text, sizeof(text), got, &count), 5);
	assert_int_equal(count, 3);
	fd_event_signal(got[1]);
	fd_event_signal(got[1]);
	assert_int_equal(fd_event_take(sent[1]), 2);
	assert_int_equal(fd_event_take(sent[1]), 0);
	for (int i = 0; i < 3; i++) {
		assert_true(fcntl(got[i], F_GETFD) & FD_CLOEXEC);
		fd_close(&got[i]);
		fd_close(&sent[i]);
		fd_close(&sent[i]);
	}
	close(pair[0]);
	count = 3;
	assert_int_equal(fd_recv(pair[1], text, sizeof(text), got, &count), 0);
	close(pair[1]);
	assert_int_equal(open_count(), before);
}

static void surplus_descriptors_and_long_messages_are_refused_and_leak_nothing(void **state)
{
	int pair[2], sent[FD_MESSAGE_FDS_MAX], got[2];
	uint32_t before;
	unsigned count;
	char text[8];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
	for (unsigned i = 0; i < FD_MESSAGE_FDS_MAX; i++)
		sent[i] = fd_event_create();
	before = open_count();
	assert_int_equal(fd_send(pair[0], "hello", 5, sent, FD_MESSAGE_FDS_MAX), 5);
	count = 2;
	assert_int_equal(fd_recv(pair[1], text, sizeof(text), got, &count), -EMSGSIZE);
	assert_int_equal(count, 0);
	assert_int_equal(fd_send(pair[0], "hello", 5, sent, 1), 5);
	assert_int_equal(fd_recv(pair[1], text, sizeof(text), NULL, NULL), -EMSGSIZE);
	assert_int_equal(fd_send(pair[0], "far too long", 12, sent, 1), 12);
	count = 2;
	assert_int_equal(fd_recv(pair[1], text, sizeof(text), got, &count), -EMSGSIZE);
	assert_int_equal(fd_recv(pair[1], text, sizeof(text), NULL, NULL), -EAGAIN);
	assert_int_equal(fd_send(pair[0], "x", 1, sent, FD_MESSAGE_FDS_MAX + 1), -EINVAL);
	assert_int_equal(open_count(), before);
	for (unsigned i = 0; i < FD_MESSAGE_FDS_MAX; i++)
		fd_close(&sent[i]);
	close(pair[1]);
	assert_int_equal(fd_send(pair[0], "x", 1, NULL, 0), -EPIPE); /* and no SIGPIPE */
	close(pair[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(listener_has_its_mode_and_tells_who_connects, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(bad_paths_are_refused_with_a_sentence, setup, teardown),
	    cmocka_unit_test(descriptors_travel_with_a_message),
	    cmocka_unit_test(surplus_descriptors_and_long_messages_are_refused_and_leak_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
