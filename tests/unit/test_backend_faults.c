/* SPDX-License-Identifier: MIT */
/* test_backend_faults.c - fail the N-th disk operation, for every N: nothing acknowledged is lost.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "backend_model.h"
#include "fake_disk.h"

#define VOLUME_BYTES (32u << 10)
#define IOS          60

static struct fake_disk disk;
static bool is_durable;

static void step_disk(struct model *m)
{
	fake_disk_step(&disk, rig_random(&m->random));
}

static void go_on(struct rig *r)
{
	fake_disk_step(&disk, 0);
}

static void acknowledged(struct model *m, uint64_t offset_bytes, uint64_t len_bytes)
{
	if (is_durable)
		assert_memory_equal(disk.medium + offset_bytes, m->want + offset_bytes, len_bytes);
}

/* One run of the same I/Os with the N-th operation failing. True: it was reached. */
static bool sweep(uint64_t n, int fail_with, bool fail_all_after, uint32_t align)
{
	struct backend_cfg cfg = {.path = "fake",
				  .block_bytes = 512,
				  .size_bytes = VOLUME_BYTES,
				  .write_cache =
				      is_durable ? WRITE_CACHE_DURABLE : WRITE_CACHE_VOLATILE};
	struct rig rig = {.env = &disk.env, .go_on = go_on};
	struct model m = {.size_bytes = VOLUME_BYTES,
			  .block_bytes = 512,
			  .io_max_bytes = 6 << 10,
			  .is_any_memory = true,
			  .step = step_disk,
			  .acknowledged = acknowledged};
	bool was_reached;

	fake_disk_init(&disk, VOLUME_BYTES, align);
	disk.fail_at = n;
	disk.fail_with = fail_with;
	disk.fail_all_after = fail_all_after;
	assert_int_equal(backend_dir.open(&disk.env, &cfg, &rig.backend, NULL), 0);
	model_init(&m, &rig, 7);
	model_run(&m, IOS);
	assert_int_equal(m.ended, IOS);
	was_reached = disk.failed_ios > 0;
	assert_true(!was_reached || m.failed > 0 || fail_all_after);
	disk.fail_at = 0;
	disk.fail_all_after = false;
	model_check_all(&m);
	rig.backend->ops->close(rig.backend);
	model_fini(&m);
	fake_disk_fini(&disk);
	return was_reached;
}

static void sweep_all(int fail_with, bool fail_all_after)
{
	const uint32_t aligns[] = {512, 4096};

	for (int a = 0; a < 2; a++) {
		for (int d = 0; d < 2; d++) {
			uint64_t n = 1;

			is_durable = d;
			while (sweep(n, fail_with, fail_all_after, aligns[a]))
				n++;
			assert_true(n > IOS / 2);
		}
	}
}

static void one_failed_operation_loses_nothing_that_was_acknowledged(void **state)
{
	sweep_all(-EIO, false);
	sweep_all(-ENOSPC, false);
}

static void disk_that_fails_for_good_loses_nothing_that_was_acknowledged(void **state)
{
	sweep_all(-EIO, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_failed_operation_loses_nothing_that_was_acknowledged),
	    cmocka_unit_test(disk_that_fails_for_good_loses_nothing_that_was_acknowledged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
