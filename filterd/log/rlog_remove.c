/* SPDX-License-Identifier: MIT */
/* rlog_remove.c - the end of a log that nobody has open: a file is removed, a device loses its
 * superblocks. The one thing that has no I/O of env's. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rlog_format.h"
#include "sluice/rlog.h"

int sluice_rlog_remove(const char *path)
{
	struct stat st;

	if (lstat(path, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	return unlink(path) ? -errno : 0;
}

static int read_super(int fd, uint64_t offset_bytes, uint64_t file_bytes, struct rlog_super *s)
{
	uint8_t block[RLOG_SUPER_BYTES];

	if (pread(fd, block, sizeof(block), (off_t)offset_bytes) != (ssize_t)sizeof(block))
		return -EIO;
	return rlog_super_decode(block, file_bytes, s) == RLOG_SUPER_VALID ? 0 : -EXDEV;
}

static int write_blank(int fd, uint64_t offset_bytes)
{
	static const uint8_t blank[RLOG_SUPER_BYTES];

	return pwrite(fd, blank, sizeof(blank), (off_t)offset_bytes) == (ssize_t)sizeof(blank)
		   ? 0
		   : -EIO;
}

/* A goes last: a log without A is none, one without B still is. */
static int erase(int fd, uint64_t file_bytes, const uint8_t owner_uuid[16])
{
	struct rlog_super s;
	int r = read_super(fd, 0, file_bytes, &s);
	uint64_t b_bytes;

	if (r)
		return r;
	if (memcmp(s.owner_uuid, owner_uuid, 16))
		return -EXDEV;
	b_bytes = (uint64_t)s.geo.super_b * s.geo.block_bytes;
	if (write_blank(fd, b_bytes) || fsync(fd) || write_blank(fd, 0) || fsync(fd))
		return -EIO;
	return 0;
}

int sluice_rlog_erase(const char *path, const uint8_t owner_uuid[16])
{
	struct stat st;
	off_t size_bytes;
	int fd, r;

	if (stat(path, &st))
		return -errno;
	if (!S_ISBLK(st.st_mode))
		return -EINVAL;
	fd = open(path, O_RDWR | O_EXCL | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	size_bytes = lseek(fd, 0, SEEK_END);
	r = size_bytes < 0 ? -errno : erase(fd, (uint64_t)size_bytes, owner_uuid);
	close(fd);
	return r;
}
