/* SPDX-License-Identifier: MIT */
#include "key_rows.h"

#include <errno.h>
#include <string.h>

#include "app.h"
#include "json.h"
#include "keys.h"
#include "store_link.h"

int key_rows_passphrase_check(const json_t *passphrase, struct err *err)
{
	size_t len = json_string_length(passphrase);

	if (!json_is_string(passphrase))
		return err_set(err, EINVAL, "passphrase", "passphrase must be a text");
	if (strlen(json_string_value(passphrase)) != len)
		return err_set(err, EINVAL, "passphrase", "a passphrase has no zero bytes");
	if (len < KEYS_PASSPHRASE_MIN || len > KEYS_PASSPHRASE_MAX)
		return err_set(err, ERANGE, "passphrase",
			       "a passphrase has %u to %u bytes; five random words are a good one",
			       KEYS_PASSPHRASE_MIN, KEYS_PASSPHRASE_MAX);
	return 0;
}

void key_rows_overwrite(json_t *text)
{
	char *bytes = (char *)(uintptr_t)json_string_value(text);

	if (bytes)
		memset(bytes, '*', json_string_length(text));
}

int key_rows_queue(struct request *q, struct reply *r, const char *kind, const char *object_type,
		   const char *object_name, const json_t *parameters, struct err *err)
{
	int64_t id = store_task_add(q->store, kind, object_type, object_name, false, parameters,
				    q->actor.name, err);

	if (id < 0)
		return (int)id;
	r->task_id = id;
	return 0;
}

int key_rows_task(struct request *q, struct reply *r, const char *kind, const char *provider,
		  json_t *parameters, json_t *passphrase, struct err *err)
{
	cleanup_json json_t *p = parameters ? parameters : json_object();
	int rc;

	json_object_set_new(p, "provider", json_string(provider));
	rc = key_rows_queue(q, r, kind, "key_provider", provider, p, err);
	if (rc == 0 && passphrase && !q->is_dry_run && q->app->keys)
		rc = keys_hand_over(q->app->keys, r->task_id, json_string_value(passphrase), err);
	key_rows_overwrite(passphrase);
	keys_wake(q->app->keys);
	return rc;
}

int key_rows_end_tasks(struct request *q, const char *type, const char *name, struct err *err)
{
	cleanup_json json_t *ids = store_tasks_open(q->store, type, name, err);
	struct err why = {0};
	json_t *id;
	size_t i;

	if (!ids)
		return -err->code;
	err_set(&why, ECANCELED, "", "%s was deleted", name);
	json_array_foreach(ids, i, id)
	{
		int rc = store_task_end(q->store, json_integer_value(id), "failed", &why, err);

		if (rc < 0)
			return rc;
	}
	return 0;
}
