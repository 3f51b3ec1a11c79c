/* SPDX-License-Identifier: MIT */
#include "cache_rig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugin.h"

#define PARAMS 16

static const uint8_t uuid[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

/* ---------------------------------------------------------------- the host */

static void report(void *ctx, const char *filter, const char *kind, const char *text)
{
	struct cache_rig *r = ctx;
	size_t n = strlen(r->kinds);

	snprintf(r->kinds + n, sizeof(r->kinds) - n, "%s ", kind);
	if (getenv("CACHE_RIG_VERBOSE"))
		fprintf(stderr, "%s: %s\n", kind, text);
}

static int record_of(const struct cache_rig *r, const char *key)
{
	for (int i = 0; i < 8; i++) {
		if (strcmp(r->records[i][0], key) == 0 || !r->records[i][0][0])
			return i;
	}
	return -ENOSPC;
}

static int store_put(void *ctx, const char *filter, const char *key, const void *data,
		     size_t size_bytes)
{
	struct cache_rig *r = ctx;
	int i = record_of(r, key);

	assert_true(i >= 0 && size_bytes <= sizeof(r->records[i][1]));
	snprintf(r->records[i][0], sizeof(r->records[i][0]), "%s", key);
	memcpy(r->records[i][1], data, size_bytes);
	r->record_bytes[i] = size_bytes;
	return 0;
}

static int store_get(void *ctx, const char *filter, const char *key, void *data, size_t room_bytes,
		     size_t *size_bytes)
{
	const struct cache_rig *r = ctx;
	int i = record_of(r, key);

	if (i < 0 || !r->records[i][0][0])
		return -ENOENT;
	assert_true(r->record_bytes[i] <= room_bytes);
	memcpy(data, r->records[i][1], r->record_bytes[i]);
	*size_bytes = r->record_bytes[i];
	return 0;
}

static int sidecar_path(void *ctx, const char *suffix, char *path, size_t size_bytes)
{
	const struct cache_rig *r = ctx;

	snprintf(path, size_bytes, "%s/volume.%s", r->dir, suffix);
	return 0;
}

/* ---------------------------------------------------------------- made and ended */

static void load_plugin(struct cache_rig *r)
{
	static bool is_loaded;
	char self[4096], path[4200];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	assert_true(n > 0);
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	snprintf(path, sizeof(path), "%s/../filters/cache.so", self);
	chain_link_logs();
	if (!is_loaded && plugin_load(path, &r->err) < 0)
		fail_msg("%s", r->err.text);
	is_loaded = true;
	r->ops = plugin_find("cache");
	assert_non_null(r->ops);
}

static void open_chain(struct cache_rig *r)
{
	struct chain_cfg cfg = {.env = r->env,
				.groups = r->groups,
				.backend = &r->store.b,
				.volume = "vol0",
				.is_durable = r->is_durable,
				.block_bytes = CACHE_SECTOR,
				.max_ios = 128,
				.host = &r->host};

	memcpy(cfg.uuid, uuid, sizeof(uuid));
	if (chain_create(&cfg, &r->c, &r->err) != 0)
		fail_msg("%s", r->err.text);
}

void cache_open(struct cache_rig *r, uint64_t size_bytes, bool is_durable)
{
	struct groups_cfg gcfg;
	char params[128];

	memset(r, 0, sizeof(*r));
	r->size_bytes = size_bytes;
	r->is_durable = is_durable;
	snprintf(r->dir, sizeof(r->dir), "/var/tmp/cache_rig.XXXXXX");
	assert_non_null(mkdtemp(r->dir));
	load_plugin(r);
	assert_int_equal(env_linux_create(NULL, &r->env, &r->err), 0);
	cache_disk_hook(r);
	r->host = (struct chain_host){.report = report,
				      .store_put = store_put,
				      .store_get = store_get,
				      .sidecar_path = sidecar_path,
				      .ctx = r};
	gcfg = (struct groups_cfg){.env = r->env, .datastore = "ds1", .report = report, .ctx = r};
	assert_int_equal(groups_create(&gcfg, &r->groups, &r->err), 0);
	snprintf(params, sizeof(params), "flash_path=%s,flash_bytes=1073741824", r->dir);
	assert_int_equal(cache_group(r, params), 0);
	cache_store_open(r);
	open_chain(r);
}

void cache_turn(struct cache_rig *r)
{
	env_linux_turn(r->env, 1000000);
}

void cache_run_ms(struct cache_rig *r, uint32_t ms)
{
	uint64_t end_ns = env_now_exact_ns(r->env) + ms * 1000000ull;

	while (env_now_exact_ns(r->env) < end_ns)
		cache_turn(r);
}

static void left(void *ctx)
{
	*(bool *)ctx = true;
}

void cache_stop(struct cache_rig *r)
{
	bool is_left = false;

	for (int i = 0; i < 20000 && r->under_way > 0; i++)
		cache_turn(r);
	assert_int_equal(r->under_way, 0);
	r->result = -EINPROGRESS;
	chain_drain(r->c, cache_control_done, r);
	if (cache_wait_control(r) != 0)
		fail_msg("drain: %s", r->err.text);
	chain_detach_all(r->c);
	chain_when_left(r->c, left, &is_left);
	for (int i = 0; i < 20000 && !is_left; i++)
		cache_turn(r);
	assert_true(is_left);
	chain_destroy(r->c);
	open_chain(r);
}

static void remove_dir(struct cache_rig *r)
{
	char command[128];
	static const char *const names[] = {"volume.warm", "volume.journal", ".sluice-flash",
					    "01020304-0506-0708-090a-0b0c0d0e0f10.log",
					    "01020304-0506-0708-090a-0b0c0d0e0f10.clean"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(command, sizeof(command), "%s/%s", r->dir, names[i]);
		unlink(command);
	}
	assert_int_equal(rmdir(r->dir), 0);
}

void cache_close(struct cache_rig *r)
{
	json_decref(r->status);
	cache_stop(r);
	chain_destroy(r->c);
	groups_free(r->groups);
	assert_int_equal(env_linux_quiesce(r->env, 5000000000ull), 0);
	r->env->ops = r->env_ops;
	env_linux_destroy(r->env);
	free(r->store.memory);
	remove_dir(r);
}

/* ---------------------------------------------------------------- as if killed */

void cache_log_path(struct cache_rig *r, char *path, size_t size_bytes)
{
	snprintf(path, size_bytes, "%s/01020304-0506-0708-090a-0b0c0d0e0f10.log", r->dir);
}

static char *read_whole(const char *path, size_t *size_bytes)
{
	FILE *f = fopen(path, "rb");
	char *data = NULL;

	*size_bytes = 0;
	if (!f)
		return NULL;
	fseek(f, 0, SEEK_END);
	*size_bytes = (size_t)ftell(f);
	rewind(f);
	data = malloc(*size_bytes + 1);
	assert_non_null(data);
	assert_int_equal(fread(data, 1, *size_bytes, f), *size_bytes);
	fclose(f);
	return data;
}

static void write_whole(const char *path, const char *data, size_t size_bytes)
{
	FILE *f;

	unlink(path);
	if (!data)
		return;
	f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, size_bytes, f), size_bytes);
	assert_int_equal(fclose(f), 0);
}

/* What is there at this moment is kept apart, the old life ends in peace, and what it did meanwhile
 * is undone. The store is held, so that nothing of what follows is mistaken for progress. */
void cache_crash(struct cache_rig *r)
{
	char path[2][256], *files[2], *memory = malloc(r->size_bytes);
	char records[sizeof(r->records)];
	size_t bytes[2], record_bytes[8];

	assert_non_null(memory);
	cache_log_path(r, path[0], sizeof(path[0]));
	sidecar_path(r, "journal", path[1], sizeof(path[1]));
	for (int i = 0; i < 2; i++)
		files[i] = read_whole(path[i], &bytes[i]);
	memcpy(memory, r->store.memory, r->size_bytes);
	memcpy(records, r->records, sizeof(records));
	memcpy(record_bytes, r->record_bytes, sizeof(record_bytes));
	cache_store_release(r);
	r->store.fail_ops = 0;
	cache_stop(r);
	memcpy(r->store.memory, memory, r->size_bytes);
	memcpy(r->records, records, sizeof(records));
	memcpy(r->record_bytes, record_bytes, sizeof(record_bytes));
	for (int i = 0; i < 2; i++) {
		write_whole(path[i], files[i], bytes[i]);
		free(files[i]);
	}
	free(memory);
}

/* ---------------------------------------------------------------- control */

void cache_control_done(void *ctx, int result, const struct err *err)
{
	struct cache_rig *r = ctx;

	r->result = result;
	if (err)
		r->err = *err;
}

int cache_wait_control(struct cache_rig *r)
{
	for (int i = 0; i < 60000 && r->result == -EINPROGRESS; i++)
		cache_turn(r);
	return r->result;
}

struct words {
	char text[1024];
	const char *names[PARAMS], *values[PARAMS];
	uint32_t count;
};

static void split(struct words *w, const char *params)
{
	char *word, *rest = w->text;

	snprintf(w->text, sizeof(w->text), "%s", params);
	w->count = 0;
	while ((word = strsep(&rest, ",")) != NULL && *word) {
		w->names[w->count] = strsep(&word, "=");
		w->values[w->count++] = word;
	}
}

static int change(struct cache_rig *r, const char *params,
		  void (*fn)(struct chain *c, const struct chain_filter_cfg *cfg,
			     chain_done_fn done, void *ctx))
{
	struct chain_filter_cfg cfg = {.ops = r->ops};
	struct words w = {.count = 0};

	split(&w, params);
	cfg.names = w.names;
	cfg.values = w.values;
	cfg.value_count = w.count;
	r->result = -EINPROGRESS;
	fn(r->c, &cfg, cache_control_done, r);
	return cache_wait_control(r);
}

int cache_try_attach(struct cache_rig *r, const char *params)
{
	return change(r, params, chain_attach);
}

void cache_attach(struct cache_rig *r, const char *params)
{
	if (cache_try_attach(r, params) != 0)
		fail_msg("attach: %s", r->err.text);
}

int cache_change(struct cache_rig *r, const char *params)
{
	return change(r, params, chain_reconfigure);
}

int cache_detach(struct cache_rig *r)
{
	r->result = -EINPROGRESS;
	chain_detach(r->c, "cache", cache_control_done, r);
	return cache_wait_control(r);
}

int cache_drain(struct cache_rig *r)
{
	int result;

	r->result = -EINPROGRESS;
	chain_drain(r->c, cache_control_done, r);
	result = cache_wait_control(r);
	chain_release(r->c);
	return result;
}

int cache_settle(struct cache_rig *r)
{
	r->result = -EINPROGRESS;
	chain_settle(r->c, cache_control_done, r);
	return cache_wait_control(r);
}

int cache_group(struct cache_rig *r, const char *params)
{
	struct words w = {.count = 0};
	int result;

	split(&w, params);
	result = groups_prepare(r->groups, r->ops, w.names, w.values, w.count, &r->err);
	if (result == 0)
		groups_commit(r->groups, r->ops);
	return result;
}

static void command_done(void *ctx, int result, const char *reply_json, const struct err *err)
{
	struct cache_rig *r = ctx;

	snprintf(r->reply, sizeof(r->reply), "%s", reply_json ? reply_json : "");
	cache_control_done(ctx, result, err);
}

int cache_command(struct cache_rig *r, const char *name, const char *args)
{
	r->result = -EINPROGRESS;
	chain_command(r->c, "cache", name, args, -1, command_done, r);
	return cache_wait_control(r);
}

/* ---------------------------------------------------------------- figures */

static json_t *find(struct cache_rig *r, const char *member)
{
	char text[8192], object[32];
	const char *dot;
	json_t *j;

	assert_true(chain_filter_count(r->c) > 0);
	chain_filter_status(r->c, 0, text, sizeof(text));
	json_decref(r->status);
	r->status = j = json_loads(text, 0, NULL);
	if (!j)
		fail_msg("not JSON: %s", text);
	while ((dot = strchr(member, '.')) != NULL) {
		snprintf(object, sizeof(object), "%.*s", (int)(dot - member), member);
		j = json_object_get(j, object);
		member = dot + 1;
	}
	j = json_object_get(j, member);
	if (!j)
		fail_msg("no %s in %s", member, text);
	return j;
}

int64_t cache_number(struct cache_rig *r, const char *member)
{
	const json_t *j = find(r, member);

	return json_is_boolean(j) ? json_is_true(j) : (int64_t)json_number_value(j);
}

const char *cache_text(struct cache_rig *r, const char *member)
{
	return json_string_value(find(r, member));
}

bool cache_is_state(struct cache_rig *r, const char *state)
{
	return strcmp(cache_text(r, "state"), state) == 0;
}

void cache_wait_state(struct cache_rig *r, const char *state)
{
	char is[32];

	for (int i = 0; i < 20000; i++) {
		if (cache_is_state(r, state))
			return;
		cache_turn(r);
	}
	snprintf(is, sizeof(is), "%s", cache_text(r, "state"));
	fail_msg("the state is %s (%s) and not %s", is, cache_text(r, "state_text"), state);
}
