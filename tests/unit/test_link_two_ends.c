/* SPDX-License-Identifier: MIT */
/* Two paired appliances have a link: both ends hear up, bytes arrive in order, down comes once, and
 * there is another connection after it. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net_rig.h"

static struct rig_link one, two;

static int set_up(void **state)
{
	rig_begin();
	rig_pair(0, 1);
	return 0;
}

static int tear_down(void **state)
{
	rig_end();
	return 0;
}

static void open_both(void)
{
	assert_int_equal(rig_link_open(&one, 0, 1, SLUICE_LINK_DATA), 0);
	assert_int_equal(rig_link_open(&two, 1, 0, SLUICE_LINK_DATA), 0);
	assert_true(rig_until(rig_link_is_up, &one, 5000));
	assert_true(rig_until(rig_link_is_up, &two, 5000));
}

static void close_both(void)
{
	rig_link_close(&one);
	rig_link_close(&two);
	rig_for_ms(20);
}

static void both_ends_hear_up_once(void **state)
{
	open_both();
	rig_for_ms(100);
	assert_int_equal(one.ups, 1);
	assert_int_equal(two.ups, 1);
	assert_int_equal(one.downs + two.downs, 0);
	close_both();
}

static void bytes_arrive_in_order_both_ways(void **state)
{
	size_t len = 5000000;
	uint8_t *data = malloc(len);

	for (size_t i = 0; i < len; i++)
		data[i] = (uint8_t)(i * 7 + i / 253);
	open_both();
	rig_link_say(&one, data, len);
	rig_link_say(&two, data, 70000);
	assert_true(rig_link_hears(&two, len, 5000));
	assert_true(rig_link_hears(&one, 70000, 5000));
	assert_memory_equal(two.data, data, len);
	assert_memory_equal(one.data, data, 70000);
	close_both();
	free(data);
}

static void many_small_sends_of_one_turn_are_few_system_calls(void **state)
{
	uint8_t frame[64] = {0};

	open_both();
	for (int i = 0; i < 200; i++)
		assert_int_equal(net_host(rig[0].net)->send(one.end, frame, sizeof(frame)), 64);
	assert_true(rig_link_hears(&two, sizeof(frame) * 200, 5000));
	assert_true(two.offered >= 12800 / 2); /* came in one or two pieces */
	close_both();
}

static void a_reset_is_followed_by_another_connection(void **state)
{
	open_both();
	net_host(rig[1].net)->reset(two.end, "the test wants it");
	assert_true(rig_until(rig_link_is_down, &one, 5000));
	assert_int_equal(two.downs, 1);
	assert_string_equal(two.why, "the test wants it");
	assert_true(rig_until(rig_link_is_up, &one, 5000));
	assert_true(rig_until(rig_link_is_up, &two, 5000));
	rig_link_say(&one, "again", 5);
	assert_true(rig_link_hears(&two, 5, 5000));
	close_both();
}

static void an_end_that_opens_later_is_found(void **state)
{
	assert_int_equal(rig_link_open(&one, 0, 1, SLUICE_LINK_CONTROL), 0);
	rig_for_ms(400);
	assert_int_equal(one.ups, 0);
	assert_int_equal(rig_link_open(&two, 1, 0, SLUICE_LINK_CONTROL), 0);
	assert_true(rig_until(rig_link_is_up, &one, 5000));
	assert_true(rig_until(rig_link_is_up, &two, 5000));
	close_both();
}

static void a_closed_end_takes_the_other_down(void **state)
{
	open_both();
	rig_link_close(&two);
	assert_true(rig_until(rig_link_is_down, &one, 5000));
	assert_int_equal(one.downs, 1);
	rig_link_close(&one);
	rig_for_ms(20);
}

static void the_same_channel_opens_once(void **state)
{
	struct rig_link again;

	open_both();
	assert_int_equal(rig_link_open(&again, 0, 1, SLUICE_LINK_DATA), -EBUSY);
	assert_int_equal(rig_link_open(&again, 0, 2, SLUICE_LINK_CONTROL), -ENOENT);
	close_both();
}

static void a_restarted_appliance_is_connected_again(void **state)
{
	open_both();
	rig_link_close(&two);
	rig_restart(1);
	assert_true(rig_until(rig_link_is_down, &one, 5000));
	assert_int_equal(rig_link_open(&two, 1, 0, SLUICE_LINK_DATA), 0);
	assert_true(rig_until(rig_link_is_up, &one, 7000));
	assert_true(rig_until(rig_link_is_up, &two, 7000));
	close_both();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(both_ends_hear_up_once, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(bytes_arrive_in_order_both_ways, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(many_small_sends_of_one_turn_are_few_system_calls,
					    set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_reset_is_followed_by_another_connection, set_up,
					    tear_down),
	    cmocka_unit_test_setup_teardown(an_end_that_opens_later_is_found, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_closed_end_takes_the_other_down, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(the_same_channel_opens_once, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_restarted_appliance_is_connected_again, set_up,
					    tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
