/* SPDX-License-Identifier: MIT */
/*
 * alert_cache.c - what caches are watched for: that they serve at all, that dirty data does not
 * stay for long, that the log has room. The hit ratio is no alert: a cache that does not help harms
 * nobody.
 *
 * A cache is recognised by what it says, not by its name: its status has "dirty_bytes".
 */
#include <stdio.h>
#include <string.h>

#include "alert_rules.h"

#define TEXT_BYTES 400u

static const char *text_of(const json_t *j, const char *key)
{
	const char *text = json_string_value(json_object_get(j, key));

	return text ? text : "";
}

static double number_of(const json_t *j, const char *key)
{
	return json_number_value(json_object_get(j, key));
}

/* The status of the cache in a volume's chain; NULL: it has none. */
static const json_t *cache_of(const json_t *filters)
{
	const char *name;
	json_t *status;

	json_object_foreach((json_t *)filters, name, status)
	{
		if (json_object_get(status, "dirty_bytes"))
			return status;
	}
	return NULL;
}

bool alert_cache_degraded(const struct alert_facts *f, alert_emit_fn emit, void *ctx)
{
	char text[TEXT_BYTES];
	const char *volume;
	json_t *filters;

	json_object_foreach((json_t *)f->chains, volume, filters)
	{
		const json_t *status = cache_of(filters);
		bool is_degraded = strcmp(text_of(status, "state"), "degraded") == 0;

		if (!status)
			continue;
		snprintf(
		    text, sizeof(text),
		    "the cache of volume %.80s is degraded, and the volume waits for it: %.200s; "
		    "'sluice cache show %.80s' tells more",
		    volume, text_of(status, "state_text"), volume);
		emit(ctx, "volume", volume, is_degraded, text);
	}
	return f->chains != NULL;
}

bool alert_cache_dirty_age(const struct alert_facts *f, alert_emit_fn emit, void *ctx)
{
	char text[TEXT_BYTES], dirty[32];
	const char *volume;
	json_t *filters;

	json_object_foreach((json_t *)f->chains, volume, filters)
	{
		const json_t *status = cache_of(filters);
		double age_s = number_of(status, "dirty_age_ms") / 1000.0;

		if (!status)
			continue;
		if (number_of(status, "dirty_bytes") <= 0)
			age_s = 0;
		alert_size_text(number_of(status, "dirty_bytes"), dirty);
		snprintf(text, sizeof(text),
			 "volume %.80s has %s that are in its cache's log alone, the oldest "
			 "for %.0f s; see whether its datastore takes writes",
			 volume, dirty, age_s);
		emit(ctx, "volume", volume, age_s, text);
	}
	return f->chains != NULL;
}

bool alert_cache_log_full(const struct alert_facts *f, alert_emit_fn emit, void *ctx)
{
	char text[TEXT_BYTES];
	const char *volume;
	json_t *filters;

	json_object_foreach((json_t *)f->chains, volume, filters)
	{
		const json_t *flash = json_object_get(cache_of(filters), "flash");
		double log_bytes = number_of(flash, "log_bytes"), pct;

		if (log_bytes <= 0)
			continue;
		pct = 100.0 * number_of(flash, "log_used_bytes") / log_bytes;
		snprintf(
		    text, sizeof(text),
		    "the cache log of volume %.80s is %.0f %% full, and its writers are slowed "
		    "down to what the datastore takes; give it more flash_bytes, or a faster "
		    "datastore",
		    volume, pct);
		emit(ctx, "volume", volume, pct, text);
	}
	return f->chains != NULL;
}
