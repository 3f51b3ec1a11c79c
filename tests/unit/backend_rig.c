/* SPDX-License-Identifier: MIT */
#include "backend_rig.h"

#include <assert.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "env_linux.h"

char *rig_folder_make(void)
{
	const char *base = getenv("TMPDIR");
	char *path = NULL;

	if (asprintf(&path, "%s/sluice-test-XXXXXX", base && *base ? base : "/var/tmp") < 0 ||
	    !mkdtemp(path)) {
		perror("mkdtemp");
		abort();
	}
	return path;
}

char *rig_path(const char *folder, const char *name)
{
	char *path = NULL;

	if (asprintf(&path, "%s/%s", folder, name) < 0)
		abort();
	return path;
}

void rig_folder_remove(char *folder)
{
	DIR *d = opendir(folder);
	struct dirent *entry;

	while (d && (entry = readdir(d))) {
		char *path;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		path = rig_path(folder, entry->d_name);
		unlink(path);
		free(path);
	}
	if (d)
		closedir(d);
	rmdir(folder);
	free(folder);
}

void rig_turn(struct rig *r)
{
	env_linux_turn(r->env, ENV_LINUX_TURN_MAX_NS);
}

static void on_end(struct sluice_io *io)
{
	struct rig_io *x = (struct rig_io *)io;

	x->end_count++;
	assert(x->end_count == 1); /* exactly once */
	x->is_ended = true;
}

struct rig_io *rig_submit(struct rig *r, enum sluice_op op, uint64_t offset_bytes,
			  uint64_t len_bytes, void *buf, uint16_t flags)
{
	struct rig_io *x = calloc(1, sizeof(*x));

	assert(x);
	x->io.op = (uint8_t)op;
	x->io.flags = flags;
	x->io.offset_bytes = offset_bytes;
	x->io.len_bytes = len_bytes;
	x->io.buf = buf;
	x->io.status = 0xff;
	x->io.end = on_end;
	x->io.bottom = calloc(1, r->backend->io_ctx_bytes);
	assert(x->io.bottom);
	r->backend->ops->submit(r->backend, &x->io);
	return x;
}

enum sluice_status rig_wait(struct rig *r, struct rig_io *x)
{
	enum sluice_status status;

	while (!x->is_ended)
		r->go_on(r);
	status = (enum sluice_status)x->io.status;
	free(x->io.bottom);
	free(x);
	return status;
}

enum sluice_status rig_do(struct rig *r, enum sluice_op op, uint64_t offset_bytes,
			  uint64_t len_bytes, void *buf, uint16_t flags)
{
	return rig_wait(r, rig_submit(r, op, offset_bytes, len_bytes, buf, flags));
}
