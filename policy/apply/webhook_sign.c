/* SPDX-License-Identifier: MIT */
/* webhook_sign.c - the pure part of webhooks; see webhook.h. */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "json.h"
#include "webhook.h"

void webhook_seal_name(const char *name, char out[96])
{
	snprintf(out, 96, "webhook:%s", name);
}

static const char *text_of(const json_t *j, const char *key)
{
	const char *text = json_string_value(json_object_get(j, key));

	return text ? text : "";
}

char *webhook_body(const json_t *event)
{
	static const char *const members[] = {"id", "at_ms", "severity", "kind"};
	cleanup_json json_t *j = json_object();

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		json_object_set(j, members[i], json_object_get(event, members[i]));
	json_object_set_new(j, "object",
			    json_pack("{s:s, s:s}", "type", text_of(event, "object_type"), "name",
				      text_of(event, "object_name")));
	json_object_set(j, "text", json_object_get(event, "text"));
	json_object_set(j, "details", json_object_get(event, "details"));
	return json_dumps(j, JSON_COMPACT);
}

void webhook_sign(const char *secret, const char *body, uint64_t unix_s,
		  char out[WEBHOOK_SIGNATURE_BYTES])
{
	cleanup_free char *text = NULL;
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned int mac_bytes = 0;
	int used;

	out[0] = '\0';
	if (asprintf(&text, "%llu.%s", (unsigned long long)unix_s, body) < 0) {
		text = NULL;
		return;
	}
	if (!HMAC(EVP_sha256(), secret, (int)strlen(secret), (const unsigned char *)text,
		  strlen(text), mac, &mac_bytes))
		return;
	used = snprintf(out, WEBHOOK_SIGNATURE_BYTES, "t=%llu,v1=", (unsigned long long)unix_s);
	for (unsigned int i = 0; i < mac_bytes && used + 3 < (int)WEBHOOK_SIGNATURE_BYTES; i++)
		used += snprintf(out + used, 3, "%02x", mac[i]);
}

static int severity_number(const char *word)
{
	static const char *const words[] = {"info", "warning", "error", "critical"};

	for (int i = 0; i < 4; i++)
		if (strcmp(words[i], word) == 0)
			return i;
	return 0;
}

/* "volume.created", or "volume.*" for all that begin so. */
static bool is_kind(const char *pattern, const char *kind)
{
	size_t n = strlen(pattern);

	if (n > 0 && pattern[n - 1] == '*')
		return strncmp(pattern, kind, n - 1) == 0;
	return strcmp(pattern, kind) == 0;
}

bool webhook_wants(const json_t *hook, const json_t *event)
{
	const json_t *kinds = json_object_get(hook, "kinds"), *k;
	size_t i;

	if (severity_number(text_of(event, "severity")) <
	    severity_number(text_of(hook, "min_severity")))
		return false;
	if (json_array_size(kinds) == 0)
		return true;
	json_array_foreach(kinds, i, k)
	{
		if (json_is_string(k) && is_kind(json_string_value(k), text_of(event, "kind")))
			return true;
	}
	return false;
}

uint32_t webhook_backoff_ms(uint64_t failures)
{
	uint64_t ms = WEBHOOK_BACKOFF_FIRST_MS;

	if (failures == 0)
		return 0;
	for (uint64_t i = 1; i < failures && ms < WEBHOOK_BACKOFF_LAST_MS; i++)
		ms *= 2;
	return ms < WEBHOOK_BACKOFF_LAST_MS ? (uint32_t)ms : WEBHOOK_BACKOFF_LAST_MS;
}
