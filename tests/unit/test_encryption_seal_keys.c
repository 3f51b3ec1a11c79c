/* SPDX-License-Identifier: MIT */
/* test_encryption_seal_keys.c - sealing keys open with each key that they were wrapped by, and with
 * nothing else; whatever is changed in the wrap is noticed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "seal_keys.h"

static struct seal_keys keys, got;
static uint8_t wrapped[SLUICE_SEAL_WRAP_BYTES];
static size_t size_bytes;

static struct seal_deks deks(uint32_t count, uint8_t first, uint8_t second)
{
	struct seal_deks d = {.count = count};

	memset(d.deks[0], first, LUKS_DEK_BYTES);
	memset(d.deks[1], second, LUKS_DEK_BYTES);
	return d;
}

static int wrap(struct seal_deks d)
{
	return seal_keys_wrap(&keys, &d, wrapped, &size_bytes);
}

static int unwrap(struct seal_deks d)
{
	memset(&got, 0xee, sizeof(got));
	return seal_keys_unwrap(wrapped, size_bytes, &d, &got);
}

static int setup(void **state)
{
	return seal_keys_make(&keys);
}

static void the_same_key_opens_them(void **state)
{
	assert_int_equal(wrap(deks(1, 'a', 0)), 0);
	assert_int_equal(unwrap(deks(1, 'a', 0)), 0);
	assert_memory_equal(&got, &keys, sizeof(keys));
}

static void a_foreign_key_opens_nothing(void **state)
{
	static const struct seal_keys none;

	assert_int_equal(wrap(deks(1, 'a', 0)), 0);
	assert_int_equal(unwrap(deks(1, 'b', 0)), -EKEYREJECTED);
	assert_memory_equal(&got, &none, sizeof(none));
	assert_int_equal(unwrap(deks(0, 0, 0)), -EKEYREJECTED);
}

static void keys_are_random_and_do_not_stand_in_the_wrap(void **state)
{
	uint8_t before[SLUICE_SEAL_WRAP_BYTES];

	assert_int_equal(wrap(deks(1, 'a', 0)), 0);
	memcpy(before, wrapped, sizeof(before));
	for (size_t at = 0; at + 16 <= size_bytes; at++)
		assert_memory_not_equal(wrapped + at, &keys, 16);
	assert_int_equal(wrap(deks(1, 'a', 0)), 0);
	assert_memory_not_equal(wrapped + 16, before + 16, size_bytes - 16);
	assert_memory_not_equal(keys.keys[0], keys.keys[1], XTS_KEY_BYTES);
}

static void a_flipped_bit_is_noticed_wherever_it_is(void **state)
{
	assert_int_equal(wrap(deks(1, 'a', 0)), 0);
	for (size_t at = 0; at < size_bytes; at++) {
		wrapped[at] ^= 0x10;
		assert_true(unwrap(deks(1, 'a', 0)) < 0);
		wrapped[at] ^= 0x10;
	}
	assert_int_equal(unwrap(deks(1, 'a', 0)), 0);
}

static void what_is_no_wrap_is_refused(void **state)
{
	assert_int_equal(wrap(deks(2, 'a', 'b')), 0);
	for (size_t n = 0; n < size_bytes; n++) {
		struct seal_deks d = deks(1, 'a', 0);

		assert_int_equal(seal_keys_unwrap(wrapped, n, &d, &got), -EINVAL);
	}
}

/* A deep rekey: before it, while it walks with a wrap by both, and when it is over, killed at any
 * moment between; also with the keys in the other order. */
static void during_a_rekey_either_key_opens_them(void **state)
{
	assert_int_equal(wrap(deks(1, 'o', 0)), 0);
	assert_int_equal(unwrap(deks(2, 'o', 'n')), 0);
	assert_int_equal(wrap(deks(2, 'o', 'n')), 0);
	assert_int_equal(unwrap(deks(1, 'o', 0)), 0);
	assert_memory_equal(&got, &keys, sizeof(keys));
	assert_int_equal(unwrap(deks(1, 'n', 0)), 0);
	assert_memory_equal(&got, &keys, sizeof(keys));
	assert_int_equal(unwrap(deks(2, 'n', 'o')), 0);
	assert_int_equal(unwrap(deks(1, 'x', 0)), -EKEYREJECTED);
	assert_int_equal(wrap(deks(1, 'n', 0)), 0);
	assert_int_equal(unwrap(deks(1, 'o', 0)), -EKEYREJECTED);
	assert_int_equal(unwrap(deks(1, 'n', 0)), 0);
	assert_memory_equal(&got, &keys, sizeof(keys));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(the_same_key_opens_them, setup),
	    cmocka_unit_test_setup(a_foreign_key_opens_nothing, setup),
	    cmocka_unit_test_setup(keys_are_random_and_do_not_stand_in_the_wrap, setup),
	    cmocka_unit_test_setup(a_flipped_bit_is_noticed_wherever_it_is, setup),
	    cmocka_unit_test_setup(what_is_no_wrap_is_refused, setup),
	    cmocka_unit_test_setup(during_a_rekey_either_key_opens_them, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
