/* SPDX-License-Identifier: MIT */
/* Throttling's beginning, its end and load from outside are told once each, with the figures. */
#include "io_control_rig.h"

#include <string.h>

static struct rig r;

static void open_two(void)
{
	rig_open(&r, 4, 2000, 2);
	rig_attach(&r, 0, "");
	rig_attach(&r, 1, "");
	rig_group(&r, "enabled=true,threshold_mode=manual,threshold_us=5000");
}

static void beginning_and_end_are_told_once(void **state)
{
	open_two();
	rig_load(&r, 0, 40, SLUICE_OP_READ, 4096);
	rig_load(&r, 1, 1, SLUICE_OP_READ, 4096);
	rig_run_ms(&r, 10000);
	assert_string_equal(r.kinds, "io_control_throttling_begins ");
	assert_non_null(strstr(r.text, "is above the threshold of 5.0 ms"));
	assert_non_null(strstr(r.text, "among 2 volumes"));
	rig_load(&r, 0, 0, SLUICE_OP_READ, 4096);
	rig_run_ms(&r, 5000);
	assert_string_equal(r.kinds, "io_control_throttling_begins io_control_throttling_ends ");
	assert_non_null(strstr(r.text, "the threshold 5.0 ms"));
	assert_string_equal(rig_group_status_text(&r, "state"), "free");
	rig_close(&r);
}

static void switching_off_while_throttling_lets_go_and_tells(void **state)
{
	open_two();
	rig_load(&r, 0, 40, SLUICE_OP_READ, 4096);
	rig_run_ms(&r, 3000);
	assert_true(rig_status(&r, 0, "queued") > 20);
	rig_group(&r, "enabled=false");
	assert_int_equal(rig_status(&r, 0, "queued"), 0);
	rig_run_ms(&r, 1000);
	assert_string_equal(r.kinds, "io_control_throttling_begins io_control_throttling_ends ");
	rig_close(&r);
}

/* Half of the device goes to volumes that io_control does not see, deeply queued. */
static void load_from_outside_is_told_and_throttling_pauses(void **state)
{
	rig_open(&r, 4, 2000, 3);
	rig_attach(&r, 0, "");
	rig_group(&r, "enabled=true,threshold_mode=manual,threshold_us=5000");
	rig_load(&r, 1, 64, SLUICE_OP_READ, 4096);
	rig_load(&r, 2, 64, SLUICE_OP_READ, 4096);
	rig_load(&r, 0, 32, SLUICE_OP_READ, 4096);
	rig_run_ms(&r, 15000);
	assert_non_null(strstr(r.kinds, "io_control_throttling_begins io_control_external_load "));
	assert_string_equal(rig_group_status_text(&r, "state"), "external_load");
	assert_int_equal(rig_status(&r, 0, "queued"), 0);
	rig_close(&r);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    T(beginning_and_end_are_told_once),
	    T(switching_off_while_throttling_lets_go_and_tells),
	    T(load_from_outside_is_told_and_throttling_pauses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
