/* SPDX-License-Identifier: MIT */
#include "fake_control.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ctl_server.h"
#include "fake_snapshots.h"
#include "fd.h"
#include "json.h"

struct fake_control {
	pthread_t thread;
	pthread_mutex_t lock;
	atomic_bool is_stopping;
	struct loop *loop;
	struct ctl_server *server;
	int listener, incarnation;
	char path[108];
	json_t *datastores; /* {name: {...}} */
	json_t *volumes;
	json_t *asked;     /* {request: count} */
	json_t *snapshots; /* fake_snapshots.h */
	char refused[64], refusal[128];
	int code;
	char held_request[64], held_volume[64];
	struct ctl_call *held; /* the thread's, but for its being there */
};

static const char *text_at(const json_t *j, const char *key)
{
	const char *text = json_string_value(json_object_get(j, key));

	return text ? text : "";
}

static json_t *values(json_t *object)
{
	json_t *all = json_array(), *v;
	const char *key;

	json_object_foreach(object, key, v)
	{
		json_array_append_new(all, json_deep_copy(v));
	}
	return all;
}

/* ---------------------------------------------------------------- questions */

static json_t *status(const struct fake_control *f)
{
	return json_pack("{s:i, s:o}", "incarnation", f->incarnation, "datastores",
			 values(f->datastores));
}

/* The first name behind after, or NULL. */
static const char *name_behind(json_t *object, const char *after)
{
	const char *key, *next = NULL;
	json_t *v;

	json_object_foreach(object, key, v)
	{
		if (strcmp(key, after) > 0 && (!next || strcmp(key, next) < 0))
			next = key;
	}
	return next;
}

/* The volumes behind "after", in the order of names. */
static json_t *volumes(const struct fake_control *f, const json_t *body)
{
	size_t limit = (size_t)json_integer_value(json_object_get(body, "limit"));
	const char *name = name_behind(f->volumes, text_at(body, "after")), *last = "";
	json_t *page = json_array();

	for (; name && json_array_size(page) < limit; name = name_behind(f->volumes, name)) {
		json_array_append_new(page, json_deep_copy(json_object_get(f->volumes, name)));
		last = name;
	}
	return json_pack("{s:o, s:o}", "volumes", page, "next",
			 name ? json_string(last) : json_null());
}

static json_t *filters(void)
{
	return json_pack("{s:[{s:s, s:s, s:s, s:i, s:b, s:[]},"
			 " {s:s, s:s, s:s, s:i, s:b, s:[{s:s, s:s, s:s}], s:[{s:s, s:s, s:b}]},"
			 " {s:s, s:s, s:s, s:i, s:b, s:[{s:s, s:s, s:s}], s:[{s:s, s:s, s:s}]}]}",
			 "filters", "filter", "delay", "version", "1", "help", "waits", "class",
			 700, "transparent", 1, "params", "filter", "share", "version", "1", "help",
			 "shares", "class", 800, "transparent", 1, "params", "name", "shares",
			 "type", "string", "default", "7", "group_params", "name", "enabled",
			 "type", "bool", "default", 0, "filter", "cache", "version", "1", "help",
			 "caches", "class", 500, "transparent", 0, "params", "name", "mode", "type",
			 "string", "default", "write_through", "group_params", "name", "flash_path",
			 "type", "string", "default", "");
}

/* ---------------------------------------------------------------- changes */

/* Puts params of body's filter into the list "filters" of a datastore or volume; NULL: takes it
 * out. */
static int put_filter(json_t *of, const json_t *body, const char *params)
{
	json_t *list = json_object_get(of, "filters"), *f;
	size_t i;

	if (!list)
		json_object_set_new(of, "filters", list = json_array());
	json_array_foreach(list, i, f)
	{
		if (strcmp(text_at(f, "filter"), text_at(body, "filter")) == 0) {
			json_array_remove(list, i);
			break;
		}
	}
	if (!params)
		return 0;
	return json_array_append_new(
	    list,
	    json_pack("{s:s, s:i, s:s, s:O, s:b, s:{s:i}}", "filter", text_at(body, "filter"),
		      "class", strcmp(text_at(body, "filter"), "cache") ? 800 : 500, "on_failure",
		      text_at(body, "on_failure"), "params", json_object_get(body, params),
		      "is_bypassed", 0, "status", "dirty_bytes", 4096));
}

static int put_filters(json_t *of, const json_t *filters)
{
	const json_t *one;
	size_t i;

	json_object_set_new(of, "filters", json_array());
	json_array_foreach(filters, i, one)
	{
		put_filter(of, one, "params");
	}
	return 0;
}

static int change(struct fake_control *f, const char *request, const json_t *body, struct err *err)
{
	const char *name = text_at(body, "name");
	json_t *v = json_object_get(f->volumes, name), *fresh;

	if (strcmp(request, "datastore.add") == 0) {
		fresh = json_copy((json_t *)body);
		json_object_set_new(fresh, "used_bytes", json_integer(1));
		json_object_set_new(fresh, "available_bytes", json_integer(2));
		return json_object_set_new(f->datastores, name, fresh);
	}
	if (strcmp(request, "datastore.remove") == 0)
		return json_object_del(f->datastores, name);
	if (strcmp(request, "datastore.filter.set") == 0)
		return put_filter(json_object_get(f->datastores, name), body, "params");
	if (strcmp(request, "volume.create") == 0) {
		fresh = json_copy((json_t *)body);
		json_object_set_new(fresh, "state", json_string("serving"));
		json_object_set_new(fresh, "is_open", json_true());
		json_object_set_new(fresh, "rings", json_integer(0));
		json_object_del(fresh, "filters");
		json_object_set_new(f->volumes, name, fresh);
		return put_filters(fresh, json_object_get(body, "filters"));
	}
	if (!v)
		return err_set(err, ENOENT, "name", "there is no volume %s", name);
	if (strncmp(request, "filter.", 7) == 0)
		return put_filter(v, body, strcmp(request, "filter.detach") ? "params" : NULL);
	if (strcmp(request, "volume.delete") == 0)
		return json_object_del(f->volumes, name);
	if (strcmp(request, "volume.grow") == 0)
		return json_object_set(v, "size_bytes", json_object_get(body, "size_bytes"));
	json_object_set_new(
	    v, "state", json_string(strcmp(request, "volume.close") == 0 ? "closed" : "serving"));
	return 0;
}

/* Kept for fake_control_hold() to give up. */
static bool is_held(struct fake_control *f, struct ctl_call *call)
{
	const char *name = text_at(call->body, "name");

	if (!*name)
		name = text_at(call->body, "volume");
	if (!*name)
		name = text_at(json_array_get(json_object_get(call->body, "members"), 0), "volume");
	if (f->held || strcmp(call->request, f->held_request) != 0 ||
	    strcmp(name, f->held_volume) != 0)
		return false;
	f->held = call;
	return true;
}

static void release(struct fake_control *f)
{
	struct ctl_call *call = NULL;
	json_t *answer = NULL;
	struct err err = {0};

	pthread_mutex_lock(&f->lock);
	if (f->held && !f->held_request[0]) {
		call = f->held;
		f->held = NULL;
		if (strncmp(call->request, "snapshot.", 9) == 0)
			(void)!fake_snapshots(f->snapshots, call->request, call->body, &answer,
					      &err);
		else
			(void)change(f, call->request, call->body, &err);
	}
	pthread_mutex_unlock(&f->lock);
	if (call)
		ctl_answer(call, answer);
}

static void handle(void *ctx, struct ctl_call *call)
{
	struct fake_control *f = ctx;
	json_t *answer = NULL;
	struct err err = {0};
	int rc = 0;

	pthread_mutex_lock(&f->lock);
	json_object_set_new(
	    f->asked, call->request,
	    json_integer(json_integer_value(json_object_get(f->asked, call->request)) + 1));
	if (is_held(f, call)) {
		pthread_mutex_unlock(&f->lock);
		return;
	}
	if (strcmp(call->request, f->refused) == 0)
		rc = err_set(&err, f->code, "", "%s", f->refusal);
	else if (strcmp(call->request, "hello") == 0)
		answer = json_object();
	else if (strcmp(call->request, "status") == 0)
		answer = status(f);
	else if (strcmp(call->request, "volumes") == 0)
		answer = volumes(f, call->body);
	else if (strcmp(call->request, "volume.show") == 0)
		answer = json_pack("{s:O?}", "volume",
				   json_object_get(f->volumes, text_at(call->body, "name")));
	else if (strcmp(call->request, "filter.command") == 0)
		answer = json_pack("{s:{}}", "reply");
	else if (strcmp(call->request, "filters") == 0)
		answer = filters();
	else if (strcmp(call->request, "events") == 0)
		answer = json_pack("{s:[{s:i, s:i, s:s, s:s, s:s, s:s, s:s}]}", "events", "number",
				   1, "wall_ms", 5, "datastore", "fast", "volume", "", "filter",
				   "io_control", "kind", "io_control_external_load", "text",
				   "somebody else");
	else if (strncmp(call->request, "snapshot.", 9) == 0)
		rc = fake_snapshots(f->snapshots, call->request, call->body, &answer, &err);
	else
		rc = change(f, call->request, call->body, &err);
	pthread_mutex_unlock(&f->lock);
	if (rc)
		ctl_answer_error(call, &err);
	else
		ctl_answer(call, answer);
}

static void *run(void *arg)
{
	struct fake_control *f = arg;

	while (!atomic_load(&f->is_stopping)) {
		loop_turn(f->loop, 20);
		release(f);
	}
	return NULL;
}

/* ---------------------------------------------------------------- for the test */

struct fake_control *fake_control_start(const char *path, int incarnation)
{
	struct fake_control *f = calloc(1, sizeof(*f));
	struct ctl_server_cfg cfg = {.handler = handle, .ctx = f};
	struct err err;

	assert_non_null(f);
	pthread_mutex_init(&f->lock, NULL);
	f->incarnation = incarnation;
	f->datastores = json_object();
	f->volumes = json_object();
	f->asked = json_object();
	f->snapshots = json_object();
	snprintf(f->path, sizeof(f->path), "%s", path);
	assert_int_equal(loop_create(&f->loop, &err), 0);
	f->listener = fd_unix_listen(path, SOCK_STREAM, 0600, &err);
	assert_true(f->listener >= 0);
	cfg.loop = f->loop;
	cfg.listen_fd = f->listener;
	assert_int_equal(ctl_server_create(&cfg, &f->server, &err), 0);
	assert_int_equal(pthread_create(&f->thread, NULL, run, f), 0);
	return f;
}

void fake_control_stop(struct fake_control *f)
{
	fake_control_hold(f, NULL, NULL);
	atomic_store(&f->is_stopping, true);
	pthread_join(f->thread, NULL);
	release(f);
	ctl_server_free(f->server);
	loop_free(f->loop);
	close(f->listener);
	unlink(f->path);
	json_decref(f->datastores);
	json_decref(f->volumes);
	json_decref(f->asked);
	json_decref(f->snapshots);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

void fake_control_refuse(struct fake_control *f, const char *request, int code, const char *text)
{
	pthread_mutex_lock(&f->lock);
	snprintf(f->refused, sizeof(f->refused), "%s", request ? request : "");
	snprintf(f->refusal, sizeof(f->refusal), "%s", text ? text : "");
	f->code = code;
	pthread_mutex_unlock(&f->lock);
}

void fake_control_hold(struct fake_control *f, const char *request, const char *volume)
{
	pthread_mutex_lock(&f->lock);
	snprintf(f->held_request, sizeof(f->held_request), "%s", request ? request : "");
	snprintf(f->held_volume, sizeof(f->held_volume), "%s", volume ? volume : "");
	pthread_mutex_unlock(&f->lock);
}

json_t *fake_control_volume(struct fake_control *f, const char *name)
{
	json_t *v;

	pthread_mutex_lock(&f->lock);
	v = json_deep_copy(json_object_get(f->volumes, name));
	pthread_mutex_unlock(&f->lock);
	return v;
}

json_t *fake_control_datastore(struct fake_control *f, const char *name)
{
	json_t *copy;

	pthread_mutex_lock(&f->lock);
	copy = json_deep_copy(json_object_get(f->datastores, name));
	pthread_mutex_unlock(&f->lock);
	return copy;
}

void fake_control_add_volume(struct fake_control *f, const char *name, const char *uuid)
{
	pthread_mutex_lock(&f->lock);
	json_object_set_new(f->volumes, name,
			    json_pack("{s:s, s:s, s:s, s:i, s:i, s:s, s:s, s:b, s:i, s:[]}", "name",
				      name, "uuid", uuid, "datastore", "main", "size_bytes",
				      1 << 20, "block_bytes", 512, "write_cache", "durable",
				      "state", "serving", "is_open", 1, "rings", 0, "filters"));
	pthread_mutex_unlock(&f->lock);
}

void fake_control_set_filter(struct fake_control *f, const char *volume, const char *filter)
{
	cleanup_json json_t *body =
	    json_pack("{s:s, s:s, s:{}}", "filter", filter, "on_failure", "hold", "params");

	pthread_mutex_lock(&f->lock);
	put_filter(json_object_get(f->volumes, volume), body, "params");
	pthread_mutex_unlock(&f->lock);
}

void fake_control_drop_volume(struct fake_control *f, const char *name)
{
	pthread_mutex_lock(&f->lock);
	json_object_del(f->volumes, name);
	pthread_mutex_unlock(&f->lock);
}

void fake_control_snapshots(struct fake_control *f, void (*fn)(json_t *snapshots, void *ctx),
			    void *ctx)
{
	pthread_mutex_lock(&f->lock);
	fn(f->snapshots, ctx);
	pthread_mutex_unlock(&f->lock);
}

int fake_control_asked(struct fake_control *f, const char *request)
{
	int n;

	pthread_mutex_lock(&f->lock);
	n = (int)json_integer_value(json_object_get(f->asked, request));
	pthread_mutex_unlock(&f->lock);
	return n;
}
