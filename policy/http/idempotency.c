/* SPDX-License-Identifier: MIT */
#include "idempotency.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "cleanup.h"
#include "json.h"
#include "store_link.h"

#define KEY_MAX 128u

int idempotency_key(const struct exchange *x, const char **out, struct err *err)
{
	const char *key = x->header(x, "Idempotency-Key");

	*out = NULL;
	if (!key || strcmp(x->method, "POST") != 0 || x->match.route->role == REST_PUBLIC)
		return 0;
	if (!*key || strlen(key) > KEY_MAX)
		return err_set(err, EBADMSG, "Idempotency-Key",
			       "Idempotency-Key must have 1 to %u characters", KEY_MAX);
	for (const char *p = key; *p; p++)
		if (*p <= ' ' || *p > '~')
			return err_set(err, EBADMSG, "Idempotency-Key",
				       "Idempotency-Key may have visible ASCII only");
	*out = key;
	return 0;
}

/* The body may bear a password; so what is kept of it is no plain hash, at which anybody who has
 * a copy of the database could guess. */
static int hash_of(const struct exchange *x, char hex[65], struct err *err)
{
	size_t head = strlen(x->method) + 1 + strlen(x->target) + 1, len = head + x->body_bytes;
	char *all = malloc(len);
	int rc;

	if (!all)
		return err_set(err, ENOMEM, "", "no memory for an Idempotency-Key");
	memcpy(all, x->method, strlen(x->method) + 1);
	memcpy(all + strlen(x->method) + 1, x->target, strlen(x->target) + 1);
	if (x->body_bytes)
		memcpy(all + head, x->body_text, x->body_bytes);
	rc = sealer_print(x->app->sealer, all, len, hex, err);
	OPENSSL_cleanse(all, len);
	free(all);
	return rc;
}

static int take_answer(struct exchange *x, const char *key, const json_t *kept, struct err *err)
{
	const char *box = json_string_value(json_object_get(kept, "body"));
	const char *location = json_string_value(json_object_get(kept, "location"));
	char *text = box && *box ? sealer_open_box(x->app->sealer, key, box, err) : NULL;

	if (box && *box && !text)
		return -err->code;
	x->answer.status = (int)json_integer_value(json_object_get(kept, "status"));
	snprintf(x->answer.location, sizeof(x->answer.location), "%s", location ? location : "");
	x->answer.text = text;
	x->answer.text_bytes = text ? strlen(text) : 0;
	x->answer.content_type = "application/json";
	return 1;
}

int idempotency_replay(struct exchange *x, const char *key, struct err *err)
{
	cleanup_json json_t *kept = store_idempotent_get(x->q.store, key, x->q.actor.name);
	const char *before;
	char hash[65];

	if (!kept || !json_is_object(kept))
		return 0;
	before = json_string_value(json_object_get(kept, "request_hash"));
	if (hash_of(x, hash, err) < 0)
		return -err->code;
	if (!before || strcmp(before, hash) != 0) {
		x->r.problem = "idempotency_mismatch";
		return err_set(
		    err, EINVAL, "Idempotency-Key",
		    "this Idempotency-Key was sent with another request; take a new one");
	}
	return take_answer(x, key, kept, err);
}

int idempotency_keep(struct exchange *x, const char *key, struct err *err)
{
	cleanup_free char *box = NULL;
	char hash[65];

	if (hash_of(x, hash, err) < 0)
		return -err->code;
	if (x->answer.text) {
		box = sealer_seal(x->app->sealer, key, x->answer.text, err);
		if (!box)
			return -err->code;
	}
	return store_idempotent_put(x->q.store, key, x->q.actor.name, hash, x->answer.status,
				    box ? box : "", x->answer.location, err);
}
