/* SPDX-License-Identifier: MIT */
#include "generation.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

static int open_beside(const char *path, int flags)
{
	char *name = NULL;
	int fd;

	if (asprintf(&name, "%s-generation", path) < 0)
		return -1;
	fd = open(name, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
	free(name);
	return fd;
}

void generation_open(struct store *s)
{
	s->seen_fd = open_beside(s->path, O_RDWR | O_CREAT);
	if (s->seen_fd < 0)
		log_warn("%s-generation cannot be written (%s): a lost write-ahead log would not "
			 "be noticed",
			 s->path, strerror(errno));
	else
		generation_note(s);
}

void generation_close(struct store *s)
{
	if (s->seen_fd >= 0)
		close(s->seen_fd);
	s->seen_fd = -1;
}

int generation_count(struct store *s, struct err *err)
{
	return sql_run(s, err, "UPDATE generation SET commits = commits + 1", "");
}

int64_t generation_of(sqlite3 *db)
{
	return sql_pragma(db, "SELECT commits FROM generation", 0);
}

/* Always as long: the file never grows, so a full disk does not matter. */
void generation_note(struct store *s)
{
	int64_t commits = sql_one_int(s, NULL, 0, "SELECT commits FROM generation", "");
	char text[SQL_GENERATION_BYTES + 1];

	if (s->seen_fd < 0 || commits <= 0)
		return;
	snprintf(text, sizeof(text), "%020" PRId64 "\n", commits);
	if (pwrite(s->seen_fd, text, SQL_GENERATION_BYTES, 0) != (ssize_t)SQL_GENERATION_BYTES &&
	    log_limit_pass(&s->log_limit, 1))
		log_warn("%s-generation cannot be written", s->path);
}

int64_t generation_seen(const char *path)
{
	char text[SQL_GENERATION_BYTES + 1] = "";
	int fd = open_beside(path, O_RDONLY);
	ssize_t size;

	if (fd < 0)
		return 0;
	size = pread(fd, text, SQL_GENERATION_BYTES, 0);
	close(fd);
	return size == (ssize_t)SQL_GENERATION_BYTES ? strtoll(text, NULL, 10) : 0;
}

void generation_forget(const char *path)
{
	char *name = NULL;

	if (asprintf(&name, "%s-generation", path) < 0)
		return;
	unlink(name);
	free(name);
}
