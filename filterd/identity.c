/* SPDX-License-Identifier: MIT */
#include "identity.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "cleanup.h"
#include "durable.h"
#include "json.h"
#include "parse.h"

#define MARK_VERSION   1u
#define MARK_BYTES_MAX 4096u

static const uint8_t unknown[16];

static char *mark_path(const char *folder)
{
	char *path;

	return asprintf(&path, "%s/" IDENTITY_FILE, folder) < 0 ? NULL : path;
}

static int unreadable(const char *path, const char *why, struct err *err)
{
	return err_set(
	    err, EBADMSG, "path",
	    "%s, the mark of a datastore, cannot be read: %s; if you know which datastore this "
	    "is, restore the file from a backup",
	    path, why);
}

static int mark_parse(const char *path, const char *text, uint8_t uuid[16], struct err *err)
{
	cleanup_json json_t *j = json_loads(text, 0, NULL);
	const char *word = json_string_value(json_object_get(j, "uuid"));
	json_int_t version = json_integer_value(json_object_get(j, "version"));
	struct err why;

	if (!j || !word)
		return unreadable(path, "it is damaged", err);
	if (version != (json_int_t)MARK_VERSION)
		return unreadable(path, "a newer version of sluice-filterd made it", err);
	if (parse_uuid("uuid", word, uuid, &why) < 0)
		return unreadable(path, why.text, err);
	return 0;
}

/* -ENOENT: no mark, err untouched. */
static int mark_read(const char *folder, uint8_t uuid[16], struct err *err)
{
	cleanup_free char *path = mark_path(folder);
	cleanup_free char *text = NULL;
	size_t size;
	struct err why;
	int rc;

	if (!path)
		return err_set(err, ENOMEM, "", "no memory");
	rc = durable_read(path, MARK_BYTES_MAX, &text, &size, &why);
	if (rc == -ENOENT || rc == -ENOTDIR)
		return -ENOENT;
	return rc ? unreadable(path, why.text, err) : mark_parse(path, text, uuid, err);
}

static int mark_make(const char *folder, const char *datastore, uint8_t uuid[16], struct err *err)
{
	cleanup_free char *path = mark_path(folder);
	char word[37], text[256];
	int rc, length;

	if (!path)
		return err_set(err, ENOMEM, "", "no memory");
	if (getrandom(uuid, 16, 0) != 16)
		return err_set(err, EIO, "", "no random numbers for the datastore's identity");
	uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x40); /* version 4: random */
	uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
	parse_uuid_format(uuid, word);
	length =
	    snprintf(text, sizeof(text), "{\"version\": %u, \"uuid\": \"%s\", \"name\": \"%s\"}\n",
		     MARK_VERSION, word, datastore);
	rc = durable_write(path, text, (size_t)length, err);
	if (rc)
		err_prefix(err, "datastore %s needs its mark in its folder", datastore);
	return rc;
}

int identity_check(const char *folder, const char *datastore, const uint8_t uuid[16],
		   struct err *err)
{
	uint8_t found[16];
	char want_word[37], word[37];
	int rc;

	if (memcmp(uuid, unknown, 16) == 0)
		return 0;
	rc = mark_read(folder, found, err);
	if (rc == -ENOENT)
		return err_set(err, ENOTCONN, "path",
			       "%s is not datastore %s now: its mark (" IDENTITY_FILE
			       ") is not there; is its disk mounted?",
			       folder, datastore);
	if (rc)
		return rc;
	parse_uuid_format(uuid, want_word);
	parse_uuid_format(found, word);
	if (memcmp(found, uuid, 16) != 0)
		return err_set(
		    err, EXDEV, "path",
		    "%s is another datastore than %s: its mark says %s instead of %s; is the "
		    "right disk mounted there?",
		    folder, datastore, word, want_word);
	return 0;
}

int identity_claim(const char *folder, const char *datastore, uint8_t uuid[16], struct err *err)
{
	int rc;

	if (memcmp(uuid, unknown, 16) != 0)
		return identity_check(folder, datastore, uuid, err);
	rc = mark_read(folder, uuid, err);
	return rc == -ENOENT ? mark_make(folder, datastore, uuid, err) : rc;
}
