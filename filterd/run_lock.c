/* SPDX-License-Identifier: MIT */
/* run_lock.c - see run_lock.h. */
#include "run_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"

#define RETRY_MS 50

/* flock() knows no time limit, and another process tells nobody of its end. */
static bool wait_for_lock(int fd)
{
	uint64_t end_ns = clock_now_ns() + RUN_LOCK_WAIT_MS * CLOCK_NS_PER_MS;

	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK || clock_now_ns() >= end_ns)
			return false;
		poll(NULL, 0, RETRY_MS);
	}
	return true;
}

int run_lock_take(const char *run_dir, int *out_fd, struct err *err)
{
	cleanup_free char *path = NULL;
	int fd, code;

	if (asprintf(&path, "%s/filterd.lock", run_dir) < 0)
		return err_set(err, ENOMEM, "", "no memory");
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0) {
		code = errno;
		return err_set(err, code, "run_dir", "%s: %s", path, strerror(code));
	}
	if (!wait_for_lock(fd)) {
		close(fd);
		return err_set(
		    err, EBUSY, "run_dir",
		    "another sluice-filterd serves %s; stop it first, or choose another --run-dir",
		    run_dir);
	}
	*out_fd = fd;
	return 0;
}
