/* SPDX-License-Identifier: MIT */
/* samples.c - see samples.h. */
#include "samples.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "durable.h"
#include "json.h"
#include "model.h"
#include "policies.h"
#include "store_link.h"
#include "volume_rows.h"

#define SAMPLE_BYTES_MAX (64u << 10)
#define COMMENT          "came with Sluice"

static json_t *read_file(const char *dir, const char *file, struct err *err)
{
	static const char *const only[] = {"name", "description", "rules", NULL};
	cleanup_free char *path = NULL, *text = NULL;
	cleanup_json json_t *j = NULL;
	size_t size_bytes;

	if (asprintf(&path, "%s/%s", dir, file) < 0) {
		path = NULL;
		err_set(err, ENOMEM, "", "no memory");
		return NULL;
	}
	if (durable_read(path, SAMPLE_BYTES_MAX, &text, &size_bytes, err) < 0)
		return NULL;
	j = json_parse(text, size_bytes, path, err);
	if (!j)
		return NULL;
	if (json_only(j, only, err) < 0) {
		err_prefix(err, "%s", path);
		return NULL;
	}
	return json_incref(j);
}

static bool is_there(const json_t *filters, const char *name)
{
	const json_t *f;
	size_t i;

	json_array_foreach(filters, i, f)
	{
		if (strcmp(rows_text(f, "name"), name) == 0 && rows_is(f, "is_installed"))
			return true;
	}
	return false;
}

static bool has_all_filters(const json_t *sample, const json_t *filters)
{
	const json_t *rule;
	size_t i;

	json_array_foreach(json_object_get(sample, "rules"), i, rule)
	{
		if (!is_there(filters, rows_text(rule, "filter")))
			return false;
	}
	return true;
}

static int insert(struct store *s, const json_t *sample, const json_t *rules, struct err *err)
{
	cleanup_json json_t *row = json_pack(
	    "{s:O, s:O, s:b, s:i}", "name", json_object_get(sample, "name"), "description",
	    json_object_get(sample, "description"), "is_bundled", 1, "version", 0);
	cleanup_json json_t *made = row ? store_insert(s, &table_policies, row, err) : NULL;
	int64_t version;

	if (!row)
		return err_set(err, EINVAL, "name", "name or description is missing");
	if (!made)
		return -err->code;
	version = store_policy_add_version(s, rows_id(made), rules, "Sluice", COMMENT, err);
	return version < 0 ? (int)version : 0;
}

/* Whether there is anything to do: a row of the user's own stays, one of ours when it has changed.
 */
static bool is_due(struct store *s, const json_t *row, const json_t *rules)
{
	cleanup_json json_t *now = NULL, *diff = NULL;

	if (!row)
		return true;
	if (!rows_is(row, "is_bundled"))
		return false;
	now = store_policy_rules(s, rows_id(row), 0, NULL);
	diff = now ? model_rules_diff(now, rules) : NULL;
	return diff && !rows_is(diff, "is_same");
}

static int put(struct store *s, const json_t *sample, const json_t *row, const json_t *rules,
	       struct err *err)
{
	int64_t version;
	int rc = store_begin(s, err);

	if (rc < 0)
		return rc;
	if (row) {
		version = store_policy_add_version(s, rows_id(row), rules, "Sluice", COMMENT, err);
		rc = version < 0 ? (int)version : 0;
	} else {
		rc = insert(s, sample, rules, err);
	}
	if (rc == 0)
		rc = store_commit(s, err);
	if (rc < 0)
		store_rollback(s);
	return rc;
}

static int take(struct store *s, const json_t *sample, const json_t *filters, struct err *err)
{
	cleanup_json json_t *rules = NULL, *row = NULL;
	struct err gone;
	int rc;

	if (!has_all_filters(sample, filters))
		return 0;
	rc = model_rules_check(json_object_get(sample, "rules"), filters, &rules, err);
	if (rc < 0)
		return rc;
	row = store_get(s, &table_policies, rows_text(sample, "name"), &gone);
	return is_due(s, row, rules) ? put(s, sample, row, rules, err) : 0;
}

static bool is_sample(const char *file)
{
	size_t n = strlen(file);

	return n > 5 && file[0] != '.' && strcmp(file + n - 5, ".json") == 0;
}

static int take_all(struct store *s, const char *dir, struct dirent **files, int count,
		    struct err *err)
{
	cleanup_json json_t *filters = rows_all(s, &table_filters, NULL, err);
	int result = 0;

	if (!filters)
		return err ? -err->code : -EIO;
	for (int i = 0; i < count; i++) {
		cleanup_json json_t *sample = NULL;
		struct err one;

		if (!is_sample(files[i]->d_name))
			continue;
		sample = read_file(dir, files[i]->d_name, &one);
		if (sample && take(s, sample, filters, &one) == 0)
			continue;
		if (result == 0)
			result = err_set(err, one.code, one.field, "%s: %.300s", files[i]->d_name,
					 one.text);
	}
	return result;
}

int samples_load(struct store *s, const char *dir, struct err *err)
{
	struct dirent **files = NULL;
	int count = scandir(dir, &files, NULL, alphasort), rc;

	if (count < 0)
		return errno == ENOENT ? 0
				       : err_set(err, errno, "", "cannot read the folder %s: %s",
						 dir, strerror(errno));
	rc = take_all(s, dir, files, count, err);
	for (int i = 0; i < count; i++)
		free(files[i]);
	free(files);
	return rc;
}
