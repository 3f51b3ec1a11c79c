/* SPDX-License-Identifier: MIT */
/* test_rlog_refuses.c - what is not this volume's log, or is damaged, is refused, named, and not
 * changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "rlog_format.h"
#include "rlog_rig.h"

static int setup(void **state)
{
	static struct rig r;

	rig_init(&r, 1, 40);
	*state = &r;
	return rig_open(&r);
}

static int teardown(void **state)
{
	rig_fini(*state);
	return 0;
}

static uint8_t before[1 << 20];

/* Opens, expects that, and that not one byte of the file has changed. */
static void expect(struct rig *r, enum sluice_rlog_found found, int result)
{
	struct rig_file *f = rig_file(r, "log");

	memcpy(before, f->now, f->f.size_bytes);
	assert_int_equal(rig_open(r), result);
	assert_int_equal(r->how.found, found);
	assert_true(strlen(r->how.err.text) > 10);
	assert_memory_equal(before, f->now, f->f.size_bytes);
	r->log = NULL;
}

static uint64_t circle(struct rig *r)
{
	struct rlog_geometry g;

	assert_true(rlog_geometry_make(&g, RIG_BLOCK_BYTES, r->cfg.size_bytes, true));
	return (uint64_t)g.log_start * RIG_BLOCK_BYTES;
}

static void another_owner_or_generation(void **state)
{
	struct rig *r = *state;

	rig_put(r, 1, 1, true);
	rig_close(r);
	r->cfg.generation++;
	expect(r, SLUICE_RLOG_FOREIGN, -ESTALE);
	r->cfg.generation--;
	r->cfg.owner_uuid[3] ^= 1;
	expect(r, SLUICE_RLOG_FOREIGN, -EXDEV);
	r->cfg.owner_uuid[3] ^= 1;
	assert_int_equal(rig_open(r), 0);
	assert_int_equal(rig_get(r, 1), 1);
}

/* Its owner says that nothing of what is older counts; of another owner, or newer, it stays. */
static void an_older_generation_makes_way_when_told(void **state)
{
	struct rig *r = *state;

	rig_put(r, 1, 1, true);
	rig_close(r);
	r->cfg.may_create = r->cfg.may_replace = true;
	r->cfg.owner_uuid[3] ^= 1;
	r->cfg.generation++;
	expect(r, SLUICE_RLOG_FOREIGN, -EXDEV);
	r->cfg.owner_uuid[3] ^= 1;
	r->cfg.generation -= 2;
	expect(r, SLUICE_RLOG_FOREIGN, -ESTALE);
	r->cfg.generation += 2;
	assert_int_equal(rig_open(r), 0);
	assert_int_equal(r->how.found, SLUICE_RLOG_NEW);
	assert_int_equal(r->how.dirty_blocks, 0);
	rig_put(r, 2, 2, true);
	rig_close(r);
	r->cfg.generation--;
	expect(r, SLUICE_RLOG_FOREIGN, -ESTALE);
	r->cfg.generation++;
	assert_int_equal(rig_open(r), 0);
	assert_int_equal(rig_get(r, 2), 2);
}

/* Of another owner, only when that one is named, who is told by the refusal. */
static void a_named_owners_log_makes_way(void **state)
{
	struct rig *r = *state;

	rig_put(r, 1, 1, true);
	rig_close(r);
	r->cfg.may_create = r->cfg.may_replace = true;
	r->cfg.owner_uuid[3] ^= 1;
	r->cfg.replace_uuid[0] = 77;
	expect(r, SLUICE_RLOG_FOREIGN, -EXDEV);
	memcpy(r->cfg.replace_uuid, r->how.owner_uuid, 16);
	assert_int_equal(r->how.owner_uuid[3] ^ 1, r->cfg.owner_uuid[3]);
	r->cfg.may_replace = false;
	expect(r, SLUICE_RLOG_FOREIGN, -EXDEV);
	r->cfg.may_replace = true;
	assert_int_equal(rig_open(r), 0);
	assert_int_equal(r->how.found, SLUICE_RLOG_NEW);
	assert_int_equal(r->how.dirty_blocks, 0);
}

static void damage_before_a_record_that_vouches(void **state)
{
	struct rig *r = *state;
	struct rig_file *f = rig_file(r, "log");

	for (uint64_t i = 1; i < 6; i++)
		rig_put(r, i, i, true);
	rig_crash(r, false);
	/* The data of the third record: headers and blocks alternate. */
	f->now[circle(r) + 5 * RIG_BLOCK_BYTES + 9] ^= 4;
	expect(r, SLUICE_RLOG_CORRUPT, -EBADMSG);
	assert_int_equal(r->how.lost_position, circle(r) + 4 * RIG_BLOCK_BYTES);
	assert_int_equal(r->how.dirty_blocks, 2);
	f->now[circle(r) + 5 * RIG_BLOCK_BYTES + 9] ^= 4;
	assert_int_equal(rig_open(r), 0);
	for (uint64_t i = 1; i < 6; i++)
		assert_int_equal(rig_get(r, i), i);
}

static void both_superblocks_gone(void **state)
{
	struct rig *r = *state;
	struct rig_file *f = rig_file(r, "log");

	rig_put(r, 1, 1, true);
	rig_crash(r, false);
	f->now[60] ^= 1;
	f->now[RLOG_SUPER_BYTES + 60] ^= 1;
	expect(r, SLUICE_RLOG_CORRUPT, -EBADMSG);
}

static void one_superblock_gone_is_the_older_one_or_is_noticed(void **state)
{
	struct rig *r = *state;
	struct rig_file *f = rig_file(r, "log");
	int rc;

	for (uint64_t i = 1; i < 12; i++)
		rig_put(r, i, i, true);
	rig_destage(r, 500);
	rig_put(r, 20, 20, true);
	rig_crash(r, false);
	for (int i = 0; i < 2; i++) {
		f->now[i * RLOG_SUPER_BYTES + 60] ^= 1;
		rc = rig_open(r);
		if (rc == 0) {
			for (uint64_t b = 1; b < 12; b++)
				assert_int_equal(rig_see(r, b), b);
			assert_int_equal(rig_see(r, 20), 20);
			return;
		}
		assert_int_equal(r->how.found, SLUICE_RLOG_CORRUPT);
		f->now[i * RLOG_SUPER_BYTES + 60] ^= 1;
	}
	fail_msg("neither superblock alone opens the log");
}

static void something_else_is_never_overwritten(void **state)
{
	struct rig *r = *state;
	struct rig_file *f = rig_file(r, "log");

	rig_close(r);
	memset(f->now, 0x5a, f->f.size_bytes);
	expect(r, SLUICE_RLOG_UNKNOWN, -EMEDIUMTYPE);
	memset(f->now, 0, 2 * RLOG_SUPER_BYTES);
	r->cfg.may_create = false;
	expect(r, SLUICE_RLOG_UNKNOWN, -ENODATA);
	r->cfg.may_create = true;
	assert_int_equal(rig_open(r), 0);
	assert_int_equal(r->how.found, SLUICE_RLOG_NEW);
}

static void nothing_there(void **state)
{
	struct rig *r = *state;

	rig_close(r);
	rig_file(r, "log")->exists = false;
	free(rig_file(r, "log")->now);
	free(rig_file(r, "log")->stable);
	rig_file(r, "log")->now = rig_file(r, "log")->stable = NULL;
	r->cfg.may_create = false;
	assert_int_equal(rig_open(r), -ENOENT);
	assert_int_equal(r->how.found, SLUICE_RLOG_MISSING);
	r->log = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(another_owner_or_generation, setup, teardown),
	    cmocka_unit_test_setup_teardown(an_older_generation_makes_way_when_told, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(damage_before_a_record_that_vouches, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_named_owners_log_makes_way, setup, teardown),
	    cmocka_unit_test_setup_teardown(both_superblocks_gone, setup, teardown),
	    cmocka_unit_test_setup_teardown(one_superblock_gone_is_the_older_one_or_is_noticed,
					    setup, teardown),
	    cmocka_unit_test_setup_teardown(something_else_is_never_overwritten, setup, teardown),
	    cmocka_unit_test_setup_teardown(nothing_there, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
