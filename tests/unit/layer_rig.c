/* SPDX-License-Identifier: MIT */
#include "layer_rig.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "env_linux.h"

#define TURNS_MAX 200000u
#define HURRY_NS  5000000u

/* ---------------------------------------------------------------- writes that fail */

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

void layer_rig_init(struct layer_rig *r, uint64_t size_bytes)
{
	static const struct env_linux_cfg cfg;

	r->folder = rig_folder_make();
	r->size_bytes = size_bytes;
	assert_int_equal(env_linux_create(&cfg, &r->env, NULL), 0);
	layer_rig_fail_writes(NULL, NULL);
	layer_rig_watch(NULL, NULL);
	is_seeing = false;
	seen_count = 0;
	faults.real = r->env->ops;
	faults.ops = *faults.real;
	faults.ops.file_open = open_file;
	faults.ops.io_submit = submit;
	r->env->ops = &faults.ops;
}

void layer_rig_fini(struct layer_rig *r)
{
	r->env->ops = faults.real;
	env_linux_destroy(r->env);
	rig_folder_remove(r->folder);
}

const char *layer_rig_path(const struct layer_rig *r, const char *name)
{
	static char paths[4][256];
	static uint32_t next;
	char *out = paths[next++ % 4];

	snprintf(out, sizeof(paths[0]), "%s/%s", r->folder, name);
	return out;
}

static struct backend_cfg config(struct layer_rig *r, const char *name)
{
	return (struct backend_cfg){.path = layer_rig_path(r, name),
				    .block_bytes = 512,
				    .write_cache = WRITE_CACHE_VOLATILE};
}

void layer_rig_create(struct layer_rig *r, const char *name)
{
	struct backend_cfg cfg = config(r, name);

	cfg.size_bytes = r->size_bytes;
	assert_int_equal(backend_layers.create(r->env, &cfg, false, NULL), 0);
}

int layer_rig_try_open(struct layer_rig *r, const char *name, const char *snapshot,
		       struct backend **out, struct err *err)
{
	struct backend_cfg cfg = config(r, name);

	cfg.snapshot = snapshot;
	return backend_layers.open(r->env, &cfg, out, err);
}

struct backend *layer_rig_open(struct layer_rig *r, const char *name, const char *snapshot)
{
	struct backend *b = NULL;
	struct err err = {0};

	if (layer_rig_try_open(r, name, snapshot, &b, &err))
		fail_msg("%s cannot be opened: %s", name, err.text);
	return b;
}

struct answer {
	bool is_there;
	int result;
};

static void on_answer(void *ctx, int result, const struct err *err)
{
	*(struct answer *)ctx = (struct answer){.is_there = true, .result = result};
}

static int wait_for(struct layer_rig *r, const struct answer *a)
{
	for (uint32_t i = 0; !a->is_there; i++) {
		assert_true(i < TURNS_MAX);
		env_linux_turn(r->env, ENV_LINUX_TURN_MAX_NS);
	}
	return a->result;
}

static void on_stopped(void *ctx)
{
	((struct answer *)ctx)->is_there = true;
}

void layer_rig_close(struct layer_rig *r, struct backend *b)
{
	struct answer a = {0};

	layer_stop(b, on_stopped, &a);
	(void)wait_for(r, &a);
	b->ops->close(b);
}

/* ---------------------------------------------------------------- content */

static enum sluice_status do_io(struct layer_rig *r, struct backend *b, enum sluice_op op,
				uint32_t block, uint32_t count, void *buf)
{
	struct rig io = {.env = r->env, .backend = b, .go_on = rig_turn};

	return rig_do(&io, op, (uint64_t)block * RIG_BLOCK, (uint64_t)count * RIG_BLOCK, buf, 0);
}

static uint8_t *buffer(uint32_t count, uint8_t byte)
{
	void *buf = NULL;

	assert_int_equal(posix_memalign(&buf, RIG_BLOCK, (size_t)count * RIG_BLOCK), 0);
	memset(buf, byte, (size_t)count * RIG_BLOCK);
	return buf;
}

void layer_rig_fill(struct layer_rig *r, struct backend *b, uint32_t block, uint32_t count,
		    uint8_t byte)
{
	uint8_t *buf = buffer(count, byte);

	assert_int_equal(do_io(r, b, SLUICE_OP_WRITE, block, count, buf), SLUICE_OK);
	free(buf);
}

void layer_rig_unmap(struct layer_rig *r, struct backend *b, uint32_t block, uint32_t count)
{
	assert_int_equal(do_io(r, b, SLUICE_OP_UNMAP, block, count, NULL), SLUICE_OK);
}

void layer_rig_expect(struct layer_rig *r, struct backend *b, uint32_t block, uint32_t count,
		      uint8_t byte)
{
	uint8_t *want = buffer(count, byte), *got = buffer(count, (uint8_t)~byte);

	assert_int_equal(do_io(r, b, SLUICE_OP_READ, block, count, got), SLUICE_OK);
	assert_memory_equal(got, want, (size_t)count * RIG_BLOCK);
	free(want);
	free(got);
}

void layer_rig_poke(struct layer_rig *r, const char *name, uint64_t offset_bytes, uint8_t byte,
		    uint32_t len_bytes)
{
	int fd = open(layer_rig_path(r, name), O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	for (uint32_t i = 0; i < len_bytes; i++)
		assert_int_equal(pwrite(fd, &byte, 1, (off_t)(offset_bytes + i)), 1);
	close(fd);
}

bool layer_rig_is_zero(struct layer_rig *r, const char *name, uint32_t block)
{
	int fd = open(layer_rig_path(r, name), O_RDONLY | O_CLOEXEC);
	uint8_t *buf = buffer(1, 0xff);
	bool is_so;

	assert_int_equal(pread(fd, buf, RIG_BLOCK, (off_t)block * RIG_BLOCK), RIG_BLOCK);
	is_so = buf[0] == 0 && memcmp(buf, buf + 1, RIG_BLOCK - 1) == 0;
	close(fd);
	free(buf);
	return is_so;
}

void layer_rig_cut(struct layer_rig *r, const char *name, uint64_t size_bytes)
{
	assert_int_equal(truncate(layer_rig_path(r, name), (off_t)size_bytes), 0);
}

/* ---------------------------------------------------------------- requests */

int layer_rig_snapshot(struct layer_rig *r, struct backend *b, const char *uuid)
{
	struct layer_snapshot s = {.snapshot = uuid, .name = uuid, .group = "group"};
	struct answer a = {0};
	int rc;

	layer_snapshot_prepare(b, &s, on_answer, &a);
	rc = wait_for(r, &a);
	if (rc)
		return rc;
	a.is_there = false;
	layer_snapshot_commit(b, on_answer, &a);
	assert_int_equal(wait_for(r, &a), 0);
	a.is_there = false;
	layer_snapshot_decide(b, true, on_answer, &a);
	return wait_for(r, &a);
}

int layer_rig_revert(struct layer_rig *r, struct backend *b, const char *uuid)
{
	struct answer a = {0};

	layer_revert(b, uuid, on_answer, &a);
	return wait_for(r, &a);
}

int layer_rig_delete(struct layer_rig *r, struct backend *b, const char *uuid)
{
	struct answer a = {0};

	layer_delete(b, uuid, on_answer, &a);
	return wait_for(r, &a);
}

int layer_rig_cancel(struct layer_rig *r, struct backend *b, const char *uuid)
{
	struct answer a = {0};

	layer_delete_cancel(b, uuid, on_answer, &a);
	return wait_for(r, &a);
}

int layer_rig_clone(struct layer_rig *r, struct backend *b, const char *uuid, const char *name,
		    bool is_linked)
{
	struct answer a = {0};

	layer_clone(b, uuid, layer_rig_path(r, name), is_linked, on_answer, &a);
	return wait_for(r, &a);
}

static void on_grown(void *ctx, int result)
{
	on_answer(ctx, result, NULL);
}

int layer_rig_grow(struct layer_rig *r, struct backend *b, uint32_t blocks)
{
	struct answer a = {0};

	b->ops->grow(b, (uint64_t)blocks * RIG_BLOCK, on_grown, &a);
	return wait_for(r, &a);
}

/* ---------------------------------------------------------------- what is there */

const char *layer_rig_state(struct backend *b, const char *uuid)
{
	static char state[16];
	json_t *list = layer_list(b), *o;
	size_t i;

	snprintf(state, sizeof(state), "absent");
	json_array_foreach(json_object_get(list, "items"), i, o)
	{
		if (strcmp(json_string_value(json_object_get(o, "snapshot")), uuid) == 0)
			snprintf(state, sizeof(state), "%s",
				 json_string_value(json_object_get(o, "state")));
	}
	json_decref(list);
	return state;
}

void layer_rig_wait_state(struct layer_rig *r, struct backend *b, const char *uuid,
			  const char *state)
{
	for (uint32_t i = 0; strcmp(layer_rig_state(b, uuid), state) != 0; i++) {
		assert_true(i < TURNS_MAX);
		env_linux_turn(r->env, ENV_LINUX_TURN_MAX_NS);
	}
}

static bool has_origin(struct layer_rig *r, const char *name)
{
	char *text = NULL;
	size_t len_bytes = 0;
	bool is_so;

	assert_int_equal(
	    env_text_read(r->env, layer_rig_path(r, name), 1u << 20, &text, &len_bytes, NULL), 0);
	is_so = strstr(text, "\"origin\"") != NULL;
	free(text);
	return is_so;
}

void layer_rig_wait_alone(struct layer_rig *r, const char *name)
{
	char copy[64];

	snprintf(copy, sizeof(copy), "%s.copy", name);
	for (uint32_t i = 0; has_origin(r, name) || has_origin(r, copy); i++) {
		assert_true(i < TURNS_MAX);
		env_linux_turn(r->env, ENV_LINUX_TURN_MAX_NS);
	}
}

bool layer_rig_has(struct layer_rig *r, const char *name)
{
	return access(layer_rig_path(r, name), F_OK) == 0;
}
