/* SPDX-License-Identifier: MIT */
#include "encryption_rig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugin.h"

#define PARAMS 8

/* ---------------------------------------------------------------- the host */

static void report(void *ctx, const char *filter, const char *kind, const char *text)
{
	struct rig *r = ctx;
	size_t n = strlen(r->kinds);

	snprintf(r->kinds + n, sizeof(r->kinds) - n, "%s ", kind);
	snprintf(r->text, sizeof(r->text), "%s", text);
}

static int sidecar_path(void *ctx, const char *suffix, char *path, size_t size_bytes)
{
	struct rig *r = ctx;

	snprintf(path, size_bytes, "%s/v.%s", r->folder, suffix);
	return 0;
}

static int find(struct rig *r, const char *name)
{
	for (int i = 0; i < RIG_SECRETS; i++)
		if (strcmp(r->secrets[i].name, name) == 0)
			return i;
	return -1;
}

static int key_put(void *ctx, const char *filter, const char *name, const void *key,
		   size_t size_bytes)
{
	struct rig *r = ctx;
	int i = find(r, name);

	assert_string_equal(filter, "encryption");
	if (r->key_put_result)
		return r->key_put_result;
	if (i < 0)
		i = find(r, "");
	snprintf(r->secrets[i].name, sizeof(r->secrets[i].name), "%s", name);
	memcpy(r->secrets[i].secret, key, size_bytes);
	r->secrets[i].bytes = size_bytes;
	return 0;
}

static int key_get(void *ctx, const char *filter, const char *name, void *key, size_t room_bytes,
		   size_t *size_bytes)
{
	struct rig *r = ctx;
	int i = find(r, name);

	if (i < 0)
		return -ENOKEY;
	assert_true(r->secrets[i].bytes <= room_bytes);
	memcpy(key, r->secrets[i].secret, r->secrets[i].bytes);
	*size_bytes = r->secrets[i].bytes;
	return 0;
}

static void key_forget(void *ctx, const char *filter, const char *name)
{
	struct rig *r = ctx;
	int i = find(r, name);

	if (i >= 0)
		memset(&r->secrets[i], 0, sizeof(r->secrets[i]));
}

static int record_of(const struct rig *r, const char *key)
{
	int i = 0;

	while (r->records[i].key[0] && strcmp(r->records[i].key, key) != 0)
		assert_true(++i < 4);
	return i;
}

static int store_put(void *ctx, const char *filter, const char *key, const void *data,
		     size_t size_bytes)
{
	struct rig *r = ctx;
	int i = record_of(r, key);

	assert_int_equal(size_bytes, 1);
	snprintf(r->records[i].key, sizeof(r->records[i].key), "%s", key);
	memcpy(&r->records[i].value, data, 1);
	return 0;
}

static int store_get(void *ctx, const char *filter, const char *key, void *data, size_t room_bytes,
		     size_t *size_bytes)
{
	const struct rig *r = ctx;
	int i = record_of(r, key);

	if (!r->records[i].key[0])
		return -ENOENT;
	memcpy(data, &r->records[i].value, 1);
	*size_bytes = 1;
	return 0;
}

static void ready(void *ctx, enum sluice_status status)
{
	struct rig *r = ctx;

	r->ready = status;
}

/* ---------------------------------------------------------------- made and ended */

static const struct sluice_filter_ops *plugin(const char *name)
{
	static bool is_loaded;
	const struct sluice_filter_ops *ops;
	char self[4096], path[4200];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	struct err err;

	assert_true(n > 0);
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	snprintf(path, sizeof(path), "%s/../filters", self);
	if (!is_loaded)
		assert_true(plugin_load_dir(path, &err) >= 0);
	is_loaded = true;
	ops = plugin_find(name);
	assert_non_null(ops);
	return ops;
}

static void chain_open(struct rig *r)
{
	struct chain_cfg cfg = {.env = &r->fe.env,
				.backend = r->backend,
				.volume = "v",
				.block_bytes = r->block_bytes,
				.max_ios = 256,
				.host = &r->host,
				.uuid = "0123456789abcde"};

	assert_int_equal(chain_create(&cfg, &r->c, &r->err), 0);
	r->ready = SLUICE_OK;
}

static void control_done(void *ctx, int result, const struct err *err)
{
	struct rig *r = ctx;

	r->result = result;
	if (err)
		r->err = *err;
}

int rig_settle(struct rig *r)
{
	fake_env_settle(&r->fe);
	for (int i = 0; i < 20000 && r->result == -EINPROGRESS; i++) {
		if (!fake_env_run_work(&r->fe))
			fake_env_advance(&r->fe, 1 * MS);
		fake_env_settle(&r->fe);
	}
	while (fake_env_run_work(&r->fe))
		fake_env_settle(&r->fe);
	return r->result;
}

static int change(struct rig *r, const char *name, const char *params,
		  void (*fn)(struct chain *c, const struct chain_filter_cfg *cfg,
			     chain_done_fn done, void *ctx))
{
	struct chain_filter_cfg cfg = {.ops = plugin(name)};
	const char *names[PARAMS], *values[PARAMS];
	char text[256], *word, *rest = text;

	if (cfg.ops->cls == SLUICE_CLASS_ENCRYPTION)
		cfg.position = r->position;
	snprintf(text, sizeof(text), "%s", params);
	while ((word = strsep(&rest, ",")) != NULL && *word) {
		names[cfg.value_count] = strsep(&word, "=");
		values[cfg.value_count++] = word;
	}
	cfg.names = names;
	cfg.values = values;
	r->result = -EINPROGRESS;
	fn(r->c, &cfg, control_done, r);
	return rig_settle(r);
}

int rig_try_attach(struct rig *r, const char *params)
{
	return change(r, "encryption", params, chain_attach);
}

int rig_set(struct rig *r, const char *params)
{
	return change(r, "encryption", params, chain_reconfigure);
}

void rig_attach_other(struct rig *r, const struct sluice_filter_ops *ops)
{
	struct chain_filter_cfg cfg = {.ops = ops};

	r->result = -EINPROGRESS;
	chain_attach(r->c, &cfg, control_done, r);
	assert_int_equal(rig_settle(r), 0);
}

static int detach(struct rig *r, const char *name)
{
	r->result = -EINPROGRESS;
	chain_detach(r->c, name, control_done, r);
	return rig_settle(r);
}

int rig_detach(struct rig *r)
{
	return detach(r, "encryption");
}

void rig_inject(struct rig *r, const char *params)
{
	if (!params)
		assert_int_equal(detach(r, "inject_data_capture"), 0);
	else if (change(r, "inject_data_capture", params, chain_attach) != 0)
		fail_msg("inject: %s", r->err.text);
}

void rig_inject_above(struct rig *r, const char *params)
{
	if (change(r, "inject", params, chain_attach) != 0)
		fail_msg("inject: %s", r->err.text);
}

static void attach(struct rig *r, const char *params)
{
	if (rig_try_attach(r, params) != 0)
		fail_msg("attach: %s", r->err.text);
}

void rig_open(struct rig *r, uint32_t block_bytes, const char *params)
{
	struct backend_cfg bcfg = {.size_bytes = RIG_SIZE, .block_bytes = block_bytes};

	memset(r, 0, sizeof(*r));
	fake_env_init(&r->fe, 1);
	snprintf(r->folder, sizeof(r->folder), "/var/tmp/sluice-enc-XXXXXX");
	assert_non_null(mkdtemp(r->folder));
	r->host = (struct chain_host){.report = report,
				      .sidecar_path = sidecar_path,
				      .store_put = store_put,
				      .store_get = store_get,
				      .key_put = key_put,
				      .key_get = key_get,
				      .key_forget = key_forget,
				      .ready = ready,
				      .ctx = r};
	r->block_bytes = block_bytes;
	snprintf(r->params, sizeof(r->params), "%s", params);
	bcfg.path = "mem";
	assert_int_equal(backend_find("mem")->open(&r->fe.env, &bcfg, &r->backend, &r->err), 0);
	r->buf = aligned_alloc(4096, RIG_BUF);
	r->check = aligned_alloc(4096, RIG_BUF);
	chain_open(r);
	attach(r, params);
}

static void chain_close(struct rig *r)
{
	r->result = -EINPROGRESS;
	chain_drain(r->c, control_done, r);
	assert_int_equal(rig_settle(r), 0);
	chain_detach_all(r->c);
	chain_destroy(r->c);
}

void rig_restart(struct rig *r)
{
	chain_close(r);
	chain_open(r);
	attach(r, r->params);
}

void rig_remove(struct rig *r, const char *suffix)
{
	char path[128];

	sidecar_path(r, suffix, path, sizeof(path));
	unlink(path);
}

void rig_close(struct rig *r)
{
	static const char *const suffixes[] = {"luks", "luksbackup", "luksnew", "luksdata"};

	chain_close(r);
	r->backend->ops->close(r->backend);
	for (size_t i = 0; i < 4; i++)
		rig_remove(r, suffixes[i]);
	assert_int_equal(rmdir(r->folder), 0);
	assert_int_equal(r->fe.timer_count, 0);
	assert_null(strstr(r->kinds, "misuse"));
	fake_env_fini(&r->fe);
	free(r->buf);
	free(r->check);
}

/* ---------------------------------------------------------------- commands */

static void commanded(void *ctx, int result, const char *reply_json, const struct err *err)
{
	struct rig *r = ctx;

	if (reply_json)
		snprintf(r->reply, sizeof(r->reply), "%s", reply_json);
	control_done(r, result, err);
}

int rig_command(struct rig *r, const char *name, const char *args, const char *keks)
{
	int fds[2] = {-1, -1};

	assert_int_equal(pipe(fds), 0);
	for (size_t i = 0; keks[i]; i++) {
		char kek[32];

		memset(kek, keks[i], sizeof(kek));
		assert_int_equal(write(fds[1], kek, sizeof(kek)), sizeof(kek));
	}
	close(fds[1]);
	r->result = -EINPROGRESS;
	r->err.text[0] = '\0';
	chain_command(r->c, "encryption", name, args, keks[0] ? fds[0] : -1, commanded, r);
	rig_settle(r);
	close(fds[0]);
	return r->result;
}

void rig_format(struct rig *r)
{
	if (rig_command(r, "format", "{\"key_id\":\"k\"}", "a") != 0)
		fail_msg("format: %s", r->err.text);
}

static json_t *status(struct rig *r)
{
	struct chain_filter_info info;
	char text[4096];
	uint32_t i = 0;
	json_t *j;

	do
		chain_filter_info(r->c, i++, &info);
	while (info.ops->cls != SLUICE_CLASS_ENCRYPTION);
	chain_filter_status(r->c, i - 1, text, sizeof(text));
	j = json_loads(text, 0, NULL);
	if (!j)
		fail_msg("not JSON: %s", text);
	return j;
}

const char *rig_state(struct rig *r)
{
	static char word[32];
	json_t *j = status(r);

	snprintf(word, sizeof(word), "%s", json_string_value(json_object_get(j, "state")));
	json_decref(j);
	return word;
}

int64_t rig_figure(struct rig *r, const char *member)
{
	json_t *j = status(r);
	int64_t n = json_integer_value(json_object_get(j, member));

	json_decref(j);
	return n;
}

/* ---------------------------------------------------------------- I/O */

void rig_ended(void *ctx, int result, const struct err *err)
{
	struct rig_ending *e = ctx;

	e->result = result;
	snprintf(e->text, sizeof(e->text), "%s", result && err ? err->text : "");
}

static void io_ended(struct sluice_io *io)
{
	struct rig *r = chain_io_owner(io);

	r->ended++;
	r->last_status = io->status;
	chain_io_put(r->c, io);
}

struct sluice_io *rig_start(struct rig *r, enum sluice_op op, uint64_t offset_bytes,
			    uint64_t len_bytes, void *buf)
{
	struct sluice_io *io = chain_io_get(r->c);

	assert_non_null(io);
	io->op = (uint8_t)op;
	io->offset_bytes = offset_bytes;
	io->len_bytes = len_bytes;
	io->buf = buf;
	chain_submit(r->c, io, io_ended, r);
	return io;
}

enum sluice_status rig_io(struct rig *r, enum sluice_op op, uint64_t offset_bytes,
			  uint64_t len_bytes, void *buf)
{
	uint32_t before = r->ended;

	rig_start(r, op, offset_bytes, len_bytes, buf);
	for (int i = 0; i < 10000 && r->ended == before; i++)
		fake_env_advance(&r->fe, 1 * MS);
	assert_int_equal(r->ended, before + 1);
	return (enum sluice_status)r->last_status;
}

void rig_fill(uint8_t *buf, uint64_t len_bytes, uint32_t seed)
{
	uint64_t x = seed * 0x9e3779b97f4a7c15ull + 1;

	for (uint64_t i = 0; i < len_bytes; i += 8) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		memcpy(buf + i, &x, 8);
	}
}

enum sluice_status rig_write(struct rig *r, uint64_t offset_bytes, uint64_t len_bytes,
			     uint32_t seed)
{
	enum sluice_status s;

	rig_fill(r->buf, len_bytes, seed);
	s = rig_io(r, SLUICE_OP_WRITE, offset_bytes, len_bytes, r->buf);
	/* The initiator's buffer is read-only. */
	rig_fill(r->check, len_bytes, seed);
	assert_memory_equal(r->buf, r->check, len_bytes);
	return s;
}

void rig_check(struct rig *r, uint64_t offset_bytes, uint64_t len_bytes, uint32_t seed)
{
	memset(r->buf, 0xcc, len_bytes);
	assert_int_equal(rig_io(r, SLUICE_OP_READ, offset_bytes, len_bytes, r->buf), SLUICE_OK);
	rig_fill(r->check, len_bytes, seed);
	assert_memory_equal(r->buf, r->check, len_bytes);
}

void rig_check_zeros(struct rig *r, uint64_t offset_bytes, uint64_t len_bytes)
{
	memset(r->buf, 0xcc, len_bytes);
	assert_int_equal(rig_io(r, SLUICE_OP_READ, offset_bytes, len_bytes, r->buf), SLUICE_OK);
	memset(r->check, 0, len_bytes);
	assert_memory_equal(r->buf, r->check, len_bytes);
}

static void raw_ended(struct sluice_io *io) {}

void rig_raw(struct rig *r, uint64_t offset_bytes, uint64_t len_bytes, void *buf)
{
	char bottom[4096] = {0};
	struct sluice_io io = {.op = SLUICE_OP_READ,
			       .offset_bytes = offset_bytes,
			       .len_bytes = len_bytes,
			       .buf = buf,
			       .end = raw_ended,
			       .bottom = bottom};

	assert_true(r->backend->io_ctx_bytes <= sizeof(bottom));
	r->backend->ops->submit(r->backend, &io);
	assert_int_equal(io.status, SLUICE_OK);
}
