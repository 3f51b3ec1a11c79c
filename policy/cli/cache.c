/* SPDX-License-Identifier: MIT */
/*
 * cache.c - sluice cache show, and cache drop: what is given up is named before anybody agrees to
 * it. The amount that was shown goes along with the request, and nothing is dropped if it has
 * changed since.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "json.h"
#include "print.h"
#include "run.h"
#include "value.h"

/* The call's path without /api/v1 and without what it ends in; caller frees. */
static char *path_of(const struct call *call, const char *end)
{
	const char *path = call->path + strlen("/api/v1");

	return strndup(path, strlen(path) - strlen(end));
}

int cache_show_run(struct cli *c, const struct call *call)
{
	cleanup_free char *path = path_of(call, "");
	cleanup_json json_t *cache = NULL;
	int rc = CLI_REFUSED;

	cache = path ? run_get_known(c, path, &rc) : NULL;
	if (!cache)
		return rc;
	if (c->is_json)
		print_json(c->out, cache);
	else if (json_is_null(json_object_get(cache, "filter")))
		print_line(c->out, "Volume %s has no cache.", call->name);
	else
		print_object(c->out, cache);
	return CLI_OK;
}

static void name_it(struct cli *c, const char *volume, const json_t *dirty)
{
	char size[32];

	if (!json_is_integer(dirty)) {
		print_line(c->log,
			   "How much of volume %s only its cache has is not known: all of it would "
			   "be given up.",
			   volume);
		return;
	}
	value_size(json_number_value(dirty), size, sizeof(size));
	print_line(c->log,
		   "Volume %s has %lld bytes (%s) of acknowledged writes that only its cache has: "
		   "they would be lost.",
		   volume, (long long)json_integer_value(dirty), size);
}

static bool is_amount_given(const struct call *call)
{
	return json_object_get(call->body, "dirty_bytes") || json_object_get(call->body, "unknown");
}

/* The amount into the body, after it was shown and agreed to. CLI_OK: go on. */
static int agree(struct cli *c, const struct call *call)
{
	cleanup_free char *path = path_of(call, "/drop");
	cleanup_json json_t *cache = NULL;
	const json_t *dirty;
	int rc = CLI_REFUSED;

	cache = path ? run_get_known(c, path, &rc) : NULL;
	if (!cache)
		return rc;
	dirty = json_object_get(cache, "dirty_bytes");
	name_it(c, call->name, dirty);
	if (!run_confirm(c, call))
		return CLI_USAGE;
	if (is_amount_given(call))
		return CLI_OK;
	if (json_is_integer(dirty))
		json_object_set(call->body, "dirty_bytes", (json_t *)(uintptr_t)dirty);
	else
		json_object_set_new(call->body, "unknown", json_true());
	return CLI_OK;
}

int cache_drop_run(struct cli *c, const struct call *call)
{
	struct call amended = *call;
	struct err err = {0};
	int rc;

	if (!is_amount_given(call) && !c->is_dry_run && (c->is_yes || !isatty(STDIN_FILENO))) {
		err_set(
		    &err, EINVAL, "--dirty-bytes",
		    "what nobody sees has to be named: --dirty-bytes N, as 'sluice --json cache "
		    "show %s' tells it",
		    call->name);
		return run_fail(c, call->command, &err);
	}
	amended.body = call->body ? json_incref(call->body) : json_object();
	rc = agree(c, &amended);
	if (rc == CLI_OK)
		rc = run_usual(c, &amended);
	json_decref(amended.body);
	return rc;
}
