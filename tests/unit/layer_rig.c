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
#include "layer_rig_faults.h"

#define TURNS_MAX 200000u

/* ---------------------------------------------------------------- life */

void layer_rig_init(struct layer_rig *r, uint64_t size_bytes)
{
	static const struct env_linux_cfg cfg;

	r->folder = rig_folder_make();
	r->size_bytes = size_bytes;
	assert_int_equal(env_linux_create(&cfg, &r->env, NULL), 0);
	layer_rig_faults_on(r->env);
}

void layer_rig_fini(struct layer_rig *r)
{
	layer_rig_faults_off(r->env);
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
