/* SPDX-License-Identifier: GPL-2.0-only */
#include "version.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"

#ifndef TGT_HEADERS_VERSION
#define TGT_HEADERS_VERSION "1.0.85"
#endif

/* Versions whose usr/tgtd.h, scsi_cmnd.h, target.h and driver.h declare the same layouts. */
static const char *const alike[] = {"1.0.85", "1.0.97"};

bool version_is_known(const char *version)
{
	bool built_alike = false, runs_alike = false;

	if (strcmp(version, TGT_HEADERS_VERSION) == 0)
		return true;
	for (size_t i = 0; i < sizeof(alike) / sizeof(alike[0]); i++) {
		built_alike |= strcmp(alike[i], TGT_HEADERS_VERSION) == 0;
		runs_alike |= strcmp(alike[i], version) == 0;
	}
	return built_alike && runs_alike;
}

const char *version_known_list(void)
{
	return strcmp(TGT_HEADERS_VERSION, "1.0.85") == 0 ||
		       strcmp(TGT_HEADERS_VERSION, "1.0.97") == 0
		   ? "1.0.85, 1.0.97"
		   : TGT_HEADERS_VERSION;
}

static int spawn(const char *program, int out_fd, pid_t *pid)
{
	char *argv[] = {(char *)"tgtd", (char *)"-V", NULL};
	char *envp[] = {(char *)"LC_ALL=C", NULL};
	posix_spawn_file_actions_t actions;
	int rc = posix_spawn_file_actions_init(&actions);

	if (rc)
		return -rc;
	rc = posix_spawn_file_actions_adddup2(&actions, out_fd, STDOUT_FILENO);
	if (rc == 0)
		rc = posix_spawn(pid, program, &actions, NULL, argv, envp);
	posix_spawn_file_actions_destroy(&actions);
	return -rc;
}

/* Until the end of what the child prints, or the deadline. */
static int read_all(int fd, char *buf, size_t size, uint64_t deadline_ns)
{
	size_t got = 0;

	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		uint64_t now = clock_now_ns();
		ssize_t n;

		if (now >= deadline_ns)
			return -ETIMEDOUT;
		n = poll(&p, 1, (int)((deadline_ns - now) / CLOCK_NS_PER_MS) + 1);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n <= 0)
			continue;
		n = read(fd, buf + got, size - 1 - got);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return -errno;
		got += (size_t)n;
		if (n == 0 || got == size - 1) {
			buf[got] = '\0';
			return 0;
		}
	}
}

int version_ask(const char *program, char *version, size_t size)
{
	int fds[2], rc;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	rc = spawn(program, fds[1], &pid);
	close(fds[1]);
	if (rc) {
		close(fds[0]);
		return rc;
	}
	rc = read_all(fds[0], version, size, clock_now_ns() + VERSION_TIMEOUT_MS * CLOCK_NS_PER_MS);
	close(fds[0]);
	/* It has said what it has to say; a child that is killed is reaped at once. */
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (rc)
		return rc;
	version[strcspn(version, " \t\r\n")] = '\0';
	return version[0] ? 0 : -EPROTO;
}
