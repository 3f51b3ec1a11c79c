/* SPDX-License-Identifier: MIT */
/* layer_rig_faults.c - what a layer_rig does to files: writes fail, and what is done to a file is
 * seen. */
#include "layer_rig_faults.h"

#include <assert.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "layer_rig.h"

#define HURRY_NS 5000000u

static struct {
	const struct env_ops *real;
	struct env_ops ops;
	enum env_io_op op;
	const char *ending, *other;
	struct env_file *files[16];
	uint32_t file_count;
	uint64_t failures;
	void (*before)(void); /* the next file whose name ends in before_what is opened */
	const char *before_what;
	void (*watch)(enum env_io_op op);
	const char *watched;
} faults;

/* What was done first to each file since it was opened. */
static struct seen {
	const struct env_file *file;
	char name[64];
	uint64_t written, synced; /* at which call of all; 0: not yet */
} seen[256];
static bool is_seeing; /* from layer_rig_forget() on */
static uint32_t seen_count;
static uint64_t calls;

struct failed {
	struct env_msg msg;
	struct env_io *io;
};

static bool ends_with(const char *text, const char *ending)
{
	size_t n = strlen(text), k = ending ? strlen(ending) : 0;

	return k > 0 && n >= k && strcmp(text + n - k, ending) == 0;
}

static void see_open(const char *path, const struct env_file *f)
{
	const char *slash = strrchr(path, '/');

	if (!is_seeing)
		return;
	assert(seen_count < sizeof(seen) / sizeof(seen[0]));
	seen[seen_count] = (struct seen){.file = f};
	snprintf(seen[seen_count++].name, sizeof(seen[0].name), "%s", slash ? slash + 1 : path);
}

/* The newest of that address: files come and go. */
static void see_io(const struct env_io *io)
{
	calls++;
	for (uint32_t i = seen_count; i-- > 0;) {
		if (seen[i].file != io->file)
			continue;
		if (io->op == ENV_IO_SYNC && !seen[i].synced)
			seen[i].synced = calls;
		else if (io->op == ENV_IO_WRITE && !seen[i].written)
			seen[i].written = calls;
		if (ends_with(seen[i].name, faults.watched))
			faults.watch(io->op);
		return;
	}
}

static const struct seen *seen_of(const char *name)
{
	for (uint32_t i = seen_count; i-- > 0;)
		if (strcmp(seen[i].name, name) == 0)
			return &seen[i];
	fail_msg("%s was not opened", name);
	return NULL;
}

void layer_rig_forget(void)
{
	is_seeing = true;
	seen_count = 0;
}

bool layer_rig_was_flushed_first(const char *name, const char *before)
{
	const struct seen *a = seen_of(name), *b = seen_of(before);

	assert_true(b->written > 0);
	return a->synced > 0 && a->synced < b->written;
}

static int open_file(struct env *e, const struct env_open *how, struct env_file **out,
		     struct err *err)
{
	void (*before)(void) = faults.before;
	int rc;

	if (before && ends_with(how->path, faults.before_what)) {
		faults.before = NULL;
		before();
	}
	rc = faults.real->file_open(e, how, out, err);
	if (rc == 0)
		see_open(how->path, *out);
	if (rc == 0 &&
	    (ends_with(how->path, faults.ending) || ends_with(how->path, faults.other))) {
		assert(faults.file_count < 16);
		faults.files[faults.file_count++] = *out;
	}
	return rc;
}

static void on_failed(struct env_msg *m)
{
	struct failed *f = m->ctx;
	struct env_io *io = f->io;

	free(f);
	io->result = -ENOSPC;
	io->done(io);
}

static void submit(struct env *e, struct env_io *io)
{
	see_io(io);
	for (uint32_t i = 0; i < faults.file_count; i++) {
		struct failed *f;

		if (faults.files[i] != io->file || io->op != faults.op)
			continue;
		f = calloc(1, sizeof(*f));
		assert(f);
		f->io = io;
		f->msg = (struct env_msg){.fn = on_failed, .ctx = f};
		faults.failures++;
		env_post(e, &f->msg);
		return;
	}
	faults.real->io_submit(e, io);
}

void layer_rig_fail_flushes(const char *ending)
{
	layer_rig_fail_writes(ending, NULL);
	faults.op = ENV_IO_SYNC;
}

void layer_rig_fail_writes(const char *ending, const char *other)
{
	faults.op = ENV_IO_WRITE;
	faults.ending = ending;
	faults.other = other;
	faults.file_count = 0;
	faults.failures = 0;
}

void layer_rig_watch(const char *ending, void (*fn)(enum env_io_op op))
{
	faults.watched = ending;
	faults.watch = fn;
	is_seeing |= ending != NULL;
}

static void set_timer(struct env *e, struct env_timer *t, uint64_t deadline_ns)
{
	uint64_t soon_ns = env_now_ns(e) + HURRY_NS;

	faults.real->timer_set(e, t, deadline_ns < soon_ns ? deadline_ns : soon_ns);
}

void layer_rig_hurry(void)
{
	faults.ops.timer_set = set_timer;
}

void layer_rig_before_open(const char *ending, void (*fn)(void))
{
	faults.before = fn;
	faults.before_what = ending;
}

uint64_t layer_rig_failures(void)
{
	return faults.failures;
}

/* ---------------------------------------------------------------- life */

void layer_rig_faults_on(struct env *e)
{
	layer_rig_fail_writes(NULL, NULL);
	layer_rig_watch(NULL, NULL);
	is_seeing = false;
	seen_count = 0;
	faults.real = e->ops;
	faults.ops = *faults.real;
	faults.ops.file_open = open_file;
	faults.ops.io_submit = submit;
	e->ops = &faults.ops;
}

void layer_rig_faults_off(struct env *e)
{
	e->ops = faults.real;
}
