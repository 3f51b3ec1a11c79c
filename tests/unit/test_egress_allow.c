/* SPDX-License-Identifier: MIT */
/* test_egress_allow.c - which destinations an entry allows, and which URLs lead there. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "allow.h"

static struct allow_list list;

static int setup(void **state)
{
	json_t *hosts =
	    json_pack("[s,s,s,s,s,s,s]", "kmip://kms.example.com", "kmip://[fd00::6]:5700!private",
		      "hooks.example.com:443", "plain.example.com!private", "http://10.0.0.5:8080",
		      "[fd00::5]:8443", "odd.example.com:8443");
	struct err err = {0};

	assert_int_equal(allow_set(&list, hosts, &err), 0);
	json_decref(hosts);
	return 0;
}

static int teardown(void **state)
{
	allow_fini(&list);
	return 0;
}

static int try(const char *url, bool *may_be_private)
{
	struct allow_entry entry;
	struct err err = {0};
	CURLU *u = NULL;
	int rc = allow_url(&list, url, &u, &entry, &err);

	if (rc == 0)
		curl_url_cleanup(u);
	if (may_be_private)
		*may_be_private = entry.may_be_private;
	return rc;
}

static void what_is_on_the_list_is_allowed(void **state)
{
	bool may_be_private;

	assert_int_equal(try("https://hooks.example.com/a?b", &may_be_private), 0);
	assert_false(may_be_private);
	assert_int_equal(try("https://HOOKS.example.com:443/", NULL), 0);
	assert_int_equal(try("https://plain.example.com/", &may_be_private), 0);
	assert_true(may_be_private);
	assert_int_equal(try("http://10.0.0.5:8080/x", &may_be_private), 0);
	assert_true(may_be_private);
	assert_int_equal(try("http://0x0a000005:8080/x", NULL), 0); /* the same address */
	assert_int_equal(try("https://[fd00::5]:8443/", &may_be_private), 0);
	assert_true(may_be_private);
	assert_int_equal(try("https://odd.example.com:8443/", NULL), 0);
}

static void what_is_not_is_refused(void **state)
{
	static const char *const others[] = {
	    "http://hooks.example.com/",
	    "https://hooks.example.com:444/",
	    "https://example.com/",
	    "https://x.hooks.example.com/",
	    "https://hooks.example.com.evil/",
	    "https://hooks.example.com./",
	    "https://10.0.0.5:8080/",
	    "http://10.0.0.5/",
	    "https://odd.example.com/",
	    "http://127.0.0.1:8080/",
	    "https://evil/hooks.example.com/",
	    "https://evil?hooks.example.com:443",
	    "https://evil#@hooks.example.com/",
	};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (try(others[i], NULL) != -EACCES)
			fail_msg("%s passed", others[i]);
}

static void what_is_no_url_is_refused(void **state)
{
	static const char *const bad[] = {"",
					  "hooks.example.com",
					  "ftp://hooks.example.com/",
					  "file:///etc/passwd",
					  "gopher://hooks.example.com:443/",
					  "https://u:p@hooks.example.com/",
					  "https://evil@hooks.example.com/",
					  "https://hooks.example.com:99999/"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (try(bad[i], NULL) != -EINVAL)
			fail_msg("%s was not refused as malformed", bad[i]);
}

static void entries_that_are_no_destinations_are_refused(void **state)
{
	static const char *const bad[] = {"",
					  "!private",
					  "a.example/path",
					  "https://a.example/path",
					  "a.example?x",
					  "ftp://a.example",
					  "u@a.example",
					  "a b",
					  "a.example:0",
					  "a.example:x",
					  "*.example.com"};
	struct allow_entry entry;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (allow_parse(bad[i], &entry, NULL) != -EINVAL)
			fail_msg("'%s' passed", bad[i]);
}

static void a_refused_list_leaves_the_old_one(void **state)
{
	json_t *hosts = json_pack("[s,i]", "new.example.com", 5);

	assert_int_equal(allow_set(&list, hosts, NULL), -EINVAL);
	json_decref(hosts);
	assert_int_equal(try("https://hooks.example.com/", NULL), 0);
	assert_int_equal(try("https://new.example.com/", NULL), -EACCES);
}

static void key_servers_are_allowed_as_such_alone(void **state)
{
	struct allow_entry entry;
	struct err err = {0};

	assert_int_equal(allow_kmip(&list, "kmip://KMS.example.com:5696", &entry, &err), 0);
	assert_int_equal(entry.port, 5696);
	assert_false(entry.may_be_private);
	assert_int_equal(allow_kmip(&list, "kmip://[fd00::6]:5700", &entry, &err), 0);
	assert_true(entry.may_be_private);
	assert_int_equal(allow_kmip(&list, "kmip://kms.example.com:443", &entry, &err), -EACCES);
	assert_int_equal(allow_kmip(&list, "kmip://hooks.example.com:443", &entry, &err), -EACCES);
	assert_int_equal(allow_kmip(&list, "https://hooks.example.com:443", &entry, &err), -EINVAL);
	assert_int_equal(allow_kmip(&list, "kmip://u:p@kms.example.com", &entry, &err), -EINVAL);
	assert_int_equal(allow_kmip(&list, "", &entry, &err), -EINVAL);
	assert_int_equal(try("https://kms.example.com:5696/", NULL), -EACCES);
	assert_int_equal(try("kmip://kms.example.com:5696/", NULL), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_on_the_list_is_allowed),
	    cmocka_unit_test(what_is_not_is_refused),
	    cmocka_unit_test(what_is_no_url_is_refused),
	    cmocka_unit_test(entries_that_are_no_destinations_are_refused),
	    cmocka_unit_test(a_refused_list_leaves_the_old_one),
	    cmocka_unit_test(key_servers_are_allowed_as_such_alone),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
