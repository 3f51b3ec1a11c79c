/* SPDX-License-Identifier: MIT */
/* test_mime.c - a file's ending says its type; what has no type is not served. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "mime.h"

static void endings_have_types(void **state)
{
	assert_string_equal(mime_of("/index.html"), "text/html; charset=utf-8");
	assert_string_equal(mime_of("/js/a.min.MJS"), "text/javascript; charset=utf-8");
	assert_string_equal(mime_of("x.svg"), "image/svg+xml");
}

static void others_have_none(void **state)
{
	assert_null(mime_of("/key.pem"));
	assert_null(mime_of("/html"));
	assert_null(mime_of("/a.html~"));
	assert_null(mime_of(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(endings_have_types),
	    cmocka_unit_test(others_have_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
