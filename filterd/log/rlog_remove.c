/* SPDX-License-Identifier: MIT */
/* rlog_remove.c - removing a log's file: the one thing that has no I/O of env's. */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

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
