/* SPDX-License-Identifier: MIT */
/*
 * Memory that ends at the n-th allocation of an attach, for every n: refused, nothing leaks, and
 * the next attempt is a fresh one.
 *
 * Takes the plug-in's files in, so that memory can be made to end.
 */
#include "io_control_rig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint32_t left;

static void *rationed_calloc(size_t n, size_t bytes)
{
	if (left == 0)
		return NULL;
	left--;
	return calloc(n, bytes);
}

#define calloc rationed_calloc
#include "group.c"
#include "io_control.c"
#include "volume.c"
#undef calloc

static struct rig r;

static void every_allocation_may_fail(void **state)
{
	uint32_t n;

	rig_open(&r, 4, 1000, 2);
	r.ops = sluice_filter_entry();
	for (n = 0;; n++) {
		left = n;
		if (rig_try_attach(&r, 0, "limit_iops=100") == 0)
			break;
		assert_string_equal(r.err.text + strlen(r.err.text) - strlen("no memory"),
				    "no memory");
		assert_int_equal(chain_filter_count(r.v[0].c), 0);
	}
	assert_int_equal(n, 5); /* group, scheduler, volume, its two clients */
	/* The second volume finds the group. */
	left = 2;
	assert_int_equal(rig_try_attach(&r, 1, ""), -ENOMEM);
	left = 3;
	assert_int_equal(rig_try_attach(&r, 1, ""), 0);
	left = 0; /* I/O allocates nothing */
	rig_group(&r, "enabled=true,threshold_mode=manual,threshold_us=2000");
	rig_load(&r, 0, 32, SLUICE_OP_READ, 4096);
	rig_load(&r, 1, 32, SLUICE_OP_WRITE, 4096);
	rig_run_ms(&r, 3000);
	assert_true(r.v[0].ended > 290 && r.v[1].ended > 10000);
	assert_int_equal(r.v[0].failed + r.v[1].failed, 0);
	rig_close(&r);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {T(every_allocation_may_fail)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
