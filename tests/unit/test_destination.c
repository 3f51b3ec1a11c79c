/* SPDX-License-Identifier: MIT */
/* What policyd keeps as a destination of webhooks is what egressd takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "destination.h"

static void names_and_addresses_are_taken(void **state)
{
	static const char *const good[] = {"hooks.example.com",
					   "hooks.example.com:443",
					   "https://hooks.example.com:8443",
					   "http://10.0.0.5:8080",
					   "http://10.0.0.5",
					   "[fd00::5]:8443",
					   "[fd00::5]",
					   "hooks.lan:443!private",
					   "hooks.lan!private",
					   "a_b-c.example:65535",
					   "kmip://kms.lan:5696!private",
					   "kmip://10.0.0.7"};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (destination_check("value", good[i], NULL) != 0)
			fail_msg("'%s' was refused", good[i]);
}

static void all_else_is_refused(void **state)
{
	static const char *const bad[] = {"",
					  "!private",
					  "https://",
					  "a.example/",
					  "a.example?x",
					  "ftp://a.example",
					  "u@a.example",
					  "a b",
					  "a.example:0",
					  "a.example:65536",
					  "a.example:",
					  "a.example:x",
					  "*.example.com",
					  "a!private.example",
					  "a!private!private",
					  "fd00::5",
					  "[fd00::5",
					  "[]:443",
					  "[nonsense]:443",
					  "caf\xc3\xa9.example"};
	struct err err;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (destination_check("value", bad[i], &err) == 0)
			fail_msg("'%s' was taken", bad[i]);
		assert_string_equal(err.field, "value");
	}
	assert_non_null(strstr(err.text, "host:port"));
}

static void endless_text_is_refused(void **state)
{
	char text[1000];

	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_not_equal(destination_check("value", text, NULL), 0);
	text[301] = '\0';
	assert_int_not_equal(destination_check("value", text, NULL), 0);
	text[255] = '\0';
	assert_int_equal(destination_check("value", text, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_and_addresses_are_taken),
	    cmocka_unit_test(all_else_is_refused),
	    cmocka_unit_test(endless_text_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
