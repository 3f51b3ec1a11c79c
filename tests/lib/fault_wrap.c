/* SPDX-License-Identifier: MIT */
/*
 * fault_wrap.c - stands before any filter, to see which events it is told, and to let it refuse
 * one.
 *
 * Copied to <folder>/<name>.so, it loads <folder>/real/<name>.so and is that filter but for its
 * events and its settling. Each is a line "<filter> <phase> <kind>" ("<filter> settle begin") in
 * <folder>/told; the one that <folder>/refuse has is refused, without the filter.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sluice/filter.h"

#define PATH_BYTES 4096

static struct sluice_filter_ops ops;
static int (*real_event)(struct sluice_filter *f, enum sluice_phase phase,
			 const struct sluice_event *ev, struct sluice_error *err);
static int (*real_settle)(struct sluice_filter *f, enum sluice_settle phase,
			  struct sluice_error *err);
static char folder[PATH_BYTES];

static const char *const kinds[] = {"start", "stop",  "grow",   "snapshot", "revert", "clone",
				    "key",   "flush", "policy", "delete",   "detach"};
static const char *const phases[] = {[SLUICE_PREPARE] = "prepare",
				     [SLUICE_COMMIT] = "commit",
				     [SLUICE_ABORT] = "abort",
				     [SLUICE_HELD] = "held"};

static void tell(const char *line)
{
	char path[PATH_BYTES + 16];
	int fd;

	snprintf(path, sizeof(path), "%s/told", folder);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	if (write(fd, line, strlen(line)) < 0)
		perror(path);
	close(fd);
}

static bool is_refused(const char *line)
{
	char path[PATH_BYTES + 16], text[128] = "";
	int fd;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/refuse", folder);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	return n > 0 && strcmp(text, line) == 0;
}

static int event(struct sluice_filter *f, enum sluice_phase phase, const struct sluice_event *ev,
		 struct sluice_error *err)
{
	char line[128];

	snprintf(line, sizeof(line), "%s %s %s\n", ops.name, phases[phase], kinds[ev->kind]);
	tell(line);
	if (is_refused(line)) {
		snprintf(err->text, sizeof(err->text), "a fault that the test asked for");
		return -EIO;
	}
	return real_event ? real_event(f, phase, ev, err) : 0;
}

static int settle(struct sluice_filter *f, enum sluice_settle phase, struct sluice_error *err)
{
	char line[128];

	snprintf(line, sizeof(line), "%s settle %s\n", ops.name,
		 phase == SLUICE_SETTLE_BEGIN ? "begin" : "end");
	tell(line);
	if (is_refused(line)) {
		snprintf(err->text, sizeof(err->text), "a fault that the test asked for");
		return -EIO;
	}
	return real_settle(f, phase, err);
}

const struct sluice_filter_ops *sluice_filter_entry(void)
{
	const struct sluice_filter_ops *(*entry)(void);
	char path[PATH_BYTES * 2];
	const char *slash;
	Dl_info self;
	void *real;

	if (!dladdr((const void *)&ops, &self) || !(slash = strrchr(self.dli_fname, '/')))
		return NULL;
	snprintf(folder, sizeof(folder), "%.*s", (int)(slash - self.dli_fname), self.dli_fname);
	snprintf(path, sizeof(path), "%s/real%s", folder, slash);
	real = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!real) {
		fprintf(stderr, "%s\n", dlerror());
		return NULL;
	}
	*(void **)&entry = dlsym(real, "sluice_filter_entry");
	if (!entry)
		return NULL;
	ops = *entry();
	real_event = ops.event;
	ops.event = event;
	real_settle = ops.settle;
	if (real_settle)
		ops.settle = settle;
	return &ops;
}
