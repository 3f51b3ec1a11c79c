/* SPDX-License-Identifier: MIT */
/* alert_snapshots.c - what snapshots are watched for: that they are whole, and how much space they
 * take. */
#include <stdio.h>

#include "alert_rules.h"

#define TEXT_BYTES 400u

static const char *text_of(const json_t *j, const char *key)
{
	const char *text = json_string_value(json_object_get(j, key));

	return text ? text : "";
}

bool alert_snapshot_degraded(const struct alert_facts *f, alert_emit_fn emit, void *ctx)
{
	const json_t *s;
	char text[TEXT_BYTES];
	size_t i;

	json_array_foreach(f->snapshots, i, s)
	{
		double degraded = json_number_value(json_object_get(s, "degraded"));

		snprintf(text, sizeof(text),
			 "%.0f of %.0f snapshots of volume %s are damaged or gone: sluice snapshot "
			 "tree %s",
			 degraded, json_number_value(json_object_get(s, "count")),
			 text_of(s, "volume"), text_of(s, "volume"));
		emit(ctx, "volume", text_of(s, "volume"), degraded > 0 ? 1 : 0, text);
	}
	return f->snapshots != NULL;
}

bool alert_snapshot_space(const struct alert_facts *f, alert_emit_fn emit, void *ctx)
{
	const json_t *s;
	char text[TEXT_BYTES], own[32];
	size_t i;

	json_array_foreach(f->snapshots, i, s)
	{
		double bytes = json_number_value(json_object_get(s, "own_bytes"));
		double size = json_number_value(json_object_get(s, "size_bytes"));
		double pct = size > 0 ? bytes * 100 / size : 0;

		alert_size_text(bytes, own);
		snprintf(
		    text, sizeof(text),
		    "%.0f snapshots of volume %s take %s, %.0f %% of the volume's size: delete "
		    "some, or let a schedule keep fewer",
		    json_number_value(json_object_get(s, "count")), text_of(s, "volume"), own, pct);
		emit(ctx, "volume", text_of(s, "volume"), pct, text);
	}
	return f->snapshots != NULL;
}
