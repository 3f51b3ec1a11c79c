/* SPDX-License-Identifier: MIT */
/* events_feed.c - see events_feed.h. */
#include "events_feed.h"

#include <errno.h>
#include <string.h>

#include "ctl_client.h"
#include "json.h"
#include "store_link.h"

#define PLACE "events_place" /* a setting of the appliance's own */

/* filterd's word for it, ours, and how bad it is. */
static const struct kind {
	const char *theirs, *ours, *severity;
} kinds[] = {
    {"filterd_restarted", "daemon.restarted", "error"},
    {"filterd_crash_loop", "daemon.crash_loop", "critical"},
    {"filter_hung", "filter.hung", "error"},
    {"filter_bypassed", "filter.bypassed", "error"},
    {"filter_misuse", "filter.misuse", "warning"},
    {"volume_failed", "volume.failed", "error"},
    {"volume_not_drained", "volume.not_drained", "warning"},
    {"volume_quarantined", "volume.quarantined", "critical"},
    {"datastore_filling", "datastore.filling", "warning"},
    {"group_refused", "filter.refused", "error"},
    {"io_control_throttling_begins", "io_control.throttling_begins", "info"},
    {"io_control_throttling_ends", "io_control.throttling_ends", "info"},
    {"io_control_external_load", "io_control.external_load", "warning"},
    {"io_control_relearned", "io_control.relearned", "info"},
    {"io_control_limit_too_low", "io_control.limit_too_low", "warning"},
    {"cache_degraded", "cache.degraded", "error"},
    {"cache_recovered", "cache.recovered", "info"},
    {"cache_log_full", "cache.log_full", "warning"},
    {"cache_ram_short", "cache.ram_short", "warning"},
    {"cache_flash_failed", "cache.flash_failed", "error"},
    {"cache_destage_failed", "cache.destage_failed", "error"},
    {"cache_clean", "cache.clean", "info"},
    {"ring_broken", "ring.broken", "error"},
    {"plan_damaged", "daemon.plan_damaged", "critical"},
    {"plan_not_saved", "daemon.plan_not_saved", "error"},
};

static json_int_t number_of(const json_t *e)
{
	return json_integer_value(json_object_get(e, "number"));
}

static json_int_t at_ms_of(const json_t *e)
{
	return json_integer_value(json_object_get(e, "wall_ms"));
}

json_t *events_feed_new(const json_t *events, const json_t *place, bool *is_anew)
{
	json_int_t number = number_of(place);
	const json_t *first = json_array_get(events, 0);
	json_t *out, *e;
	size_t i;

	*is_anew = false;
	if (number > 0 &&
	    (!first || number_of(first) < number ||
	     (number_of(first) == number &&
	      at_ms_of(first) != json_integer_value(json_object_get(place, "at_ms"))))) {
		*is_anew = true;
		return NULL;
	}
	out = json_array();
	json_array_foreach(events, i, e)
	{
		if (number_of(e) > number)
			json_array_append(out, e);
	}
	return out;
}

/* What filterd has after a number. New reference. */
static json_t *ask(struct ctl_client *filterd, json_int_t after, struct err *err)
{
	cleanup_json json_t *request =
	    json_pack("{s:s, s:I}", "request", "events", "after", after > 0 ? after : 0);
	cleanup_json json_t *answer = ctl_client_ask(filterd, request, -1, err);
	json_t *events = json_object_get(answer, "events");

	if (!answer)
		return NULL;
	if (!json_is_array(events)) {
		err_set(err, EPROTO, "events", "sluice-filterd's answer has no events");
		return NULL;
	}
	return json_incref(events);
}

static const struct kind *kind_of(const char *theirs)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].theirs, theirs) == 0)
			return &kinds[i];
	return NULL;
}

static const char *text_of(const json_t *e, const char *key)
{
	const char *text = json_string_value(json_object_get(e, key));

	return text ? text : "";
}

static int add_one(struct store *s, const json_t *e, struct err *err)
{
	const char *theirs = text_of(e, "kind"), *volume = text_of(e, "volume");
	const char *datastore = text_of(e, "datastore"), *filter = text_of(e, "filter");
	const char *type = volume[0] ? "volume" : datastore[0] ? "datastore" : "daemon";
	const char *name = volume[0] ? volume : datastore[0] ? datastore : "sluice-filterd";
	const struct kind *k = kind_of(theirs);
	cleanup_json json_t *details =
	    json_pack("{s:s, s:I, s:I}", "source", "sluice-filterd", "number",
		      (json_int_t)number_of(e), "happened_ms", (json_int_t)at_ms_of(e));
	int64_t id;

	if (filter[0])
		json_object_set_new(details, "filter", json_string(filter));
	id = store_event_add(s, k ? k->severity : "info", k ? k->ours : theirs, type, name,
			     text_of(e, "text"), details, err);
	return id < 0 ? (int)id : 0;
}

static int add_all(struct store *s, const json_t *events, struct err *err)
{
	const json_t *e, *last = json_array_get(events, json_array_size(events) - 1);
	cleanup_json json_t *place = json_pack("{s:I, s:I}", "number", (json_int_t)number_of(last),
					       "at_ms", (json_int_t)at_ms_of(last));
	size_t i;
	int rc;

	json_array_foreach(events, i, e)
	{
		rc = add_one(s, e, err);
		if (rc < 0)
			return rc;
	}
	return store_setting_put(s, PLACE, place, err);
}

int events_feed_pull(struct store *s, struct ctl_client *filterd, uint32_t *added, struct err *err)
{
	cleanup_json json_t *place = store_setting(s, PLACE);
	cleanup_json json_t *events = ask(filterd, number_of(place) - 1, err), *fresh = NULL;
	bool is_anew;
	int rc;

	*added = 0;
	if (!events)
		return -err->code;
	fresh = events_feed_new(events, place, &is_anew);
	if (is_anew) {
		json_decref(events);
		events = ask(filterd, 0, err);
		if (!events)
			return -err->code;
		fresh = events_feed_new(events, NULL, &is_anew);
	}
	if (json_array_size(fresh) == 0)
		return 0;
	rc = store_begin(s, err);
	if (rc < 0)
		return rc;
	rc = add_all(s, fresh, err);
	if (rc == 0)
		rc = store_commit(s, err);
	if (rc < 0)
		store_rollback(s);
	else
		*added = (uint32_t)json_array_size(fresh);
	return rc;
}
