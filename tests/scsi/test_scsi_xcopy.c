/* SPDX-License-Identifier: MIT */
/* test_scsi_xcopy.c - EXTENDED COPY: lists, targets, replay. RING-3. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "bytes.h"
#include "cdbs.h"
#include "copy_cdbs.h"

#define MIB              2048u /* blocks */
#define COPY_FAILED      FAKE_SENSE(0xa, 0x00, 0x00)
#define COPY_INDEX       FAKE_SENSE(0xa, 0x08, 0x04)
#define COPY_UNREACHABLE FAKE_SENSE(0xa, 0x0d, 0x02)
#define INTERRUPTED      FAKE_SENSE(0xb, 0x00, 0x00)

static struct fake f, g;

static int open_fakes(void **state)
{
	fake_init(&f, 64u << 20);
	fake_init(&g, 64u << 20);
	g.cfg.uuid[0] ^= 0xff;
	fake_open(&f);
	fake_open(&g);
	f.peer = &g;
	for (uint32_t i = 0; i < 16u << 20; i++) {
		f.disk[i] = (uint8_t)(i * 2654435761u >> 20);
		g.disk[i] = (uint8_t)(i * 40503u >> 9);
	}
	return 0;
}

static int close_fakes(void **state)
{
	fake_close(&f);
	fake_close(&g);
	return 0;
}

static void assert_same(const struct fake *a, uint64_t a_lba, const struct fake *b, uint64_t b_lba,
			uint64_t blocks)
{
	assert_memory_equal(a->disk + a_lba * 512, b->disk + b_lba * 512, blocks * 512);
}

/* ---------------------------------------------------------------- copies */

static void test_blocks_are_copied_within_the_volume(void **state)
{
	assert_int_equal(cdb_run(copy_own(&f, 5 * MIB / 2, 3, 100000)), GOOD);
	assert_same(&f, 3, &f, 100000, 5 * MIB / 2);
	assert_disk(&f, 99999, 1, 0);
	assert_disk(&f, 100000 + 5 * MIB / 2, 1, 0);
	assert_int_equal(f.last_progress, 5u << 19);
}

static void test_blocks_are_copied_between_volumes_both_ways(void **state)
{
	struct copy_cdb l = {.targets = 0};

	copy_add_target(&l, &f);
	copy_add_target(&l, &g);
	copy_add_segment(&l, 0, 1, 3000, 8, 70000);
	copy_add_segment(&l, 1, 0, 3000, 16, 80000);
	copy_add_segment(&l, 1, 1, 3000, 24, 90000);
	assert_int_equal(cdb_run(copy_command(&f, &l, 1, 3)), GOOD);
	assert_same(&f, 8, &g, 70000, 3000);
	assert_same(&g, 16, &f, 80000, 3000);
	assert_same(&g, 24, &g, 90000, 3000);
}

static void test_t10_ids_name_the_own_volume(void **state)
{
	static const uint8_t inquiry[6] = {0x12, 1, 0x83, 0, 255};
	struct copy_cdb l = {.targets = 0};
	struct fake_cmd *c = fake_cmd(&f, inquiry, 6);
	uint8_t *d = l.p + COPY_HEADER_BYTES;

	fake_in(c, 255);
	assert_int_equal(cdb_finish(c), GOOD);
	copy_add_target(&l, &f);
	d[4] = 2;
	d[5] = 1;
	d[7] = 20;
	memcpy(d + 8, c->data + 28, 20);
	fake_free(c);
	copy_add_segment(&l, 0, 0, 8, 0, 50000);
	assert_int_equal(cdb_run(copy_command(&f, &l, 1, 0)), GOOD);
	assert_same(&f, 0, &f, 50000, 8);
}

static void test_block_sizes_may_differ_between_volumes(void **state)
{
	struct copy_cdb l = {.targets = 0};
	struct fake k;

	fake_init(&k, 16u << 20);
	k.cfg.block_bytes = 4096;
	k.cfg.uuid[1] = 0x77;
	fake_open(&k);
	f.peer = &k;
	copy_add_target(&l, &f);
	copy_add_target(&l, &k);
	copy_add_segment(&l, 0, 1, 16, 8, 5);         /* 16 blocks of 512 */
	copy_add_segment(&l, 0, 1, 2, 800, 9)[1] = 2; /* DC: 2 blocks of 4096 */
	assert_int_equal(cdb_run(copy_command(&f, &l, 1, 0)), GOOD);
	assert_memory_equal(k.disk + 5 * 4096, f.disk + 8 * 512, 8192);
	assert_memory_equal(k.disk + 9 * 4096, f.disk + 800 * 512, 8192);
	l.segments = 0;
	copy_add_segment(&l, 0, 1, 3, 8, 5); /* not whole blocks there */
	assert_int_equal(cdb_run(copy_command(&f, &l, 1, 0)), COPY_FAILED);
	f.peer = &g;
	fake_close(&k);
}

/* ---------------------------------------------------------------- lists that are wrong */

static void test_lists_that_are_cut_off(void **state)
{
	static const uint32_t lengths[] = {15, 16, 47, 48, 75};

	for (uint32_t i = 0; i < 5; i++) {
		struct fake_cmd *c = copy_own(&f, 8, 0, 100);

		put_be32(c->task->cdb + 10, lengths[i]);
		c->task->out_bytes = lengths[i];
		assert_int_equal(cdb_run(c), BAD_LIST_LENGTH);
	}
	for (uint32_t i = 0; i < 5; i++) { /* the CDB promises more than came */
		struct fake_cmd *c = copy_own(&f, 8, 0, 100);

		c->task->out_bytes = lengths[i];
		assert_int_equal(cdb_run(c), BAD_LIST_LENGTH);
	}
}

static void test_an_empty_list_is_good(void **state)
{
	struct fake_cmd *c = copy_own(&f, 8, 0, 100);

	put_be32(c->task->cdb + 10, 0);
	c->task->out_bytes = 0;
	assert_int_equal(cdb_run(c), GOOD);
	assert_int_equal(f.submitted, 0);
}

static void test_too_many_descriptors(void **state)
{
	struct copy_cdb l = {.targets = 0};

	for (uint32_t i = 0; i < COPY_TARGETS_MAX + 1; i++)
		copy_add_target(&l, &f);
	copy_add_segment(&l, 0, 0, 8, 0, 100);
	assert_int_equal(cdb_run(copy_command(&f, &l, 1, 0)), FAKE_SENSE(5, 0x26, 0x06));
	l.targets = 1;
	l.segments = 0;
	for (uint32_t i = 0; i < COPY_SEGMENTS_MAX + 1; i++)
		copy_add_segment(&l, 0, 0, 8, 0, 100);
	assert_int_equal(cdb_run(copy_command(&f, &l, 2, 0)), FAKE_SENSE(5, 0x26, 0x08));
	l.targets = COPY_TARGETS_MAX + 1;
	assert_int_equal(cdb_run(copy_command(&f, &l, 3, 0)),
			 BAD_LIST_LENGTH); /* over the list's limit */
}

static void test_descriptor_types_and_fields(void **state)
{
	struct fake_cmd *c;

	c = copy_own(&f, 8, 0, 100);
	c->data[16] = 0xe0;
	assert_int_equal(cdb_run(c), FAKE_SENSE(5, 0x26, 0x07));
	c = copy_own(&f, 8, 0, 100);
	c->data[48] = 0x03;
	assert_int_equal(cdb_run(c), FAKE_SENSE(5, 0x26, 0x09));
	c = copy_own(&f, 8, 0, 100);
	c->data[17] = 0xc0; /* LU ID TYPE, which is obsolete */
	assert_int_equal(cdb_run(c), GOOD);
	c = copy_own(&f, 8, 0, 100);
	c->data[17] = 0x20; /* NUL */
	assert_int_equal(cdb_run(c), COPY_UNREACHABLE);
	c = copy_own(&f, 8, 0, 100);
	c->data[30] ^= 1; /* nobody's NAA */
	assert_int_equal(cdb_run(c), COPY_UNREACHABLE);
	c = copy_own(&f, 8, 0, 100);
	put_be16(c->data + 54, 1); /* destination's index */
	assert_int_equal(cdb_run(c), COPY_INDEX);
	c = copy_own(&f, 8, 0, 100);
	put_be32(c->data + 12, 4); /* inline data */
	assert_int_equal(cdb_run(c), FAKE_SENSE(5, 0x26, 0x0b));
	c = copy_own(&f, 8, 0, 100);
	put_be32(c->data + 44, 4096); /* block length */
	assert_int_equal(cdb_run(c), FAKE_SENSE(0xa, 0x0d, 0x03));
	assert_int_equal(f.submitted, 2); /* of the one good list */
}

static void test_ranges_past_either_end(void **state)
{
	assert_int_equal(cdb_run(copy_own(&f, 2048, 0, 131071)), COPY_FAILED);
	assert_int_equal(cdb_run(copy_own(&f, 2048, 131071, 0)), COPY_FAILED);
	assert_int_equal(cdb_run(copy_own(&f, 2048, UINT64_MAX - 1, 0)), COPY_FAILED);
	assert_int_equal(cdb_run(copy_own(&f, 0, 0, 0)), GOOD);
	assert_int_equal(f.submitted, 0);
}

/* ---------------------------------------------------------------- order and replay */

static void test_progress_is_noted_before_the_lock_is_released(void **state)
{
	struct fake_cmd *c = copy_own(&f, 2 * MIB, 0, 4 * MIB), *w = cdb_write(&f, 4 * MIB, 8, 'W');
	uint32_t i = 0;

	f.is_holding = true;
	fake_start(c);
	fake_run_one(&f); /* read; now the write of the first piece is under way */
	fake_start(w);    /* waits for the piece */
	fake_run(&f);
	/* An odd note says that a write was begun. */
	while (f.events[i].kind != FAKE_PROGRESS || f.events[i].len_bytes % 2)
		i++;
	assert_int_equal(f.events[i].len_bytes, 1u << 20);
	for (uint32_t k = 0; k < i; k++)
		assert_false(f.events[k].op == SLUICE_OP_WRITE && f.events[k].len_bytes == 8 * 512);
	assert_disk(&f, 4 * MIB, 8, 'W');
	fake_free(c);
	fake_free(w);
}

/* After each number of finished pieces: the replay does the rest and touches nothing that was done.
 */
static void test_a_replay_never_redoes_a_finished_piece(void **state)
{
	struct copy_cdb l = {.targets = 0};

	copy_add_target(&l, &f);
	copy_add_segment(&l, 0, 0, 5 * MIB / 2, 0, 40000);
	copy_add_segment(&l, 0, 0, 3 * MIB / 2, 10000, 60000);
	for (uint32_t done = 0; done <= 5; done++) {
		static const uint64_t after[] = {0,    2048, 4096,
						 5120, 7168, 8192}; /* blocks, by piece */
		struct fake_cmd *c = copy_command(&f, &l, 1, 0);

		memset(f.disk + 40000 * 512, 'x', 8192 * 512);
		memset(f.disk + 60000 * 512, 'x', 8192 * 512);
		c->task->progress = after[done] * 512;
		assert_int_equal(cdb_run(c), GOOD);
		for (uint64_t b = 0; b < 8192; b += 512) {
			uint64_t lba = b < 5120 ? 40000 + b : 60000 + b - 5120;
			uint64_t from = b < 5120 ? b : 10000 + b - 5120;

			if (b < after[done])
				assert_disk(&f, lba, 512, 'x');
			else
				assert_same(&f, from, &f, lba, 512);
		}
	}
}

static void test_a_replay_of_a_piece_that_overlaps_itself_is_retryable(void **state)
{
	struct fake_cmd *c = copy_own(&f, MIB, 0, 100), *r;

	assert_int_equal(cdb_finish(c), GOOD);
	assert_int_equal(f.events[1].kind, FAKE_PROGRESS);
	assert_int_equal(f.events[1].len_bytes, 1); /* begun, nothing done */
	r = fake_replay(c, false, 1);
	assert_int_equal(cdb_run(r), INTERRUPTED);
	r = fake_replay(c, false, 1u << 20); /* done: nothing is left */
	f.submitted = 0;
	assert_int_equal(cdb_run(r), GOOD);
	assert_int_equal(f.submitted, 0);
	fake_free(c);
}

/* What was begun may have been seen; so nothing that came later gets between the replay's read and
 * write. */
static void test_a_piece_that_was_begun_is_done_again_before_later_commands(void **state)
{
	struct fake_cmd *c = copy_own(&f, MIB, 0, 4 * MIB);
	struct fake_cmd *to = cdb_write(&f, 4 * MIB, 8, 'W'), *from = cdb_write(&f, 0, 8, 'V');

	c->task->progress = 1;
	f.is_holding = true;
	fake_start(c);
	fake_start(to);
	fake_start(from);
	assert_int_equal(fake_held(&f), 1); /* the replay's read; both writes wait for its lock */
	fake_run_one(&f);
	assert_int_equal(fake_held(&f), 1); /* the replay's write */
	fake_run(&f);
	assert_same(&f, 8, &f, 4 * MIB + 8, MIB - 8);
	assert_disk(&f, 4 * MIB, 8, 'W');
	assert_disk(&f, 0, 8, 'V');
	fake_free(c);
	fake_free(to);
	fake_free(from);
}

/* No lock reaches into another volume before later commands do: what was begun there, or from
 * there, is not done again over what they wrote. */
static void test_a_begun_piece_between_volumes_is_not_done_again(void **state)
{
	for (uint16_t to = 0; to < 2; to++) {
		struct copy_cdb l = {.targets = 0};
		struct fake *there = to ? &g : &f;
		struct fake_cmd *c, *r;

		copy_add_target(&l, &f);
		copy_add_target(&l, &g);
		copy_add_segment(&l, 1 - to, to, MIB, 0, 70000);
		c = copy_command(&f, &l, 1, 0);
		fake_start(c);
		fake_run(&f);
		assert_int_equal(fake_result(c), GOOD);
		r = fake_replay(c, false, 1);
		memset(there->disk + 70000 * 512, 'W', 512); /* acknowledged in the meantime */
		assert_int_equal(cdb_run(r), INTERRUPTED);
		assert_disk(there, 70000, 1, 'W');
		fake_free(c);
	}
}

static void test_a_write_to_another_volume_is_noted_before_it_begins(void **state)
{
	struct copy_cdb l = {.targets = 0};
	struct fake_cmd *c;

	copy_add_target(&l, &f);
	copy_add_target(&l, &g);
	copy_add_segment(&l, 0, 1, 8, 0, 100);
	c = copy_command(&f, &l, 1, 0);
	g.is_holding = true;
	fake_start(c);
	fake_run(&f);
	assert_int_equal(fake_held(&g), 1);
	assert_int_equal(f.last_progress, 1);
	fake_run(&g);
	assert_int_equal(f.last_progress, 8 * 512);
	fake_free(c);
}

static void test_progress_that_is_garbage_does_no_harm(void **state)
{
	static const uint64_t garbage[] = {3,         511, 513, 1000001, UINT64_MAX, UINT64_MAX - 1,
					   1ull << 40};

	for (uint32_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
		struct fake_cmd *c = copy_own(&f, 5 * MIB / 2, 0, 100000);

		c->task->progress = garbage[i];
		assert_int_equal(cdb_run(c),
				 GOOD); /* the fake checks each I/O's alignment and range */
	}
}

static void test_two_copies_in_opposite_directions_do_not_lock_each_other_out(void **state)
{
	struct fake_cmd *a = copy_own(&f, 4 * MIB, 0, 10 * MIB),
			*b = copy_own(&f, 4 * MIB, 10 * MIB, 0);

	b->data[0] = 2; /* another list identifier */
	f.is_holding = true;
	fake_start(a);
	fake_start(b);
	fake_run(&f);
	assert_int_equal(fake_result(a), GOOD);
	assert_int_equal(fake_result(b), GOOD);
	fake_free(a);
	fake_free(b);
}

static void test_abort_stops_before_the_next_piece(void **state)
{
	struct fake_cmd *c = copy_own(&f, 8 * MIB, 0, 10 * MIB);

	f.is_holding = true;
	fake_start(c);
	fake_run_one(&f);
	scsi_abort(f.lun, c->task);
	fake_run(&f);
	assert_int_equal(fake_result(c), SCSI_TASK_ABORTED);
	assert_int_equal(f.submitted, 2);
	fake_free(c);
}

static void test_errors_of_a_peer(void **state)
{
	struct copy_cdb l = {.targets = 0};

	copy_add_target(&l, &f);
	copy_add_target(&l, &g);
	copy_add_segment(&l, 1, 0, 8, 0, 100);
	g.fail_nth = 0;
	g.fail_status = SLUICE_ERR_IO;
	assert_int_equal(cdb_run(copy_command(&f, &l, 1, 0)), FAKE_SENSE(0xa, 0x0d, 0x01));
	g.fail_nth = g.submitted;
	g.fail_status = SLUICE_ERR_BUSY;
	assert_int_equal(cdb_run(copy_command(&f, &l, 1, 0)), SCSI_BUSY);
	f.fail_nth = f.submitted;
	f.fail_status = SLUICE_ERR_NO_SPACE;
	assert_int_equal(cdb_run(copy_command(&f, &l, 1, 0)), NO_SPACE);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_fakes, close_fakes)
	const struct CMUnitTest tests[] = {
	    T(test_blocks_are_copied_within_the_volume),
	    T(test_blocks_are_copied_between_volumes_both_ways),
	    T(test_t10_ids_name_the_own_volume),
	    T(test_block_sizes_may_differ_between_volumes),
	    T(test_lists_that_are_cut_off),
	    T(test_an_empty_list_is_good),
	    T(test_too_many_descriptors),
	    T(test_descriptor_types_and_fields),
	    T(test_ranges_past_either_end),
	    T(test_progress_is_noted_before_the_lock_is_released),
	    T(test_a_replay_never_redoes_a_finished_piece),
	    T(test_a_replay_of_a_piece_that_overlaps_itself_is_retryable),
	    T(test_a_piece_that_was_begun_is_done_again_before_later_commands),
	    T(test_a_begun_piece_between_volumes_is_not_done_again),
	    T(test_a_write_to_another_volume_is_noted_before_it_begins),
	    T(test_progress_that_is_garbage_does_no_harm),
	    T(test_two_copies_in_opposite_directions_do_not_lock_each_other_out),
	    T(test_abort_stops_before_the_next_piece),
	    T(test_errors_of_a_peer),
	};
#undef T
	return cmocka_run_group_tests(tests, NULL, NULL);
}
