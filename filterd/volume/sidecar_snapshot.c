/* SPDX-License-Identifier: MIT */
/*
 * sidecar_snapshot.c - sidecars that go along with snapshots: an encrypted volume's data is read
 * with the header of its time, whatever became of the header since.
 *
 *   v.img.luks --keep--> v.img.snap-<uuid>.luks --give--> clone.img.luks, clone.img.origin
 */
#include <dirent.h>
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "cleanup.h"
#include "durable.h"
#include "log.h"
#include "parse.h"
#include "sidecar.h"

#define FILE_MAX_BYTES (64u << 20)
#define UUID_CHARS     36u

static int copy(const char *from, const char *to, struct err *err)
{
	cleanup_free char *data = NULL;
	size_t size_bytes = 0;
	int rc = durable_read(from, FILE_MAX_BYTES, &data, &size_bytes, err);

	return rc ? rc : durable_write(to, data, size_bytes, err);
}

int sidecar_keep(const char *image, const char *snapshot, const char *suffix, struct err *err)
{
	cleanup_free char *from = NULL, *to = NULL;
	int rc;

	if (asprintf(&from, "%s.%s", image, suffix) < 0 ||
	    asprintf(&to, "%s" SIDECAR_SNAP "%s.%s", image, snapshot, suffix) < 0)
		return err_set(err, ENOMEM, "", "no memory");
	rc = copy(from, to, err);
	return rc == -ENOENT ? 0 : rc;
}

/* ---------------------------------------------------------------- the folder's files */

/* fn for each file that is kept with a snapshot of image; its result, if it is not 0, ends it. */
static int each(const char *image,
		int (*fn)(void *ctx, const char *path, const char *snapshot, const char *suffix),
		void *ctx)
{
	cleanup_free char *one = strdup(image), *two = strdup(image), *prefix = NULL;
	const char *folder = one ? dirname(one) : NULL, *name = two ? basename(two) : NULL;
	DIR *d = folder && name ? opendir(folder) : NULL;
	struct dirent *e;
	int rc = 0;

	if (!d)
		return folder && name ? -errno : -ENOMEM;
	if (asprintf(&prefix, "%s" SIDECAR_SNAP, name) < 0)
		rc = -ENOMEM;
	while (rc == 0 && (e = readdir(d))) {
		const char *uuid = e->d_name + strlen(prefix);
		cleanup_free char *path = NULL;
		char snapshot[UUID_CHARS + 1];

		if (strncmp(e->d_name, prefix, strlen(prefix)) != 0 ||
		    strlen(uuid) < UUID_CHARS + 2 || uuid[UUID_CHARS] != '.')
			continue;
		snprintf(snapshot, sizeof(snapshot), "%.36s", uuid);
		rc = asprintf(&path, "%s/%s", folder, e->d_name) < 0
			 ? -ENOMEM
			 : fn(ctx, path, snapshot, uuid + UUID_CHARS + 1);
	}
	closedir(d);
	return rc;
}

/* ---------------------------------------------------------------- give */

struct giving {
	const char *snapshot, *to;
	struct err *err;
};

static int give_one(void *ctx, const char *path, const char *snapshot, const char *suffix)
{
	const struct giving *g = ctx;
	cleanup_free char *to = NULL;

	if (strcasecmp(snapshot, g->snapshot) != 0)
		return 0;
	if (asprintf(&to, "%s.%s", g->to, suffix) < 0)
		return err_set(g->err, ENOMEM, "", "no memory");
	return copy(path, to, g->err);
}

static int add_origin(const char *image, const uint8_t uuid[16], struct err *err)
{
	cleanup_free char *path = NULL, *old = NULL, *all = NULL;
	char text[UUID_CHARS + 1];
	size_t size_bytes = 0;
	int rc;

	parse_uuid_format(uuid, text);
	if (asprintf(&path, "%s.origin", image) < 0)
		return err_set(err, ENOMEM, "", "no memory");
	rc = durable_read(path, 1u << 16, &old, &size_bytes, err);
	if (rc && rc != -ENOENT)
		return rc;
	if (old && strstr(old, text))
		return 0;
	if (asprintf(&all, "%s%s\n", old ? old : "", text) < 0)
		return err_set(err, ENOMEM, "", "no memory");
	return durable_write(path, all, strlen(all), err);
}

int sidecar_give(const char *image, const char *snapshot, const uint8_t uuid[16],
		 const char *to_image, struct err *err)
{
	struct giving g = {.snapshot = snapshot, .to = to_image, .err = err};
	int rc;

	*err = (struct err){0};
	rc = each(image, give_one, &g);
	if (rc && !err->code)
		err_set(err, -rc, "", "the folder of %s could not be read: %s", image,
			strerror(-rc));
	return rc ? rc : add_origin(to_image, uuid, err);
}

/* ---------------------------------------------------------------- forget */

static int forget_one(void *ctx, const char *path, const char *snapshot, const char *suffix)
{
	const json_t *items = ctx;
	size_t i;
	json_t *s;

	json_array_foreach(items, i, s)
	{
		const char *uuid = json_string_value(json_object_get(s, "snapshot"));

		if (uuid && strcasecmp(uuid, snapshot) == 0)
			return 0;
	}
	if (unlink(path) < 0)
		log_warn("%s could not be removed: %s", path, strerror(errno));
	return 0;
}

void sidecar_forget_others(const char *image, const json_t *list)
{
	json_t *items = json_object_get(list, "items");

	if (json_is_array(items) && each(image, forget_one, items) < 0)
		log_warn("what is kept with snapshots of %s that are gone could not be looked for",
			 image);
}
