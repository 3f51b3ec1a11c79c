/* SPDX-License-Identifier: MIT */
/* test_rlog_seal.c - a sealed log: nothing of the data is on the medium as it was, reads, windows
 * and replays have it as it was; damage is damage, and opening a log takes no key. */
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

/* A transform that is undone only with the same number, place and key; no cipher. */
static struct {
	uint8_t key;
	int seal_result, open_result;
	uint32_t sealed, opened;
} seal;

static void turn(uint64_t block, uint32_t place, const uint8_t *from, uint8_t *to)
{
	for (uint32_t i = 0; i < RIG_BLOCK_BYTES; i++)
		to[i] = (uint8_t)(from[i] ^ (seal.key + 31 * block + 7 * place + i));
}

static int on_seal(void *ctx, uint64_t block, uint32_t place, const void *from, void *to)
{
	assert_ptr_equal(ctx, &seal);
	seal.sealed++;
	if (seal.seal_result)
		return seal.seal_result;
	turn(block, place, from, to);
	return 0;
}

static int on_open(void *ctx, uint64_t block, uint32_t place, void *buf)
{
	assert_ptr_equal(ctx, &seal);
	seal.opened++;
	if (seal.open_result)
		return seal.open_result;
	turn(block, place, buf, buf);
	return 0;
}

static const struct sluice_rlog_seal hooks = {.seal = on_seal, .open = on_open, .ctx = &seal};

static int setup(void **state)
{
	static struct rig r;

	memset(&seal, 0, sizeof(seal));
	seal.key = 90;
	rig_init(&r, 1, 40);
	r.cfg.seal = &hooks;
	*state = &r;
	return rig_open(&r);
}

static int teardown(void **state)
{
	rig_fini(*state);
	return 0;
}

static bool is_on_medium(struct rig *r, uint64_t block, uint64_t version)
{
	const struct rig_file *f = rig_file(r, "log");
	uint8_t data[RIG_BLOCK_BYTES];

	rig_fill(data, block, version);
	for (uint64_t at = 0; at < r->cfg.size_bytes; at += RIG_BLOCK_BYTES)
		if (memcmp(f->now + at, data, sizeof(data)) == 0)
			return true;
	return false;
}

static void what_is_written_is_read_and_not_on_the_medium(void **state)
{
	struct rig *r = *state;

	/* Several times around, so that records lie across the end of the circle. */
	for (uint64_t v = 1; v < 60; v++) {
		assert_int_equal(rig_put_many(r, v % 11, 5, v), 0);
		for (uint64_t i = 0; i < 5; i++) {
			assert_int_equal(rig_get(r, v % 11 + i), v);
			assert_false(is_on_medium(r, v % 11 + i, v));
		}
		assert_int_equal(rig_destage(r, 100000), 0);
		assert_int_equal(rig_sink_version(r, v % 11 + 4), v);
	}
	assert_true(seal.sealed == 59 * 5 && seal.opened >= seal.sealed);
}

static void after_a_crash_it_is_opened_without_the_key_and_read_with_it(void **state)
{
	struct rig *r = *state;

	assert_int_equal(rig_put_many(r, 3, 4, 9), 0);
	assert_int_equal(rig_flush(r), 0);
	rig_crash(r, true);
	r->cfg.seal = NULL;
	assert_int_equal(rig_open(r), 0);
	assert_int_equal(r->how.found, SLUICE_RLOG_RECOVERED);
	assert_int_equal(r->how.dirty_blocks, 4);
	rig_crash(r, true);
	r->cfg.seal = &hooks;
	assert_int_equal(rig_open(r), 0);
	assert_int_equal(rig_get(r, 4), 9);
	assert_int_equal(rig_destage(r, 100000), 0);
	assert_int_equal(rig_sink_version(r, 6), 9);
}

static void the_same_block_at_another_place_looks_otherwise(void **state)
{
	struct rig *r = *state;
	const struct rig_file *f = rig_file(r, "log");
	struct rlog_geometry g;
	const uint8_t *first;

	assert_true(rlog_geometry_make(&g, RIG_BLOCK_BYTES, r->cfg.size_bytes, true));
	assert_int_equal(rig_put(r, 5, 1, true), 0);
	assert_int_equal(rig_put(r, 5, 1, true), 0);
	first = f->now + ((uint64_t)g.log_start + 1) * RIG_BLOCK_BYTES;
	for (uint64_t at = 1; at < 6; at++)
		assert_memory_not_equal(first, first + at * RIG_BLOCK_BYTES, RIG_BLOCK_BYTES);
	assert_int_equal(rig_get(r, 5), 1);
}

static void a_flipped_bit_is_found_before_it_is_opened(void **state)
{
	struct rig *r = *state;
	struct rig_file *f = rig_file(r, "log");
	struct rlog_geometry g;
	uint32_t opened;

	assert_true(rlog_geometry_make(&g, RIG_BLOCK_BYTES, r->cfg.size_bytes, true));
	assert_int_equal(rig_put(r, 5, 1, true), 0);
	opened = seal.opened;
	f->now[((uint64_t)g.log_start + 1) * RIG_BLOCK_BYTES + 3] ^= 1;
	assert_int_equal((int64_t)rig_get(r, 5), -EBADMSG);
	assert_int_equal(rig_destage(r, 1000), -EBADMSG);
	assert_int_equal(rig_sink_version(r, 5), 0);
	assert_int_equal(seal.opened, opened);
}

static void what_cannot_be_opened_leaves_the_window_in_the_log(void **state)
{
	struct rig *r = *state;

	assert_int_equal(rig_put(r, 5, 1, true), 0);
	seal.open_result = -ENOKEY;
	assert_int_equal((int64_t)rig_get(r, 5), -EBADMSG);
	assert_int_equal(rig_destage(r, 1000), -EBADMSG);
	assert_int_equal(rig_stats(r).dirty_blocks, 1);
	assert_false(rig_stats(r).is_failed);
	seal.open_result = 0;
	assert_int_equal(rig_destage(r, 1000), 0);
	assert_int_equal(rig_sink_version(r, 5), 1);
}

static void what_cannot_be_sealed_is_not_written_and_fails_the_log(void **state)
{
	struct rig *r = *state;

	assert_int_equal(rig_put(r, 5, 1, true), 0);
	seal.seal_result = -EIO;
	assert_int_equal(rig_put(r, 5, 2, true), -EIO);
	assert_true(rig_stats(r).is_failed);
	assert_false(is_on_medium(r, 5, 2));
	seal.seal_result = 0;
	rig_crash(r, false);
	assert_int_equal(rig_open(r), 0);
	assert_int_equal(rig_get(r, 5), 1);
}

static void on_opened(void *ctx, const struct sluice_rlog_opened *how)
{
	*(int *)ctx = how->result;
}

static void on_destaged(struct sluice_rlog_destage *d)
{
	*(bool *)d->ctx = true;
}

static void a_window_through_a_sealed_journal_is_opened_once(void **state)
{
	struct rig *r = *state;
	struct sluice_rlog_cfg cfg = r->cfg;
	struct sluice_rlog_sink sink = rig_sink(r);
	bool is_done = false;
	struct sluice_rlog_destage d = {.max_bytes = 4000, .fn = on_destaged, .ctx = &is_done};
	struct sluice_error err;
	int result = 1;

	cfg.path = "journal";
	sink.journal = rlog_open_env(&r->fe.env, &cfg, on_opened, &result, &err);
	rig_run(r);
	assert_int_equal(result, 0);
	assert_int_equal(rig_put(r, 5, 1, true), 0);
	assert_int_equal(rig_put(r, 9, 2, true), 0);
	sluice_rlog_destage(r->log, &sink, &d);
	rig_run(r);
	assert_true(is_done);
	assert_int_equal(d.result, 0);
	assert_int_equal(rig_sink_version(r, 5), 1);
	assert_int_equal(rig_sink_version(r, 9), 2);
	assert_int_equal(seal.opened, 2);
	sluice_rlog_close(sink.journal, NULL, NULL);
	rig_run(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(what_is_written_is_read_and_not_on_the_medium, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(
		after_a_crash_it_is_opened_without_the_key_and_read_with_it, setup, teardown),
	    cmocka_unit_test_setup_teardown(the_same_block_at_another_place_looks_otherwise, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(a_flipped_bit_is_found_before_it_is_opened, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(what_cannot_be_opened_leaves_the_window_in_the_log,
					    setup, teardown),
	    cmocka_unit_test_setup_teardown(what_cannot_be_sealed_is_not_written_and_fails_the_log,
					    setup, teardown),
	    cmocka_unit_test_setup_teardown(a_window_through_a_sealed_journal_is_opened_once, setup,
					    teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
