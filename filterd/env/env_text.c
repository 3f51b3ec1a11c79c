/* SPDX-License-Identifier: MIT */
/* env_text.c - small files that are read and replaced whole, and removing files. Thread: any. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "durable.h"
#include "env_linux_int.h"

int env_text_read_linux(struct env *e, const char *path, uint64_t max_bytes, char **out,
			size_t *size_bytes, struct err *err)
{
	return durable_read(path, max_bytes, out, size_bytes, err);
}

int env_text_write_linux(struct env *e, const char *path, const void *data, size_t size_bytes,
			 struct err *err)
{
	return durable_write(path, data, size_bytes, err);
}

int env_file_remove_linux(struct env *e, const char *path, struct err *err)
{
	if (unlink(path) == 0)
		return 0;
	return err_set(err, errno, "path", "cannot remove %s: %s", path, strerror(errno));
}
