/* SPDX-License-Identifier: MIT */
/* test_ratelimit.c - a bucket for each address; nobody can push another one's state out. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ratelimit.h"

#define S 1000000000ull

static struct ratelimit_key key4(uint32_t address)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};

	return ratelimit_key_of((const struct sockaddr *)&a);
}

static struct ratelimit_key key6(const char *text)
{
	struct sockaddr_in6 a = {.sin6_family = AF_INET6};

	assert_int_equal(inet_pton(AF_INET6, text, &a.sin6_addr), 1);
	return ratelimit_key_of((const struct sockaddr *)&a);
}

static struct ratelimit *make(uint32_t burst, uint32_t entries)
{
	struct ratelimit_cfg cfg = {
	    .token_ns = S, .burst = burst, .entries = entries, .seed = 12345};

	return ratelimit_create(&cfg);
}

static void a_burst_passes_then_one_a_second(void **state)
{
	struct ratelimit *r = make(5, 64);
	struct ratelimit_key key = key4(1);
	uint64_t wait_ns;

	for (int i = 0; i < 5; i++)
		assert_true(ratelimit_take(r, &key, 100 * S, &wait_ns));
	assert_false(ratelimit_take(r, &key, 100 * S, &wait_ns));
	assert_int_equal(wait_ns, S);
	assert_false(ratelimit_take(r, &key, 100 * S + S / 4, &wait_ns));
	assert_int_equal(wait_ns, S - S / 4);
	assert_true(ratelimit_take(r, &key, 101 * S, &wait_ns));
	assert_false(ratelimit_take(r, &key, 101 * S, &wait_ns));
	for (int i = 0; i < 5; i++)
		assert_true(ratelimit_take(r, &key, 200 * S, &wait_ns));
	assert_false(ratelimit_take(r, &key, 200 * S, &wait_ns));
	ratelimit_free(r);
}

static void addresses_do_not_share(void **state)
{
	struct ratelimit *r = make(1, 64);
	struct ratelimit_key one = key4(1), two = key4(2);
	uint64_t wait_ns;

	assert_true(ratelimit_take(r, &one, S, &wait_ns));
	assert_false(ratelimit_take(r, &one, S, &wait_ns));
	assert_true(ratelimit_take(r, &two, S, &wait_ns));
	ratelimit_free(r);
}

static void a_flood_of_addresses_frees_nobody(void **state)
{
	struct ratelimit *r = make(3, 64);
	struct ratelimit_key victim = key4(0xffffffff);
	uint32_t passed = 0;
	uint64_t wait_ns;

	for (int i = 0; i < 3; i++)
		assert_true(ratelimit_take(r, &victim, S, &wait_ns));
	for (uint32_t i = 0; i < 100000; i++) {
		struct ratelimit_key key = key4(i);

		passed += ratelimit_take(r, &key, S, &wait_ns);
	}
	assert_true(passed <= 64 + 3); /* one for each place, and the shared bucket's */
	assert_false(ratelimit_take(r, &victim, S, &wait_ns));
	ratelimit_free(r);
}

static void an_ipv6_client_is_its_64(void **state)
{
	struct ratelimit_key a = key6("2001:db8:1:2::1"), b = key6("2001:db8:1:2:ffff::9");
	struct ratelimit_key c = key6("2001:db8:1:3::1"), d = key6("::ffff:10.0.0.1");
	struct ratelimit_key e = key4(0x0a000001);

	assert_memory_equal(&a, &b, sizeof(a));
	assert_memory_not_equal(&a, &c, sizeof(a));
	assert_memory_equal(&d, &e, sizeof(d));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_burst_passes_then_one_a_second),
	    cmocka_unit_test(addresses_do_not_share),
	    cmocka_unit_test(a_flood_of_addresses_frees_nobody),
	    cmocka_unit_test(an_ipv6_client_is_its_64),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
