/* SPDX-License-Identifier: MIT */
/*
 * webhooks.c - /webhooks: who is told of events by HTTP, and with which secret. The deliveries are
 * apply/webhook.c's. Thread: main.
 */
#include "webhook.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "app.h"
#include "json.h"
#include "tables.h"
#include "volume_rows.h"

#define SECRET_BYTES 32u
#define URL_MAX      2000u

static int list(struct request *q, struct reply *r, struct err *err)
{
	return rest_list(q, r, &table_webhooks, NULL, err);
}

static json_t *the_webhook(struct request *q, struct err *err)
{
	return store_get(q->store, &table_webhooks, q->segments[0], err);
}

static int get(struct request *q, struct reply *r, struct err *err)
{
	json_t *row = the_webhook(q, err);

	if (!row)
		return -err->code;
	rest_row(q, r, &table_webhooks, row, NULL);
	return 0;
}

/* What can be seen of a URL here; whether its host is allowed is egressd's answer. */
static int url_check(const json_t *body, struct err *err)
{
	const char *url = json_string_value(json_object_get(body, "url"));
	const char *host = url ? strstr(url, "://") : NULL;

	if (!url)
		return 0;
	if (!host || (strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0) ||
	    host[3] == '\0' || host[3] == '/')
		return err_set(err, EINVAL, "url",
			       "url must begin with https://name/ or http://address/");
	if (strlen(url) > URL_MAX)
		return err_set(err, ENAMETOOLONG, "url", "url has %zu characters, %u are the most",
			       strlen(url), URL_MAX);
	for (const char *p = url; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			return err_set(err, EINVAL, "url",
				       "url must not have spaces or control characters in it");
	for (const char *p = host + 3; *p && *p != '/' && *p != '?'; p++)
		if (*p == '@')
			return err_set(err, EINVAL, "url",
				       "url must not have a user or password in it; deliveries are "
				       "signed instead");
	return 0;
}

static int secret_make(char hex[2 * SECRET_BYTES + 1], struct err *err)
{
	unsigned char random[SECRET_BYTES];

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return err_set(err, EIO, "", "the system gives no random numbers");
	for (uint32_t i = 0; i < SECRET_BYTES; i++)
		snprintf(hex + 2 * i, 3, "%02x", random[i]);
	explicit_bzero(random, sizeof(random));
	return 0;
}

/* It is told what happens from now on, not what has happened in all the time before. */
static int64_t newest_event(struct request *q)
{
	struct store_query newest = {.sort = "-id", .limit = 1};
	cleanup_json json_t *page = store_list(q->store, &table_events, &newest, NULL);

	return rows_id(json_array_get(json_object_get(page, "items"), 0));
}

static int insert(struct request *q, struct reply *r, json_t *body, const char *secret,
		  struct err *err)
{
	const char *name = rows_text(body, "name");
	char place[96], *sealed;
	json_t *row;

	webhook_seal_name(name, place);
	sealed = sealer_seal(q->app->sealer, place, secret, err);
	if (!sealed)
		return -err->code;
	json_object_set_new(body, "secret_sealed", json_string(sealed));
	free(sealed);
	json_object_set_new(body, "last_event_id", json_integer(newest_event(q)));
	row = store_insert(q->store, &table_webhooks, body, err);
	if (!row)
		return -err->code;
	snprintf(r->location, sizeof(r->location), "/api/v1/webhooks/%s", name);
	rows_object(r, name);
	r->status = 201;
	rest_row(q, r, &table_webhooks, row, NULL);
	json_object_set_new(r->body, "secret", json_string(secret));
	return rest_event(q, "info", "webhook.created", "webhook", name, err,
			  "webhook %s was made by %s", name, q->actor.name);
}

static int create(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *body = rows_body(q, false, err);
	char secret[2 * SECRET_BYTES + 1];
	int rc;

	if (!body || table_check(&table_webhooks, body, TABLE_CREATE, err) < 0 ||
	    url_check(body, err) < 0 || secret_make(secret, err) < 0)
		return -err->code;
	rc = insert(q, r, body, secret, err);
	explicit_bzero(secret, sizeof(secret));
	return rc;
}

static int change(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *old = the_webhook(q, err);
	cleanup_json json_t *body = old ? rows_body(q, false, err) : NULL;
	json_t *row;

	if (!body || rest_match(q, old, err) < 0 ||
	    table_check(&table_webhooks, body, TABLE_CHANGE, err) < 0 || url_check(body, err) < 0)
		return -err->code;
	/* Whoever mends it does not want to wait for the next attempt. */
	json_object_set_new(body, "failures", json_integer(0));
	row = store_update(q->store, &table_webhooks, rows_id(old), body, q->if_match, err);
	if (!row)
		return -err->code;
	rest_row(q, r, &table_webhooks, row, NULL);
	return 0;
}

static int delete (struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *old = the_webhook(q, err);

	if (!old || rest_match(q, old, err) < 0 ||
	    store_delete(q->store, &table_webhooks, rows_id(old), q->if_match, err) < 0)
		return -err->code;
	r->status = 204;
	return rest_event(q, "info", "webhook.deleted", "webhook", q->segments[0], err,
			  "webhook %s was deleted by %s", q->segments[0], q->actor.name);
}

/* The delivery thread sends it and ends the task with what came back. */
static int test(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *row = the_webhook(q, err);
	int rc;

	if (!row)
		return -err->code;
	rc = rest_task(q, r, "webhook.test", "webhook", rows_text(row, "name"), false, NULL, err);
	if (rc == 0)
		r->body = json_pack("{s:s}", "webhook", rows_text(row, "name"));
	return rc;
}

#define IDLE ROUTE_NO_RECONCILE
const struct route webhooks_routes[] = {
    {"GET", "/webhooks", REST_ADMIN, 0, list, "webhook", rest_list_query},
    {"POST", "/webhooks", REST_ADMIN, IDLE, create, "webhook", NULL},
    {"GET", "/webhooks/{name}", REST_ADMIN, 0, get, "webhook", NULL},
    {"PATCH", "/webhooks/{name}", REST_ADMIN, IDLE, change, "webhook", NULL},
    {"DELETE", "/webhooks/{name}", REST_ADMIN, IDLE, delete, "webhook", NULL},
    {"POST", "/webhooks/{name}/test", REST_ADMIN, IDLE, test, "webhook", NULL},
    {.method = NULL},
};
