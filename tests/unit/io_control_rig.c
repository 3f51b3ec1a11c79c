/* SPDX-License-Identifier: MIT */
#include "io_control_rig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugin.h"

#define PARAMS 16

struct sluice_io *rig_one_last;

/* ---------------------------------------------------------------- made and ended */

static void report(void *ctx, const char *filter, const char *kind, const char *text)
{
	struct rig *r = ctx;
	size_t n = strlen(r->kinds);

	snprintf(r->kinds + n, sizeof(r->kinds) - n, "%s ", kind);
	snprintf(r->text, sizeof(r->text), "%s", text);
}

static void report_of_volume(void *ctx, const char *filter, const char *kind, const char *text)
{
	struct rig_volume *v = ctx;

	report(v->rig, filter, kind, text);
}

static int store_put(void *ctx, const char *filter, const char *key, const void *data,
		     size_t size_bytes)
{
	struct rig_volume *v = ctx;

	assert_true(size_bytes <= sizeof(v->record));
	memcpy(v->record, data, size_bytes);
	v->record_bytes = size_bytes;
	return 0;
}

static int store_get(void *ctx, const char *filter, const char *key, void *data, size_t room_bytes,
		     size_t *size_bytes)
{
	const struct rig_volume *v = ctx;

	if (!v->record_bytes)
		return -ENOENT;
	assert_true(v->record_bytes <= room_bytes);
	memcpy(data, v->record, v->record_bytes);
	*size_bytes = v->record_bytes;
	return 0;
}

static void open_volume(struct rig *r, struct rig_volume *v, const char *device)
{
	struct backend_cfg bcfg = {.path = device, .size_bytes = RIG_SIZE, .block_bytes = 512};
	struct chain_cfg cfg;
	char name[32];

	snprintf(name, sizeof(name), "vol%u", (unsigned)(v - r->v));
	v->rig = r;
	v->host.report = report_of_volume;
	v->host.store_put = store_put;
	v->host.store_get = store_get;
	v->host.ctx = v;
	assert_int_equal(backend_slow.open(&r->fe.env, &bcfg, &v->backend, &r->err), 0);
	cfg = (struct chain_cfg){.env = &r->fe.env,
				 .groups = r->groups,
				 .backend = v->backend,
				 .volume = name,
				 .block_bytes = 512,
				 .max_ios = r->count > 100 ? 8 : 2 * RIG_DEPTH,
				 .host = &v->host};
	assert_int_equal(chain_create(&cfg, &v->c, &r->err), 0);
}

static void load_plugin(struct rig *r)
{
	static bool is_loaded;
	char self[4096], path[4200];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	assert_true(n > 0);
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	snprintf(path, sizeof(path), "%s/../filters", self);
	if (!is_loaded)
		assert_true(plugin_load_dir(path, &r->err) >= 0);
	is_loaded = true;
	r->ops = plugin_find("io_control");
	assert_non_null(r->ops);
}

void rig_open(struct rig *r, uint32_t servers, uint32_t service_us, uint32_t volumes)
{
	struct groups_cfg gcfg;
	char device[64];

	memset(r, 0, sizeof(*r));
	assert_true(volumes <= RIG_VOLUMES);
	load_plugin(r);
	fake_env_init(&r->fe, 1);
	gcfg =
	    (struct groups_cfg){.env = &r->fe.env, .datastore = "ds1", .report = report, .ctx = r};
	assert_int_equal(groups_create(&gcfg, &r->groups, &r->err), 0);
	snprintf(device, sizeof(device), "servers=%u,service_us=%u", servers, service_us);
	r->count = volumes;
	for (uint32_t i = 0; i < volumes; i++)
		open_volume(r, &r->v[i], device);
}

static void control_done(void *ctx, int result, const struct err *err)
{
	struct rig *r = ctx;

	r->result = result;
	if (err)
		r->err = *err;
}

static int settle(struct rig *r)
{
	for (int i = 0; i < 100000 && r->result == -EINPROGRESS; i++)
		fake_env_advance(&r->fe, 1 * MS);
	return r->result;
}

void rig_close(struct rig *r)
{
	json_decref(r->status);
	for (uint32_t i = 0; i < r->count; i++)
		r->v[i].depth = 0;
	for (uint32_t i = 0; i < r->count; i++) {
		struct rig_volume *v = &r->v[i];

		r->result = -EINPROGRESS;
		chain_drain(v->c, control_done, r);
		assert_int_equal(settle(r), 0);
		assert_int_equal(v->under_way, 0);
		chain_detach_all(v->c);
		chain_destroy(v->c);
		backend_slow.close(v->backend);
	}
	groups_free(r->groups);
	fake_env_settle(&r->fe);
	assert_int_equal(r->fe.timer_count, 0);
	fake_env_fini(&r->fe);
}

/* ---------------------------------------------------------------- control */

struct words {
	char text[512];
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

static int change(struct rig *r, uint32_t v, const char *params,
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
	fn(r->v[v].c, &cfg, control_done, r);
	return settle(r);
}

int rig_try_attach(struct rig *r, uint32_t v, const char *params)
{
	return change(r, v, params, chain_attach);
}

void rig_attach(struct rig *r, uint32_t v, const char *params)
{
	if (rig_try_attach(r, v, params) != 0)
		fail_msg("attach: %s", r->err.text);
}

void rig_attach_other(struct rig *r, uint32_t v, const struct sluice_filter_ops *ops)
{
	struct chain_filter_cfg cfg = {.ops = ops};

	r->result = -EINPROGRESS;
	chain_attach(r->v[v].c, &cfg, control_done, r);
	assert_int_equal(settle(r), 0);
}

int rig_set(struct rig *r, uint32_t v, const char *params)
{
	return change(r, v, params, chain_reconfigure);
}

int rig_detach(struct rig *r, uint32_t v)
{
	r->result = -EINPROGRESS;
	chain_detach(r->v[v].c, "io_control", control_done, r);
	return settle(r);
}

void rig_group(struct rig *r, const char *params)
{
	struct words w = {.count = 0};

	split(&w, params);
	if (groups_prepare(r->groups, r->ops, w.names, w.values, w.count, &r->err) != 0)
		fail_msg("group: %s", r->err.text);
	groups_commit(r->groups, r->ops);
}

/* ---------------------------------------------------------------- I/O */

static void go(struct rig_volume *v);

static void ended(struct sluice_io *io)
{
	struct rig_volume *v = chain_io_owner(io);
	uint64_t took_ns = v->rig->fe.now_ns - io->start_ns;

	v->ended++;
	v->failed += io->status != SLUICE_OK;
	v->latency_ns += took_ns;
	if (took_ns > v->latency_max_ns)
		v->latency_max_ns = took_ns;
	v->under_way--;
	chain_io_put(v->c, io);
	if (v->under_way < v->depth)
		go(v);
}

static void go(struct rig_volume *v)
{
	static uint8_t data[RIG_SIZE];
	struct sluice_io *io = chain_io_get(v->c);

	assert_non_null(io);
	io->op = (uint8_t)v->op;
	io->len_bytes = v->len_bytes;
	io->buf = data;
	v->under_way++;
	chain_submit(v->c, io, ended, v);
}

void rig_load(struct rig *r, uint32_t v, uint32_t depth, enum sluice_op op, uint64_t len_bytes)
{
	r->v[v].depth = depth;
	r->v[v].op = op;
	r->v[v].len_bytes = len_bytes;
	while (r->v[v].under_way < depth)
		go(&r->v[v]);
}

static void one_ended(struct sluice_io *io)
{
	rig_one_last = io;
	chain_io_put(((struct rig_volume *)chain_io_owner(io))->c, io);
}

struct sluice_io *rig_one(struct rig *r, uint32_t v, enum sluice_op op, uint64_t len_bytes)
{
	static uint8_t data[RIG_SIZE];
	struct sluice_io *io = chain_io_get(r->v[v].c);

	assert_non_null(io);
	io->op = (uint8_t)op;
	io->len_bytes = len_bytes;
	io->buf = data;
	rig_one_last = NULL;
	chain_submit(r->v[v].c, io, one_ended, &r->v[v]);
	return io;
}

void rig_run_ms(struct rig *r, uint64_t ms)
{
	fake_env_advance(&r->fe, ms * MS);
}

void rig_forget(struct rig *r)
{
	for (uint32_t i = 0; i < r->count; i++)
		r->v[i].ended = r->v[i].failed = r->v[i].latency_ns = r->v[i].latency_max_ns = 0;
	r->kinds[0] = r->text[0] = '\0';
}

/* ---------------------------------------------------------------- figures */

static json_t *find(struct rig *r, const char *text, const char *member)
{
	json_t *j;
	const char *dot;
	char object[32];

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

static json_t *of_volume(struct rig *r, uint32_t v, const char *member)
{
	char text[4096];

	/* io_control is the lowest. */
	chain_filter_status(r->v[v].c, chain_filter_count(r->v[v].c) - 1, text, sizeof(text));
	return find(r, text, member);
}

static json_t *of_group(struct rig *r, const char *member)
{
	char text[4096];

	groups_status(r->groups, r->ops, text, sizeof(text));
	return find(r, text, member);
}

static int64_t number(const json_t *j)
{
	return json_is_boolean(j) ? json_is_true(j) : (int64_t)json_number_value(j);
}

int64_t rig_status(struct rig *r, uint32_t v, const char *member)
{
	return number(of_volume(r, v, member));
}

int64_t rig_group_status(struct rig *r, const char *member)
{
	return number(of_group(r, member));
}

const char *rig_status_text(struct rig *r, uint32_t v, const char *member)
{
	return json_string_value(of_volume(r, v, member));
}

const char *rig_group_status_text(struct rig *r, const char *member)
{
	return json_string_value(of_group(r, member));
}
