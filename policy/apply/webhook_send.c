/* SPDX-License-Identifier: MIT */
/* webhook_send.c - one event to one webhook; see webhook.h. policyd has no network of its own. */
#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "ctl_client.h"
#include "json.h"
#include "reconciler.h"
#include "webhook.h"

static const char *text_of(const json_t *j, const char *key)
{
	const char *text = json_string_value(json_object_get(j, key));

	return text ? text : "";
}

static int sign(const struct sealer *sealer, const json_t *hook, const char *body,
		char signature[WEBHOOK_SIGNATURE_BYTES], struct err *err)
{
	char place[96], *secret;

	webhook_seal_name(text_of(hook, "name"), place);
	secret = sealer_open_box(sealer, place, text_of(hook, "secret_sealed"), err);
	if (!secret)
		return -err->code;
	webhook_sign(secret, body, clock_wall_ms() / 1000, signature);
	OPENSSL_cleanse(secret, strlen(secret));
	free(secret);
	return 0;
}

static json_t *request_of(const json_t *hook, const char *body, const char *signature)
{
	return json_pack("{s:s, s:s, s:{s:s, s:s, s:s}, s:s, s:i}", "request", "http.post", "url",
			 text_of(hook, "url"), "headers", "Content-Type", "application/json",
			 "User-Agent", "Sluice", "Sluice-Signature", signature, "body", body,
			 "timeout_ms", (int)WEBHOOK_TIMEOUT_MS);
}

int webhook_send(struct ctl_client *egress, const struct sealer *sealer, const json_t *hook,
		 const json_t *event, char *status, uint32_t status_bytes, struct err *err)
{
	cleanup_free char *body = webhook_body(event);
	cleanup_json json_t *request = NULL, *answer = NULL;
	char signature[WEBHOOK_SIGNATURE_BYTES];
	json_int_t code;

	if (!body)
		return err_set(err, ENOMEM, "", "no memory for an event's text");
	if (sign(sealer, hook, body, signature, err) < 0) {
		snprintf(status, status_bytes, "%s", err->text);
		return -err->code;
	}
	request = request_of(hook, body, signature);
	answer = request ? ctl_client_ask(egress, request, -1, err) : NULL;
	if (!request)
		return err_set(err, EINVAL, "url", "the event or the URL is not UTF-8");
	if (!answer) {
		snprintf(status, status_bytes, "%s", err->text);
		return -err->code;
	}
	code = json_integer_value(json_object_get(answer, "status"));
	snprintf(status, status_bytes, "%lld", (long long)code);
	if (code >= 200 && code < 300)
		return 0;
	/* not the URL: tasks are everybody's to read, and a URL may be a secret */
	return err_set(err, EREMOTEIO, "url",
		       "webhook %s was answered with status %lld; 2xx was expected",
		       text_of(hook, "name"), (long long)code);
}
