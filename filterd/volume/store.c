/* SPDX-License-Identifier: MIT */
#include "store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "durable.h"
#include "log.h"
#include "parse.h"

static bool is_key(const char *key)
{
	size_t len = strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789_");

	return len >= 1 && len <= 32 && key[len] == '\0';
}

static char *folder_of(const char *root, const uint8_t uuid[16])
{
	char text[37], *path = NULL;

	parse_uuid_format(uuid, text);
	return asprintf(&path, "%s/%s", root, text) < 0 ? NULL : path;
}

static int record_path(const char *root, const uint8_t uuid[16], const char *filter,
		       const char *key, char **folder, char **path)
{
	if (!is_key(key) || parse_name("filter", filter, NULL) < 0)
		return -EINVAL;
	*folder = folder_of(root, uuid);
	if (!*folder || asprintf(path, "%s/%s.%s", *folder, filter, key) < 0)
		return -ENOMEM;
	return 0;
}

int store_put(const char *root, const uint8_t uuid[16], const char *filter, const char *key,
	      const void *data, size_t size_bytes)
{
	cleanup_free char *folder = NULL, *path = NULL;
	struct err err = {0};
	int rc;

	if (size_bytes > STORE_RECORD_MAX)
		return -EINVAL;
	rc = record_path(root, uuid, filter, key, &folder, &path);
	if (rc)
		return rc;
	rc = durable_mkdir(folder, &err);
	if (rc == 0)
		rc = durable_write(path, data, size_bytes, &err);
	if (rc)
		log_error("filter %s: record %s was not stored: %s", filter, key, err.text);
	return rc;
}

int store_get(const char *root, const uint8_t uuid[16], const char *filter, const char *key,
	      void *data, size_t room_bytes, size_t *size_bytes)
{
	cleanup_free char *folder = NULL, *path = NULL, *text = NULL;
	int rc = record_path(root, uuid, filter, key, &folder, &path);

	if (rc)
		return rc;
	rc = durable_read(path, STORE_RECORD_MAX, &text, size_bytes, NULL);
	if (rc)
		return rc;
	if (*size_bytes > room_bytes)
		return -ENOSPC;
	if (*size_bytes)
		memcpy(data, text, *size_bytes);
	return 0;
}

void store_drop_volume(const char *root, const uint8_t uuid[16])
{
	cleanup_free char *folder = folder_of(root, uuid);
	DIR *d = folder ? opendir(folder) : NULL;
	struct dirent *e;

	if (!d)
		return;
	while ((e = readdir(d)))
		if (e->d_name[0] != '.' && unlinkat(dirfd(d), e->d_name, 0) < 0)
			log_warn("%s/%s could not be removed: %s", folder, e->d_name,
				 strerror(errno));
	closedir(d);
	rmdir(folder);
}
