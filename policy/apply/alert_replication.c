/* SPDX-License-Identifier: MIT */
/*
 * alert_replication.c - what replications are watched for: lag beyond what was agreed, a peer that
 * is lost, both sides having written, a replica that is no point in time, changes that are only
 * noted. A group is one object: its first volume.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alert_rules.h"

#define TEXT_BYTES 400u

static const char *text_of(const json_t *j, const char *key)
{
	const char *text = json_string_value(json_object_get(j, key));

	return text ? text : "";
}

/* Its filter's line in the running chain, if the volume leads a group; status: what that says. */
static const json_t *leads(const json_t *volume, const json_t **status)
{
	const json_t *f;
	size_t i;

	*status = json_object_get(volume, "replication");
	if (!json_is_object(*status) || !*text_of(*status, "state"))
		return NULL;
	json_array_foreach(json_object_get(volume, "filters"), i, f)
	{
		const json_t *params = json_object_get(f, "params");

		if (strcmp(text_of(f, "filter"), "replication") == 0 &&
		    strcmp(text_of(params, "is_leader"), "true") == 0)
			return params;
	}
	return NULL;
}

/* Value and sentence of one group; text empty: it is not measured. */
typedef double (*measure_fn)(const struct alert_facts *f, const char *volume, const json_t *params,
			     const json_t *status, char text[TEXT_BYTES]);

static bool each(const struct alert_facts *f, measure_fn fn, alert_emit_fn emit, void *ctx)
{
	const json_t *filterd = json_object_get(f->running, "filterd"), *v, *status;
	char text[TEXT_BYTES];
	size_t i;

	json_array_foreach(json_object_get(filterd, "volumes"), i, v)
	{
		const json_t *params = leads(v, &status);
		double value;

		if (!params)
			continue;
		text[0] = '\0';
		value = fn(f, text_of(v, "name"), params, status, text);
		emit(ctx, "volume", text_of(v, "name"), value, text);
	}
	return json_is_true(json_object_get(filterd, "is_up"));
}

/* ---------------------------------------------------------------- lag */

/* As of the last second; the running state is looked at more seldom. */
static double lag_ms_of(const struct alert_facts *f, const char *volume)
{
	const json_t *v;
	size_t i;

	json_array_foreach(json_object_get(f->figures, "volumes"), i, v)
	{
		if (strcmp(text_of(v, "name"), volume) == 0)
			return json_number_value(json_object_get(v, "lag_ms"));
	}
	return 0;
}

static double beyond_rpo(const struct alert_facts *f, const char *volume, const json_t *params,
			 const json_t *status, char text[TEXT_BYTES])
{
	double lag_ms = lag_ms_of(f, volume);
	double warning_ms = strtod(text_of(params, "rpo_warning_ms"), NULL);
	double error_ms = strtod(text_of(params, "rpo_error_ms"), NULL);

	snprintf(text, TEXT_BYTES,
		 "the replica of volume %s is %.1f s behind, and should be at most %.1f s: more is "
		 "written than the link carries, or it stands still",
		 volume, lag_ms / 1000.0, strtod(text_of(params, "rpo_target_ms"), NULL) / 1000.0);
	if (error_ms > 0 && lag_ms >= error_ms)
		return 2;
	return warning_ms > 0 && lag_ms >= warning_ms ? 1 : 0;
}

bool alert_replication_rpo(const struct alert_facts *f, alert_emit_fn emit, void *ctx)
{
	return each(f, beyond_rpo, emit, ctx) && f->figures;
}

/* ---------------------------------------------------------------- states */

static double peer_lost(const struct alert_facts *f, const char *volume, const json_t *params,
			const json_t *status, char text[TEXT_BYTES])
{
	bool is_primary = strcmp(text_of(status, "role"), "primary") == 0;
	bool holds = is_primary && !json_is_true(json_object_get(status, "is_serving"));

	if (json_is_true(json_object_get(status, "peer_up")))
		return 0;
	snprintf(text, TEXT_BYTES,
		 holds
		     ? "volume %s does not serve: peer %s is not reached, and I/O waits for it or "
		       "for somebody's decision"
		     : "the replication of volume %s does not reach peer %s",
		 volume, text_of(params, "peer"));
	return holds ? 2 : 1;
}

bool alert_replication_peer_lost(const struct alert_facts *f, alert_emit_fn emit, void *ctx)
{
	return each(f, peer_lost, emit, ctx);
}

static double split_brain(const struct alert_facts *f, const char *volume, const json_t *params,
			  const json_t *status, char text[TEXT_BYTES])
{
	snprintf(
	    text, TEXT_BYTES,
	    "volume %s was written on this appliance and on %s without the other one; nothing "
	    "is served here until somebody says which side is kept: sluice replication resolve",
	    volume, text_of(params, "peer"));
	return strcmp(text_of(status, "state"), "diverged") == 0;
}

bool alert_replication_split_brain(const struct alert_facts *f, alert_emit_fn emit, void *ctx)
{
	return each(f, split_brain, emit, ctx);
}

static double inconsistent(const struct alert_facts *f, const char *volume, const json_t *params,
			   const json_t *status, char text[TEXT_BYTES])
{
	snprintf(text, TEXT_BYTES,
		 "the replica of volume %s is no point in time yet: it cannot be used before its "
		 "first copy is complete",
		 volume);
	return strcmp(text_of(status, "role"), "secondary") == 0 &&
	       json_is_false(json_object_get(status, "is_consistent"));
}

bool alert_replication_inconsistent(const struct alert_facts *f, alert_emit_fn emit, void *ctx)
{
	return each(f, inconsistent, emit, ctx);
}

static double gap(const struct alert_facts *f, const char *volume, const json_t *params,
		  const json_t *status, char text[TEXT_BYTES])
{
	snprintf(text, TEXT_BYTES,
		 "the journal of volume %s was full: which blocks changed is noted, in which order "
		 "is not, and the replica stays at its last mark until it has caught up",
		 volume);
	return json_number_value(json_object_get(status, "gap_since_ms")) > 0;
}

bool alert_replication_gap(const struct alert_facts *f, alert_emit_fn emit, void *ctx)
{
	return each(f, gap, emit, ctx);
}
