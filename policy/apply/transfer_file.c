/* SPDX-License-Identifier: MIT */
/*
 * transfer_file.c - files of imports and exports: plain names in one folder, so that nobody who may
 * transfer reads or writes anything else of this machine. Thread: any.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "json.h"
#include "transfer.h"

#define NAME_MAX_BYTES 200u
#define PART_PREFIX    ".transfer-"

static void part_name(int64_t task_id, char name[48])
{
	snprintf(name, 48, PART_PREFIX "%" PRId64, task_id);
}

int transfer_file_check(const char *name, struct err *err)
{
	size_t len = strlen(name);

	if (len == 0 || len > NAME_MAX_BYTES)
		return err_set(err, EINVAL, "file",
			       "file must be a name of 1 to %u bytes in the transfer folder",
			       NAME_MAX_BYTES);
	if (strchr(name, '/') || name[0] == '.')
		return err_set(err, EINVAL, "file",
			       "file must be a plain name in the transfer folder: without / and "
			       "without . at its beginning");
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f)
			return err_set(err, EINVAL, "file",
				       "file has a control character at place %zu", i + 1);
	return 0;
}

static int dir_open(const char *dir, struct err *err)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 ? fd
		       : err_set(err, errno, "file", "the transfer folder %s: %s", dir,
				 strerror(errno));
}

/* Images that need a program to be read would be imported byte by byte, header and all. */
static int is_raw(int fd, const char *name, struct err *err)
{
	static const struct {
		const char *magic, *word;
	} formats[] = {{"QFI\xfb", "qcow2"},
		       {"KDMV", "vmdk"},
		       {"COWD", "vmdk"},
		       {"vhdxfile", "vhdx"},
		       {"conectix", "vpc"}};
	char head[8] = "";

	if (pread(fd, head, sizeof(head), 0) < 4)
		return 0;
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (memcmp(head, formats[i].magic, strlen(formats[i].magic)) == 0)
			return err_set(err, EINVAL, "file",
				       "%.100s is a %s image, and imports are raw: qemu-img "
				       "convert -O raw makes one of it",
				       name, formats[i].word);
	return 0;
}

int transfer_file_open(const char *dir, const char *name, uint64_t *size_bytes, struct err *err)
{
	cleanup_fd int at = -1, fd = -1;
	struct stat st;
	int rc = transfer_file_check(name, err);

	if (rc || (rc = at = dir_open(dir, err)) < 0)
		return rc;
	/* Without O_NONBLOCK the open of a FIFO would wait for a writer. */
	fd = openat(at, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? err_set(err, EINVAL, "file",
						 "there is no file %.100s in %s", name, dir)
				       : err_set(err, errno == ELOOP ? EINVAL : errno, "file",
						 "%.100s in %s: %s", name, dir,
						 errno == ELOOP ? "symbolic links are not followed"
								: strerror(errno));
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(err, EINVAL, "file", "%.100s in %s is no regular file", name, dir);
	if (st.st_size == 0)
		return err_set(err, EINVAL, "file", "%.100s in %s is empty", name, dir);
	if ((rc = is_raw(fd, name, err)))
		return rc;
	*size_bytes = (uint64_t)st.st_size;
	return take_fd(&fd);
}

int transfer_file_is_free(const char *dir, const char *name, struct err *err)
{
	cleanup_fd int at = -1;
	int rc = transfer_file_check(name, err);

	if (rc || (rc = at = dir_open(dir, err)) < 0)
		return rc;
	if (faccessat(at, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return err_set(err, EEXIST, "file",
			       "there is a file %.100s in %s already; an export never overwrites",
			       name, dir);
	return 0;
}

/* ---------------------------------------------------------------- exports */

int transfer_file_make(const char *dir, int64_t task_id, struct err *err)
{
	cleanup_fd int at = dir_open(dir, err);
	char part[48];
	int fd;

	if (at < 0)
		return at;
	part_name(task_id, part);
	fd = openat(at, part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd >= 0 ? fd
		       : err_set(err, errno, "file", "a new file in %s: %s", dir, strerror(errno));
}

int transfer_file_keep(const char *dir, int64_t task_id, const char *name, int fd, struct err *err)
{
	cleanup_fd int at = dir_open(dir, err);
	char part[48];

	if (at < 0)
		return at;
	part_name(task_id, part);
	if (fsync(fd) < 0)
		return err_set(err, errno, "file", "%.100s in %s could not be written: %s", name,
			       dir, strerror(errno));
	if (renameat2(at, part, at, name, RENAME_NOREPLACE) < 0)
		return err_set(err, errno, "file", "%.100s in %s: %s", name, dir,
			       errno == EEXIST ? "somebody made a file of this name meanwhile"
					       : strerror(errno));
	if (fsync(at) < 0)
		return err_set(err, errno, "file", "the folder %s: %s", dir, strerror(errno));
	return 0;
}

void transfer_file_drop(const char *dir, int64_t task_id)
{
	cleanup_fd int at = dir_open(dir, NULL);
	char part[48];

	part_name(task_id, part);
	if (at >= 0)
		(void)unlinkat(at, part, 0);
}

void transfer_file_clean(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	if (!d)
		return;
	while ((e = readdir(d)) != NULL)
		if (strncmp(e->d_name, PART_PREFIX, strlen(PART_PREFIX)) == 0)
			(void)unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
}

/* ---------------------------------------------------------------- the list */

static int by_name(const void *a, const void *b)
{
	const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;

	return strcmp(json_string_value(json_object_get(x, "name")),
		      json_string_value(json_object_get(y, "name")));
}

static json_t *sorted(json_t *list)
{
	size_t count = json_array_size(list);
	json_t **items = calloc(count ? count : 1, sizeof(*items)), *out;

	if (!items)
		return list;
	out = json_array();
	for (size_t i = 0; i < count; i++)
		items[i] = json_array_get(list, i);
	qsort(items, count, sizeof(*items), by_name);
	for (size_t i = 0; i < count; i++)
		json_array_append(out, items[i]);
	free(items);
	json_decref(list);
	return out;
}

json_t *transfer_file_list(const char *dir, struct err *err)
{
	DIR *d = opendir(dir);
	json_t *list;
	struct dirent *e;

	if (!d) {
		err_set(err, errno, "", "the transfer folder %s: %s", dir, strerror(errno));
		return NULL;
	}
	list = json_array();
	while ((e = readdir(d)) != NULL) {
		struct stat st;

		if (transfer_file_check(e->d_name, NULL) != 0 ||
		    fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISREG(st.st_mode))
			continue;
		/* A name that is no UTF-8 cannot be told, so it cannot be asked for either. */
		json_array_append_new(
		    list,
		    json_pack("{s:s, s:I, s:I}", "name", e->d_name, "size_bytes",
			      (json_int_t)st.st_size, "changed_ms",
			      (json_int_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000));
	}
	closedir(d);
	return sorted(list);
}
