/* SPDX-License-Identifier: MIT */
/*
 * warm_file.c - the warm list's file: written aside, made durable, then renamed over the old one.
 * It is small (a byte or two per block), so it is read and written whole. Runs on a helper thread,
 * and blocks.
 */
#include "warm.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Nine bytes per block are the most that an encoding has. */
#define FILE_BYTES_MAX (9ull * WARM_BLOCKS_MAX + 4096)

static int write_all(int fd, const uint8_t *data, size_t size_bytes)
{
	while (size_bytes) {
		ssize_t n = write(fd, data, size_bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		size_bytes -= (size_t)n;
	}
	return 0;
}

static int read_all(int fd, uint8_t *data, size_t size_bytes)
{
	while (size_bytes) {
		ssize_t n = read(fd, data, size_bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EBADMSG;
		data += n;
		size_bytes -= (size_t)n;
	}
	return 0;
}

static int write_file(const char *path, const uint8_t *data, size_t size_bytes)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	int result;

	if (fd < 0)
		return -errno;
	result = write_all(fd, data, size_bytes);
	if (!result && fdatasync(fd) < 0)
		result = -errno;
	if (close(fd) < 0 && !result)
		result = -errno;
	return result;
}

int warm_save(const char *path, const uint8_t volume_uuid[16], uint64_t *blocks, size_t count)
{
	char aside[PATH_MAX];
	size_t size_bytes;
	uint8_t *data;
	int result;

	if (snprintf(aside, sizeof(aside), "%s.new", path) >= (int)sizeof(aside))
		return -ENAMETOOLONG;
	result = warm_encode(volume_uuid, blocks, count, &data, &size_bytes);
	if (result)
		return result;
	result = write_file(aside, data, size_bytes);
	free(data);
	if (!result && rename(aside, path) < 0)
		result = -errno;
	if (result)
		(void)unlink(aside);
	return result;
}

/* A regular file of a size that can be; its content is malloc()ed. */
static int read_file(int fd, uint8_t **data, size_t *size_bytes)
{
	struct stat st;
	int result;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size <= 0 || (uint64_t)st.st_size > FILE_BYTES_MAX)
		return -EBADMSG;
	*size_bytes = (size_t)st.st_size;
	*data = malloc(*size_bytes);
	if (!*data)
		return -ENOMEM;
	result = read_all(fd, *data, *size_bytes);
	if (result)
		free(*data);
	return result;
}

int warm_load(const char *path, const uint8_t volume_uuid[16], uint64_t volume_blocks,
	      struct warm_list *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	size_t size_bytes = 0;
	uint8_t *data = NULL;
	int result;

	*out = (struct warm_list){0};
	if (fd < 0)
		return -errno;
	result = read_file(fd, &data, &size_bytes);
	(void)close(fd);
	if (result)
		return result;
	result = warm_decode(volume_uuid, volume_blocks, data, size_bytes, out);
	free(data);
	return result;
}
