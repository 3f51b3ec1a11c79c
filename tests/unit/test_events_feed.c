/* SPDX-License-Identifier: MIT */
/* filterd's events are taken once each: after what was taken, and all when it numbers anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "events_feed.h"
#include "json.h"

static json_t *events(int from, int to, int at_ms)
{
	json_t *a = json_array();

	for (int i = from; i <= to; i++)
		json_array_append_new(a,
				      json_pack("{s:i, s:i}", "number", i, "wall_ms", at_ms + i));
	return a;
}

/* How many are new; -1: filterd numbers anew. */
static int fresh(json_t *list, int number, int at_ms)
{
	cleanup_json json_t *e = list;
	cleanup_json json_t *place =
	    number ? json_pack("{s:i, s:i}", "number", number, "at_ms", at_ms) : NULL;
	cleanup_json json_t *out = NULL;
	bool is_anew;

	out = events_feed_new(e, place, &is_anew);
	return is_anew ? -1 : (int)json_array_size(out);
}

static void all_are_new_at_first(void **state)
{
	assert_int_equal(fresh(events(1, 5, 1000), 0, 0), 5);
	assert_int_equal(fresh(json_array(), 0, 0), 0);
}

static void the_last_one_taken_is_not_taken_again(void **state)
{
	assert_int_equal(fresh(events(5, 5, 1000), 5, 1005), 0);
	assert_int_equal(fresh(events(5, 8, 1000), 5, 1005), 3);
}

static void those_that_filterd_has_forgotten_are_not_missed_twice(void **state)
{
	assert_int_equal(fresh(events(7, 9, 1000), 5, 1005), 3);
}

static void new_numbering_is_seen(void **state)
{
	assert_int_equal(fresh(json_array(), 5, 1005), -1);
	assert_int_equal(fresh(events(5, 6, 9000), 5, 1005), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(all_are_new_at_first),
	    cmocka_unit_test(the_last_one_taken_is_not_taken_again),
	    cmocka_unit_test(those_that_filterd_has_forgotten_are_not_missed_twice),
	    cmocka_unit_test(new_numbering_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
