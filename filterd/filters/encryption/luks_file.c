/* SPDX-License-Identifier: MIT */
#include "luks_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK_BYTES 4096u
#define MAX_BYTES   (64u << 20) /* of a header that is copied */

static int close_with(int fd, int rc)
{
	if (rc == 0 && fsync(fd) < 0)
		rc = -errno;
	if (close(fd) < 0 && rc == 0)
		rc = -errno;
	return rc;
}

static int sync_folder(const char *path)
{
	char copy[PATH_MAX];
	int fd;

	snprintf(copy, sizeof(copy), "%s", path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : close_with(fd, 0);
}

int luks_file_check(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) && st.st_size <= MAX_BYTES ? 0 : -EBADMSG;
}

int luks_file_sync(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	return fd < 0 ? -errno : close_with(fd, 0);
}

static int open_new(const char *path)
{
	int fd;

	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	return fd < 0 ? -errno : fd;
}

int luks_file_make(const char *path, uint64_t size_bytes)
{
	int fd = open_new(path);

	if (fd < 0)
		return fd;
	return close_with(fd, ftruncate(fd, (off_t)size_bytes) < 0 ? -errno : 0);
}

int luks_file_write(const char *path, const void *data, size_t size_bytes)
{
	int fd = open_new(path);

	if (fd < 0)
		return fd;
	return close_with(fd, pwrite(fd, data, size_bytes, 0) == (ssize_t)size_bytes ? 0 : -EIO);
}

int luks_file_rename(const char *from, const char *to)
{
	return rename(from, to) < 0 ? -errno : sync_folder(to);
}

int luks_file_read(const char *path, void **out, size_t *size_bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), rc = 0;
	struct stat st;
	void *data;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		rc = -errno;
	else if (!S_ISREG(st.st_mode) || st.st_size <= 0 || st.st_size > MAX_BYTES)
		rc = -EBADMSG;
	data = rc == 0 ? malloc((size_t)st.st_size) : NULL;
	if (rc == 0 && !data)
		rc = -ENOMEM;
	if (rc == 0 && pread(fd, data, (size_t)st.st_size, 0) != st.st_size)
		rc = -EIO;
	close(fd);
	if (rc) {
		free(data);
		return rc;
	}
	*out = data;
	*size_bytes = (size_t)st.st_size;
	return 0;
}

static bool is_same(const char *path, const void *data, size_t size_bytes)
{
	void *other = NULL;
	size_t other_bytes = 0;
	bool is;

	if (luks_file_read(path, &other, &other_bytes) < 0)
		return false;
	is = other_bytes == size_bytes && memcmp(other, data, size_bytes) == 0;
	free(other);
	return is;
}

int luks_file_copy(const char *from, const char *beside, const char *to)
{
	void *data = NULL;
	size_t size_bytes = 0;
	int rc = luks_file_read(from, &data, &size_bytes);

	if (rc)
		return rc;
	if (is_same(to, data, size_bytes)) {
		free(data);
		return 0;
	}
	rc = luks_file_write(beside, data, size_bytes);
	free(data);
	return rc ? rc : luks_file_rename(beside, to);
}

/* ---------------------------------------------------------------- shred */

static int make_noise(uint8_t noise[BLOCK_BYTES])
{
	if (getentropy(noise, 256) < 0)
		return -errno;
	for (size_t i = 256; i < BLOCK_BYTES; i += 256)
		memcpy(noise + i, noise, 256);
	return 0;
}

/* The file's own blocks, in place; what a disk keeps of them beneath is beyond us. */
static int shred(int fd, off_t size_bytes)
{
	uint8_t noise[BLOCK_BYTES], after[BLOCK_BYTES];
	int rc = make_noise(noise);

	for (off_t at = 0; at < size_bytes && rc == 0; at += BLOCK_BYTES)
		if (pwrite(fd, noise, sizeof(noise), at) != (ssize_t)sizeof(noise))
			rc = -EIO;
	if (rc == 0 && (fdatasync(fd) < 0 || posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) != 0))
		rc = -EIO;
	for (off_t at = 0; at < size_bytes && rc == 0; at += BLOCK_BYTES)
		if (pread(fd, after, sizeof(after), at) != (ssize_t)sizeof(after) ||
		    memcmp(noise, after, sizeof(after)) != 0)
			rc = -EIO;
	return rc;
}

int luks_file_shred(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW), rc;
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	rc = fstat(fd, &st) < 0 ? -errno : shred(fd, st.st_size);
	rc = close_with(fd, rc);
	if (rc)
		return rc;
	return unlink(path) < 0 ? -errno : sync_folder(path);
}

int luks_file_replace(const char *from, const char *to, const char *old)
{
	int rc = 0;

	if (access(from, F_OK) == 0) {
		if (unlink(old) < 0 && errno != ENOENT)
			return -errno;
		if (link(to, old) < 0 && errno != ENOENT)
			return -errno;
		rc = luks_file_rename(from, to); /* and the folder, with the link */
	}
	return rc ? rc : luks_file_shred(old);
}
