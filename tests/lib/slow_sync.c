/* SPDX-License-Identifier: MIT */
/*
 * slow_sync.c - a disk that takes its time: loaded before a daemon (LD_PRELOAD), it makes fsync()
 * and fdatasync() of files whose path contains $SLOW_SYNC_UNDER wait as many milliseconds as stand
 * in the file $SLOW_SYNC_MS. A second word in that file takes the place of $SLOW_SYNC_UNDER. Each
 * one that waits adds a line to $SLOW_SYNC_MS.held, if that file is there. Without the file, and
 * for all other paths, it does nothing. What goes through io_uring does not come here.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

__attribute__((visibility("default"))) int fsync(int fd);
__attribute__((visibility("default"))) int fdatasync(int fd);

/* How long, and of which files; 0: nothing is slow now. */
static int asked_ms(char *under, size_t size)
{
	const char *path = getenv("SLOW_SYNC_MS"), *env = getenv("SLOW_SYNC_UNDER");
	FILE *f = path ? fopen(path, "re") : NULL;
	char line[256] = "", *word;

	if (!f)
		return 0;
	if (!fgets(line, sizeof(line), f))
		line[0] = '\0';
	fclose(f);
	line[strcspn(line, "\n")] = '\0';
	word = strchr(line, ' ');
	snprintf(under, size, "%s", word ? word + 1 : env ? env : "");
	return (int)strtol(line, NULL, 10);
}

static bool is_meant(int fd, const char *under)
{
	char link[64], path[4096];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	path[n < 0 ? 0 : n] = '\0';
	return under[0] && strstr(path, under);
}

static void say(void)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s.held", getenv("SLOW_SYNC_MS"));
	fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	if (fd >= 0) {
		(void)!write(fd, "held\n", 5);
		close(fd);
	}
}

static void wait_for(int fd)
{
	char under[256];
	int ms = asked_ms(under, sizeof(under));

	if (ms <= 0 || !is_meant(fd, under))
		return;
	say();
	poll(NULL, 0, ms);
}

int fsync(int fd)
{
	wait_for(fd);
	return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	wait_for(fd);
	return (int)syscall(SYS_fdatasync, fd);
}
