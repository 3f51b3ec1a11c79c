/* SPDX-License-Identifier: MIT */
/* test_scsi_mode.c - MODE SENSE and MODE SELECT: an honest WCE, SWP, page control, lists that are
 * wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "bytes.h"
#include "cdbs.h"

static struct fake f;
static struct fake_cmd *last;

static int open_fake(void **state)
{
	fake_init(&f, 64u << 20);
	fake_open(&f);
	last = NULL;
	return 0;
}

static int close_fake(void **state)
{
	if (last)
		fake_free(last);
	fake_close(&f);
	return 0;
}

static uint32_t sense6(struct fake *of, uint8_t dbd, uint8_t control, uint8_t page)
{
	uint8_t cdb[6] = {0x1a, (uint8_t)(dbd << 3), (uint8_t)(control << 6 | page), 0, 255};

	if (last)
		fake_free(last);
	last = fake_cmd(of, cdb, 6);
	fake_in(last, 255);
	return cdb_finish(last);
}

static uint32_t sense10(uint8_t flags, uint8_t page)
{
	uint8_t cdb[10] = {0x5a, flags, page, 0, 0, 0, 0, 0, 255};

	if (last)
		fake_free(last);
	last = fake_cmd(&f, cdb, 10);
	fake_in(last, 255);
	return cdb_finish(last);
}

static uint32_t select6(const void *list, uint8_t bytes)
{
	uint8_t cdb[6] = {0x15, 0x10, 0, 0, bytes};

	if (last)
		fake_free(last);
	last = fake_cmd(&f, cdb, 6);
	fake_out(last, list, bytes);
	return cdb_finish(last);
}

/* A control page as an initiator sends it back. */
static void control_list(uint8_t list[16], bool is_swp)
{
	memset(list, 0, 16);
	list[4] = 0x0a;
	list[5] = 10;
	list[7] = 0x10;
	list[8] = is_swp ? 0x08 : 0;
}

static void test_all_pages_with_block_descriptors(void **state)
{
	const uint8_t *p;

	assert_int_equal(sense6(&f, 0, 0, 0x3f), GOOD);
	p = last->data;
	assert_int_equal(last->task->in_actual_bytes, 4 + 8 + 20 + 12);
	assert_int_equal(p[0], 43);
	assert_int_equal(p[2], 0x10); /* DPOFUA, not protected */
	assert_int_equal(p[3], 8);
	assert_int_equal(get_be32(p + 4), 131072);
	assert_int_equal(get_be24(p + 9), 512);
	assert_int_equal(p[12], 0x08);
	assert_int_equal(p[32], 0x0a);
	assert_int_equal(sense6(&f, 1, 0, 0x0a), GOOD);
	assert_int_equal(last->task->in_actual_bytes, 16);
	assert_int_equal(sense10(0x10, 0x3f), GOOD); /* LLBAA */
	p = last->data;
	assert_int_equal(get_be16(p), 8 + 16 + 32 - 2);
	assert_int_equal(p[4], 1);
	assert_int_equal(get_be16(p + 6), 16);
	assert_int_equal(get_be64(p + 8), 131072);
	assert_int_equal(get_be32(p + 20), 512);
}

static void test_wce_is_what_the_volume_has_and_is_not_changeable(void **state)
{
	struct fake w;
	uint8_t list[4 + 20] = {0};

	assert_int_equal(sense6(&f, 1, 0, 0x08), GOOD);
	assert_int_equal(last->data[4 + 2], 0);
	assert_int_equal(sense6(&f, 1, 1, 0x08), GOOD);
	for (uint32_t i = 2; i < 20; i++)
		assert_int_equal(last->data[4 + i], 0);
	list[4] = 0x08;
	list[5] = 18;
	assert_int_equal(select6(list, sizeof(list)), GOOD);
	list[6] = 0x04;
	assert_int_equal(select6(list, sizeof(list)), BAD_LIST);

	fake_init(&w, 1u << 20);
	w.cfg.is_wce = true;
	fake_open(&w);
	assert_int_equal(sense6(&w, 1, 0, 0x08), GOOD);
	assert_int_equal(last->data[4 + 2], 4);
	fake_free(last);
	last = NULL;
	fake_close(&w);
}

static void test_swp_protects_for_everybody_and_tells_the_others(void **state)
{
	uint8_t list[16];

	assert_int_equal(sense6(&f, 1, 1, 0x0a), GOOD);
	assert_int_equal(last->data[4 + 4], 0x08); /* changeable */
	control_list(list, true);
	assert_int_equal(select6(list, 16), GOOD);
	assert_int_equal(last->task->ua_others_asc, 0x2a01);
	assert_int_equal(sense6(&f, 1, 0, 0x0a), GOOD);
	assert_int_equal(last->data[4 + 4], 0x08);
	assert_int_equal(last->data[2], 0x90); /* WP */
	assert_int_equal(sense6(&f, 1, 2, 0x0a), GOOD);
	assert_int_equal(last->data[4 + 4], 0); /* by default it is off */
	assert_int_equal(cdb_run(cdb_write(&f, 0, 1, 1)), PROTECTED);
	assert_int_equal(cdb_run(cdb_read(&f, 0, 1)), GOOD);
	assert_int_equal(select6(list, 16), GOOD);
	assert_int_equal(last->task->ua_others_asc, 0); /* nothing changed */
	control_list(list, false);
	assert_int_equal(select6(list, 16), GOOD);
	assert_int_equal(last->task->ua_others_asc, 0x2a01);
	assert_int_equal(cdb_run(cdb_write(&f, 0, 1, 1)), GOOD);
}

static void test_what_is_not_there_is_refused(void **state)
{
	uint8_t subpage[6] = {0x1a, 0, 0x0a, 1, 255};

	assert_int_equal(sense6(&f, 0, 3, 0x3f), FAKE_SENSE(5, 0x39, 0));
	assert_int_equal(sense6(&f, 0, 0, 0x1c), BAD_CDB);
	assert_int_equal(cdb_run(fake_cmd(&f, subpage, 6)), BAD_CDB);
	assert_int_equal(sense6(&f, 0, 0, 0x0a), GOOD);
}

static void test_wrong_lists_change_nothing(void **state)
{
	uint8_t list[16], blocks[12] = {0, 0, 0, 8};
	uint8_t saving[6] = {0x15, 0x11, 0, 0, 16};
	struct fake_cmd *c;

	control_list(list, true);
	assert_int_equal(select6(list, 3), BAD_LIST_LENGTH);
	assert_int_equal(select6(list, 5), BAD_LIST_LENGTH);
	assert_int_equal(select6(list, 15), BAD_LIST_LENGTH);
	assert_int_equal(select6(list, 4), GOOD); /* a header and no page */
	assert_int_equal(select6(list, 0), GOOD);
	list[5] = 9; /* page length */
	assert_int_equal(select6(list, 16), BAD_LIST);
	control_list(list, true);
	list[6] = 0x04; /* D_SENSE */
	assert_int_equal(select6(list, 16), BAD_LIST);
	control_list(list, true);
	list[4] |= 0x80; /* PS */
	assert_int_equal(select6(list, 16), BAD_LIST);
	control_list(list, true);
	list[3] = 7; /* no block descriptor has 7 bytes */
	assert_int_equal(select6(list, 16), BAD_LIST);
	put_be32(blocks + 8, 512);
	assert_int_equal(select6(blocks, 12), GOOD);
	put_be32(blocks + 8, 4096);
	assert_int_equal(select6(blocks, 12), BAD_LIST);
	control_list(list, true);
	c = fake_cmd(&f, saving, 6);
	fake_out(c, list, 16);
	assert_int_equal(cdb_run(c), BAD_CDB);
	saving[1] = 0x10;
	c = fake_cmd(&f, saving, 6);
	fake_out(c, list, 10); /* less data than the CDB says */
	assert_int_equal(cdb_run(c), BAD_LIST_LENGTH);
	assert_int_equal(cdb_run(cdb_write(&f, 0, 1, 1)), GOOD); /* SWP is still off */
}

static void test_mode_select_10_with_both_pages(void **state)
{
	uint8_t list[8 + 20 + 12] = {0}, cdb[10] = {0x55, 0x10, 0, 0, 0, 0, 0, 0, sizeof(list)};
	struct fake_cmd *c;

	list[8] = 0x08;
	list[9] = 18;
	list[28] = 0x0a;
	list[29] = 10;
	list[31] = 0x10;
	list[32] = 0x08;
	c = fake_cmd(&f, cdb, 10);
	fake_out(c, list, sizeof(list));
	assert_int_equal(cdb_run(c), GOOD);
	assert_int_equal(cdb_run(cdb_write(&f, 0, 1, 1)), PROTECTED);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_fake, close_fake)
	const struct CMUnitTest tests[] = {
	    T(test_all_pages_with_block_descriptors),
	    T(test_wce_is_what_the_volume_has_and_is_not_changeable),
	    T(test_swp_protects_for_everybody_and_tells_the_others),
	    T(test_what_is_not_there_is_refused),
	    T(test_wrong_lists_change_nothing),
	    T(test_mode_select_10_with_both_pages),
	};
#undef T
	return cmocka_run_group_tests(tests, NULL, NULL);
}
