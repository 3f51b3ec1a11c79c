/* SPDX-License-Identifier: MIT */
/* test_backend_commit.c - group commit and fail-stop, on a disk that does only what the test says.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "backend_rig.h"
#include "fake_disk.h"

#define VOLUME_BYTES (64u << 10)
#define BLOCK        512u

static struct fake_disk disk;
static struct rig rig;
static uint8_t data[VOLUME_BYTES] __attribute__((aligned(4096)));

static void go_on(struct rig *r)
{
	assert_true(fake_disk_step(&disk, 0));
}

static void open_volume(enum write_cache write_cache)
{
	struct backend_cfg cfg = {.path = "fake",
				  .size_bytes = VOLUME_BYTES,
				  .block_bytes = BLOCK,
				  .write_cache = write_cache};

	fake_disk_init(&disk, VOLUME_BYTES, BLOCK);
	rig = (struct rig){.env = &disk.env, .go_on = go_on};
	assert_int_equal(backend_dir.open(&disk.env, &cfg, &rig.backend, NULL), 0);
	memset(data, 0x5a, sizeof(data));
}

static void close_volume(void)
{
	fake_disk_settle(&disk);
	rig.backend->ops->close(rig.backend);
	fake_disk_fini(&disk);
}

static struct rig_io *write_at(uint32_t block, uint16_t flags)
{
	return rig_submit(&rig, SLUICE_OP_WRITE, block * BLOCK, BLOCK, data, flags);
}

static struct rig_io *flush(void)
{
	return rig_submit(&rig, SLUICE_OP_FLUSH, 0, 0, NULL, 0);
}

static void end_writes(uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		assert_true(fake_disk_end_one(&disk, ENV_IO_WRITE));
}

static void end_sync(void)
{
	assert_true(fake_disk_end_one(&disk, ENV_IO_SYNC));
}

/* RING-2 */
static void durable_write_ends_after_its_flush_not_before(void **state)
{
	struct rig_io *w;

	open_volume(WRITE_CACHE_DURABLE);
	w = write_at(3, 0);
	end_writes(1);
	assert_false(w->is_ended);
	fake_disk_messages(&disk);
	assert_false(w->is_ended);
	end_sync();
	assert_true(w->is_ended);
	assert_memory_equal(disk.medium + 3 * BLOCK, data, BLOCK);
	assert_int_equal(rig_wait(&rig, w), SLUICE_OK);
	close_volume();
}

static void writes_that_end_together_share_one_flush(void **state)
{
	struct rig_io *w[32];

	open_volume(WRITE_CACHE_DURABLE);
	for (uint32_t i = 0; i < 32; i++)
		w[i] = write_at(i, 0);
	end_writes(32);
	fake_disk_messages(&disk);
	assert_int_equal(disk.counts[ENV_IO_SYNC], 1);
	end_sync();
	for (uint32_t i = 0; i < 32; i++)
		assert_int_equal(rig_wait(&rig, w[i]), SLUICE_OK);
	assert_int_equal(disk.counts[ENV_IO_SYNC], 1);
	close_volume();
}

/* RING-2: what ends while a SYNC runs is not covered by it, and gathers for one more. */
static void write_that_ends_during_a_flush_waits_for_the_next(void **state)
{
	struct rig_io *first, *later[2];

	open_volume(WRITE_CACHE_DURABLE);
	first = write_at(0, 0);
	end_writes(1);
	fake_disk_messages(&disk);
	later[0] = write_at(1, 0);
	later[1] = write_at(2, 0);
	end_writes(2);
	fake_disk_messages(&disk);
	assert_int_equal(fake_disk_pending(&disk, ENV_IO_SYNC), 1);
	end_sync();
	assert_true(first->is_ended);
	assert_false(later[0]->is_ended || later[1]->is_ended);
	fake_disk_messages(&disk);
	assert_int_equal(disk.counts[ENV_IO_SYNC], 2);
	end_sync();
	assert_true(later[0]->is_ended && later[1]->is_ended);
	assert_int_equal(rig_wait(&rig, first), SLUICE_OK);
	assert_int_equal(rig_wait(&rig, later[0]), SLUICE_OK);
	assert_int_equal(rig_wait(&rig, later[1]), SLUICE_OK);
	close_volume();
}

static void volatile_write_ends_at_once_and_fua_after_a_flush(void **state)
{
	struct rig_io *plain, *fua;

	open_volume(WRITE_CACHE_VOLATILE);
	plain = write_at(0, 0);
	fua = write_at(1, SLUICE_IO_FUA);
	end_writes(2);
	assert_true(plain->is_ended);
	assert_false(fua->is_ended);
	fake_disk_messages(&disk);
	end_sync();
	assert_true(fua->is_ended);
	assert_memory_equal(disk.medium, data, 2 * BLOCK);
	assert_int_equal(rig_wait(&rig, plain), SLUICE_OK);
	assert_int_equal(rig_wait(&rig, fua), SLUICE_OK);
	close_volume();
}

static void flushes_share_one_sync_and_a_clean_volume_needs_none(void **state)
{
	struct rig_io *f[3], *w;

	open_volume(WRITE_CACHE_VOLATILE);
	/* A volume just opened may hold what an earlier process did not flush. */
	for (int i = 0; i < 3; i++)
		f[i] = flush();
	fake_disk_messages(&disk);
	assert_int_equal(disk.counts[ENV_IO_SYNC], 1);
	/* Nothing was written since that SYNC began: it is enough for one more, but must end first.
	 */
	{
		struct rig_io *late = flush();

		assert_false(late->is_ended);
		end_sync();
		assert_int_equal(rig_wait(&rig, late), SLUICE_OK);
	}
	for (int i = 0; i < 3; i++)
		assert_int_equal(rig_wait(&rig, f[i]), SLUICE_OK);
	assert_int_equal(rig_do(&rig, SLUICE_OP_FLUSH, 0, 0, NULL, 0), SLUICE_OK);
	assert_int_equal(disk.counts[ENV_IO_SYNC], 1);
	w = write_at(0, 0);
	assert_int_equal(rig_wait(&rig, w), SLUICE_OK);
	assert_int_equal(rig_do(&rig, SLUICE_OP_FLUSH, 0, 0, NULL, 0), SLUICE_OK);
	assert_int_equal(disk.counts[ENV_IO_SYNC], 2);
	assert_memory_equal(disk.medium, data, BLOCK);
	close_volume();
}

static void flush_does_not_count_on_a_sync_that_began_before_the_last_write(void **state)
{
	struct rig_io *f, *w, *g;

	open_volume(WRITE_CACHE_VOLATILE);
	f = flush();
	fake_disk_messages(&disk);
	w = write_at(0, 0);
	end_writes(1);
	assert_int_equal(rig_wait(&rig, w), SLUICE_OK);
	g = flush();
	end_sync();
	assert_int_equal(rig_wait(&rig, f), SLUICE_OK);
	assert_false(g->is_ended);
	fake_disk_messages(&disk);
	end_sync();
	assert_int_equal(rig_wait(&rig, g), SLUICE_OK);
	assert_memory_equal(disk.medium, data, BLOCK);
	close_volume();
}

/* ---------------------------------------------------------------- fail-stop */

static void failed_flush_stops_writes_and_flushes_for_ever_and_not_reads(void **state)
{
	struct rig_io *covered, *gathered, *in_flight;

	open_volume(WRITE_CACHE_DURABLE);
	covered = write_at(0, 0);
	end_writes(1);
	disk.fail_at = disk.ios + 1;
	fake_disk_messages(&disk);
	gathered = write_at(1, 0);
	end_writes(1);
	in_flight = write_at(2, 0);
	end_sync();
	assert_true(rig.backend->is_failed);
	assert_non_null(strstr(rig.backend->failed_text, "flush failed"));
	assert_int_equal(rig_wait(&rig, covered), SLUICE_ERR_FAILED);
	assert_int_equal(rig_wait(&rig, gathered), SLUICE_ERR_FAILED);
	end_writes(1);
	assert_int_equal(rig_wait(&rig, in_flight), SLUICE_ERR_FAILED);
	assert_int_equal(rig_wait(&rig, write_at(3, 0)), SLUICE_ERR_FAILED);
	assert_int_equal(rig_wait(&rig, flush()), SLUICE_ERR_FAILED);
	assert_int_equal(rig_do(&rig, SLUICE_OP_UNMAP, 0, BLOCK, NULL, 0), SLUICE_ERR_FAILED);
	assert_int_equal(rig_do(&rig, SLUICE_OP_WRITE_ZEROES, 0, BLOCK, NULL, 0),
			 SLUICE_ERR_FAILED);
	assert_int_equal(rig_do(&rig, SLUICE_OP_READ, 0, BLOCK, data, 0), SLUICE_OK);
	assert_int_equal(disk.counts[ENV_IO_SYNC], 1);
	close_volume();
}

static void volatile_writes_too_end_as_failed_after_a_failed_flush(void **state)
{
	struct rig_io *in_flight, *f;

	open_volume(WRITE_CACHE_VOLATILE);
	f = flush();
	disk.fail_at = disk.ios + 1;
	fake_disk_messages(&disk);
	in_flight = write_at(0, 0);
	end_sync();
	assert_int_equal(rig_wait(&rig, f), SLUICE_ERR_FAILED);
	end_writes(1);
	assert_int_equal(rig_wait(&rig, in_flight), SLUICE_ERR_FAILED);
	assert_int_equal(rig_wait(&rig, write_at(0, 0)), SLUICE_ERR_FAILED);
	close_volume();
}

static void on_grow_ended(void *ctx, int result)
{
	*(int *)ctx = result;
}

/* Growing must not ask the kernel about lost writes behind the commit's back: it tells only once.
 */
static void growing_is_flushed_with_the_writes_and_a_failure_stops_the_volume(void **state)
{
	int result = 1;

	open_volume(WRITE_CACHE_VOLATILE);
	assert_int_equal(rig_wait(&rig, write_at(0, 0)), SLUICE_OK);
	rig.backend->ops->grow(rig.backend, 2 * VOLUME_BYTES, on_grow_ended, &result);
	assert_true(fake_disk_end_one(&disk, ENV_IO_RESIZE));
	assert_int_equal(result, 1);
	disk.fail_at = disk.ios + 1;
	fake_disk_messages(&disk);
	end_sync();
	assert_int_equal(result, -EIO);
	assert_true(rig.backend->is_failed);
	assert_int_equal(rig.backend->size_bytes, VOLUME_BYTES);
	assert_int_equal(rig_wait(&rig, flush()), SLUICE_ERR_FAILED);
	close_volume();
}

/* A process before us made the file longer and was killed before its flush. */
static void growing_into_a_file_that_is_long_enough_is_flushed_too(void **state)
{
	int result = 1;

	open_volume(WRITE_CACHE_VOLATILE);
	disk.file.size_bytes = 2 * VOLUME_BYTES;
	rig.backend->ops->grow(rig.backend, 2 * VOLUME_BYTES, on_grow_ended, &result);
	disk.file.size_bytes = VOLUME_BYTES; /* what the disk has memory for */
	fake_disk_messages(&disk);
	assert_int_equal(result, 1);
	end_sync();
	assert_int_equal(result, 0);
	assert_int_equal(disk.counts[ENV_IO_RESIZE], 0);
	assert_int_equal(rig.backend->size_bytes, 2 * VOLUME_BYTES);
	close_volume();
}

static void failed_write_is_told_apart_and_stops_nothing(void **state)
{
	const struct {
		int result;
		enum sluice_status status;
	} cases[] = {{-EIO, SLUICE_ERR_IO},
		     {-ENOSPC, SLUICE_ERR_NO_SPACE},
		     {-EDQUOT, SLUICE_ERR_NO_SPACE},
		     {-ENODEV, SLUICE_ERR_NOT_READY},
		     {-EROFS, SLUICE_ERR_READ_ONLY}};

	open_volume(WRITE_CACHE_DURABLE);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		disk.fail_at = disk.ios + 1;
		disk.fail_with = cases[i].result;
		assert_int_equal(rig_wait(&rig, write_at(0, 0)), cases[i].status);
		assert_false(rig.backend->is_failed);
		assert_int_equal(rig_wait(&rig, write_at(0, 0)), SLUICE_OK);
	}
	close_volume();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(durable_write_ends_after_its_flush_not_before),
	    cmocka_unit_test(writes_that_end_together_share_one_flush),
	    cmocka_unit_test(write_that_ends_during_a_flush_waits_for_the_next),
	    cmocka_unit_test(volatile_write_ends_at_once_and_fua_after_a_flush),
	    cmocka_unit_test(flushes_share_one_sync_and_a_clean_volume_needs_none),
	    cmocka_unit_test(flush_does_not_count_on_a_sync_that_began_before_the_last_write),
	    cmocka_unit_test(failed_flush_stops_writes_and_flushes_for_ever_and_not_reads),
	    cmocka_unit_test(volatile_writes_too_end_as_failed_after_a_failed_flush),
	    cmocka_unit_test(growing_is_flushed_with_the_writes_and_a_failure_stops_the_volume),
	    cmocka_unit_test(growing_into_a_file_that_is_long_enough_is_flushed_too),
	    cmocka_unit_test(failed_write_is_told_apart_and_stops_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
