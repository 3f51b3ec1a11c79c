/* SPDX-License-Identifier: MIT */
/* Ring, logical unit and chain tied together: answers, replay, aborts, drain, admission. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scsi.h"
#include "volume_rig.h"

static struct fake_env fe;
static struct chain *chain;
static struct serve *serve;
static struct rig_ring client, client2;
static uint32_t drained, broken;

static void report(void *ctx, const char *filter, const char *kind, const char *text) {}

static const struct chain_host chain_host = {.report = report};

static int set_up(void **state)
{
	struct chain_cfg cc = {
	    .env = &fe.env, .volume = "v", .block_bytes = 512, .max_ios = 16, .host = &chain_host};
	struct serve_cfg sc = {
	    .env = &fe.env, .volume = "v", .block_bytes = 512, .max_ios = 16, .uuid = {1, 2, 3}};
	struct err err = {0};

	rig_backend_reset();
	fake_env_init(&fe, 1);
	cc.backend = &rig_backend.base;
	assert_int_equal(chain_create(&cc, &chain, &err), 0);
	sc.chain = chain;
	assert_int_equal(serve_create(&sc, &serve, &err), 0);
	rig_ring_init(&client);
	rig_ring_init(&client2);
	drained = broken = 0;
	return 0;
}

static int tear_down(void **state)
{
	serve_destroy(serve);
	fake_env_settle(&fe);
	chain_destroy(chain);
	rig_ring_fini(&client);
	rig_ring_fini(&client2);
	fake_env_fini(&fe);
	return 0;
}

static void on_broken(struct serve_ring *r, void *ctx, const char *text)
{
	broken++;
}

static struct serve_ring *open_ring(struct rig_ring *c, uint64_t incarnation)
{
	struct serve_ring_cfg cfg = {.base = c->base,
				     .size_bytes = c->h->total_bytes,
				     .incarnation = incarnation,
				     .broken = on_broken};
	struct serve_ring *r;
	struct err err = {0};

	assert_int_equal(serve_ring_open(serve, &cfg, &r, &err), 0);
	return r;
}

static void on_drained(struct serve_ring *r, void *ctx)
{
	drained++;
}

static void close_ring(struct serve_ring *r)
{
	drained = 0;
	serve_ring_drain(r, on_drained, NULL);
	fake_env_settle(&fe);
	assert_int_equal(drained, 1);
	serve_ring_close(r);
}

static void write_then_read_through_the_ring(void **state)
{
	struct serve_ring *r = open_ring(&client, 1);

	rig_submit_write(&client, 0, 8, 16, 0xa5);
	assert_int_equal(serve_ring_poll(r, 64), 1);
	fake_env_settle(&fe);
	assert_int_equal(rig_take(&client, 0), SCSI_GOOD);
	assert_int_equal(rig_backend.data[8 * 512], 0xa5);
	assert_int_equal(rig_backend.data[24 * 512], 0);
	rig_submit_read(&client, 3, 8, 1);
	serve_ring_poll(r, 64);
	fake_env_settle(&fe);
	assert_int_equal(rig_take(&client, 3), SCSI_GOOD);
	assert_int_equal(rig_data(&client, 3)[511], 0xa5);
	assert_int_equal(rig_slot(&client, 3)->rsp.in_bytes, 512);
	close_ring(r);
}

/* RING-3: what an earlier filterd had claimed is executed again, in command order, before anything
 * new. */
static void restart_replays_claimed_commands_in_order(void **state)
{
	struct serve_ring *r;

	rig_submit_write(&client, 5, 0, 1, 0x11);
	rig_submit_write(&client, 2, 0, 1, 0x22);
	atomic_store(&rig_slot(&client, 5)->state, RING_WORD(RING_CLAIMED, 1));
	atomic_store(&rig_slot(&client, 2)->state, RING_WORD(RING_CLAIMED, 1));
	r = open_ring(&client, 2);
	fake_env_settle(&fe);
	assert_int_equal(rig_take(&client, 5), SCSI_GOOD);
	assert_int_equal(rig_take(&client, 2), SCSI_GOOD);
	assert_int_equal(rig_backend.data[0], 0x22);
	close_ring(r);
}

/* I5: the write of the first try is on disk already; a second compare would fail. */
static void replayed_compare_and_write_does_not_compare_again(void **state)
{
	struct serve_ring *r;

	memset(rig_backend.data, 0x77, 512);
	rig_submit_caw(&client, 1, 0, 0x00, 0x77);
	atomic_store(&rig_slot(&client, 1)->state, RING_WORD(RING_COMPARED, 1));
	r = open_ring(&client, 2);
	fake_env_settle(&fe);
	assert_int_equal(rig_take(&client, 1), SCSI_GOOD);
	assert_int_equal(rig_backend.data[0], 0x77);
	close_ring(r);
}

static void compare_that_succeeds_is_noted_in_the_slot_before_the_write(void **state)
{
	struct serve_ring *r = open_ring(&client, 1);

	rig_submit_caw(&client, 0, 0, 0x00, 0x42);
	rig_backend.is_holding = true;
	serve_ring_poll(r, 64);
	fake_env_settle(&fe);
	assert_int_equal(rig_state(&client, 0), RING_CLAIMED);
	rig_backend_end(); /* the read; the write is held now */
	fake_env_settle(&fe);
	assert_int_equal(rig_state(&client, 0), RING_COMPARED);
	rig_backend_end();
	fake_env_settle(&fe);
	assert_int_equal(rig_take(&client, 0), SCSI_GOOD);
	assert_int_equal(rig_backend.data[0], 0x42);
	close_ring(r);
}

/* A miscompare ends the command and leaves the block alone, also when two rings race for it. */
static void compare_and_write_is_atomic_across_rings(void **state)
{
	struct serve_ring *a = open_ring(&client, 1), *b = open_ring(&client2, 1);

	rig_backend.is_holding = true;
	rig_submit_caw(&client, 0, 0, 0x00, 0x01);
	rig_submit_caw(&client2, 0, 0, 0x00, 0x02);
	serve_ring_poll(a, 64);
	serve_ring_poll(b, 64);
	for (int i = 0; i < 8; i++) {
		rig_backend_end();
		fake_env_settle(&fe);
	}
	assert_int_equal(rig_take(&client, 0), SCSI_GOOD);
	assert_int_equal(rig_take(&client2, 0), SCSI_CHECK_CONDITION);
	assert_int_equal(rig_backend.data[0], 0x01);
	close_ring(a);
	close_ring(b);
}

/* Other rings' commands wait until every ring that had compared has its range again. */
static void recovery_of_two_rings_puts_compared_commands_first(void **state)
{
	struct serve_ring_cfg cfg = {
	    .base = client.base, .size_bytes = client.h->total_bytes, .incarnation = 2};
	struct serve_ring *a, *b;

	rig_backend.is_holding = true;
	rig_submit_write(&client, 0, 0, 1, 0x99);
	rig_submit_caw(&client2, 0, 0, 0x00, 0x55);
	atomic_store(&rig_slot(&client2, 0)->state, RING_WORD(RING_COMPARED, 1));
	assert_int_equal(serve_ring_prepare(serve, &cfg, &a, NULL), 0);
	assert_int_equal(serve_ring_poll(a, 64), 0);
	cfg.base = client2.base;
	assert_int_equal(serve_ring_prepare(serve, &cfg, &b, NULL), 0);
	serve_recover(serve);
	rig_backend_end();
	fake_env_settle(&fe);
	assert_int_equal(rig_take(&client2, 0), SCSI_GOOD);
	assert_int_equal(rig_backend.data[0], 0x55);
	rig_backend_end();
	fake_env_settle(&fe);
	assert_int_equal(rig_take(&client, 0), SCSI_GOOD);
	assert_int_equal(rig_backend.data[0], 0x99);
	close_ring(a);
	close_ring(b);
}

static void abort_of_a_waiting_command_is_answered_before_the_one_it_waits_for(void **state)
{
	struct serve_ring *r = open_ring(&client, 1);
	struct serve_ring_info info;

	rig_backend.is_holding = true;
	rig_submit_write(&client, 0, 0, 8, 1);
	rig_submit_write(&client, 1, 0, 8, 2);
	serve_ring_poll(r, 64);
	fake_env_settle(&fe);
	atomic_store(&rig_slot(&client, 1)->abort, 1);
	serve_ring_rescan(r);
	fake_env_settle(&fe);
	assert_int_equal(rig_state(&client, 0), RING_CLAIMED);
	assert_int_equal(rig_take(&client, 1), SCSI_TASK_ABORTED);
	serve_ring_info(r, &info);
	assert_int_equal(info.aborts, 1);
	rig_backend_end();
	fake_env_settle(&fe);
	assert_int_equal(rig_take(&client, 0), SCSI_GOOD);
	assert_int_equal(rig_backend.data[0], 1);
	close_ring(r);
}

/* I9: an old command must not land after a new tgtd's. */
static void next_ring_is_admitted_only_when_the_dead_one_has_drained(void **state)
{
	struct serve_ring *r = open_ring(&client, 1);
	struct err err = {0};

	rig_backend.is_holding = true;
	rig_submit_write(&client, 0, 0, 1, 1);
	serve_ring_poll(r, 64);
	serve_ring_drain(r, on_drained, NULL);
	rig_submit_write(&client, 1, 1, 1, 1);
	assert_int_equal(serve_ring_poll(r, 64), 0);
	fake_env_settle(&fe);
	assert_int_equal(drained, 0);
	assert_int_equal(serve_admit(serve, false, &err), -EAGAIN);
	assert_int_equal(serve_admit(serve, true, &err), -EAGAIN);
	rig_backend_end();
	fake_env_settle(&fe);
	assert_int_equal(drained, 1);
	assert_int_equal(rig_take(&client, 0), SCSI_GOOD);
	assert_int_equal(rig_state(&client, 1), RING_SUBMITTED);
	serve_ring_close(r);
	assert_int_equal(serve_admit(serve, false, &err), 0);
}

static void second_live_ring_needs_a_shared_volume(void **state)
{
	struct serve_ring *r = open_ring(&client, 1);
	struct err err = {0};

	assert_int_equal(serve_admit(serve, false, &err), -EBUSY);
	assert_non_null(strstr(err.text, "already served"));
	assert_int_equal(serve_admit(serve, true, &err), 0);
	close_ring(r);
}

/* RING-5 */
static void garbage_breaks_one_ring_and_leaves_the_other_alone(void **state)
{
	struct serve_ring *a = open_ring(&client, 1), *b = open_ring(&client2, 1);

	rig_submit_write(&client, 0, 0, 1, 1);
	rig_slot(&client, 0)->req.data_off = UINT64_MAX - 4095;
	assert_int_equal(serve_ring_poll(a, 64), 0);
	assert_int_equal(broken, 1);
	serve_ring_rescan(a);
	assert_int_equal(broken, 1);
	rig_submit_write(&client2, 0, 0, 1, 7);
	assert_int_equal(serve_ring_poll(b, 64), 1);
	fake_env_settle(&fe);
	assert_int_equal(rig_take(&client2, 0), SCSI_GOOD);
	assert_int_equal(rig_backend.data[0], 7);
	close_ring(a);
	close_ring(b);
}

/* More commands than I/Os in the pool: the rest waits, none fails. */
static void commands_wait_when_the_pool_is_empty(void **state)
{
	struct serve_ring *a = open_ring(&client, 1), *b = open_ring(&client2, 1);

	rig_backend.is_holding = true;
	for (uint32_t round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < RIG_SLOTS; i++) {
			rig_submit_write(&client, i, i * 8, 4, 3);
			rig_submit_write(&client2, i, 512 + i * 8, 4, 3);
		}
		serve_ring_poll(a, 64);
		serve_ring_poll(b, 64);
		for (int i = 0; i < 8; i++) {
			rig_backend_end();
			fake_env_settle(&fe);
		}
		for (uint32_t i = 0; i < RIG_SLOTS; i++) {
			assert_int_equal(rig_take(&client, i), SCSI_GOOD);
			assert_int_equal(rig_take(&client2, i), SCSI_GOOD);
		}
	}
	close_ring(a);
	close_ring(b);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    T(write_then_read_through_the_ring),
	    T(restart_replays_claimed_commands_in_order),
	    T(replayed_compare_and_write_does_not_compare_again),
	    T(compare_that_succeeds_is_noted_in_the_slot_before_the_write),
	    T(compare_and_write_is_atomic_across_rings),
	    T(recovery_of_two_rings_puts_compared_commands_first),
	    T(abort_of_a_waiting_command_is_answered_before_the_one_it_waits_for),
	    T(next_ring_is_admitted_only_when_the_dead_one_has_drained),
	    T(second_live_ring_needs_a_shared_volume),
	    T(garbage_breaks_one_ring_and_leaves_the_other_alone),
	    T(commands_wait_when_the_pool_is_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
