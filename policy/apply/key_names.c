/* SPDX-License-Identifier: MIT */
#include "key_names.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "json.h"
#include "parse.h"
#include "store_link.h"

#define KEY_BYTES 32u

static const char *text_of(const json_t *row, const char *member)
{
	const char *text = json_string_value(json_object_get(row, member));

	return text ? text : "";
}

bool key_names_split(const char *key_id, char name[KEY_NAME_BYTES], int64_t *version)
{
	const char *colon = strrchr(key_id, ':');
	size_t len = colon ? (size_t)(colon - key_id) : strlen(key_id);
	uint64_t number = 0;

	if (len == 0 || len >= KEY_NAME_BYTES ||
	    (colon && parse_u64("version", colon + 1, 1, INT64_MAX, &number, NULL) < 0))
		return false;
	snprintf(name, KEY_NAME_BYTES, "%.*s", (int)len, key_id);
	*version = (int64_t)number;
	return true;
}

/* The row of this version, newest first in the list; version 0: the newest. */
static const json_t *version_of(const json_t *versions, int64_t version)
{
	const json_t *v;
	size_t i;

	json_array_foreach(versions, i, v)
	{
		if (version == 0 || json_integer_value(json_object_get(v, "version")) == version)
			return v;
	}
	return NULL;
}

int key_names_find(struct store *s, const char *key, int64_t *version,
		   char provider[KEY_NAME_BYTES], char id[KEY_ID_BYTES], struct err *err)
{
	cleanup_json json_t *row = store_get(s, &table_keys, key, err), *versions = NULL;
	const json_t *v;

	if (!row)
		return -err->code;
	versions = store_key_versions(s, json_integer_value(json_object_get(row, "id")), err);
	if (!versions)
		return -err->code;
	v = version_of(versions, *version);
	if (!v)
		return err_set(err, ENOKEY, "", "key %s has no version %" PRId64 " here", key,
			       *version);
	*version = json_integer_value(json_object_get(v, "version"));
	snprintf(provider, KEY_NAME_BYTES, "%s", text_of(row, "provider"));
	snprintf(id, KEY_ID_BYTES, "%s", text_of(v, "provider_key_id"));
	return 0;
}

int key_names_claim(struct store *s, int64_t volume_id, const char *key, int64_t version,
		    struct err *err)
{
	cleanup_json json_t *row = NULL;
	int rc = store_begin(s, err);

	if (rc < 0)
		return rc;
	row = store_get(s, &table_keys, key, err);
	if (!row)
		rc = -err->code;
	else if (strcmp(text_of(row, "state"), "active") != 0)
		rc = err_set(err, EBUSY, "", "key %s is %s", key, text_of(row, "state"));
	if (rc == 0)
		rc = store_volume_key_put(s, volume_id,
					  json_integer_value(json_object_get(row, "id")), version,
					  false, err);
	if (rc == 0)
		rc = store_commit(s, err);
	if (rc < 0)
		store_rollback(s);
	return rc;
}

int key_names_join(int first, int second, struct err *err)
{
	int ends[2];
	bool is_whole;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set(err, errno, "", "no pipe for keys: %s", strerror(errno));
	is_whole = splice(first, NULL, ends[1], NULL, KEY_BYTES, SPLICE_F_NONBLOCK) == KEY_BYTES &&
		   splice(second, NULL, ends[1], NULL, KEY_BYTES, SPLICE_F_NONBLOCK) == KEY_BYTES;
	close(ends[1]);
	if (is_whole)
		return ends[0];
	close(ends[0]);
	return err_set(err, EIO, "", "two keys cannot be put into one pipe");
}
