/* SPDX-License-Identifier: MIT */
/*
 * volume_cache.c - /volumes/{name}/cache: what a volume's cache says of itself, and what may be
 * asked of it: flush, warm, and giving up data that the datastore never had.
 *
 * The cache is whichever filter of the class cache stands in the running chain. What it says is of
 * the last second; what it is asked is a task (transfer.h), since it may take as long as the
 * datastore needs. Thread: main.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "app.h"
#include "json.h"
#include "model.h"
#include "parse.h"
#include "store_link.h"
#include "tables.h"
#include "volume_rows.h"
#include "volume_view.h"

#define CACHE_CLASS "cache"

/* ---------------------------------------------------------------- what runs now */

/* The cache's line in the running chain; borrowed from running. NULL: there is none. */
static const json_t *cache_in(const json_t *running)
{
	uint32_t number = model_class_number(CACHE_CLASS);
	const json_t *f;
	size_t i;

	json_array_foreach(json_object_get(running, "filters"), i, f)
	{
		if (rows_u64(f, "class") == number)
			return f;
	}
	return NULL;
}

/* What it said a second ago; NULL: nothing yet. New reference. */
static json_t *status_of(struct request *q, const char *volume, const json_t *cache)
{
	cleanup_json json_t *chain =
	    q->app->sampler && cache ? sampler_chain(q->app->sampler, volume) : NULL;

	return json_incref(json_object_get(chain, rows_text(cache, "filter")));
}

/* ---------------------------------------------------------------- GET */

static const char *const words[] = {"mode", "state", "state_text", NULL};
static const char *const numbers[] = {"reads",           "read_hits",
				      "hit_pct",         "sequential_reads",
				      "dirty_bytes",     "dirty_age_ms",
				      "dirty_max_bytes", "writers_waiting",
				      "destaged_bytes",  "destage_bytes_per_s",
				      "coalesced_bytes", "epoch",
				      "recovery_ms",     NULL};
static const char *const ram_members[] = {
    "bytes", "used_bytes", "hits", "evictions", "warm_done_blocks", "warm_total_blocks", NULL};
static const char *const flash_members[] = {"log_bytes",        "log_used_bytes", "clean_bytes",
					    "clean_used_bytes", "hits",           NULL};

/* Only what is documented: a cache of somebody else's may say more, and other things. */
static void copy(json_t *to, const json_t *from, const char *const *members,
		 bool (*is_right)(const json_t *v))
{
	for (; *members; members++) {
		json_t *v = json_object_get(from, *members);

		json_object_set(to, *members, v && is_right(v) ? v : json_null());
	}
}

static bool is_number(const json_t *v)
{
	return json_is_number(v);
}

static bool is_word(const json_t *v)
{
	return json_is_string(v);
}

static json_t *tier(const json_t *status, const char *name, const char *const *members)
{
	const json_t *from = json_object_get(status, name);
	json_t *to;

	if (!json_is_object(from))
		return json_null();
	to = json_object();
	copy(to, from, members, is_number);
	return to;
}

static json_t *ram(const json_t *status)
{
	const json_t *is_warming = json_object_get(json_object_get(status, "ram"), "is_warming");
	json_t *to = tier(status, "ram", ram_members);

	if (json_is_object(to))
		json_object_set_new(to, "is_warming",
				    json_is_boolean(is_warming)
					? json_boolean(json_is_true(is_warming))
					: json_null());
	return to;
}

static int get(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *row = store_get(q->store, &table_volumes, q->segments[0], err);
	cleanup_json json_t *running = NULL, *status = NULL;
	const json_t *cache;

	if (!row)
		return -err->code;
	running = volume_view_running(q, rows_text(row, "name"));
	cache = cache_in(running);
	status = status_of(q, rows_text(row, "name"), cache);
	r->body = json_pack("{s:O, s:s?, s:b}", "volume", json_object_get(row, "name"), "filter",
			    cache ? rows_text(cache, "filter") : NULL, "is_known", status != NULL);
	if (!r->body)
		return err_set(err, ENOMEM, "", "no memory for the answer");
	copy(r->body, status, words, is_word);
	json_object_set_new(r->body, "ram", ram(status));
	json_object_set_new(r->body, "flash", tier(status, "flash", flash_members));
	copy(r->body, status, numbers, is_number);
	return 0;
}

/* ---------------------------------------------------------------- what is asked of it */

struct asked {
	json_t *row, *running, *status;
	const char *volume, *filter; /* in these */
};

static void asked_free(struct asked *a)
{
	json_decref(a->row);
	json_decref(a->running);
	json_decref(a->status);
}

/* The volume, with a cache that can be asked for something. */
static int look(struct request *q, struct reply *r, struct asked *a, struct err *err)
{
	const json_t *cache;

	a->row = volume_view_to_change(q, err);
	if (!a->row)
		return -err->code;
	a->volume = rows_text(a->row, "name");
	a->running = volume_view_running(q, a->volume);
	if (!a->running)
		return err_set(err, EAGAIN, "",
			       "sluice-filterd does not say how volume %s runs; try again when it "
			       "is there",
			       a->volume);
	cache = cache_in(a->running);
	if (!cache) {
		r->problem = "no_cache";
		return err_set(err, EBUSY, "",
			       "volume %s has no cache; a policy with a rule of the class cache "
			       "gives it one",
			       a->volume);
	}
	a->filter = rows_text(cache, "filter");
	a->status = status_of(q, a->volume, cache);
	return 0;
}

/* Takes args. */
static int queue(struct request *q, struct reply *r, const struct asked *a, const char *command,
		 json_t *args, struct err *err)
{
	cleanup_json json_t *parameters =
	    json_pack("{s:s, s:s, s:o}", "filter", a->filter, "command", command, "args", args);
	char kind[32];

	if (!parameters)
		return err_set(err, ENOMEM, "", "no memory for a task");
	snprintf(kind, sizeof(kind), "cache.%s", command);
	r->body = json_object();
	return rest_task(q, r, kind, "volume", a->volume, false, parameters, err);
}

static int plain(struct request *q, struct reply *r, const char *command, struct err *err)
{
	static const char *const none[] = {NULL};
	struct asked a = {0};
	int rc = q->body ? json_only(q->body, none, err) : 0;

	if (rc == 0)
		rc = look(q, r, &a, err);
	if (rc == 0)
		rc = queue(q, r, &a, command, json_object(), err);
	asked_free(&a);
	return rc;
}

static int flush(struct request *q, struct reply *r, struct err *err)
{
	return plain(q, r, "flush", err);
}

static int warm(struct request *q, struct reply *r, struct err *err)
{
	return plain(q, r, "warm", err);
}

/* ---------------------------------------------------------------- drop */

/* What is dirty now, -1: the cache cannot tell. The figures are of every volume, each second. */
static int64_t dirty_now(struct request *q, const struct asked *a)
{
	const json_t *says = json_object_get(a->status, "dirty_bytes"), *v;
	cleanup_json json_t *figures = NULL;
	size_t i;

	if (a->status)
		return json_is_integer(says) ? json_integer_value(says) : -1;
	if (q->app->sampler)
		figures = sampler_figures(q->app->sampler);
	json_array_foreach(json_object_get(figures, "volumes"), i, v)
	{
		if (strcasecmp(rows_text(v, "name"), a->volume) == 0)
			return (int64_t)rows_u64(v, "dirty_bytes");
	}
	return -1;
}

/* Nothing is given up whose amount was not named: what became dirty meanwhile was not meant. */
static int is_meant(struct request *q, const struct asked *a, bool is_unknown, uint64_t named,
		    struct err *err)
{
	bool is_degraded = strcmp(rows_text(a->status, "state"), "degraded") == 0;
	int64_t now = dirty_now(q, a);
	char size[32];

	/* Whether the lost log's amount is known, the cache knows best. */
	if (is_unknown && (now < 0 || is_degraded))
		return 0;
	if (now < 0)
		return err_set(
		    err, EINVAL, "dirty_bytes",
		    "how much of volume %s is in its cache alone is not known; if all of "
		    "it is to be given up, however much it is, say unknown",
		    a->volume);
	parse_size_format((uint64_t)now, size, sizeof(size));
	if (is_unknown || (uint64_t)now != named)
		return err_set(err, EINVAL, is_unknown ? "unknown" : "dirty_bytes",
			       "volume %s has %" PRId64 " bytes (%s) of acknowledged writes that "
			       "only its cache has; to give these up, say dirty_bytes %" PRId64
			       "; nothing was dropped",
			       a->volume, now, size, now);
	return 0;
}

static int read_drop(struct request *q, bool *is_unknown, uint64_t *named, struct err *err)
{
	static const char *const members[] = {"dirty_bytes", "unknown", NULL};
	cleanup_json json_t *body = rows_body(q, false, err);
	const json_t *unknown;
	int rc;

	if (!body)
		return -err->code;
	if ((rc = json_only(body, members, err)))
		return rc;
	unknown = json_object_get(body, "unknown");
	if (unknown && !json_is_boolean(unknown))
		return err_set(err, EINVAL, "unknown", "unknown must be true or false");
	*is_unknown = json_is_true(unknown);
	if (*is_unknown && json_object_get(body, "dirty_bytes"))
		return err_set(err, EINVAL, "unknown",
			       "say dirty_bytes or unknown, and not both of them");
	return *is_unknown ? 0 : json_get_u64(body, "dirty_bytes", 0, INT64_MAX, named, err);
}

static int drop(struct request *q, struct reply *r, struct err *err)
{
	struct asked a = {0};
	bool is_unknown = false;
	uint64_t named = 0;
	int rc = read_drop(q, &is_unknown, &named, err);

	if (rc == 0)
		rc = look(q, r, &a, err);
	if (rc == 0)
		rc = is_meant(q, &a, is_unknown, named, err);
	if (rc == 0 && is_unknown)
		rc = rest_event(q, "warning", "cache.drop", "volume", a.volume, err,
				"%s gives up what the cache of volume %s has and its datastore "
				"has not; how much that is is not known",
				q->actor.name, a.volume);
	else if (rc == 0)
		rc = rest_event(q, "warning", "cache.drop", "volume", a.volume, err,
				"%s gives up %" PRIu64 " bytes of acknowledged writes that only "
				"the cache of volume %s has",
				q->actor.name, named, a.volume);
	if (rc == 0)
		rc = queue(q, r, &a, "drop",
			   is_unknown ? json_pack("{s:b}", "unknown", 1)
				      : json_pack("{s:I}", "dirty_bytes", (json_int_t)named),
			   err);
	asked_free(&a);
	return rc;
}

const struct route volume_cache_routes[] = {
    {"GET", "/volumes/{name}/cache", REST_VIEWER, 0, get, "volume", NULL},
    {"POST", "/volumes/{name}/cache/flush", REST_OPERATOR, 0, flush, "volume", NULL},
    {"POST", "/volumes/{name}/cache/warm", REST_OPERATOR, 0, warm, "volume", NULL},
    {"POST", "/volumes/{name}/cache/drop", REST_ADMIN, 0, drop, "volume", NULL},
    {0},
};
