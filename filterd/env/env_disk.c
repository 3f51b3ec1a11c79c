/* SPDX-License-Identifier: MIT */
/*
 * env_disk.c - one I/O by blocking system calls.
 *
 * On a pool thread: everything when io_uring is off, and always the calls that have no asynchronous
 * form that helps (deallocate, zero, reserve, look for holes, resize).
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "env_linux_int.h"

/* Zeros are written in pieces of this size where the file system cannot make them. */
#define ZEROS_BYTES (256u * 1024)

static const uint8_t zeros[ZEROS_BYTES] __attribute__((aligned(4096)));

static int write_all(int fd, const uint8_t *buf, uint64_t len_bytes, uint64_t offset_bytes,
		     int flags)
{
	while (len_bytes > 0) {
		struct iovec iov = {.iov_base = (void *)(uintptr_t)buf, .iov_len = len_bytes};
		ssize_t n = pwritev2(fd, &iov, 1, (off_t)offset_bytes, flags);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		buf += n;
		len_bytes -= (uint64_t)n;
		offset_bytes += (uint64_t)n;
	}
	return 0;
}

static int read_all(int fd, uint8_t *buf, uint64_t len_bytes, uint64_t offset_bytes)
{
	while (len_bytes > 0) {
		ssize_t n = pread(fd, buf, len_bytes, (off_t)offset_bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno
				     : -EIO; /* the end of the file is before that of the volume */
		buf += n;
		len_bytes -= (uint64_t)n;
		offset_bytes += (uint64_t)n;
	}
	return 0;
}

static int zeros_write(int fd, uint64_t len_bytes, uint64_t offset_bytes)
{
	while (len_bytes > 0) {
		uint64_t part = len_bytes < ZEROS_BYTES ? len_bytes : ZEROS_BYTES;
		int rc = write_all(fd, zeros, part, offset_bytes, 0);

		if (rc)
			return rc;
		len_bytes -= part;
		offset_bytes += part;
	}
	return 0;
}

static int allocate(int fd, int mode, const struct env_io *io)
{
	int rc;

	do {
		rc = fallocate(fd, mode, (off_t)io->offset_bytes, (off_t)io->len_bytes);
	} while (rc && errno == EINTR);
	return rc ? -errno : 0;
}

static bool is_not_supported(int rc)
{
	return rc == -EOPNOTSUPP || rc == -ENOSYS || rc == -ENOTTY;
}

/*
 * On a block device this fallocate() is the deallocation that promises zeros; BLKDISCARD would not.
 * Where there is none the device is asked to make zeros, which the kernel does by writing if it
 * must.
 */
static int zero_range(const struct env_linux_file *f, int mode, const struct env_io *io)
{
	int rc = allocate(f->fd, mode | FALLOC_FL_KEEP_SIZE, io);

	if (is_not_supported(rc) && f->f.is_block_device) {
		uint64_t range[2] = {io->offset_bytes, io->len_bytes};

		rc = ioctl(f->fd, BLKZEROOUT, range) ? -errno : 0;
	}
	if (is_not_supported(rc))
		rc = zeros_write(f->fd, io->len_bytes, io->offset_bytes);
	return rc;
}

static int extent_find(const struct env_linux_file *f, struct env_io *io)
{
	uint64_t end = io->offset_bytes + io->len_bytes;
	off_t data, stop;

	io->result_is_hole = false;
	io->result_extent_bytes = io->len_bytes;
	if (f->f.is_block_device)
		return 0;
	data = lseek(f->fd, (off_t)io->offset_bytes, SEEK_DATA);
	if (data < 0 && errno == ENXIO) { /* a hole up to the end of the file */
		io->result_is_hole = true;
		return 0;
	}
	if (data < 0)
		return errno == EINVAL ? 0 : -errno; /* cannot tell: all is data */
	io->result_is_hole = (uint64_t)data > io->offset_bytes;
	stop = io->result_is_hole ? data : lseek(f->fd, (off_t)io->offset_bytes, SEEK_HOLE);
	/* A hole that was filled, or data that was punched, between the two calls: say a little
	 * less. */
	if (stop > (off_t)io->offset_bytes && (uint64_t)stop < end)
		io->result_extent_bytes = (uint64_t)stop - io->offset_bytes;
	return 0;
}

static int resize(struct env_linux_file *f, uint64_t size_bytes)
{
	if (f->f.is_block_device) {
		uint64_t now_bytes;

		if (ioctl(f->fd, BLKGETSIZE64, &now_bytes))
			return -errno;
		return now_bytes < size_bytes ? -ENOSPC : 0; /* a device grows by other means */
	}
	/* No fsync() here: the kernel tells of a lost write once, and whoever asked for a new size
	 * would not know what to do about it. */
	return ftruncate(f->fd, (off_t)size_bytes) ? -errno : 0;
}

void env_disk_run(struct env_io *io)
{
	struct env_linux_file *f = (struct env_linux_file *)io->file;

	switch (io->op) {
	case ENV_IO_READ:
		io->result = read_all(f->fd, io->buf, io->len_bytes, io->offset_bytes);
		return;
	case ENV_IO_WRITE:
		io->result = write_all(f->fd, io->buf, io->len_bytes, io->offset_bytes,
				       io->is_durable ? RWF_DSYNC : 0);
		return;
	case ENV_IO_SYNC:
		io->result = fdatasync(f->fd) ? -errno : 0;
		return;
	case ENV_IO_PUNCH:
		io->result = zero_range(f, FALLOC_FL_PUNCH_HOLE, io);
		return;
	case ENV_IO_ZERO:
		io->result = zero_range(f, FALLOC_FL_ZERO_RANGE, io);
		return;
	case ENV_IO_ALLOCATE:
		io->result = f->f.is_block_device ? 0 : allocate(f->fd, 0, io);
		return;
	case ENV_IO_EXTENT:
		io->result = extent_find(f, io);
		return;
	case ENV_IO_RESIZE:
		io->result = resize(f, io->offset_bytes);
		return;
	}
	io->result = -EINVAL;
}
