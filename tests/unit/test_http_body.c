/* SPDX-License-Identifier: MIT */
/* A body is looked at before it is parsed: depth, UTF-8, duplicate members, numbers, size. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "body.h"
#include "json.h"

static void an_object_is_taken(void **state)
{
	static const char text[] =
	    "{\"name\": \"gr\xc3\xbc\xc3\x9f\", \"n\": [1, 2.5, {\"a\": null}]}";
	struct err err = {0};
	cleanup_json json_t *body = body_parse(text, strlen(text), &err);

	assert_non_null(body);
}

static void refused(const char *text, size_t len, int code)
{
	struct err err = {0};
	cleanup_json json_t *body = body_parse(text, len, &err);

	if (body || err.code != code)
		fail_msg("%.*s: %d instead of %d", (int)(len < 60 ? len : 60), text, err.code,
			 code);
	assert_true(err.text[0]);
}

static void what_is_not_json_is_refused(void **state)
{
	static const char *const bad[] = {
	    "{",
	    "}",
	    "nonsense",
	    "{\"a\" 1}",
	    "{\"a\":1,}",
	    "{'a':1}",
	    "[1]",
	    "\"text\"",
	    "7",
	    "null",
	    "{\"a\":1} x",
	    "{\"a\":NaN}",
	    "{\"a\":01}",
	    "{\"a\":\"\x01\"}",
	    "{\"a\":\"\\u0000\"}",
	    "{\"a\\u0000b\":1}",
	    "{\"a\":\"\\ud800\"}",
	    "{\"a\":1,\"a\":2}",
	    "{\"a\":\"\xff\"}",
	    "{\"a\":\"\xc0\xaf\"}",
	    "{\"a\":\"\xed\xa0\x80\"}",
	    "\xef\xbb\xbf{}",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refused(bad[i], strlen(bad[i]), EBADMSG);
	refused("{\"a\":\"\0\"}", 9, EBADMSG);
}

static void a_number_that_overflows_is_a_range(void **state)
{
	static const char text[] = "{\"size_bytes\": 99999999999999999999}";

	refused(text, strlen(text), ERANGE);
	refused("{\"a\": 1e999}", 12, ERANGE);
}

static json_t *nested(uint32_t depth, struct err *err)
{
	char text[200] = "{\"a\":";
	size_t at = strlen(text);

	for (uint32_t i = 1; i < depth; i++)
		text[at++] = '[';
	for (uint32_t i = 1; i < depth; i++)
		text[at++] = ']';
	text[at++] = '}';
	return body_parse(text, at, err);
}

static void depth_ends_at_32(void **state)
{
	struct err err = {0};
	cleanup_json json_t *body = nested(BODY_DEPTH_MAX, &err);

	assert_non_null(body);
	assert_null(nested(BODY_DEPTH_MAX + 1, &err));
	assert_int_equal(err.code, EBADMSG);
}

static void a_million_brackets_cost_no_stack(void **state)
{
	size_t len = 1 << 20;
	char *text = malloc(len);

	memset(text, '[', len);
	refused(text, len, EBADMSG);
	free(text);
}

/* Each of them would be an object of a hundred bytes. */
static void millions_of_empty_lists_are_too_much(void **state)
{
	size_t len = 16 << 20;
	char *text = malloc(len);

	memcpy(text, "{\"a\":", 5);
	text[5] = '[';
	for (size_t i = 6; i + 3 <= len; i += 3)
		memcpy(text + i, "[],", 3);
	refused(text, len, EFBIG);
	free(text);
}

static void brackets_in_strings_are_text(void **state)
{
	static const char text[] =
	    "{\"a\":\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"{{{{{{{{{{{{\"}";
	struct err err = {0};
	cleanup_json json_t *body = body_parse(text, strlen(text), &err);

	assert_non_null(body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_object_is_taken),
	    cmocka_unit_test(what_is_not_json_is_refused),
	    cmocka_unit_test(a_number_that_overflows_is_a_range),
	    cmocka_unit_test(depth_ends_at_32),
	    cmocka_unit_test(a_million_brackets_cost_no_stack),
	    cmocka_unit_test(millions_of_empty_lists_are_too_much),
	    cmocka_unit_test(brackets_in_strings_are_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
