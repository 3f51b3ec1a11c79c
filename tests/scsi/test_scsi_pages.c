/* SPDX-License-Identifier: MIT */
/* test_scsi_pages.c - INQUIRY, VPD, READ CAPACITY, RTPG, LOG SENSE, REPORT SUPPORTED OPCODES. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "bytes.h"
#include "cdbs.h"

#define THIN_OPS (SLUICE_OP_BIT(SLUICE_OP_UNMAP))

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

static uint32_t run(struct fake_cmd *c, uint32_t in_bytes)
{
	if (last)
		fake_free(last);
	last = c;
	fake_in(c, in_bytes);
	return cdb_finish(c);
}

static const uint8_t *inquire(uint8_t evpd, uint8_t page, uint8_t alloc_bytes)
{
	uint8_t cdb[6] = {0x12, evpd, page, 0, alloc_bytes};

	assert_int_equal(run(fake_cmd(&f, cdb, 6), alloc_bytes), GOOD);
	return last->data;
}

static void test_standard_inquiry(void **state)
{
	const uint8_t *p = inquire(0, 0, 255);

	assert_int_equal(last->task->in_actual_bytes, 96);
	assert_int_equal(p[0], 0);
	assert_int_equal(p[2], 6);
	assert_int_equal(p[3], 0x12); /* HISUP, format 2 */
	assert_int_equal(p[4], 96 - 5);
	assert_int_equal(p[5], 0x18); /* implicit ALUA, 3PC */
	assert_int_equal(p[7], 0x02); /* CMDQUE */
	assert_memory_equal(p + 8, "SLUICE  VIRTUAL DISK    0100", 28);
	inquire(0, 0, 5);
	assert_int_equal(last->task->in_actual_bytes, 5);
}

static void test_every_listed_vpd_page_answers_with_its_length(void **state)
{
	uint8_t pages[16], count;

	inquire(1, 0, 255);
	count = last->data[3];
	memcpy(pages, last->data + 4, count);
	assert_memory_equal(pages, "\x00\x80\x83\x8f\xb0\xb1\xb2", 7);
	for (uint8_t i = 0; i < count; i++) {
		const uint8_t *p = inquire(1, pages[i], 255);

		assert_int_equal(p[1], pages[i]);
		assert_int_equal(last->task->in_actual_bytes, 4u + get_be16(p + 2));
	}
	for (uint32_t page = 0; page < 256; page++) {
		uint8_t cdb[6] = {0x12, 1, (uint8_t)page, 0, 255};

		assert_int_equal(run(fake_cmd(&f, cdb, 6), 255),
				 memchr(pages, (int)page, count) ? GOOD : BAD_CDB);
	}
}

static void test_identity_comes_from_the_uuid_alone(void **state)
{
	uint8_t a[255], b[255], naa[16];
	struct fake other;
	struct fake_cmd *c;
	static const uint8_t cdb[6] = {0x12, 1, 0x83, 0, 255};

	memcpy(a, inquire(1, 0x83, 255), sizeof(a));
	assert_int_equal(a[4], 0x01); /* binary */
	assert_int_equal(a[5], 0x03); /* NAA of the unit */
	assert_int_equal(a[7], 16);
	assert_int_equal(a[8] >> 4, 6);
	scsi_naa_from_uuid(f.cfg.uuid, naa);
	assert_memory_equal(a + 8, naa, 16);
	assert_int_equal(a[24], 0x02); /* ASCII */
	assert_int_equal(a[25], 0x01); /* T10 */
	assert_int_equal(a[27], 20);
	assert_memory_equal(a + 28, "SLUICE  ", 8);
	assert_memory_equal(a + 48, "\x51\x94\x00\x04\x00\x00\x00\x01", 8); /* port 1 */
	assert_memory_equal(a + 56, "\x51\x95\x00\x04\x00\x00\x00\x01", 8); /* group 1 */
	assert_int_equal(get_be16(a + 2), 60);

	fake_init(&other, 1u << 20);
	other.cfg.uuid[15]++; /* the smallest difference */
	fake_open(&other);
	c = fake_cmd(&other, cdb, 6);
	fake_in(c, 255);
	assert_int_equal(cdb_finish(c), GOOD);
	memcpy(b, c->data, sizeof(b));
	fake_free(c);
	fake_close(&other);
	assert_memory_not_equal(a + 8, b + 8, 16);
	assert_memory_not_equal(a + 36, b + 36, 8); /* the first 8 characters behind the vendor */
	assert_memory_equal(inquire(1, 0x80, 255) + 4, "5a010203040546078809", 20);
	assert_int_equal(last->data[3], 32);
}

static void test_each_bit_of_the_uuid_changes_the_naa(void **state)
{
	uint8_t uuid[16] = {0}, naa[16], other[16];

	scsi_naa_from_uuid(uuid, naa);
	for (uint32_t bit = 0; bit < 128; bit++) {
		uuid[bit / 8] ^= (uint8_t)(1u << bit % 8);
		scsi_naa_from_uuid(uuid, other);
		assert_memory_not_equal(naa, other, 16);
		assert_memory_equal(naa, other, 3);
		uuid[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

static void test_limits_in_blocks(void **state)
{
	const uint8_t *p = inquire(1, 0xb0, 255);

	assert_int_equal(p[3], 0x3c);
	assert_int_equal(p[4] & 1, 0); /* WSNZ */
	assert_int_equal(p[5], 128);   /* compare and write */
	assert_int_equal(get_be32(p + 8), 8192);
	assert_int_equal(get_be32(p + 12), 2048);
	assert_int_equal(get_be32(p + 20), 0xffffffff);
	assert_int_equal(get_be32(p + 24), 256);
	assert_int_equal(get_be32(p + 28), 8); /* 4 KiB divides 1 MiB */
	assert_int_equal(get_be32(p + 32), 0x80000000);
	assert_true(get_be64(p + 36) == 0xffffffff);
	assert_int_equal(get_be16(inquire(1, 0xb1, 255) + 4), 1);
	p = inquire(1, 0xb2, 255);
	assert_int_equal(p[5], 0xe4);
	assert_int_equal(p[6], 2);
}

static void test_thin_bits_vanish_with_the_chain_that_cannot(void **state)
{
	uint8_t cdb[16] = {0x9e, 0x10};
	const uint8_t *p;

	cdb[13] = 32;
	assert_int_equal(run(fake_cmd(&f, cdb, 16), 32), GOOD);
	assert_int_equal(last->data[14], 0xc0);
	scsi_lun_set_op_mask(f.lun, SLUICE_OPS_ALL & ~THIN_OPS);
	assert_int_equal(run(fake_cmd(&f, cdb, 16), 32), GOOD);
	assert_int_equal(last->data[14], 0);
	p = inquire(1, 0xb0, 255);
	for (uint32_t i = 20; i < 36; i++)
		assert_int_equal(p[i], 0);
	p = inquire(1, 0xb2, 255);
	assert_int_equal(get_be32(p + 4), 0);
}

static void test_read_capacity(void **state)
{
	uint8_t cdb[16] = {0x9e, 0x10}, ten[10] = {0x25};

	assert_int_equal(run(fake_cmd(&f, ten, 10), 8), GOOD);
	assert_int_equal(get_be32(last->data), 131071);
	assert_int_equal(get_be32(last->data + 4), 512);
	cdb[13] = 32;
	assert_int_equal(run(fake_cmd(&f, cdb, 16), 32), GOOD);
	assert_int_equal(get_be64(last->data), 131071);
	assert_int_equal(last->data[13], 3);
	scsi_lun_set_size(f.lun, 16ull << 40);
	assert_int_equal(run(fake_cmd(&f, ten, 10), 8), GOOD);
	assert_int_equal(get_be32(last->data), 0xffffffff);
	cdb[13] = 15; /* cut at the allocation length */
	assert_int_equal(run(fake_cmd(&f, cdb, 16), 15), GOOD);
	assert_int_equal(last->task->in_actual_bytes, 15);
	assert_true(get_be64(last->data) == (16ull << 40) / 512 - 1);
}

static void test_target_port_groups(void **state)
{
	uint8_t cdb[12] = {0xa3, 0x0a, 0, 0, 0, 0, 0, 0, 0, 255};

	assert_int_equal(run(fake_cmd(&f, cdb, 12), 255), GOOD);
	assert_int_equal(last->task->in_actual_bytes, 16);
	assert_memory_equal(last->data, "\0\0\0\x0c\x00\x01\x00\x01\0\0\0\x01\0\0\0\x01", 16);
	cdb[1] = 0x2a;
	assert_int_equal(run(fake_cmd(&f, cdb, 12), 255), GOOD);
	assert_memory_equal(last->data, "\0\0\0\x10\x10\0\0\0\x00\x01\x00\x01", 12);
}

static void test_provisioning_log_page(void **state)
{
	uint8_t cdb[10] = {0x4d, 0, 0x40, 0, 0, 0, 0, 0, 255};

	assert_int_equal(run(fake_cmd(&f, cdb, 10), 255), GOOD);
	assert_memory_equal(last->data, "\0\0\0\x02\x00\x0c", 6);
	cdb[2] = 0x4c;
	assert_int_equal(run(fake_cmd(&f, cdb, 10), 255), GOOD);
	assert_int_equal(get_be16(last->data + 2), 24);
	assert_int_equal(get_be16(last->data + 4), 1);
	assert_int_equal(get_be32(last->data + 8), 700); /* MiB available */
	assert_int_equal(get_be16(last->data + 16), 2);
	assert_int_equal(get_be32(last->data + 20), 300); /* and used */
	cdb[2] = 0x4d;
	assert_int_equal(run(fake_cmd(&f, cdb, 10), 255), BAD_CDB);
}

/* ---------------------------------------------------------------- REPORT SUPPORTED OPERATION CODES
 */

static uint32_t report(uint8_t options, uint8_t opcode, uint16_t action)
{
	uint8_t cdb[12] = {0xa3, 0x0c, options, opcode};

	put_be16(cdb + 4, action);
	put_be32(cdb + 6, 65535);
	return run(fake_cmd(&f, cdb, 12), 65535);
}

static void test_each_reported_command_is_reported_alone_too(void **state)
{
	static uint8_t all[4096];
	uint32_t bytes;

	assert_int_equal(report(0, 0, 0), GOOD);
	bytes = get_be32(last->data) + 4;
	assert_int_equal(last->task->in_actual_bytes, bytes);
	memcpy(all, last->data, bytes);
	assert_true(bytes > 8 * 50);
	for (uint8_t *d = all + 4; d < all + bytes; d += 8) {
		bool has_action = d[5] & 1;
		uint16_t action = get_be16(d + 2);

		assert_false(d[5] & 2);
		assert_true(has_action || action == 0);
		assert_int_equal(report(1, d[0], action), has_action ? BAD_CDB : GOOD);
		assert_int_equal(report(2, d[0], action), has_action ? GOOD : BAD_CDB);
		assert_int_equal(report(3, d[0], action), GOOD);
		assert_int_equal(last->data[1], 3);
		assert_int_equal(get_be16(last->data + 2), get_be16(d + 6));
		assert_int_equal(last->data[4], d[0]);
	}
}

static void test_timeouts_are_told_when_asked_for(void **state)
{
	uint32_t bytes;

	assert_int_equal(report(0x80, 0, 0), GOOD);
	bytes = get_be32(last->data) + 4;
	for (uint8_t *d = last->data + 4; d < last->data + bytes; d += 20) {
		assert_true(d[5] & 2);
		assert_int_equal(get_be16(d + 8), 10);
	}
	assert_int_equal(report(0x81, 0x28, 0), GOOD);
	assert_int_equal(last->data[1], 0x83);
	assert_int_equal(last->task->in_actual_bytes, 4 + 10 + 12);
}

static void test_what_the_chain_cannot_do_is_not_reported(void **state)
{
	assert_int_equal(report(1, 0x42, 0), GOOD);
	assert_int_equal(last->data[1], 3);
	scsi_lun_set_op_mask(f.lun, SLUICE_OP_BIT(SLUICE_OP_READ));
	assert_int_equal(report(1, 0x42, 0), GOOD);
	assert_int_equal(last->data[1], 1);
	assert_int_equal(report(1, 0x2a, 0), GOOD);
	assert_int_equal(last->data[1], 1);
	assert_int_equal(report(1, 0x28, 0), GOOD);
	assert_int_equal(last->data[1], 3);
	assert_int_equal(report(1, 0xff, 0), GOOD);
	assert_int_equal(last->data[1], 1);
	assert_int_equal(cdb_run(cdb_write(&f, 0, 1, 0)), BAD_OPCODE);
	assert_int_equal(cdb_run(cdb_caw(&f, 0, 1, 0, 0)), BAD_OPCODE);
	assert_int_equal(cdb_run(cdb_read(&f, 0, 1)), GOOD);
}

/* Every command that is reported and not tgtd's is there: it answers anything but INVALID OPCODE.
 */
static void test_what_is_reported_is_served(void **state)
{
	static const uint8_t of_tgtd[] = {0x03, 0x16, 0x17, 0x5e, 0x5f, 0xa0};

	for (uint32_t opcode = 0; opcode < 256; opcode++) {
		for (uint8_t action = 0; action < 32; action++) {
			uint8_t cdb[16] = {(uint8_t)opcode, action};
			bool is_reported;

			if (memchr(of_tgtd, (int)opcode, sizeof(of_tgtd)))
				continue;
			assert_int_equal(report(3, (uint8_t)opcode, action), GOOD);
			is_reported = last->data[1] == 3;
			if (is_reported)
				assert_int_not_equal(run(fake_cmd(&f, cdb, 16), 512), BAD_OPCODE);
		}
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_fake, close_fake)
	const struct CMUnitTest tests[] = {
	    T(test_standard_inquiry),
	    T(test_every_listed_vpd_page_answers_with_its_length),
	    T(test_identity_comes_from_the_uuid_alone),
	    T(test_each_bit_of_the_uuid_changes_the_naa),
	    T(test_limits_in_blocks),
	    T(test_thin_bits_vanish_with_the_chain_that_cannot),
	    T(test_read_capacity),
	    T(test_target_port_groups),
	    T(test_provisioning_log_page),
	    T(test_each_reported_command_is_reported_alone_too),
	    T(test_timeouts_are_told_when_asked_for),
	    T(test_what_the_chain_cannot_do_is_not_reported),
	    T(test_what_is_reported_is_served),
	};
#undef T
	return cmocka_run_group_tests(tests, NULL, NULL);
}
