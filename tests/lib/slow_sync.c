/* SPDX-License-Identifier: MIT */
/*
 * slow_sync.c - a disk that takes its time: loaded before a daemon (LD_PRELOAD), it makes fsync()
 * of files whose path contains $SLOW_SYNC_UNDER wait as many milliseconds as stand in the file
 * $SLOW_SYNC_MS. Without that file, and for all other paths, it does nothing.
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

__attribute__((visibility("default"))) int fsync(int fd);

static int delay_ms(void)
{
	const char *path = getenv("SLOW_SYNC_MS");
	FILE *f = path ? fopen(path, "re") : NULL;
	char line[16] = "";

	if (!f)
		return 0;
	if (!fgets(line, sizeof(line), f))
		line[0] = '\0';
	fclose(f);
	return (int)strtol(line, NULL, 10);
}

static bool is_meant(int fd)
{
	const char *under = getenv("SLOW_SYNC_UNDER");
	char link[64], path[4096];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	path[n < 0 ? 0 : n] = '\0';
	return under && strstr(path, under);
}

int fsync(int fd)
{
	int ms = is_meant(fd) ? delay_ms() : 0;

	if (ms > 0)
		poll(NULL, 0, ms);
	return (int)syscall(SYS_fsync, fd);
}
