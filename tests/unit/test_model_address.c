/* SPDX-License-Identifier: MIT */
/* Addresses, networks and portals: the one form in which tgtd can compare them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "model.h"

static void an_address_becomes_canonical(void **state)
{
	static const struct {
		const char *text, *out;
	} good[] = {
	    {"10.0.0.1", "10.0.0.1"},
	    {"10.0.0.1/32", "10.0.0.1"}, /* tgtd lets a /32 match nothing */
	    {"10.0.0.77/24", "10.0.0.0/24"},
	    {"10.255.255.255/9", "10.128.0.0/9"},
	    {"FD00:0:0::1", "fd00::1"},
	    {"[fd00::1]", "fd00::1"},
	    {"fd00::1/128", "fd00::1"},
	    {"fd00:1:2:3:4::/63", "fd00:1:2:2::/63"},
	    {"::1", "::1"},
	};
	char out[64];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct err err = {0};

		assert_int_equal(model_address_check("addresses[0]", good[i].text, out, &err), 0);
		assert_string_equal(out, good[i].out);
	}
}

static void a_bad_address_is_refused_with_the_reason(void **state)
{
	static const struct {
		const char *text;
		int rc;
		const char *says;
	} bad[] = {
	    {"", -EINVAL, "no IPv4 or IPv6 address"},
	    {"ALL", -EINVAL, "no IPv4 or IPv6 address"},
	    {"10.0.0", -EINVAL, "no IPv4 or IPv6 address"},
	    {"10.0.0.256", -EINVAL, "no IPv4 or IPv6 address"},
	    {"010.0.0.1", -EINVAL, "no IPv4 or IPv6 address"},
	    {"10.0.0.1 ", -EINVAL, "no IPv4 or IPv6 address"},
	    {"storage.example.org", -EINVAL, "no IPv4 or IPv6 address"},
	    {"fe80::1%eth0", -EINVAL, "no IPv4 or IPv6 address"},
	    {"10.0.0.1/", -ERANGE, "1 to 32"},
	    {"10.0.0.1/33", -ERANGE, "1 to 32"},
	    {"10.0.0.1/-1", -ERANGE, "1 to 32"},
	    {"10.0.0.1/0", -ERANGE, "leave the address out"},
	    {"fd00::/129", -ERANGE, "1 to 128"},
	    {"0.0.0.0", -EINVAL, "no initiator"},
	    {"0.0.0.0/1", -EINVAL, "no initiator"},
	    {"::", -EINVAL, "no initiator"},
	    {"::/8", -EINVAL, "no initiator"},
	    {"::ffff:10.0.0.1", -EINVAL, "no initiator"},
	    {"224.0.0.1", -EINVAL, "no initiator"},
	    {"ff02::1", -EINVAL, "no initiator"},
	    {"0000000000000000000000000000000000000000000000000000000000000000000000000000",
	     -EINVAL, "no IPv4"},
	};
	char out[64];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err err = {0};

		assert_int_equal(model_address_check("addresses[0]", bad[i].text, out, &err),
				 bad[i].rc);
		assert_string_equal(err.field, "addresses[0]");
		assert_non_null(strstr(err.text, bad[i].says));
	}
}

static void a_network_matches_what_lies_in_it(void **state)
{
	static const struct {
		const char *allowed, *address;
		bool is_match;
	} cases[] = {
	    {"10.0.0.1", "10.0.0.1", true},
	    {"10.0.0.1", "10.0.0.2", false},
	    {"10.0.0.0/24", "10.0.0.255", true},
	    {"10.0.0.0/24", "10.0.1.0", false},
	    {"10.0.0.128/25", "10.0.0.127", false},
	    {"fd00::/64", "fd00::ffff:1", true},
	    {"fd00::/64", "[fd00::1]", true},
	    {"fd00::/64", "fd00:0:0:1::1", false},
	    {"10.0.0.1", "fd00::1", false},
	    {"fd00::/16", "10.0.0.1", false},
	    {"10.0.0.1", "", false},
	    {"10.0.0.1", "not an address", false},
	    {"nonsense", "10.0.0.1", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(model_address_matches(cases[i].allowed, cases[i].address),
				 cases[i].is_match);
}

static void a_portal_has_a_name(void **state)
{
	static const struct {
		const char *address;
		uint64_t port;
		int rc;
		const char *out; /* or the field at fault */
	} cases[] = {
	    {"10.0.0.1", 3260, 0, "10.0.0.1:3260"}, {"0.0.0.0", 3260, 0, "0.0.0.0:3260"},
	    {"::", 3260, 0, "[::]:3260"},           {"[::]", 860, 0, "[::]:860"},
	    {"FD00::0:1", 1, 0, "[fd00::1]:1"},     {"10.0.0.0/24", 3260, -EINVAL, "address"},
	    {"any", 3260, -EINVAL, "address"},      {"10.0.0.1", 0, -ERANGE, "port"},
	    {"10.0.0.1", 65536, -ERANGE, "port"},
	};
	char name[80];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err = {0};
		int rc = model_portal_check(cases[i].address, cases[i].port, name, &err);

		assert_int_equal(rc, cases[i].rc);
		assert_string_equal(rc ? err.field : name, cases[i].out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_address_becomes_canonical),
	    cmocka_unit_test(a_bad_address_is_refused_with_the_reason),
	    cmocka_unit_test(a_network_matches_what_lies_in_it),
	    cmocka_unit_test(a_portal_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
