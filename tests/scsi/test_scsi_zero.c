/* SPDX-License-Identifier: MIT */
/* test_scsi_zero.c - UNMAP, WRITE SAME and GET LBA STATUS: what reads as zeros, and what is given
 * back. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "bytes.h"
#include "cdbs.h"

#define BLOCKS (64u << 11) /* 64 MiB */

static struct fake f;

static int open_fake(void **state)
{
	fake_init(&f, 64u << 20);
	fake_open(&f);
	memset(f.disk, 'A', 1u << 20);
	memset(f.is_mapped, 1, f.cfg.size_bytes / 512);
	return 0;
}

static int close_fake(void **state)
{
	fake_close(&f);
	return 0;
}

static uint32_t unmap_one(uint64_t lba, uint32_t blocks)
{
	return cdb_run(cdb_unmap(&f, &lba, &blocks, 1));
}

static void reopen(uint32_t op_mask)
{
	scsi_lun_set_op_mask(f.lun, op_mask);
}

static void test_every_alignment_of_unmap_reads_as_zeros(void **state)
{
	for (uint32_t at = 0; at < 18; at++) {
		for (uint32_t blocks = 1; blocks < 34; blocks++) {
			memset(f.disk, 'A', 64 * 512);
			assert_int_equal(unmap_one(at, blocks), GOOD);
			assert_disk(&f, 0, at, 'A');
			assert_disk(&f, at, blocks, 0);
			assert_disk(&f, at + blocks, 64 - at - blocks, 'A');
		}
	}
}

static void test_only_whole_units_are_unmapped(void **state)
{
	assert_int_equal(unmap_one(3, 5 + 16 + 2), GOOD);
	assert_int_equal(f.events[0].op, SLUICE_OP_WRITE_ZEROES);
	assert_int_equal(f.events[0].len_bytes, 5 * 512);
	assert_int_equal(f.events[1].op, SLUICE_OP_UNMAP);
	assert_int_equal(f.events[1].offset_bytes, 4096);
	assert_int_equal(f.events[1].len_bytes, 8192);
	assert_int_equal(f.events[2].op, SLUICE_OP_WRITE_ZEROES);
	assert_int_equal(f.events[2].len_bytes, 2 * 512);
}

static void test_unmap_without_write_zeroes_writes_zeros(void **state)
{
	reopen(SLUICE_OPS_ALL & ~SLUICE_OP_BIT(SLUICE_OP_WRITE_ZEROES));
	assert_int_equal(unmap_one(3, 5 + 16 + 2), GOOD);
	assert_int_equal(f.events[0].op, SLUICE_OP_WRITE);
	assert_disk(&f, 3, 23, 0);
	assert_disk(&f, 2, 1, 'A');
	assert_disk(&f, 26, 1, 'A');
}

static void test_descriptors_that_follow_one_another_are_one_range(void **state)
{
	uint64_t lbas[256];
	uint32_t blocks[256];

	for (uint32_t i = 0; i < 256; i++) {
		lbas[i] = i;
		blocks[i] = 1;
	}
	assert_int_equal(cdb_run(cdb_unmap(&f, lbas, blocks, 256)), GOOD);
	assert_int_equal(f.submitted, 1);
	assert_disk(&f, 0, 256, 0);
	assert_int_equal(cdb_run(cdb_unmap(&f, lbas, blocks, 255)), GOOD);
}

static void test_nothing_is_unmapped_unless_the_whole_list_is_right(void **state)
{
	static const uint64_t lbas[] = {0, BLOCKS, UINT64_MAX, 1ull << 63};
	static const uint32_t blocks[] = {8, 1, 2, 8};
	uint64_t many[257] = {0};
	uint32_t none[257] = {0};
	struct fake_cmd *c;

	for (uint32_t i = 1; i < 4; i++) {
		uint64_t two[] = {0, lbas[i]};
		uint32_t of[] = {8, blocks[i]};

		assert_int_equal(cdb_run(cdb_unmap(&f, two, of, 2)), LBA_RANGE);
	}
	assert_int_equal(cdb_run(cdb_unmap(&f, many, none, 257)), BAD_LIST);
	c = cdb_unmap(&f, lbas, blocks, 1);
	c->task->cdb[8] = 7; /* not even a header */
	assert_int_equal(cdb_run(c), BAD_LIST_LENGTH);
	c = cdb_unmap(&f, lbas, blocks, 1);
	c->task->cdb[8] = 23; /* a descriptor cut off */
	assert_int_equal(cdb_run(c), BAD_LIST_LENGTH);
	c = cdb_unmap(&f, lbas, blocks, 1);
	c->task->out_bytes = 12; /* less data than the CDB says */
	assert_int_equal(cdb_run(c), BAD_LIST_LENGTH);
	assert_int_equal(f.submitted, 0);
	assert_disk(&f, 0, 8, 'A');
}

static void test_empty_unmaps_are_good(void **state)
{
	uint64_t lba = BLOCKS;
	uint32_t zero = 0;
	struct fake_cmd *c = cdb_unmap(&f, &lba, &zero, 1);

	assert_int_equal(cdb_run(c), GOOD);
	assert_int_equal(cdb_run(cdb_unmap(&f, NULL, NULL, 0)), GOOD);
	c = cdb_unmap(&f, NULL, NULL, 0);
	memset(c->task->cdb + 7, 0, 2);
	c->task->out_bytes = 0;
	assert_int_equal(cdb_run(c), GOOD);
	assert_int_equal(f.submitted, 0);
}

/* A replay unmaps everything again, so nobody may write into any of it before the status is
 * visible. */
static void test_unmap_holds_all_its_ranges_to_the_end(void **state)
{
	static const uint64_t lbas[] = {0, 800};
	static const uint32_t blocks[] = {8, 8};
	struct fake_cmd *u = cdb_unmap(&f, lbas, blocks, 2), *w = cdb_write(&f, 0, 8, 'W');

	f.is_holding = true;
	fake_start(u);
	fake_start(w);
	fake_run_one(&f);
	assert_int_equal(fake_held(&f), 1); /* the second range, not the write */
	fake_run(&f);
	assert_true(u->order < w->order);
	assert_disk(&f, 0, 8, 'W');
	fake_free(u);
	fake_free(w);
}

static void test_write_same_of_zeros_and_of_a_pattern(void **state)
{
	for (int v = 0; v < 2; v++) {
		for (uint32_t blocks = 1; blocks < 300; blocks += 37) {
			memset(f.disk, 'A', 1u << 20);
			assert_int_equal(cdb_run(cdb_write_same(&f, 5, blocks, v, false)), GOOD);
			assert_disk(&f, 4, 1, 'A');
			assert_disk(&f, 5, blocks, (uint8_t)v);
			assert_disk(&f, 5 + blocks, 1, 'A');
		}
	}
}

static void test_write_same_with_unmap_leaves_zeros(void **state)
{
	assert_int_equal(cdb_run(cdb_write_same(&f, 0, 16, 0, true)), GOOD);
	assert_int_equal(f.events[0].op, SLUICE_OP_WRITE_ZEROES);
	assert_int_equal(f.events[0].flags, SLUICE_IO_MAY_UNMAP);
	assert_int_equal(cdb_run(cdb_write_same(&f, 0, 16, 'q', true)), GOOD);
	assert_disk(&f, 0, 16, 0); /* whatever block came along */
	assert_int_equal(cdb_run(cdb_write_same(&f, 0, 16, 'q', false)), GOOD);
	assert_disk(&f, 0, 16, 'q');
	assert_int_equal(cdb_run(cdb_write_same(&f, 0, 16, -1, true)), GOOD);
	assert_disk(&f, 0, 16, 0);
	assert_int_equal(cdb_run(cdb_write_same(&f, 16, 16, -1, false)), GOOD);
	assert_disk(&f, 16, 16, 0);
}

static void test_write_same_of_no_blocks_goes_to_the_end(void **state)
{
	assert_int_equal(cdb_run(cdb_write_same(&f, BLOCKS - 3, 0, 'e', false)), GOOD);
	assert_disk(&f, BLOCKS - 3, 3, 'e');
	assert_disk(&f, BLOCKS - 4, 1, 0);
	assert_int_equal(cdb_run(cdb_write_same(&f, BLOCKS, 0, 'e', false)), LBA_RANGE);
	scsi_lun_set_size(f.lun, (1ull << 32) * 512 + 512);
	assert_int_equal(cdb_run(cdb_write_same(&f, 0, 0, 'e', false)),
			 BAD_CDB); /* over the limit */
}

static void test_write_same_checks_its_data_length(void **state)
{
	static const uint32_t lengths[] = {256, 1024, 0};

	for (uint32_t i = 0; i < 3; i++) {
		struct fake_cmd *c = cdb_write_same(&f, 0, 1, 1, false);

		c->task->out_bytes = lengths[i];
		assert_int_equal(cdb_run(c), BAD_LIST_LENGTH);
	}
	assert_int_equal(f.submitted, 0);
}

/* Over 4 GiB: nothing is written here, the pieces are added up instead. */
static void test_zeros_over_4_gib_go_in_pieces(void **state)
{
	const uint64_t bytes = 9ull << 30;
	struct fake_cmd *c;
	uint64_t sum = 0;

	scsi_lun_set_size(f.lun, 1ull << 40);
	f.cfg.size_bytes = 1ull << 40;
	c = cdb_write_same(&f, 8, (uint32_t)(bytes / 512), 0, false);
	f.is_holding = true;
	fake_start(c);
	while (fake_held(&f)) {
		struct fake_io *x = list_entry(list_pop_front(&f.held), struct fake_io, node);

		assert_int_equal(x->io.offset_bytes, 4096 + sum);
		assert_true(x->io.len_bytes <= 64u << 20);
		sum += x->io.len_bytes;
		x->fn(&x->io, x->fn_ctx);
	}
	assert_int_equal(sum, bytes);
	assert_int_equal(fake_result(c), GOOD);
	fake_free(c);
}

static void test_a_chain_that_cannot_unmap_refuses(void **state)
{
	uint64_t lba = 0;
	uint32_t blocks = 8;

	reopen(SLUICE_OPS_ALL & ~SLUICE_OP_BIT(SLUICE_OP_UNMAP));
	assert_int_equal(unmap_one(lba, blocks), BAD_OPCODE);
	assert_int_equal(cdb_run(cdb_write_same(&f, 0, 8, 0, true)), BAD_CDB);
	assert_int_equal(cdb_run(cdb_write_same(&f, 0, 8, 0, false)), GOOD);
}

static void test_protected_volumes_refuse_writes(void **state)
{
	struct fake r;
	uint64_t lba = 0;
	uint32_t blocks = 8;

	fake_init(&r, 1u << 20);
	r.cfg.is_readonly = true;
	fake_open(&r);
	assert_int_equal(cdb_run(cdb_unmap(&r, &lba, &blocks, 1)), PROTECTED);
	assert_int_equal(cdb_run(cdb_write_same(&r, 0, 8, 0, true)), PROTECTED);
	assert_int_equal(cdb_run(cdb_write(&r, 0, 8, 0)), PROTECTED);
	assert_int_equal(cdb_run(cdb_caw(&r, 0, 1, 0, 0)), PROTECTED);
	assert_int_equal(cdb_run(cdb_read(&r, 0, 8)), GOOD);
	fake_close(&r);
}

/* ---------------------------------------------------------------- GET LBA STATUS */

static struct fake_cmd *lba_status(uint64_t lba, uint32_t alloc_bytes)
{
	struct fake_cmd *c = cdb16(&f, 0x9e, 0x12, lba, alloc_bytes);

	fake_in(c, alloc_bytes);
	return c;
}

static void check_run(const struct fake_cmd *c, uint32_t i, uint64_t lba, uint32_t blocks,
		      uint8_t status)
{
	const uint8_t *d = c->data + 8 + 16 * (size_t)i;

	assert_int_equal(get_be64(d), lba);
	assert_int_equal(get_be32(d + 8), blocks);
	assert_int_equal(d[12] & 15, status);
}

static void test_lba_status_follows_the_holes(void **state)
{
	struct fake_cmd *c;

	memset(f.is_mapped, 0, BLOCKS);
	memset(f.is_mapped + 16, 1, 8);
	c = lba_status(5, 4096);
	assert_int_equal(cdb_finish(c), GOOD);
	assert_int_equal(get_be32(c->data), 4 + 3 * 16);
	check_run(c, 0, 5, 11, 1);
	check_run(c, 1, 16, 8, 0);
	check_run(c, 2, 24, BLOCKS - 24, 1);
	fake_free(c);

	c = lba_status(20, 24); /* room for one */
	assert_int_equal(cdb_finish(c), GOOD);
	assert_int_equal(c->task->in_actual_bytes, 24);
	check_run(c, 0, 20, 4, 0);
	fake_free(c);
}

static void test_lba_status_past_the_end_is_refused(void **state)
{
	static const uint64_t lbas[] = {BLOCKS, BLOCKS + 1, 1ull << 63, UINT64_MAX};

	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(cdb_run(lba_status(lbas[i], 24)), LBA_RANGE);
	assert_int_equal(cdb_run(lba_status(BLOCKS - 1, 24)), GOOD);
	reopen(SLUICE_OPS_ALL & ~SLUICE_OP_BIT(SLUICE_OP_EXTENT));
	assert_int_equal(cdb_run(lba_status(0, 24)), BAD_OPCODE);
}

static void test_neighbours_of_an_unmapped_block_stay_mapped(void **state)
{
	for (uint64_t i = 0; i < 64; i++) {
		struct fake_cmd *c;

		assert_int_equal(cdb_run(cdb_write(&f, 0, 128, 'A')), GOOD);
		assert_int_equal(unmap_one(i, 1), GOOD);
		c = lba_status(i + 1, 24);
		assert_int_equal(cdb_finish(c), GOOD);
		assert_int_equal(get_be64(c->data + 8), i + 1);
		assert_int_equal(c->data[20] & 15, 0);
		fake_free(c);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_fake, close_fake)
	const struct CMUnitTest tests[] = {
	    T(test_every_alignment_of_unmap_reads_as_zeros),
	    T(test_only_whole_units_are_unmapped),
	    T(test_unmap_without_write_zeroes_writes_zeros),
	    T(test_descriptors_that_follow_one_another_are_one_range),
	    T(test_nothing_is_unmapped_unless_the_whole_list_is_right),
	    T(test_empty_unmaps_are_good),
	    T(test_unmap_holds_all_its_ranges_to_the_end),
	    T(test_write_same_of_zeros_and_of_a_pattern),
	    T(test_write_same_with_unmap_leaves_zeros),
	    T(test_write_same_of_no_blocks_goes_to_the_end),
	    T(test_write_same_checks_its_data_length),
	    T(test_zeros_over_4_gib_go_in_pieces),
	    T(test_a_chain_that_cannot_unmap_refuses),
	    T(test_protected_volumes_refuse_writes),
	    T(test_lba_status_follows_the_holes),
	    T(test_lba_status_past_the_end_is_refused),
	    T(test_neighbours_of_an_unmapped_block_stay_mapped),
	};
#undef T
	return cmocka_run_group_tests(tests, NULL, NULL);
}
