/* SPDX-License-Identifier: MIT */
/*
 * env_file.c - opening images and devices: direct I/O and its alignment, the lock, creation.
 *
 * The lock is an OFD lock on the descriptor that does the I/O: it goes when the last I/O of a dead
 * process has let go of the file, not before, so a successor cannot write beside its predecessor.
 * Thread: any.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "env_linux_int.h"

#define ALIGN_MAX_BYTES 4096u
#define IMAGE_MODE      0600

static int open_error(const struct env_open *how, int code, struct err *err)
{
	const char *p = how->path;

	switch (code) {
	case ENOENT:
		return err_set(err, code, "path", "%s does not exist", p);
	case EEXIST:
		return err_set(err, code, "path",
			       "%s exists already; remove it or choose another name", p);
	case EACCES:
	case EPERM:
		return err_set(
		    err, code, "path",
		    "no permission to open %s for %s; it must belong to the user or group "
		    "that sluice-filterd runs as",
		    p, how->flags & ENV_OPEN_READONLY ? "reading" : "writing");
	case EROFS:
		return err_set(
		    err, code, "path",
		    "%s is on a read-only file system; mount it for writing, or make the "
		    "volume read-only",
		    p);
	case ENOSPC:
	case EDQUOT:
		return err_set(err, ENOSPC, "size_bytes",
			       "no space for %s: %llu bytes are needed on its file system", p,
			       (unsigned long long)how->size_bytes);
	case EBUSY:
		return err_set(err, code, "path",
			       "%s is in use by this machine (mounted, or part of a RAID or volume "
			       "group); a volume needs a device of its own",
			       p);
	default:
		return err_set(err, code, "path", "cannot open %s: %s", p, strerror(code));
	}
}

static int lock_take(int fd, const struct env_open *how, struct err *err)
{
	struct flock lock = {
	    .l_type = how->flags & ENV_OPEN_READONLY ? F_RDLCK : F_WRLCK,
	    .l_whence = SEEK_SET,
	};

	if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
		return 0;
	if (errno != EAGAIN && errno != EACCES)
		return err_set(err, errno, "path", "cannot lock %s: %s", how->path,
			       strerror(errno));
	return err_set(
	    err, EAGAIN, "path",
	    "%s is open in another process (another sluice-filterd, or one whose last I/O "
	    "has not ended yet)",
	    how->path);
}

/* Reads until one is not refused; what a read needs a write needs too. */
static uint32_t align_probe(int fd)
{
	void *buf = NULL;
	uint32_t align = 512;

	if (posix_memalign(&buf, ALIGN_MAX_BYTES, ALIGN_MAX_BYTES))
		return ALIGN_MAX_BYTES;
	/* Memory at 512 and not at a multiple of more, so that its alignment is probed too. */
	if (pread(fd, (uint8_t *)buf + align, align, 0) <= 0)
		align = ALIGN_MAX_BYTES; /* refused, or an empty file, which proves nothing */
	free(buf);
	return align;
}

/* 0: no direct I/O here. */
static uint32_t align_find(int fd, bool is_block_device)
{
#ifdef STATX_DIOALIGN
	struct statx sx;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &sx) == 0 &&
	    (sx.stx_mask & STATX_DIOALIGN)) {
		uint32_t mem = sx.stx_dio_mem_align, off = sx.stx_dio_offset_align;

		return mem > off ? mem : off;
	}
#endif
	if (is_block_device) {
		int sector;

		return ioctl(fd, BLKSSZGET, &sector) ? ALIGN_MAX_BYTES : (uint32_t)sector;
	}
	return align_probe(fd);
}

static int flag_drop(int fd, int flag)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 || fcntl(fd, F_SETFL, flags & ~flag) ? -errno : 0;
}

static int open_flags(const struct env_open *how)
{
	int flags = O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

	flags |= how->flags & ENV_OPEN_READONLY ? O_RDONLY : O_RDWR;
	if (how->flags & ENV_OPEN_CREATE)
		flags |= O_CREAT | O_EXCL;
	return flags;
}

/* Opens the descriptor, direct if asked and possible. A device is claimed for us alone (O_EXCL). */
static int fd_open(const struct env_open *how, struct err *err)
{
	bool is_create = how->flags & ENV_OPEN_CREATE;
	bool may_write = !(how->flags & ENV_OPEN_READONLY);
	int flags = open_flags(how);
	struct stat st;
	int fd;

	if (!is_create) {
		if (stat(how->path, &st))
			return open_error(how, errno, err);
		if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
			return err_set(err, EINVAL, "path",
				       "%s is neither a file nor a block device", how->path);
		if (S_ISBLK(st.st_mode) && (how->flags & ENV_OPEN_LOCK) && may_write)
			flags |= O_EXCL;
	}
	fd = open(how->path, flags | (how->flags & ENV_OPEN_DIRECT ? O_DIRECT : 0), IMAGE_MODE);
	/* Without O_DIRECT some file systems refuse only after they have made the file. */
	if (fd < 0 && errno == EINVAL && (how->flags & ENV_OPEN_DIRECT))
		fd = open(how->path, is_create ? flags & ~O_EXCL : flags, IMAGE_MODE);
	if (fd < 0 && errno == EBUSY && (flags & O_EXCL) && !is_create) {
		/* Ours, in another process? Then that is what to say: it passes. */
		int other = open(how->path, flags & ~O_EXCL);
		int rc = other < 0 ? 0 : lock_take(other, how, err);

		if (other >= 0)
			close(other);
		return rc == -EAGAIN ? rc : open_error(how, EBUSY, err);
	}
	return fd < 0 ? open_error(how, errno, err) : fd;
}

static int dir_sync(const char *path)
{
	cleanup_free char *copy = strdup(path);
	cleanup_fd int fd = -1;

	if (!copy)
		return -ENOMEM;
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd))
		return -errno;
	return 0;
}

/* The new file gets its size and space, and is there after a power cut. */
static int fill_new(int fd, const struct env_open *how, struct err *err)
{
	int rc = 0;

	if (ftruncate(fd, (off_t)how->size_bytes))
		rc = -errno;
	else if ((how->flags & ENV_OPEN_FULL) && how->size_bytes > 0)
		rc = -posix_fallocate(fd, 0, (off_t)how->size_bytes);
	if (rc == 0 && fsync(fd))
		rc = -errno;
	if (rc == 0)
		rc = dir_sync(how->path);
	if (rc == -EFBIG)
		return err_set(err, EFBIG, "size_bytes",
			       "%llu bytes are more than a file may have on the file system of %s",
			       (unsigned long long)how->size_bytes, how->path);
	return rc ? open_error(how, -rc, err) : 0;
}

static int describe(struct env_linux_file *f, const struct env_open *how, struct err *err)
{
	struct stat st;

	if (fstat(f->fd, &st))
		return open_error(how, errno, err);
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return err_set(err, EINVAL, "path", "%s is neither a file nor a block device",
			       how->path);
	f->f.is_block_device = S_ISBLK(st.st_mode);
	f->f.is_readonly = how->flags & ENV_OPEN_READONLY;
	f->f.size_bytes = (uint64_t)st.st_size;
	if (f->f.is_block_device && ioctl(f->fd, BLKGETSIZE64, &f->f.size_bytes))
		return open_error(how, errno, err);
	f->f.has_durable_writes = true;
	f->f.align_bytes = 1;
	if (fcntl(f->fd, F_GETFL) & O_DIRECT) {
		uint32_t align = align_find(f->fd, f->f.is_block_device);

		if (align == 0 && flag_drop(f->fd, O_DIRECT))
			return open_error(how, errno, err);
		f->f.align_bytes = align ? align : 1;
	}
	return 0;
}

int env_file_open_linux(struct env *e, const struct env_open *how, struct env_file **out,
			struct err *err)
{
	cleanup_fd int fd = -1;
	struct env_linux_file *f;
	int rc;

	if (how->size_bytes > INT64_MAX)
		return err_set(err, EFBIG, "size_bytes", "%llu bytes are more than a file may have",
			       (unsigned long long)how->size_bytes);
	fd = fd_open(how, err);
	if (fd < 0)
		return fd;
	/* It was for an open that cannot hang; on the file it would forbid io_uring to wait. */
	if (flag_drop(fd, O_NONBLOCK))
		return open_error(how, errno, err);
	f = calloc(1, sizeof(*f));
	if (!f)
		return err_set(err, ENOMEM, "", "out of memory");
	f->fd = fd;
	rc = how->flags & ENV_OPEN_LOCK ? lock_take(fd, how, err) : 0;
	f->is_locked = rc == 0 && (how->flags & ENV_OPEN_LOCK);
	if (rc == 0 && (how->flags & ENV_OPEN_CREATE)) {
		rc = fill_new(fd, how, err);
		if (rc)
			unlink(how->path);
	}
	if (rc == 0)
		rc = describe(f, how, err);
	if (rc) {
		free(f);
		return rc;
	}
	take_fd(&fd);
	__atomic_add_fetch(&env_linux_of(e)->open_files, 1, __ATOMIC_RELAXED);
	*out = &f->f;
	return 0;
}

void env_file_close_linux(struct env *e, struct env_file *file)
{
	struct env_linux_file *f = (struct env_linux_file *)file;
	struct flock none = {.l_type = F_UNLCK, .l_whence = SEEK_SET};

	/* The kernel may keep the file a moment longer than the descriptor; the next open must not
	 * see that. */
	if (f->is_locked)
		fcntl(f->fd, F_OFD_SETLK, &none);
	close(f->fd);
	free(f);
	__atomic_sub_fetch(&env_linux_of(e)->open_files, 1, __ATOMIC_RELAXED);
}
