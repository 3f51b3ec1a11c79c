/* SPDX-License-Identifier: MIT */
/* What a webhook is sent, how it is signed, which events it wants, and when it is tried again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>

#include "cleanup.h"
#include "json.h"
#include "webhook.h"

static void signature_is_hmac_sha256_of_time_and_body(void **state)
{
	char signature[WEBHOOK_SIGNATURE_BYTES];

	/* printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac secret */
	webhook_sign("secret", "{\"a\":1}", 1700000000, signature);
	assert_string_equal(signature,
			    "t=1700000000,v1="
			    "49f24e537407743fa4a0242bb63b94b9a47ee99cbbe071ccd8a22550ae411686");
}

static void body_has_what_the_manual_says(void **state)
{
	cleanup_json json_t *event =
	    json_pack("{s:i, s:i, s:s, s:s, s:s, s:s, s:s, s:{s:i}}", "id", 7, "at_ms", 5,
		      "severity", "error", "kind", "filter.hung", "object_type", "volume",
		      "object_name", "v\"0", "text", "it hung", "details", "n", 1);
	cleanup_free char *body = webhook_body(event);

	assert_string_equal(body, "{\"id\":7,\"at_ms\":5,\"severity\":\"error\",\"kind\":\"filter."
				  "hung\",\"object\":{\"type\":\"volume\",\"name\":\"v\\\"0\"},"
				  "\"text\":\"it hung\",\"details\":{\"n\":1}}");
}

static bool wants(const char *min, json_t *kinds, const char *severity, const char *kind)
{
	cleanup_json json_t *hook = json_pack("{s:s, s:o}", "min_severity", min, "kinds", kinds);
	cleanup_json json_t *event = json_pack("{s:s, s:s}", "severity", severity, "kind", kind);

	return webhook_wants(hook, event);
}

static void severity_and_kind_decide(void **state)
{
	assert_true(wants("warning", json_array(), "error", "any.thing"));
	assert_true(wants("warning", json_array(), "warning", "any.thing"));
	assert_false(wants("warning", json_array(), "info", "any.thing"));
	assert_true(wants("critical", json_array(), "critical", "any.thing"));
	assert_true(wants("info", json_pack("[s]", "volume.*"), "info", "volume.created"));
	assert_false(wants("info", json_pack("[s]", "volume.*"), "info", "volumes.created"));
	assert_true(
	    wants("info", json_pack("[s, s]", "x", "volume.created"), "info", "volume.created"));
	assert_false(wants("info", json_pack("[s]", "volume.create"), "info", "volume.created"));
}

static void attempts_get_rarer_up_to_an_hour(void **state)
{
	uint32_t before = 0;

	assert_int_equal(webhook_backoff_ms(0), 0);
	assert_int_equal(webhook_backoff_ms(1), 5000);
	assert_int_equal(webhook_backoff_ms(2), 10000);
	for (uint64_t n = 1; n < 100; n++) {
		assert_true(webhook_backoff_ms(n) >= before);
		before = webhook_backoff_ms(n);
	}
	assert_int_equal(webhook_backoff_ms(UINT64_MAX), 3600 * 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(signature_is_hmac_sha256_of_time_and_body),
	    cmocka_unit_test(body_has_what_the_manual_says),
	    cmocka_unit_test(severity_and_kind_decide),
	    cmocka_unit_test(attempts_get_rarer_up_to_an_hour),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
