/* SPDX-License-Identifier: MIT */
#include "keeping_rig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fake_env fe;
struct volume *volume;
static struct plan_volume plan;
struct sluice_filter *cache;
char calls[512];
char last_event[64];
int settle_result, attach_result, delete_result;
bool works_in_attach, owns_in_attach;
bool is_sealed, is_missing, has_layers;
int point_results[4];

void keeping_done(void *ctx, int result, const struct err *err)
{
	struct answer *a = ctx;

	a->count++;
	a->result = result;
	if (err)
		a->err = *err;
}

void keeping_commanded(void *ctx, int result, json_t *reply, const struct err *err)
{
	struct answer *a = ctx;

	keeping_done(ctx, result, err);
	a->reply = reply;
}

static void call(const char *text)
{
	strncat(calls, text, sizeof(calls) - strlen(calls) - 1);
}

/* ---------------------------------------------------------------- the filter */

static void run_nothing(struct sluice_work *w) {}

static void work_done(struct sluice_work *w)
{
	call("work ");
}

static struct sluice_work work = {.run = run_nothing, .done = work_done};

static void own_done(struct sluice_own_io *own)
{
	call("own ");
}

static uint8_t own_buf[4096];
static struct sluice_own_io own = {
    .op = SLUICE_OP_READ, .len_bytes = sizeof(own_buf), .buf = own_buf, .fn = own_done};

static int f_attach(struct sluice_filter *f, const union sluice_value *values,
		    struct sluice_error *err)
{
	cache = f;
	call("attach ");
	if (attach_result)
		snprintf(err->text, sizeof(err->text), "its log belongs to another volume");
	if (works_in_attach)
		sluice_work_submit(f, &work);
	return attach_result;
}

static void f_detach(struct sluice_filter *f)
{
	call("detach ");
}

static int f_event(struct sluice_filter *f, enum sluice_phase phase, const struct sluice_event *ev,
		   struct sluice_error *err)
{
	static const char *const names[] = {"start ", "stop ",  "grow ", "",        "",      "",
					    "",       "flush ", "",      "delete ", "leave "};

	if (ev->kind == SLUICE_EVENT_SNAPSHOT || ev->kind == SLUICE_EVENT_REVERT ||
	    ev->kind == SLUICE_EVENT_CLONE) {
		call((const char *[]){"prepare ", "commit ", "abort ", "held "}[phase]);
		return point_results[phase];
	}
	if (phase == SLUICE_ABORT)
		return 0;
	if (phase == SLUICE_COMMIT)
		call(names[ev->kind]);
	if (phase == SLUICE_COMMIT && ev->kind == SLUICE_EVENT_START && owns_in_attach)
		assert_int_equal(sluice_own_submit(f, &own), 0);
	if (ev->kind == SLUICE_EVENT_DELETE && delete_result)
		snprintf(err->text, sizeof(err->text), "its log is on a device that is away");
	return ev->kind == SLUICE_EVENT_DELETE ? delete_result : 0;
}

static int f_settle(struct sluice_filter *f, enum sluice_settle phase, struct sluice_error *err)
{
	call(phase == SLUICE_SETTLE_BEGIN ? "settle+ " : "settle- ");
	return phase == SLUICE_SETTLE_BEGIN ? settle_result : 0;
}

static int f_command(struct sluice_filter *f, const struct sluice_command *cmd,
		     struct sluice_error *err)
{
	call(cmd->name);
	call(" ");
	if (strcmp(cmd->name, "wait") == 0)
		return SLUICE_PENDING;
	snprintf(cmd->reply_json, cmd->reply_bytes, "%s", cmd->args_json);
	return 0;
}

static void f_figures(struct sluice_filter *f, struct sluice_figures *sum)
{
	sum->dirty_bytes += 12288;
	sum->state = "settling";
}

static const struct sluice_filter_ops cache_ops = {
    .abi = SLUICE_SDK_ABI,
    .struct_bytes = sizeof(cache_ops),
    .name = "cache",
    .version = "1",
    .help = "keeps",
    .cls = SLUICE_CLASS_CACHE,
    .op_mask = SLUICE_OPS_ALL,
    .attach = f_attach,
    .detach = f_detach,
    .event = f_event,
    .settle = f_settle,
    .command = f_command,
    .figures = f_figures,
};

static const struct sluice_filter_ops upper_ops = {
    .abi = SLUICE_SDK_ABI,
    .struct_bytes = sizeof(upper_ops),
    .name = "upper",
    .version = "1",
    .help = "passes",
    .cls = SLUICE_CLASS_INSPECTION,
    .op_mask = SLUICE_OPS_ALL,
};

/* ---------------------------------------------------------------- the volume */

static void on_event(void *ctx, const char *v, const char *filter, const char *kind,
		     const char *text)
{
	snprintf(last_event, sizeof(last_event), "%s", kind);
}

static void on_changed(void *ctx, struct volume *v) {}
static void on_drain_rings(void *ctx, struct volume *v) {}
static void on_blocking(void *ctx, bool begins) {}

static int on_store_get(void *ctx, const uint8_t uuid[16], const char *filter, const char *key,
			void *data, size_t room_bytes, size_t *size_bytes)
{
	if (!is_sealed || strcmp(filter, "cache") != 0 || strcmp(key, "sealed") != 0)
		return -ENOENT;
	*size_bytes = 1;
	return 0;
}

static const struct sluice_filter_ops *on_find_filter(void *ctx, const char *name)
{
	if (is_missing && strcmp(name, "cache") == 0)
		return NULL;
	return strcmp(name, "cache") == 0 ? &cache_ops : &upper_ops;
}

static const struct volume_host host = {
    .event = on_event,
    .changed = on_changed,
    .drain_rings = on_drain_rings,
    .blocking = on_blocking,
    .store_get = on_store_get,
    .find_filter = on_find_filter,
    .notes_changes = true,
};

static void put_filter(const char *name)
{
	struct plan_filter f = {.name = ""};

	snprintf(f.name, sizeof(f.name), "%s", name);
	assert_int_equal(
	    plan_put_filter((struct plan_volume *)(uintptr_t)volume_plan(volume), &f, NULL), 0);
}

int keeping_set_up(void **state)
{
	struct volume_cfg cfg = {.env = &fe.env,
				 .plan = &plan,
				 .type = "rig",
				 .has_layers = has_layers,
				 .image_path = "/nowhere",
				 .host = &host,
				 .incarnation = 5};
	struct err err = {0};

	rig_backend_reset();
	fake_env_init(&fe, 1);
	settle_result = attach_result = delete_result = 0;
	memset(point_results, 0, sizeof(point_results));
	works_in_attach = owns_in_attach = is_sealed = is_missing = false;
	calls[0] = last_event[0] = '\0';
	memset(&plan, 0, sizeof(plan));
	snprintf(plan.name, sizeof(plan.name), "v");
	plan.size_bytes = RIG_SIZE_BYTES / 2;
	plan.block_bytes = 512;
	assert_int_equal(volume_create(&cfg, &volume, &err), 0);
	put_filter("cache");
	put_filter("upper");
	return 0;
}

int keeping_tear_down(void **state)
{
	if (volume_state(volume) == VOLUME_SERVING)
		return -1; /* the test failed half-way */
	volume_destroy(volume);
	fake_env_fini(&fe);
	return 0;
}

void keeping_open(void)
{
	struct answer a = {0};

	volume_open(volume, keeping_done, &a);
	fake_env_settle(&fe);
	assert_int_equal(a.result, 0);
	assert_int_equal(volume_state(volume), VOLUME_SERVING);
	expect("attach start ");
}

void keeping_close(void)
{
	struct answer a = {0};

	volume_close(volume, keeping_done, &a);
	fake_env_settle(&fe);
	assert_int_equal(a.count, 1);
	assert_int_equal(a.result, 0);
	assert_int_equal(volume_state(volume), VOLUME_CLOSED);
	assert_false(rig_backend.is_open);
}

const char *keeping_status(const char *key)
{
	static char text[64];
	json_t *j = volume_status(volume);

	snprintf(text, sizeof(text), "%s",
		 json_string_value(json_object_get(j, key)) ?: "(nothing)");
	json_decref(j);
	return text;
}
