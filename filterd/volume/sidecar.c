/* SPDX-License-Identifier: MIT */
#include "sidecar.h"

#include <dirent.h>
#include <errno.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "durable.h"
#include "log.h"
#include "parse.h"

#define SUFFIX_MAX 16u

static bool is_suffix(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz");

	return n >= 1 && n <= SUFFIX_MAX && s[n] == '\0' && strcmp(s, "img") != 0;
}

static int in_state_folder(const char *root, const uint8_t uuid[16], const char *suffix, char *path,
			   size_t size_bytes)
{
	cleanup_free char *folder = NULL;
	struct err err = {0};
	char text[37];
	int n, rc;

	parse_uuid_format(uuid, text);
	if (asprintf(&folder, "%s/%s", root, text) < 0)
		return -ENOMEM;
	rc = durable_mkdir(folder, &err);
	if (rc) {
		log_error("a filter's file has no folder: %s", err.text);
		return rc;
	}
	n = snprintf(path, size_bytes, "%s/_sidecar.%s", folder, suffix);
	return n < 0 || (size_t)n >= size_bytes ? -ENAMETOOLONG : 0;
}

int sidecar_path(const char *image, const char *root, const uint8_t uuid[16], const char *suffix,
		 char *path, size_t size_bytes)
{
	int n;

	if (!is_suffix(suffix))
		return -EINVAL;
	if (!image)
		return in_state_folder(root, uuid, suffix, path, size_bytes);
	n = snprintf(path, size_bytes, "%s.%s", image, suffix);
	return n < 0 || (size_t)n >= size_bytes ? -ENAMETOOLONG : 0;
}

static bool is_of(const char *file, const char *image)
{
	size_t n = strlen(image);

	if (strncmp(file, image, n) != 0 || file[n] != '.')
		return false;
	return is_suffix(file + n + 1) ||
	       strncmp(file + n, SIDECAR_SNAP, strlen(SIDECAR_SNAP)) == 0;
}

void sidecar_drop(const char *image)
{
	cleanup_free char *one = strdup(image), *two = strdup(image);
	const char *folder = one ? dirname(one) : NULL, *name = two ? basename(two) : NULL;
	DIR *d = folder && name ? opendir(folder) : NULL;
	struct dirent *e;

	if (!d)
		return;
	while ((e = readdir(d)))
		if (is_of(e->d_name, name) && unlinkat(dirfd(d), e->d_name, 0) < 0)
			log_warn("%s/%s could not be removed: %s", folder, e->d_name,
				 strerror(errno));
	closedir(d);
}
