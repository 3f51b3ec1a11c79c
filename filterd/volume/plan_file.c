/* SPDX-License-Identifier: MIT */
/*
 * plan_file.c - a JSON text on disk: written beside itself, made durable, renamed, so that a crash
 * leaves the old text or the new one. A last line carries a checksum, since a text that was cut
 * short may still be JSON.
 *
 * Thread: main.
 */
#include "plan_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "durable.h"
#include "json.h"

#define PLAN_FILE_MAX (64ull << 20)
#define SUM_LINE      "#sum "

/* FNV-1a: finds damage, not malice. */
static uint64_t sum_of(const char *text, size_t len)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (uint8_t)text[i]) * 0x100000001b3ull;
	return h;
}

/* Length of the JSON part, or -EINVAL. */
static int check_sum(const char *text, size_t len, size_t *json_len, struct err *err)
{
	const char *line = NULL;
	char wanted[64];
	size_t n;

	for (size_t i = len > 1 ? len - 1 : 0; i > 0 && !line; i--)
		if (text[i - 1] == '\n')
			line = text + i;
	if (!line || strncmp(line, SUM_LINE, strlen(SUM_LINE)) != 0)
		return err_set(err, EINVAL, "", "its last line is missing, so it was cut short");
	n = (size_t)(line - text);
	snprintf(wanted, sizeof(wanted), SUM_LINE "%016llx\n", (unsigned long long)sum_of(text, n));
	if (len - n != strlen(wanted) || memcmp(line, wanted, strlen(wanted)) != 0)
		return err_set(err, EINVAL, "", "its checksum is wrong");
	*json_len = n;
	return 0;
}

int plan_file_read(const char *path, json_t **out, struct err *err)
{
	cleanup_free char *text = NULL;
	size_t len = 0, json_len = 0;
	int rc = durable_read(path, PLAN_FILE_MAX, &text, &len, err);

	if (rc == 0)
		rc = check_sum(text, len, &json_len, err);
	if (rc)
		return rc;
	*out = json_parse(text, json_len, "the plan", err);
	return *out ? 0 : -EINVAL;
}

int plan_file_write(const char *path, const json_t *j, struct err *err)
{
	cleanup_free char *body = j ? json_dumps(j, JSON_INDENT(2) | JSON_SORT_KEYS) : NULL;
	cleanup_free char *text = NULL;
	cleanup_free char *with_newline = NULL;
	int n;

	if (!body || asprintf(&with_newline, "%s\n", body) < 0)
		return err_set(err, ENOMEM, "", "no memory to save the plan");
	n = asprintf(&text, "%s" SUM_LINE "%016llx\n", with_newline,
		     (unsigned long long)sum_of(with_newline, strlen(with_newline)));
	if (n < 0)
		return err_set(err, ENOMEM, "", "no memory to save the plan");
	return durable_write(path, text, (size_t)n, err);
}

int plan_file_put_aside(const char *path, struct err *err)
{
	cleanup_free char *aside = NULL;
	int rc = 0;

	if (asprintf(&aside, "%s.damaged-%llu", path, (unsigned long long)clock_wall_ms()) < 0)
		return err_set(err, ENOMEM, "", "no memory to put %s aside", path);
	if (rename(path, aside) < 0)
		rc = -errno;
	if (rc)
		err_prefix(err, "%s could not be used, and not be put aside either (%s)", path,
			   strerror(-rc));
	else
		err_prefix(err, "%s could not be used and was put aside as %s", path, aside);
	return rc;
}
