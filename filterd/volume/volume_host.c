/* SPDX-License-Identifier: MIT */
/*
 * volume_host.c - between a volume's filters and its surroundings: what they ask for, with the
 * volume's UUID added; what they report; and what an administrator commands them.
 *
 * Thread: owner worker.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "cleanup.h"
#include "log.h"
#include "volume_int.h"

static void chain_report(void *ctx, const char *filter, const char *kind, const char *text)
{
	struct volume *v = ctx;

	log_warn("volume %s, filter %s: %s: %s", v->plan->name, filter, kind, text);
	v->host->event(v->host->ctx, v->plan->name, filter, kind, text);
}

static int chain_store_put(void *ctx, const char *filter, const char *key, const void *data,
			   size_t size_bytes)
{
	struct volume *v = ctx;

	return v->host->store_put(v->host->ctx, v->plan->uuid, filter, key, data, size_bytes);
}

static int chain_store_get(void *ctx, const char *filter, const char *key, void *data,
			   size_t room_bytes, size_t *size_bytes)
{
	struct volume *v = ctx;

	return v->host->store_get(v->host->ctx, v->plan->uuid, filter, key, data, room_bytes,
				  size_bytes);
}

static int chain_sidecar_path(void *ctx, const char *suffix, char *path, size_t size_bytes)
{
	struct volume *v = ctx;

	return v->host->sidecar_path(v->host->ctx, v->plan->uuid, suffix, path, size_bytes);
}

static int chain_key_put(void *ctx, const char *filter, const char *name, const void *key,
			 size_t size_bytes)
{
	struct volume *v = ctx;

	return v->host->key_put(v->host->ctx, v->plan->uuid, filter, name, key, size_bytes);
}

static int chain_key_get(void *ctx, const char *filter, const char *name, void *key,
			 size_t room_bytes, size_t *size_bytes)
{
	struct volume *v = ctx;

	return v->host->key_get(v->host->ctx, v->plan->uuid, filter, name, key, room_bytes,
				size_bytes);
}

static void chain_key_forget(void *ctx, const char *filter, const char *name)
{
	struct volume *v = ctx;

	v->host->key_forget(v->host->ctx, v->plan->uuid, filter, name);
}

static void chain_ready(void *ctx, enum sluice_status status)
{
	struct volume *v = ctx;

	v->ready = status;
	if (v->serve)
		serve_set_state(v->serve, status);
}

static void chain_snapshot(void *ctx, const struct chain_snapshot *s, chain_done_fn fn,
			   void *fn_ctx) ON_WORKER
{
	struct volume *v = ctx;

	v->host->snapshot(v->host->ctx, s, fn, fn_ctx);
}

void volume_host_init(struct volume *v)
{
	v->chain_host = (struct chain_host){
	    .report = chain_report,
	    .store_put = chain_store_put,
	    .store_get = chain_store_get,
	    .sidecar_path = v->host->sidecar_path ? chain_sidecar_path : NULL,
	    .key_put = v->host->key_put ? chain_key_put : NULL,
	    .key_get = v->host->key_get ? chain_key_get : NULL,
	    .key_forget = v->host->key_forget ? chain_key_forget : NULL,
	    .ready = chain_ready,
	    .snapshot = v->host->snapshot ? chain_snapshot : NULL,
	    .net = v->host->net,
	    .ctx = v,
	};
}

#define CACHE "cache" /* the filter that seals volumes */

static bool has_class(struct volume *v, enum sluice_class cls)
{
	struct chain_filter_info info;

	for (uint32_t i = 0; i < chain_filter_count(v->chain); i++) {
		chain_filter_info(v->chain, i, &info);
		if (info.ops->cls == cls)
			return true;
	}
	return false;
}

/* A record that cannot be read may be a seal. */
bool volume_is_sealed_by(struct volume *v, const char *filter)
{
	size_t size_bytes = 0;
	char seal[64];
	int rc = v->host->store_get
		     ? chain_store_get(v, filter, "sealed", seal, sizeof(seal), &size_bytes)
		     : -ENOENT;

	return rc == 0 ? size_bytes > 0 : rc != -ENOENT;
}

int volume_check_sealed(struct volume *v, struct err *err)
{
	char path[4096];

	if (!has_class(v, SLUICE_CLASS_CACHE) && volume_is_sealed_by(v, CACHE))
		return err_set(err, EPERM, "filters",
			       "volume %s has acknowledged data in the log of its cache that its "
			       "datastore does not have, but its chain has no cache; attach filter "
			       "%s to it with the parameters it had, and open it again",
			       v->plan->name, CACHE);
	if (has_class(v, SLUICE_CLASS_ENCRYPTION))
		return 0;
	if (!v->host->sidecar_path || chain_sidecar_path(v, "luks", path, sizeof(path)) < 0 ||
	    access(path, F_OK) < 0)
		return 0;
	return err_set(err, EPERM, "filters",
		       "volume %s is encrypted (its header is %s), but no filter of its chain "
		       "decrypts it; it is not served until its plan has the filter again",
		       v->plan->name, path);
}

/* ---------------------------------------------------------------- commands */

struct command {
	struct volume *v;
	volume_command_fn fn;
	void *ctx;
	char *args_json;
};

static void commanded(void *ctx, int result, const char *reply_json, const struct err *chain_err)
{
	struct command *k = ctx;
	json_t *reply = result == 0 ? json_loads(reply_json, 0, NULL) : NULL;
	struct err err;

	if (result == 0 && !json_is_object(reply)) {
		json_decref(reply);
		reply = NULL;
		result =
		    err_set(&err, EPROTO, "filter",
			    "volume %s: the command was carried out, but the filter's reply is "
			    "no JSON object",
			    k->v->plan->name);
		chain_err = &err;
	}
	k->fn(k->ctx, result, reply, chain_err);
	free(k->args_json);
	free(k);
}

void volume_command(struct volume *v, const char *filter, const char *name, const json_t *args,
		    int fd, volume_command_fn fn, void *ctx)
{
	struct command *k = calloc(1, sizeof(*k));
	char *text = k ? json_dumps(args, JSON_COMPACT) : NULL;
	struct err err;
	int rc = 0;

	if (v->state != VOLUME_SERVING)
		rc = err_set(&err, ENOTCONN, "name", "volume %s is %s, not serving; open it first",
			     v->plan->name, volume_state_word(v->state));
	else if (!text)
		rc = err_set(&err, ENOMEM, "", "no memory for a command");
	if (rc) {
		free(text);
		free(k);
		fn(ctx, rc, NULL, &err);
		return;
	}
	*k = (struct command){.v = v, .fn = fn, .ctx = ctx, .args_json = text};
	chain_command(v->chain, filter, name, text, fd, commanded, k);
}
