/* SPDX-License-Identifier: MIT */
#include "rest_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth.h"
#include "exchange.h"
#include "history.h"
#include "replicator.h"
#include "tables.h"
#include "transfer.h"

struct rig rig;
static struct auth nobody_signs_in;

const struct route *const rest_tables[] = {
    datastores_routes,
    volumes_routes,
    volume_ops_routes,
    volume_cache_routes,
    volume_encryption_routes,
    volume_policy_routes,
    access_routes,
    hosts_routes,
    host_groups_routes,
    portals_routes,
    targets_routes,
    transfers_routes,
    unmanaged_routes,
    snapshots_routes,
    snapshot_ops_routes,
    snapshot_volumes_routes,
    snapshot_groups_routes,
    snapshot_schedules_routes,
    keys_routes,
    key_providers_routes,
    key_provider_ops_routes,
    tasks_routes,
    NULL,
};

/* ---------------------------------------------------------------- instead of the daemons */

static json_t *copy_of(const json_t *what)
{
	return what ? json_deep_copy(what) : json_object();
}

json_t *reconciler_running(struct reconciler *r)
{
	return copy_of(rig.running);
}

json_t *reconciler_health(struct reconciler *r)
{
	return copy_of(rig.health);
}

/* Nothing runs. */
uint64_t reconciler_tid(struct reconciler *r, const char *iqn)
{
	return 0;
}

json_t *reconciler_volume(struct reconciler *r, const char *name)
{
	return json_deep_copy(rig.volume);
}

void reconciler_wake(struct reconciler *r) {}

json_t *replicator_status(struct replicator *r, const char *replication)
{
	return NULL;
}

json_t *sampler_figures(struct sampler *s)
{
	return copy_of(rig.figures);
}

json_t *history_get(struct history *h, int64_t volume_id, int64_t from_ms, int64_t to_ms,
		    uint32_t max_points, struct err *err)
{
	return json_array();
}

json_t *sampler_sessions(struct sampler *s)
{
	return rig.sessions ? json_deep_copy(rig.sessions) : json_array();
}

json_t *sampler_datastores(struct sampler *s)
{
	return json_object();
}

json_t *sampler_chains(struct sampler *s)
{
	return json_object();
}

json_t *sampler_chain(struct sampler *s, const char *volume)
{
	return json_deep_copy(rig.chain);
}

/* ---------------------------------------------------------------- open, close */

int rig_open(void **state)
{
	struct err err;

	memset(&rig, 0, sizeof(rig));
	snprintf(rig.dir, sizeof(rig.dir), "/tmp/rest-XXXXXX");
	assert_non_null(mkdtemp(rig.dir));
	snprintf(rig.db_path, sizeof(rig.db_path), "%s/sluice.db", rig.dir);
	snprintf(rig.transfer_dir, sizeof(rig.transfer_dir), "%s/transfer", rig.dir);
	assert_int_equal(mkdir(rig.transfer_dir, 0700), 0);
	rig.cfg = (struct apply_cfg){.db_path = rig.db_path,
				     .backup_dir = rig.dir,
				     .iqn_base = "iqn.2026-01.org.sluice:test",
				     .transfer_dir = rig.transfer_dir};
	rig.app.cfg = &rig.cfg;
	memset(&nobody_signs_in, 0, sizeof(nobody_signs_in));
	rig.app.auth = &nobody_signs_in;
	rig.app.transfer_dir = rig.transfer_dir;
	/* Not looked into by what stands in for them. */
	rig.app.reconciler = (struct reconciler *)(void *)&rig;
	rig.app.sampler = (struct sampler *)(void *)&rig;
	snprintf(rig.text, sizeof(rig.text), "%s/key", rig.dir);
	if (sealer_open(rig.text, true, &rig.app.sealer, &err) ||
	    store_open(rig.db_path, rig.dir, true, &rig.app.store, &err))
		fail_msg("%s", err.text);
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

int rig_close(void **state)
{
	json_decref(rig.body);
	json_decref(rig.running);
	json_decref(rig.sessions);
	json_decref(rig.figures);
	json_decref(rig.volume);
	json_decref(rig.chain);
	transfers_stop(rig.app.transfers);
	store_close(rig.app.store);
	sealer_free(rig.app.sealer);
	return nftw(rig.dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* ---------------------------------------------------------------- ask */

static const char *header(const struct exchange *x, const char *name)
{
	if (strcasecmp(name, "If-Match") == 0)
		return rig.if_match;
	if (strcasecmp(name, "Host") == 0)
		return rig.host;
	if (strcasecmp(name, "Content-Type") == 0)
		return x->match.route && (x->match.route->flags & ROUTE_STREAM_IN)
			   ? "application/octet-stream"
			   : "application/json";
	return NULL;
}

static void take_answer(struct exchange *x)
{
	json_error_t error;

	rig.status = x->answer.status;
	snprintf(rig.etag, sizeof(rig.etag), "%s", x->answer.etag);
	json_decref(rig.body);
	rig.body = NULL;
	rig.text[0] = '\0';
	if (x->answer.text) {
		snprintf(rig.text, sizeof(rig.text), "%s", x->answer.text);
		rig.body = json_loads(x->answer.text, 0, &error);
		if (!rig.body)
			fail_msg("no JSON: %s", x->answer.text);
	}
	rig.body_fd = x->r.body_fd;
}

int ask(const char *method, const char *path, const char *body)
{
	char target[1024];
	struct exchange x = {.app = &rig.app,
			     .is_local = !rig.is_stranger,
			     .method = method,
			     .target = target,
			     .header = header};

	snprintf(target, sizeof(target), "/api/v1%s", path);
	if (exchange_begin(&x) == EXCHANGE_BODY)
		(void)exchange_run(&x, body ? body : "", body ? strlen(body) : 0);
	take_answer(&x);
	exchange_free(&x);
	rig.if_match = NULL;
	return rig.status;
}

void expect(int status, const char *method, const char *path, const char *body)
{
	if (ask(method, path, body) != status)
		fail_msg("%s %s: %d, not %d: %s", method, path, rig.status, status, rig.text);
}

void refused(int status, const char *field, const char *word, const char *method, const char *path,
	     const char *body)
{
	expect(status, method, path, body);
	if (strcmp(said("field"), field) != 0 || !strstr(said("detail"), word))
		fail_msg("%s %s: field \"%s\" and \"%s\" wanted: %s", method, path, field, word,
			 rig.text);
}

const char *said(const char *member)
{
	const char *text = json_string_value(json_object_get(rig.body, member));

	return text ? text : "";
}

json_int_t said_number(const char *member)
{
	return json_integer_value(json_object_get(rig.body, member));
}

/* ---------------------------------------------------------------- rows */

void rig_note(const struct store_table *t, const char *name, json_t *changes)
{
	struct err err = {0};
	int64_t id = store_id_of(rig.app.store, t, name, &err);

	if (!id || store_begin(rig.app.store, &err) ||
	    store_note(rig.app.store, t, id, changes, &err) || store_commit(rig.app.store, &err))
		fail_msg("%s", err.text);
	json_decref(changes);
}

void rig_datastore(json_int_t used_bytes, json_int_t available_bytes)
{
	expect(202, "POST", "/datastores",
	       "{\"name\":\"fast\",\"type\":\"dir\",\"path\":\"/fast\"}");
	rig_note(&table_datastores, "fast",
		 json_pack("{s:s, s:I, s:I}", "running_state", "online", "used_bytes", used_bytes,
			   "available_bytes", available_bytes));
}
