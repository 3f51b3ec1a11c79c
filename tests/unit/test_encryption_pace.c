/* SPDX-License-Identifier: MIT */
/* How long a walk of the encryption rests: not at all for nobody, and beside initiators so long
 * that they keep nine tenths of what they had, but never for ever. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdbool.h>

#include "reencrypt_pace.h"

#define MIB (1ull << 20)
#define MS  1000000ull
#define S   (1000 * MS)

/* A zone beside initiators who move so much in a second; it was one second ago that the last one
 * had ended. */
static struct pace_zone beside(uint64_t ios, uint64_t bytes_per_s, uint64_t took_ns)
{
	return (struct pace_zone){.moved_bytes = MIB,
				  .took_ns = took_ns,
				  .since_ns = S,
				  .ios = ios,
				  .io_bytes = bytes_per_s};
}

static uint64_t whole_ns(const struct pace_zone *z)
{
	return pace_rest_ns(z) + z->took_ns;
}

static void an_idle_volume_is_walked_without_rest(void **state)
{
	struct pace_zone z = beside(0, 0, 5 * MS);

	assert_int_equal(pace_rest_ns(&z), 0);
	z = beside(16, 16 * 4096, 5 * MS); /* a host that looks now and then */
	assert_int_equal(pace_rest_ns(&z), 0);
}

static void no_walk_is_faster_than_its_parameter(void **state)
{
	struct pace_zone z = beside(0, 0, 5 * MS);

	z.limit_bytes_per_s = 32 * MIB;
	assert_int_equal(whole_ns(&z), S / 32);
	z.took_ns = S; /* slower than that anyway */
	assert_int_equal(pace_rest_ns(&z), 0);
	z = beside(100000, 1000 * MIB, MS);
	z.limit_bytes_per_s = MIB / 2;
	assert_int_equal(whole_ns(&z), 2 * S); /* it is below the floor, too */
}

/* A zone is moved three times. */
static void it_moves_a_twentieth_of_what_initiators_move(void **state)
{
	struct pace_zone z = beside(20000, 120 * MIB, 2 * MS);

	assert_int_equal(whole_ns(&z), S / 2);
	z.since_ns = S / 2; /* the same in half the time is twice the load */
	assert_int_equal(whole_ns(&z), S / 4);
}

static void it_takes_three_hundredths_of_the_time(void **state)
{
	struct pace_zone z = beside(4000, 4000 * MIB, 6 * MS);

	assert_int_equal(whole_ns(&z), 200 * MS);
}

static void beside_the_busiest_it_does_a_mebibyte_a_second(void **state)
{
	struct pace_zone z = beside(20, 20 * 512, 6 * MS);

	assert_int_equal(whole_ns(&z), S);
	z.moved_bytes = MIB / 4; /* smaller zones */
	assert_int_equal(whole_ns(&z), S / 4);
}

static void a_slow_datastore_is_taken_for_a_twentieth_of_the_time(void **state)
{
	struct pace_zone z = beside(100, 100 * 4096, 500 * MS);

	assert_int_equal(whole_ns(&z), 10 * S);
	z.moved_bytes = 0; /* holes cost a flush and a record */
	assert_int_equal(whole_ns(&z), 10 * S);
}

static void no_rest_is_longer_than_a_minute(void **state)
{
	struct pace_zone z = beside(1000, 0, 3600 * S);

	assert_int_equal(pace_rest_ns(&z), 60 * S);
	z = beside(1000, UINT64_MAX / 2000000, S);
	z.since_ns = 0;
	assert_true(pace_rest_ns(&z) <= 60 * S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_idle_volume_is_walked_without_rest),
	    cmocka_unit_test(no_walk_is_faster_than_its_parameter),
	    cmocka_unit_test(it_moves_a_twentieth_of_what_initiators_move),
	    cmocka_unit_test(it_takes_three_hundredths_of_the_time),
	    cmocka_unit_test(beside_the_busiest_it_does_a_mebibyte_a_second),
	    cmocka_unit_test(a_slow_datastore_is_taken_for_a_twentieth_of_the_time),
	    cmocka_unit_test(no_rest_is_longer_than_a_minute),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
