/* SPDX-License-Identifier: MIT */
/*
 * alert_keys.c - what keys are watched for: that who keeps them serves, that each can be had, and
 * that no volume stays locked. Volumes that are open run on without any of that; at their next
 * start they would not.
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

bool alert_key_provider_down(const struct alert_facts *f, alert_emit_fn emit, void *ctx)
{
	char text[TEXT_BYTES];
	const json_t *p;
	size_t i;

	json_array_foreach(f->key_providers, i, p)
	{
		const char *state = text_of(p, "state");
		bool is_well = strcmp(state, "ok") == 0 || strcmp(state, "pending") == 0;

		snprintf(text, sizeof(text),
			 "key provider %.80s is %s, and volumes that start now stay locked: %.240s",
			 text_of(p, "name"), state, text_of(p, "state_text"));
		emit(ctx, "key_provider", text_of(p, "name"), !is_well, text);
	}
	return f->key_providers != NULL;
}

bool alert_key_unusable(const struct alert_facts *f, alert_emit_fn emit, void *ctx)
{
	static const char *const bad[] = {"revoked", "destroyed", "missing"};
	char text[TEXT_BYTES];
	const json_t *k;
	size_t i;

	json_array_foreach(f->keys, i, k)
	{
		bool is_bad = false;

		for (size_t n = 0; n < sizeof(bad) / sizeof(bad[0]); n++)
			is_bad |= strcmp(text_of(k, "state"), bad[n]) == 0;
		snprintf(text, sizeof(text),
			 "key %.80s is %s: its volumes stay locked after their next start; copy "
			 "them to volumes of another key while they are open: %.160s",
			 text_of(k, "name"), text_of(k, "state"), text_of(k, "state_text"));
		emit(ctx, "key", text_of(k, "name"), is_bad, text);
	}
	return f->keys != NULL;
}

/* A volume's figures bear the word of its filter. */
bool alert_volume_locked(const struct alert_facts *f, alert_emit_fn emit, void *ctx)
{
	char text[TEXT_BYTES];
	const json_t *v;
	size_t i;

	json_array_foreach(json_object_get(f->figures, "volumes"), i, v)
	{
		snprintf(text, sizeof(text),
			 "volume %.80s is locked and answers NOT READY; it opens by itself when "
			 "its key can be had: see sluice key-provider list and sluice event list",
			 text_of(v, "name"));
		emit(ctx, "volume", text_of(v, "name"), strcmp(text_of(v, "state"), "locked") == 0,
		     text);
	}
	return f->figures != NULL;
}
