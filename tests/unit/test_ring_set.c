/* SPDX-License-Identifier: MIT */
/* Of many rings only the busy ones are looked at in a turn, and none is forgotten. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "ring_set.h"
#include "scsi.h"
#include "volume_rig.h"

#define RINGS (2 * RING_SET_RESCAN + 5)

static struct fake_env fe;
static struct chain *chain;
static struct serve *serve;
static struct rig_ring clients[RINGS];
static struct ring_member members[RINGS];
static struct ring_set set;

static void report(void *ctx, const char *filter, const char *kind, const char *text) {}
static const struct chain_host chain_host = {.report = report};

static void on_broken(struct serve_ring *r, void *ctx, const char *text) {}
static void on_drained(struct serve_ring *r, void *ctx) {}

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
	ring_set_init(&set, &fe.env);
	for (uint32_t i = 0; i < RINGS; i++) {
		struct serve_ring_cfg cfg = {.incarnation = 1, .broken = on_broken};
		struct serve_ring *r;

		rig_ring_init(&clients[i]);
		cfg.base = clients[i].base;
		cfg.size_bytes = clients[i].h->total_bytes;
		assert_int_equal(serve_ring_open(serve, &cfg, &r, &err), 0);
		ring_set_add(&set, &members[i], r);
	}
	return 0;
}

static int tear_down(void **state)
{
	for (uint32_t i = 0; i < RINGS; i++) {
		serve_ring_drain(members[i].ring, on_drained, NULL);
		fake_env_settle(&fe);
		ring_set_remove(&members[i]);
		serve_ring_close(members[i].ring);
		rig_ring_fini(&clients[i]);
	}
	assert_true(list_is_empty(&set.busy) && list_is_empty(&set.resting));
	serve_destroy(serve);
	fake_env_settle(&fe);
	chain_destroy(chain);
	fake_env_fini(&fe);
	return 0;
}

static uint32_t resting(void)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < RINGS; i++)
		count += members[i].is_resting;
	return count;
}

static uint32_t turn(void)
{
	uint32_t taken = ring_set_poll(&set, 64);

	fake_env_settle(&fe);
	ring_set_kick(&set);
	return taken;
}

static void pass(uint64_t ns)
{
	fake_env_advance(&fe, ns);
}

static uint32_t bell_of(struct rig_ring *c)
{
	struct ring_control *control = (struct ring_control *)(c->base + c->h->control_off);

	return atomic_load(&control->sq_need_kick);
}

static void all_rest(void)
{
	turn();
	pass(RING_SET_GRACE_NS);
	turn();
	assert_int_equal(resting(), RINGS);
}

static void a_ring_rests_when_it_had_nothing_for_a_while_and_asks_to_be_rung(void **state)
{
	turn();
	assert_int_equal(resting(), 0);
	pass(RING_SET_GRACE_NS - 1);
	turn();
	assert_int_equal(resting(), 0);
	pass(1);
	turn();
	assert_int_equal(resting(), RINGS);
	for (uint32_t i = 0; i < RINGS; i++)
		assert_int_equal(bell_of(&clients[i]), 1);
	assert_false(ring_set_before_sleep(&set));
	ring_set_awake(&set);
	assert_int_equal(bell_of(&clients[0]), 1);
}

static void a_resting_ring_costs_nothing_until_it_is_rung(void **state)
{
	all_rest();
	rig_submit_write(&clients[3], 0, 8, 8, 0xa5);
	assert_int_equal(turn(), 0);
	ring_set_kicked(&set, &members[3]);
	assert_int_equal(resting(), RINGS - 1);
	assert_int_equal(bell_of(&clients[3]), 0);
	assert_int_equal(turn(), 1);
	assert_int_equal(rig_take(&clients[3], 0), SCSI_GOOD);
	assert_int_equal(rig_backend.data[8 * 512], 0xa5);
}

static void a_ring_whose_command_runs_does_not_rest(void **state)
{
	rig_backend.is_holding = true;
	rig_submit_write(&clients[1], 0, 0, 8, 1);
	assert_int_equal(turn(), 1);
	for (int i = 0; i < 3; i++) {
		pass(RING_SET_GRACE_NS);
		turn();
		assert_int_equal(resting(), RINGS - 1);
		assert_false(members[1].is_resting);
	}
	rig_backend_end();
	fake_env_settle(&fe);
	assert_int_equal(rig_take(&clients[1], 0), SCSI_GOOD);
	turn();
	pass(RING_SET_GRACE_NS);
	turn();
	assert_int_equal(resting(), RINGS);
}

/* Its bell is not armed yet, so nobody rings for it. */
static void what_comes_at_the_last_moment_before_a_rest_is_taken(void **state)
{
	turn();
	pass(RING_SET_GRACE_NS);
	rig_submit_write(&clients[0], 0, 0, 8, 7);
	assert_int_equal(turn(), 1);
	assert_false(members[0].is_resting);
	assert_int_equal(rig_take(&clients[0], 0), SCSI_GOOD);
}

static void a_lost_doorbell_is_made_up_for_by_the_rescan_of_each_ring_in_its_turn(void **state)
{
	all_rest();
	rig_submit_write(&clients[RINGS - 1], 0, 0, 8, 9);
	for (int i = 0; i < 3; i++)
		ring_set_rescan(&set);
	assert_int_equal(turn(), 1);
	assert_int_equal(rig_take(&clients[RINGS - 1], 0), SCSI_GOOD);
	assert_int_equal(resting(), RINGS - 1);
}

/* What the queue does not name is seen by two scans in a row: the second is the next tick's. */
static void a_lost_entry_of_the_queue_is_rescued_from_a_resting_ring(void **state)
{
	struct rig_ring *c = &clients[RING_SET_RESCAN];
	struct ring_control *control = (struct ring_control *)(c->base + c->h->control_off);
	struct serve_ring_info info;

	all_rest();
	rig_submit_write(c, 2, 0, 8, 5);
	atomic_store(&control->sq_tail, 0);
	c->sq_tail = 0;
	ring_set_rescan(&set);
	ring_set_rescan(&set);
	assert_false(members[RING_SET_RESCAN].is_resting);
	assert_int_equal(rig_state(c, 2), RING_SUBMITTED);
	pass(RING_SET_GRACE_NS);
	turn();
	assert_false(members[RING_SET_RESCAN].is_resting);
	ring_set_rescan(&set);
	fake_env_settle(&fe);
	assert_int_equal(rig_take(c, 2), SCSI_GOOD);
	serve_ring_info(members[RING_SET_RESCAN].ring, &info);
	assert_int_equal(info.rescues, 1);
}

static void a_scan_of_fewer_rings_than_it_may_look_at_ends(void **state)
{
	all_rest();
	for (uint32_t i = 3; i < RINGS; i++)
		ring_set_kicked(&set, &members[i]);
	assert_int_equal(resting(), 3);
	ring_set_rescan(&set);
	assert_int_equal(resting(), 3);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(a_ring_rests_when_it_had_nothing_for_a_while_and_asks_to_be_rung),
	    TEST(a_resting_ring_costs_nothing_until_it_is_rung),
	    TEST(a_ring_whose_command_runs_does_not_rest),
	    TEST(what_comes_at_the_last_moment_before_a_rest_is_taken),
	    TEST(a_lost_doorbell_is_made_up_for_by_the_rescan_of_each_ring_in_its_turn),
	    TEST(a_lost_entry_of_the_queue_is_rescued_from_a_resting_ring),
	    TEST(a_scan_of_fewer_rings_than_it_may_look_at_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
