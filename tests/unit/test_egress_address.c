/* SPDX-License-Identifier: MIT */
/* test_egress_address.c - only addresses of the public internet pass. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "address.h"

static bool is_public(const char *text)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
		return address_is_public((const struct sockaddr *)&v4);
	assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
	return address_is_public((const struct sockaddr *)&v6);
}

static void public_ones_pass(void **state)
{
	static const char *const all[] = {"1.1.1.1",         "9.255.255.255",   "11.0.0.0",
					  "100.63.255.255",  "100.128.0.0",     "128.0.0.1",
					  "169.253.0.1",     "172.15.0.1",      "172.32.0.1",
					  "192.167.255.255", "198.17.0.1",      "198.20.0.0",
					  "223.255.255.255", "2606:4700::1",    "2a00:1450::8",
					  "::ffff:8.8.8.8",  "64:ff9b::8.8.8.8"};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (!is_public(all[i]))
			fail_msg("%s was refused", all[i]);
}

static void all_others_are_refused(void **state)
{
	static const char *const all[] = {"0.0.0.0",
					  "10.0.0.1",
					  "10.255.255.255",
					  "100.64.0.1",
					  "100.100.100.200",
					  "127.0.0.1",
					  "127.9.9.9",
					  "169.254.169.254",
					  "172.16.0.1",
					  "172.31.255.255",
					  "192.0.0.8",
					  "192.168.1.1",
					  "198.18.0.1",
					  "198.19.255.255",
					  "203.0.113.9",
					  "224.0.0.1",
					  "255.255.255.255",
					  "::",
					  "::1",
					  "::ffff:127.0.0.1",
					  "::ffff:10.1.2.3",
					  "::10.0.0.1",
					  "64:ff9b::10.0.0.1",
					  "64:ff9b:1::1",
					  "fe80::1",
					  "fec0::1",
					  "fc00::1",
					  "fd00:ec2::254",
					  "ff02::1",
					  "2001:db8::1",
					  "2001::1",
					  "2002:7f00:1::",
					  "3fff::1",
					  "4000::1"};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (is_public(all[i]))
			fail_msg("%s passed", all[i]);
}

static void other_families_are_refused(void **state)
{
	struct sockaddr_storage a = {.ss_family = AF_UNIX};

	assert_false(address_is_public((const struct sockaddr *)&a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(public_ones_pass),
	    cmocka_unit_test(all_others_are_refused),
	    cmocka_unit_test(other_families_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
