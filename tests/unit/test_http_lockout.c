/* SPDX-License-Identifier: MIT */
/* Failed logins slow down who fails, and never keep an administrator out who does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lockout.h"

#define S      1000ull
#define MINUTE (60 * S)
#define DAY    (24 * 60 * MINUTE)
#define START  (1000 * S)

static int set_up(void **state)
{
	*state = lockout_create();
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	lockout_free(*state);
	return 0;
}

static void delay_doubles_up_to_a_quarter_hour(void **state)
{
	struct lockout *l = *state;
	uint64_t now_ms = START, wait_ms;

	for (int i = 0; i < 4; i++)
		assert_int_equal(lockout_try(l, "anna", "10.0.0.1", now_ms), 0);
	for (uint64_t expected_ms = S; expected_ms < 900 * S; expected_ms *= 2) {
		wait_ms = lockout_try(l, "anna", "10.0.0.1", now_ms);
		assert_int_equal(wait_ms, expected_ms);
		/* asking too early does not count, and does not make it longer */
		assert_int_equal(lockout_try(l, "ANNA", "10.0.0.1", now_ms), expected_ms);
		now_ms += wait_ms;
		assert_int_equal(lockout_try(l, "anna", "10.0.0.1", now_ms), 0);
	}
	assert_int_equal(lockout_try(l, "anna", "10.0.0.1", now_ms), 900 * S);
}

static void success_begins_anew(void **state)
{
	struct lockout *l = *state;

	for (int i = 0; i < 3; i++)
		assert_int_equal(lockout_try(l, "anna", "10.0.0.1", START), 0);
	lockout_success(l, "anna", "10.0.0.1", START);
	for (int i = 0; i < 4; i++)
		assert_int_equal(lockout_try(l, "anna", "10.0.0.1", START), 0);
	assert_true(lockout_try(l, "anna", "10.0.0.1", START) > 0);
}

static void one_address_cannot_try_many_accounts(void **state)
{
	struct lockout *l = *state;
	char name[16];
	int tried = 0;

	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "user%d", i);
		tried += lockout_try(l, name, "10.0.0.1", START) == 0;
	}
	assert_int_equal(tried, 11);
	assert_int_equal(lockout_try(l, "anna", "10.0.0.2", START), 0);
}

static void an_ipv6_network_is_one_address(void **state)
{
	struct lockout *l = *state;
	char name[16], address[64];
	int tried = 0;

	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "user%d", i);
		snprintf(address, sizeof(address), "2001:db8:1:2:%x::%x", i, i);
		tried += lockout_try(l, name, address, START) == 0;
	}
	assert_int_equal(tried, 11);
}

/* The attacker has as many addresses as he likes and fails in the administrator's name all day. */
static void an_attacker_cannot_keep_the_administrator_out(void **state)
{
	struct lockout *l = *state;
	uint64_t now_ms = START;
	char address[32];
	unsigned n = 0;
	int guesses = 0;

	assert_int_equal(lockout_try(l, "admin", "10.9.9.9", now_ms), 0);
	lockout_success(l, "admin", "10.9.9.9", now_ms);
	for (; now_ms < START + 60 * MINUTE; now_ms += S) {
		snprintf(address, sizeof(address), "172.16.%u.%u", n / 250, n % 250);
		n++;
		guesses += lockout_try(l, "admin", address, now_ms) == 0;
	}
	/* two a minute after the first twenty */
	assert_in_range(guesses, 20, 160);
	/* where he has been before he is let in at once, elsewhere after at most half a minute */
	assert_int_equal(lockout_try(l, "admin", "10.9.9.9", now_ms), 0);
	lockout_success(l, "admin", "10.9.9.9", now_ms);
	assert_in_range(lockout_try(l, "admin", "192.0.2.1", now_ms), 0, 30 * S);
}

static void a_new_password_forgets(void **state)
{
	struct lockout *l = *state;
	uint64_t until_ms;

	for (int i = 0; i < 4; i++)
		assert_int_equal(lockout_try(l, "anna", "10.0.0.1", START), 0);
	assert_int_equal(lockout_account(l, "anna", &until_ms), 4);
	assert_true(lockout_try(l, "anna", "10.0.0.1", START) > 0);
	lockout_forget(l, "anna");
	assert_int_equal(lockout_try(l, "anna", "10.0.0.1", START), 0);
}

static void a_day_forgets(void **state)
{
	struct lockout *l = *state;

	for (int i = 0; i < 4; i++)
		assert_int_equal(lockout_try(l, "anna", "10.0.0.1", START), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(lockout_try(l, "anna", "10.0.0.1", START + DAY + S), 0);
}

/* More places than the table has: it stays of its size, and the newest are still counted. */
static void a_flood_of_addresses_is_bounded(void **state)
{
	struct lockout *l = *state;
	char name[32], address[32];

	for (unsigned i = 0; i < LOCKOUT_ENTRIES; i++) {
		snprintf(name, sizeof(name), "user%u", i);
		snprintf(address, sizeof(address), "10.%u.%u.1", i / 250, i % 250);
		assert_int_equal(lockout_try(l, name, address, START + i), 0);
	}
	for (int i = 0; i < 4; i++)
		assert_int_equal(lockout_try(l, "anna", "192.0.2.1", START + MINUTE), 0);
	assert_true(lockout_try(l, "anna", "192.0.2.1", START + MINUTE) > 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(delay_doubles_up_to_a_quarter_hour),
	    T(success_begins_anew),
	    T(one_address_cannot_try_many_accounts),
	    T(an_ipv6_network_is_one_address),
	    T(an_attacker_cannot_keep_the_administrator_out),
	    T(a_new_password_forgets),
	    T(a_day_forgets),
	    T(a_flood_of_addresses_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
