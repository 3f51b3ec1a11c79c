/* SPDX-License-Identifier: MIT */
/*
 * key_providers.c - /key-providers: who keeps the keys of encrypted volumes. Here only the wish is
 * checked and written; keystore files and key servers are policy/keys's, on threads of their own.
 *
 * Passphrases and private keys come in and never go out: a passphrase is handed over in locked
 * memory, the key of TLS is sealed like every secret. Thread: main.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "destination.h"
#include "json.h"
#include "key_rows.h"
#include "keys.h"
#include "kmip.h"
#include "kmip_link.h"
#include "parse.h"
#include "provider.h"
#include "secret.h"
#include "tables.h"
#include "volume_rows.h"

#define PEM_MAX 65536u

/* Each of them has a key of TLS, and it is never shown. */
static void each(struct request *q, json_t *row)
{
	json_object_set_new(row, "has_client_key",
			    json_boolean(rows_text(row, "client_certificate")[0] != '\0'));
}

static int list(struct request *q, struct reply *r, struct err *err)
{
	return rest_list(q, r, &table_key_providers, each, err);
}

static json_t *the_provider(struct request *q, struct err *err)
{
	return store_get(q->store, &table_key_providers, q->segments[0], err);
}

static int get(struct request *q, struct reply *r, struct err *err)
{
	json_t *row = the_provider(q, err);

	if (!row)
		return -err->code;
	rest_row(q, r, &table_key_providers, row, each);
	return 0;
}

/* ---------------------------------------------------------------- what a body may say */

static int server_check(const char *server, struct err *err)
{
	if (strncmp(server, "kmip://", 7) == 0 || strstr(server, "!private"))
		return err_set(err, EINVAL, "servers",
			       "servers are written host:port here, without kmip:// and !private");
	if (strncmp(server, "http", 4) == 0 && strstr(server, "://"))
		return err_set(err, EINVAL, "servers", "%.100s is no key server", server);
	return destination_check("servers", server, err);
}

static int servers_check(const json_t *body, struct err *err)
{
	const json_t *servers = json_object_get(body, "servers"), *s;
	size_t i;

	if (servers &&
	    (json_array_size(servers) == 0 || json_array_size(servers) > KMIP_SERVERS_MAX))
		return err_set(err, EINVAL, "servers",
			       "servers must be a list of 1 to %u key servers, \"host:5696\"",
			       KMIP_SERVERS_MAX);
	json_array_foreach(servers, i, s)
	{
		if (server_check(json_string_value(s), err) < 0)
			return -err->code;
	}
	return 0;
}

/* A PEM text of the body, taken out of it; NULL: not given. */
static int take_pem(json_t *body, const char *member, json_t **out, struct err *err)
{
	*out = rows_take(body, member);
	if (!*out || (json_is_string(*out) && json_string_length(*out) <= PEM_MAX &&
		      strlen(json_string_value(*out)) == json_string_length(*out)))
		return 0;
	json_decref(*out);
	*out = NULL;
	return err_set(err, EINVAL, member, "%s must be a text in PEM of at most %u bytes", member,
		       PEM_MAX);
}

static int opener_check(const json_t *body, struct err *err)
{
	const char *by = rows_text(body, "opened_by"), *from = rows_text(body, "opened_from");

	if (by[0] == '\0')
		return err_set(err, EINVAL, "opened_by",
			       "opened_by is missing: passphrase, credential or key_file");
	if (strcmp(by, "passphrase") == 0)
		return from[0] == '\0' ? 0
				       : err_set(err, EINVAL, "opened_from",
						 "a passphrase comes from nowhere: leave "
						 "opened_from out");
	if (strcmp(by, "credential") == 0)
		return parse_name("opened_from", from, err);
	if (from[0] != '/' || strstr(from, "/../"))
		return err_set(err, EINVAL, "opened_from",
			       "opened_from must be the key file's absolute path");
	return 0;
}

/* What belongs to the other kind must not be there. */
static int kind_check(const json_t *body, bool is_kmip, const json_t *passphrase, struct err *err)
{
	static const char *const natives[] = {"opened_by", "opened_from", NULL};
	static const char *const kmips[] = {"servers", "server_name", "timeout_ms", NULL};
	const char *const *wrong = is_kmip ? natives : kmips;

	for (; *wrong; wrong++)
		if (json_object_get(body, *wrong))
			return err_set(err, EINVAL, *wrong, "%s is for %s key providers", *wrong,
				       is_kmip ? "native" : "kmip");
	if (is_kmip && passphrase)
		return err_set(err, EINVAL, "passphrase", "passphrase is for native key providers");
	return 0;
}

/* ---------------------------------------------------------------- kmip */

static int put_tls(struct request *q, const char *name, const json_t *old, json_t *body, json_t *ca,
		   json_t *certificate, json_t *key, struct err *err)
{
	const char *ca_pem = ca ? json_string_value(ca) : rows_text(old, "ca_certificates");
	const char *certificate_pem =
	    certificate ? json_string_value(certificate) : rows_text(old, "client_certificate");
	char place[112], *sealed, *kept = NULL;
	int rc;

	provider_seal_name(name, place);
	if (!key && old) {
		kept = sealer_open_box(q->app->sealer, place, rows_text(old, "client_key_sealed"),
				       err);
		if (!kept)
			return -err->code;
	}
	rc = kmip_link_check(ca_pem, certificate_pem,
			     key    ? json_string_value(key)
			     : kept ? kept
				    : "",
			     err);
	if (kept)
		secret_wipe(kept, strlen(kept));
	free(kept);
	if (rc < 0)
		return rc;
	json_object_set_new(body, "ca_certificates", json_string(ca_pem));
	json_object_set_new(body, "client_certificate", json_string(certificate_pem));
	if (!key)
		return 0;
	sealed = sealer_seal(q->app->sealer, place, json_string_value(key), err);
	if (!sealed)
		return -err->code;
	json_object_set_new(body, "client_key_sealed", json_string(sealed));
	free(sealed);
	return 0;
}

static int create_kmip(struct request *q, json_t *body, const json_t *passphrase, struct err *err)
{
	json_t *ca = NULL, *certificate = NULL, *key = NULL;
	int rc = take_pem(body, "ca_certificates", &ca, err);

	if (rc == 0)
		rc = take_pem(body, "client_certificate", &certificate, err);
	if (rc == 0)
		rc = take_pem(body, "client_key", &key, err);
	if (rc == 0)
		rc = table_check(&table_key_providers, body, TABLE_CREATE, err);
	if (rc == 0)
		rc = kind_check(body, true, passphrase, err);
	if (rc == 0 && !json_object_get(body, "servers"))
		rc = err_set(err, EINVAL, "servers", "servers is missing: [\"host:5696\"]");
	if (rc == 0)
		rc = servers_check(body, err);
	if (rc == 0)
		rc = put_tls(q, rows_text(body, "name"), NULL, body, ca, certificate, key, err);
	json_decref(ca);
	json_decref(certificate);
	key_rows_overwrite(key);
	json_decref(key);
	return rc;
}

/* ---------------------------------------------------------------- create */

static int create_native(json_t *body, const json_t *passphrase, struct err *err)
{
	int rc = table_check(&table_key_providers, body, TABLE_CREATE, err);
	bool is_asked;

	if (rc == 0)
		rc = kind_check(body, false, passphrase, err);
	if (rc == 0)
		rc = opener_check(body, err);
	if (rc < 0)
		return rc;
	is_asked = strcmp(rows_text(body, "opened_by"), "passphrase") == 0;
	if (is_asked)
		return key_rows_passphrase_check(passphrase, err);
	return passphrase ? err_set(err, EINVAL, "passphrase",
				    "this keystore is opened by a %s, not by a passphrase",
				    rows_text(body, "opened_by"))
			  : 0;
}

static int create(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *body = rows_body(q, false, err);
	cleanup_json json_t *passphrase = body ? rows_take(body, "passphrase") : NULL;
	const char *type = body ? rows_text(body, "type") : "";
	const char *name;
	json_t *row;
	int rc;

	if (!body)
		return -err->code;
	rc = strcmp(type, "kmip") == 0 ? create_kmip(q, body, passphrase, err)
				       : create_native(body, passphrase, err);
	if (rc < 0)
		return rc;
	row = store_insert(q->store, &table_key_providers, body, err);
	if (!row)
		return -err->code;
	name = rows_text(body, "name");
	snprintf(r->location, sizeof(r->location), "/api/v1/key-providers/%s", name);
	rows_object(r, name);
	rest_row(q, r, &table_key_providers, row, each);
	rc = key_rows_task(q, r, "key_provider.create", name, NULL, passphrase, err);
	return rc < 0 ? rc
		      : rest_event(q, "info", "key_provider.created", "key_provider", name, err,
				   "key provider %s was made by %s", name, q->actor.name);
}

/* ---------------------------------------------------------------- change, delete */

static int change_kmip(struct request *q, const json_t *old, json_t *body, struct err *err)
{
	json_t *ca = NULL, *certificate = NULL, *key = NULL;
	int rc = take_pem(body, "ca_certificates", &ca, err);

	if (rc == 0)
		rc = take_pem(body, "client_certificate", &certificate, err);
	if (rc == 0)
		rc = take_pem(body, "client_key", &key, err);
	if (rc == 0)
		rc = table_check(&table_key_providers, body, TABLE_CHANGE, err);
	if (rc == 0)
		rc = servers_check(body, err);
	if (rc == 0 && (ca || certificate || key))
		rc = put_tls(q, rows_text(old, "name"), old, body, ca, certificate, key, err);
	json_decref(ca);
	json_decref(certificate);
	key_rows_overwrite(key);
	json_decref(key);
	return rc;
}

static int change_native(json_t *body, const json_t *old, const json_t *passphrase, struct err *err)
{
	int rc = table_check(&table_key_providers, body, TABLE_CHANGE, err);

	if (rc == 0)
		rc = kind_check(body, false, passphrase, err);
	if (rc < 0 || !passphrase)
		return rc;
	if (strcmp(rows_text(old, "opened_by"), "passphrase") != 0)
		return err_set(err, EINVAL, "passphrase",
			       "this keystore is opened by a %s, not by a passphrase",
			       rows_text(old, "opened_by"));
	return key_rows_passphrase_check(passphrase, err);
}

static int change(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *old = the_provider(q, err);
	cleanup_json json_t *body = old ? rows_body(q, false, err) : NULL;
	cleanup_json json_t *passphrase = body ? rows_take(body, "passphrase") : NULL;
	bool is_kmip = old && strcmp(rows_text(old, "type"), "kmip") == 0;
	json_t *row;
	int rc;

	if (!body || rest_match(q, old, err) < 0)
		return -err->code;
	if (is_kmip && passphrase)
		return err_set(err, EINVAL, "passphrase", "passphrase is for native key providers");
	rc = is_kmip ? change_kmip(q, old, body, err) : change_native(body, old, passphrase, err);
	if (rc < 0)
		return rc;
	row = store_update(q->store, &table_key_providers, rows_id(old), body, q->if_match, err);
	if (!row)
		return -err->code;
	rest_row(q, r, &table_key_providers, row, each);
	keys_wake(q->app->keys);
	return passphrase ? key_rows_task(q, r, "key_provider.passphrase", q->segments[0], NULL,
					  passphrase, err)
			  : 0;
}

static int delete (struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *old = the_provider(q, err);

	if (!old || rest_match(q, old, err) < 0 ||
	    key_rows_end_tasks(q, "key_provider", q->segments[0], err) < 0 ||
	    store_delete(q->store, &table_key_providers, rows_id(old), q->if_match, err) < 0)
		return -err->code;
	keys_wake(q->app->keys);
	r->status = 204;
	return rest_event(q, "warning", "key_provider.deleted", "key_provider", q->segments[0], err,
			  "key provider %s was deleted by %s", q->segments[0], q->actor.name);
}

#define IDLE ROUTE_NO_RECONCILE
const struct route key_providers_routes[] = {
    {"GET", "/key-providers", REST_VIEWER, 0, list, "key_provider", rest_list_query},
    {"POST", "/key-providers", REST_ADMIN, IDLE, create, "key_provider", NULL},
    {"GET", "/key-providers/{name}", REST_VIEWER, 0, get, "key_provider", NULL},
    {"PATCH", "/key-providers/{name}", REST_ADMIN, IDLE, change, "key_provider", NULL},
    {"DELETE", "/key-providers/{name}", REST_ADMIN, IDLE, delete, "key_provider", NULL},
    {.method = NULL},
};
