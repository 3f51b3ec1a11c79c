/* SPDX-License-Identifier: MIT */
/*
 * key_provider_ops.c - what is done with a key provider: unlock, test, export, import. All of it
 * takes time and is a task of the provider's own thread. Thread: main.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "app.h"
#include "json.h"
#include "key_rows.h"
#include "tables.h"
#include "transfer.h"
#include "volume_rows.h"

static json_t *the_provider(struct request *q, struct err *err)
{
	return store_get(q->store, &table_key_providers, q->segments[0], err);
}

static json_t *the_keystore(struct request *q, struct err *err)
{
	json_t *row = the_provider(q, err);

	if (!row || strcmp(rows_text(row, "type"), "native") == 0)
		return row;
	err_set(err, EINVAL, "name",
		"%s keeps its keys at key servers: there is nothing to unlock, export or import "
		"here",
		q->segments[0]);
	json_decref(row);
	return NULL;
}

static int answer(struct request *q, struct reply *r, const json_t *row, const char *kind,
		  json_t *parameters, json_t *passphrase, struct err *err)
{
	const char *name = rows_text(row, "name");
	int rc = key_rows_task(q, r, kind, name, parameters, passphrase, err);

	if (rc == 0)
		r->body = json_pack("{s:s}", "key_provider", name);
	return rc;
}

static int test(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *row = the_provider(q, err);

	return row ? answer(q, r, row, "key_provider.test", NULL, NULL, err) : -err->code;
}

static int unlock(struct request *q, struct reply *r, struct err *err)
{
	static const char *const members[] = {"passphrase", NULL};
	cleanup_json json_t *row = the_keystore(q, err);
	cleanup_json json_t *body = row ? rows_body(q, false, err) : NULL;
	cleanup_json json_t *passphrase = NULL;

	if (!body || json_only(body, members, err) < 0)
		return -err->code;
	passphrase = rows_take(body, "passphrase");
	if (key_rows_passphrase_check(passphrase, err) < 0)
		return -err->code;
	if (strcmp(rows_text(row, "opened_by"), "passphrase") != 0)
		return err_set(err, EINVAL, "passphrase",
			       "this keystore is opened by a %s, not by a passphrase",
			       rows_text(row, "opened_by"));
	return answer(q, r, row, "key_provider.unlock", NULL, passphrase, err);
}

/* file and passphrase of a bundle. */
static int bundle(struct request *q, struct reply *r, const char *kind,
		  int (*check)(struct request *q, const char *file, struct err *err),
		  struct err *err)
{
	static const char *const members[] = {"file", "passphrase", NULL};
	cleanup_json json_t *row = the_keystore(q, err);
	cleanup_json json_t *body = row ? rows_body(q, false, err) : NULL;
	cleanup_json json_t *passphrase = NULL;
	const char *file = NULL;

	if (!body || json_only(body, members, err) < 0 ||
	    json_get_string(body, "file", &file, err) < 0 || transfer_file_check(file, err) < 0)
		return -err->code;
	passphrase = rows_take(body, "passphrase");
	if (key_rows_passphrase_check(passphrase, err) < 0 || check(q, file, err) < 0)
		return -err->code;
	return answer(q, r, row, kind, json_pack("{s:s}", "file", file), passphrase, err);
}

static int is_free(struct request *q, const char *file, struct err *err)
{
	return transfer_file_is_free(q->app->transfer_dir, file, err);
}

static int is_there(struct request *q, const char *file, struct err *err)
{
	uint64_t size_bytes;
	int fd = transfer_file_open(q->app->transfer_dir, file, &size_bytes, err);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static int export(struct request *q, struct reply *r, struct err *err)
{
	return bundle(q, r, "key_provider.export", is_free, err);
}

static int import(struct request *q, struct reply *r, struct err *err)
{
	return bundle(q, r, "key_provider.import", is_there, err);
}

#define IDLE ROUTE_NO_RECONCILE
const struct route key_provider_ops_routes[] = {
    {"POST", "/key-providers/{name}/test", REST_OPERATOR, IDLE, test, "key_provider", NULL},
    {"POST", "/key-providers/{name}/unlock", REST_OPERATOR, IDLE, unlock, "key_provider", NULL},
    {"POST", "/key-providers/{name}/export", REST_ADMIN, IDLE, export, "key_provider", NULL},
    {"POST", "/key-providers/{name}/import", REST_ADMIN, IDLE, import, "key_provider", NULL},
    {.method = NULL},
};
