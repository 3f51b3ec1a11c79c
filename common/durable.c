/* SPDX-License-Identifier: MIT */
#include "durable.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"

static int fail(struct err *err, const char *what, const char *path)
{
	int code = errno;

	return err_set(err, code, "", "%s %s: %s", what, path, strerror(code));
}

static int write_all(int fd, const char *p, size_t left)
{
	while (left) {
		ssize_t n = write(fd, p, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		left -= (size_t)n;
	}
	return 0;
}

static int sync_folder_of(const char *path, struct err *err)
{
	cleanup_free char *folder = strdup(path);
	cleanup_fd int fd = -1;
	char *slash;

	if (!folder)
		return err_set(err, ENOMEM, "", "no memory");
	slash = strrchr(folder, '/');
	if (slash)
		slash[slash == folder] = '\0'; /* "/name" is in "/" */
	fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return fail(err, "could not sync the folder", folder);
	return 0;
}

static char *beside_of(const char *path)
{
	char *beside = NULL;

	return asprintf(&beside, "%s.new", path) < 0 ? NULL : beside;
}

int durable_stage(const char *path, const void *data, size_t size_bytes, struct err *err)
{
	cleanup_free char *beside = beside_of(path);
	cleanup_fd int fd = -1;
	int rc;

	if (!beside)
		return err_set(err, ENOMEM, "", "no memory");
	fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(err, "could not create", beside);
	rc = write_all(fd, data, size_bytes);
	if (rc) {
		errno = -rc;
		rc = fail(err, "could not write", beside);
	} else if (fsync(fd) < 0) {
		rc = fail(err, "could not sync", beside);
	}
	if (rc)
		unlink(beside);
	return rc;
}

int durable_publish(const char *path, struct err *err)
{
	cleanup_free char *beside = beside_of(path);
	int rc;

	if (!beside)
		return err_set(err, ENOMEM, "", "no memory");
	if (rename(beside, path) == 0)
		return sync_folder_of(path, err);
	rc = fail(err, "could not replace", path);
	unlink(beside);
	return rc;
}

void durable_unstage(const char *path)
{
	cleanup_free char *beside = beside_of(path);

	if (beside)
		unlink(beside);
}

int durable_remove(const char *path, struct err *err)
{
	if (unlink(path) < 0 && errno != ENOENT)
		return fail(err, "could not remove", path);
	return sync_folder_of(path, err);
}

int durable_write(const char *path, const void *data, size_t size_bytes, struct err *err)
{
	int rc = durable_stage(path, data, size_bytes, err);

	return rc ? rc : durable_publish(path, err);
}

int durable_read(const char *path, uint64_t max_bytes, char **out, size_t *size_bytes,
		 struct err *err)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	cleanup_free char *buf = NULL;
	struct stat st;
	size_t at = 0;

	if (fd < 0 || fstat(fd, &st) < 0)
		return fail(err, "could not open", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, EINVAL, "", "%s is not a regular file", path);
	if ((uint64_t)st.st_size > max_bytes)
		return err_set(err, EFBIG, "", "%s has %lld bytes; at most %llu are read", path,
			       (long long)st.st_size, (unsigned long long)max_bytes);
	buf = malloc((size_t)st.st_size + 1);
	if (!buf)
		return err_set(err, ENOMEM, "", "no memory to read %s", path);
	while (at < (size_t)st.st_size) {
		ssize_t n = read(fd, buf + at, (size_t)st.st_size - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(err, "could not read", path);
		if (n == 0)
			break;
		at += (size_t)n;
	}
	buf[at] = '\0';
	*size_bytes = at;
	*out = buf;
	buf = NULL;
	return 0;
}

int durable_mkdir(const char *path, struct err *err)
{
	cleanup_free char *p = strdup(path);
	bool is_made = false;

	if (!p)
		return err_set(err, ENOMEM, "", "no memory");
	for (char *s = p + 1;; s++) {
		char c = *s;

		if (c != '/' && c != '\0')
			continue;
		*s = '\0';
		if (mkdir(p, 0750) == 0)
			is_made = true;
		else if (errno != EEXIST)
			return fail(err, "could not make the folder", p);
		*s = c;
		if (c == '\0')
			return is_made ? sync_folder_of(path, err) : 0;
	}
}
