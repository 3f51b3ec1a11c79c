// SPDX-License-Identifier: MIT
/* The state machine of a replicated group: who may serve, and what it takes to become another. */
#include <errno.h>
#include <string.h>

#include "node_rig.h"

static struct rig r;
static const struct repl_node_cfg HOLD = {.mode = REPL_MODE_SYNC, .holds_when_peer_is_lost = true};
static const struct repl_node_cfg CONTINUE = {.mode = REPL_MODE_SYNC};
static const struct repl_node_cfg WITNESS = {.mode = REPL_MODE_SYNC, .has_witness = true};
static const struct repl_node_cfg ASYNC = {.mode = REPL_MODE_ASYNC};
static struct sluice_error err;
static int rc;

#define PROMOTE(n, force) RIG_EVENT(&r, n, rc = node_promote(node_, force, now_, &out_, &err))

static bool serves(int n)
{
	return r.side[n].node.is_serving && r.now_ns < node_serve_until_ns(&r.side[n].node);
}

static void a_new_pair_becomes_in_sync(void **state)
{
	const struct repl_node_cfg *const cfgs[] = {&HOLD, &CONTINUE, &WITNESS};

	for (size_t i = 0; i < 3; i++) {
		rig_init(&r, cfgs[i]);
		rig_make_pair(&r);
		assert_int_equal(r.side[1].durable.term, r.side[0].durable.term);
	}
	assert_int_equal(r.reg.insync, 3);
}

static void who_holds_stops_within_the_silence_and_goes_on_with_its_peer(void **state)
{
	rig_init(&r, &HOLD);
	rig_make_pair(&r);
	rig_pass(&r, 1000);
	rig_link(&r, false);
	rig_pass(&r, REPL_SILENCE_MS + 100);
	assert_false(serves(0));
	assert_int_equal(rig_state(&r, 0), REPL_PRIMARY_PAIR);
	rig_link(&r, true);
	rig_pass(&r, 1000);
	assert_true(serves(0));
}

static void
the_other_side_of_one_that_holds_is_promoted_without_force_once_promises_are_over(void **state)
{
	rig_init(&r, &HOLD);
	rig_make_pair(&r);
	rig_pass(&r, 1000);
	rig_link(&r, false);
	PROMOTE(1, false);
	assert_int_equal(rc, -EAGAIN);
	rig_pass(&r, REPL_SILENCE_MS + 1100);
	PROMOTE(1, false);
	assert_int_equal(rc, 0);
	assert_int_equal(rig_state(&r, 1), REPL_PRIMARY_ALONE);
	assert_true(serves(1));
	assert_false(serves(0));
	rig_link(&r, true);
	assert_int_equal(rig_state(&r, 0), REPL_OUTDATED);
	assert_true(rig_asked(&r, 0, REPL_DO_SEND_BITMAP));
	RIG_EVENT(&r, 0, node_bitmap_sent(node_, now_, &out_));
	assert_int_equal(rig_state(&r, 0), REPL_SECONDARY_SYNCING);
	assert_true(rig_asked(&r, 0, REPL_DO_FORGET));
	assert_true(rig_asked(&r, 1, REPL_DO_RESYNC));
}

static void one_that_continues_excludes_durably_before_it_acknowledges_alone(void **state)
{
	rig_init(&r, &CONTINUE);
	rig_make_pair(&r);
	rig_link(&r, false);
	rig_pass(&r, REPL_SILENCE_MS - 200);
	assert_false(r.side[0].node.acks_alone);
	rig_pass(&r, REPL_SILENCE_MS);
	assert_true(r.side[0].node.acks_alone);
	assert_int_equal(r.side[0].durable.state, REPL_PRIMARY_ALONE);
	assert_int_equal(r.side[0].durable.insync, REPL_SELF);
	assert_int_equal(r.side[0].durable.lineage_count, 2);
	PROMOTE(1, false);
	assert_int_equal(rc, -EPERM);
}

static void the_witness_promotes_who_is_in_sync_when_the_primary_is_dead(void **state)
{
	rig_init(&r, &WITNESS);
	rig_make_pair(&r);
	rig_pass(&r, 1000);
	rig_crash(&r, 0);
	rig_pass(&r, 30000);
	assert_int_equal(rig_state(&r, 1), REPL_PRIMARY_ALONE);
	assert_true(serves(1));
	rig_start(&r, 0, REPL_STANDALONE);
	assert_false(serves(0));
	rig_pass(&r, 1000);
	assert_int_equal(rig_state(&r, 0), REPL_OUTDATED);
}

static void a_partition_leaves_one_primary_the_one_that_reached_the_witness_first(void **state)
{
	rig_init(&r, &WITNESS);
	rig_make_pair(&r);
	rig_pass(&r, 1000);
	rig_link(&r, false);
	rig_pass(&r, 40000);
	assert_true(serves(0) != serves(1));
	assert_int_equal(rig_state(&r, 0), REPL_PRIMARY_ALONE);
	assert_int_equal(rig_state(&r, 1), REPL_SECONDARY_SYNCING);
	assert_int_equal(r.reg.insync, 1);
}

static void without_witness_and_peer_a_started_primary_waits_for_an_operator(void **state)
{
	rig_init(&r, &CONTINUE);
	rig_make_pair(&r);
	rig_crash(&r, 0);
	rig_start(&r, 0, REPL_STANDALONE);
	rig_pass(&r, 20000);
	assert_false(serves(0));
	RIG_EVENT(&r, 0, rc = node_confirm(node_, now_, &out_, &err));
	assert_int_equal(rc, 0);
	assert_true(serves(0));
	assert_int_equal(rig_state(&r, 0), REPL_PRIMARY_ALONE);
}

static void after_an_unclean_end_hot_extents_are_compared_before_it_serves(void **state)
{
	rig_init(&r, &CONTINUE);
	rig_make_pair(&r);
	rig_crash(&r, 0);
	rig_start(&r, 0, REPL_STANDALONE);
	rig_link(&r, true);
	assert_true(rig_asked(&r, 0, REPL_DO_COMPARE_HOT));
	assert_false(serves(0));
	RIG_EVENT(&r, 0, node_hot_compared(node_, now_, &out_));
	assert_true(serves(0));
	assert_int_equal(rig_state(&r, 0), REPL_PRIMARY_PAIR);
}

static void a_stop_in_peace_needs_no_comparison(void **state)
{
	rig_init(&r, &CONTINUE);
	rig_make_pair(&r);
	RIG_EVENT(&r, 0, node_stop(node_, &out_));
	assert_false(r.side[0].durable.is_clean); /* not before all has landed */
	RIG_EVENT(&r, 0, node_stopped(node_, true, &out_));
	assert_true(r.side[0].durable.is_clean);
	rig_crash(&r, 0);
	rig_forget(&r);
	rig_start(&r, 0, REPL_STANDALONE);
	rig_link(&r, true);
	assert_false(rig_asked(&r, 0, REPL_DO_COMPARE_HOT));
	assert_true(serves(0));
	assert_false(r.side[0].durable.is_clean);
}

static void split_and_write_both(void)
{
	rig_init(&r, &CONTINUE);
	rig_make_pair(&r);
	rig_link(&r, false);
	rig_pass(&r, 10000);
	RIG_EVENT(&r, 0, node_wrote_alone(node_, &out_));
	PROMOTE(1, true);
	assert_int_equal(rc, 0);
	RIG_EVENT(&r, 1, node_wrote_alone(node_, &out_));
	rig_link(&r, true);
}

static void two_that_wrote_alone_are_split_brain_and_stop(void **state)
{
	split_and_write_both();
	assert_int_equal(rig_state(&r, 0), REPL_DIVERGED);
	assert_int_equal(rig_state(&r, 1), REPL_DIVERGED);
	assert_false(serves(0) || serves(1));
}

static void an_operator_resolves_a_split_for_one_side(void **state)
{
	split_and_write_both();
	RIG_EVENT(&r, 1, rc = node_resolve(node_, true, now_, &out_, &err));
	assert_int_equal(rc, 0);
	assert_int_equal(rig_state(&r, 1), REPL_PRIMARY_ALONE);
	assert_int_equal(rig_state(&r, 0), REPL_OUTDATED);
	assert_true(rig_asked(&r, 0, REPL_DO_SEND_BITMAP));
}

static void a_side_that_gives_up_makes_the_other_one_primary(void **state)
{
	split_and_write_both();
	RIG_EVENT(&r, 0, rc = node_resolve(node_, false, now_, &out_, &err));
	assert_int_equal(rc, 0);
	assert_int_equal(rig_state(&r, 1), REPL_PRIMARY_ALONE);
	assert_true(serves(1));
	assert_int_equal(rig_state(&r, 0), REPL_OUTDATED);
	assert_true(rig_asked(&r, 0, REPL_DO_SEND_BITMAP));
}

static void giving_up_is_heard_by_a_peer_that_was_away(void **state)
{
	split_and_write_both();
	rig_link(&r, false);
	RIG_EVENT(&r, 0, rc = node_resolve(node_, false, now_, &out_, &err));
	rig_crash(&r, 0);
	rig_start(&r, 0, REPL_STANDALONE);
	assert_int_equal(rig_state(&r, 1), REPL_DIVERGED);
	rig_link(&r, true);
	assert_int_equal(rig_state(&r, 1), REPL_PRIMARY_ALONE);
	assert_int_equal(rig_state(&r, 0), REPL_OUTDATED);
	assert_true(rig_asked(&r, 0, REPL_DO_SEND_BITMAP));
}

static void a_resolution_reaches_a_peer_that_was_away(void **state)
{
	split_and_write_both();
	rig_link(&r, false);
	RIG_EVENT(&r, 0, rc = node_resolve(node_, true, now_, &out_, &err));
	rig_crash(&r, 0);
	rig_start(&r, 0, REPL_STANDALONE);
	rig_link(&r, true);
	assert_int_equal(rig_state(&r, 0), REPL_PRIMARY_ALONE);
	assert_int_equal(rig_state(&r, 1), REPL_OUTDATED);
}

static void one_that_was_promoted_and_wrote_nothing_gives_way(void **state)
{
	rig_init(&r, &CONTINUE);
	rig_make_pair(&r);
	rig_link(&r, false);
	rig_pass(&r, 10000);
	RIG_EVENT(&r, 0, node_wrote_alone(node_, &out_));
	PROMOTE(1, true);
	rig_link(&r, true);
	assert_int_equal(rig_state(&r, 0), REPL_PRIMARY_ALONE);
	assert_int_equal(rig_state(&r, 1), REPL_OUTDATED);
}

static void the_role_is_handed_over(void **state)
{
	const struct repl_node_cfg *const cfgs[] = {&HOLD, &CONTINUE, &WITNESS};

	for (size_t i = 0; i < 3; i++) {
		rig_init(&r, cfgs[i]);
		rig_make_pair(&r);
		RIG_EVENT(&r, 0, rc = node_handover(node_, now_, &out_, &err));
		assert_int_equal(rc, 0);
		assert_true(rig_asked(&r, 0, REPL_DO_DRAIN));
		assert_false(serves(0));
		RIG_EVENT(&r, 0, node_drained(node_, head_, now_, &out_));
		rig_pass(&r, 2000);
		assert_int_equal(rig_state(&r, 1), REPL_PRIMARY_PAIR);
		assert_int_equal(rig_state(&r, 0), REPL_SECONDARY_INSYNC);
		assert_true(serves(1));
	}
}

static void a_hand_over_whose_word_was_lost_is_learnt_from_the_lineage(void **state)
{
	rig_init(&r, &CONTINUE);
	rig_make_pair(&r);
	RIG_EVENT(&r, 0, rc = node_handover(node_, now_, &out_, &err));
	r.is_linked = false; /* nothing arrives */
	RIG_EVENT(&r, 0, node_drained(node_, head_, now_, &out_));
	rig_crash(&r, 0);
	rig_start(&r, 0, REPL_STANDALONE);
	rig_link(&r, true);
	assert_int_equal(rig_state(&r, 1), REPL_PRIMARY_PAIR);
	assert_int_equal(rig_state(&r, 0), REPL_SECONDARY_INSYNC);
}

static void an_admission_that_is_lost_is_made_again(void **state)
{
	rig_init(&r, &HOLD);
	rig_make_pair(&r);
	rig_init(&r, &HOLD);
	rig_start(&r, 0, REPL_PRIMARY_ALONE);
	rig_start(&r, 1, REPL_SECONDARY_SYNCING);
	rig_link(&r, true);
	RIG_EVENT(&r, 1, node_resync_began(node_, true, now_, &out_));
	RIG_EVENT(&r, 1, node_resync_ended(node_, now_, &out_));
	RIG_EVENT(&r, 0, node_caught_up(node_, head_, now_, &out_));
	r.drops_roles = true;
	RIG_EVENT(&r, 0, node_equal(node_, head_, now_, &out_));
	assert_int_equal(rig_state(&r, 0), REPL_PRIMARY_PAIR);
	assert_int_equal(rig_state(&r, 1), REPL_SECONDARY_SYNCING);
	assert_true(r.side[0].node.is_frozen);
	rig_pass(&r, 9900);
	assert_false(node_is_admit_overdue(&r.side[0].node, r.now_ns));
	rig_pass(&r, 200);
	assert_true(node_is_admit_overdue(&r.side[0].node, r.now_ns));
	rig_link(&r, false);
	r.drops_roles = false;
	rig_link(&r, true);
	assert_int_equal(rig_state(&r, 1), REPL_SECONDARY_INSYNC);
	assert_false(r.side[0].node.is_frozen);
}

static void an_async_primary_is_alone_and_a_replica_is_promoted_by_force_only(void **state)
{
	rig_init(&r, &ASYNC);
	rig_start(&r, 0, REPL_PRIMARY_ALONE);
	rig_start(&r, 1, REPL_SECONDARY_SYNCING);
	rig_link(&r, true);
	RIG_EVENT(&r, 1, node_resync_began(node_, true, now_, &out_));
	RIG_EVENT(&r, 1, node_resync_ended(node_, now_, &out_));
	RIG_EVENT(&r, 0, node_caught_up(node_, head_, now_, &out_));
	assert_int_equal(rig_state(&r, 0), REPL_PRIMARY_ALONE);
	rig_crash(&r, 0);
	rig_pass(&r, 10000);
	PROMOTE(1, false);
	assert_int_equal(rc, -EPERM);
	PROMOTE(1, true);
	assert_int_equal(rc, 0);
	rig_start(&r, 0, REPL_STANDALONE);
	rig_link(&r, true);
	assert_int_equal(rig_state(&r, 0), REPL_OUTDATED);
}

static void a_record_that_cannot_be_stored_stops_the_group(void **state)
{
	rig_init(&r, &CONTINUE);
	rig_make_pair(&r);
	r.store_fails = true;
	rig_link(&r, false);
	rig_pass(&r, 10000);
	assert_false(serves(0));
	assert_false(rig_asked(&r, 0, REPL_DO_ACK_ALONE));
}

static void an_uncertain_admission_is_not_acknowledged_over(void **state)
{
	rig_init(&r, &WITNESS);
	rig_start(&r, 0, REPL_PRIMARY_ALONE);
	rig_start(&r, 1, REPL_SECONDARY_SYNCING);
	rig_pass(&r, 300);
	rig_link(&r, true);
	RIG_EVENT(&r, 1, node_resync_began(node_, true, now_, &out_));
	RIG_EVENT(&r, 1, node_resync_ended(node_, now_, &out_));
	RIG_EVENT(&r, 0, node_caught_up(node_, head_, now_, &out_));
	r.is_witness_up = false;
	RIG_EVENT(&r, 0, node_equal(node_, head_, now_, &out_));
	rig_pass(&r, 500);
	rig_link(&r, false);
	assert_true(r.side[0].node.is_frozen);
	rig_pass(&r, 6000);
	assert_true(r.side[0].node.is_frozen);
	r.is_witness_up = true;
	rig_pass(&r, 3000);
	assert_int_equal(rig_state(&r, 0), REPL_PRIMARY_ALONE);
	assert_int_equal(r.reg.insync, 1);
	assert_false(r.side[0].node.is_frozen);
}

/* The witness may have done it, or do it any time: the lease that runs on counts no more. */
static void a_hand_over_that_nobody_answers_ends_the_lease(void **state)
{
	rig_init(&r, &WITNESS);
	rig_make_pair(&r);
	rig_pass(&r, 1000);
	r.is_witness_up = false;
	RIG_EVENT(&r, 0, rc = node_handover(node_, now_, &out_, &err));
	assert_int_equal(rc, 0);
	RIG_EVENT(&r, 0, node_drained(node_, head_, now_, &out_));
	rig_link(&r, false);
	rig_pass(&r, REPL_SILENCE_MS + 500);
	assert_true(r.side[0].durable.is_giving);
	assert_true(r.now_ns < r.side[0].node.lease_until_ns);
	assert_false(serves(0));
	r.is_witness_up = true;
	rig_pass(&r, 3000);
	assert_false(r.side[0].durable.is_giving);
	assert_true(serves(0));
}

/* Forced past its witness, in a pair again, and then demoted: the register knows an older reign. */
static void one_in_sync_follows_a_demoted_primary_that_the_witness_never_saw(void **state)
{
	rig_init(&r, &WITNESS);
	rig_make_pair(&r);
	r.is_witness_up = false;
	rig_link(&r, false);
	rig_pass(&r, 12000);
	assert_false(serves(0));
	PROMOTE(0, true);
	assert_int_equal(rc, 0);
	rig_link(&r, true);
	RIG_EVENT(&r, 0, node_caught_up(node_, head_, now_, &out_));
	RIG_EVENT(&r, 0, node_equal(node_, head_, now_, &out_));
	assert_int_equal(rig_state(&r, 0), REPL_PRIMARY_PAIR);
	assert_int_equal(rig_state(&r, 1), REPL_SECONDARY_INSYNC);
	RIG_EVENT(&r, 0, rc = node_demote(node_, now_, &out_, &err));
	r.is_witness_up = true;
	assert_true(r.reg.term < r.side[1].durable.term);
	rig_pass(&r, REPL_SILENCE_MS + 3000);
	assert_int_equal(rig_state(&r, 1), REPL_PRIMARY_ALONE);
	assert_true(serves(1));
	assert_int_equal(rig_state(&r, 0), REPL_OUTDATED);
}

/* P4: the witness's word makes it stop, but what was written by force on one side and with the
 * witness's blessing on the other is still split brain. */
static void what_a_force_let_it_write_is_split_brain_with_a_witness_too(void **state)
{
	rig_init(&r, &WITNESS);
	rig_make_pair(&r);
	r.is_witness_up = false;
	rig_link(&r, false);
	rig_pass(&r, 12000);
	PROMOTE(0, true);
	RIG_EVENT(&r, 0, node_wrote_alone(node_, &out_));
	rig_crash(&r, 0);
	r.is_witness_up = true;
	rig_pass(&r, 15000);
	assert_true(serves(1));
	RIG_EVENT(&r, 1, node_wrote_alone(node_, &out_));
	rig_start(&r, 0, REPL_STANDALONE);
	rig_pass(&r, 1000);
	assert_int_equal(rig_state(&r, 0), REPL_OUTDATED);
	rig_link(&r, true);
	assert_int_equal(rig_state(&r, 0), REPL_DIVERGED);
	assert_int_equal(rig_state(&r, 1), REPL_DIVERGED);
	assert_false(serves(1));
	RIG_EVENT(&r, 0, rc = node_resolve(node_, false, now_, &out_, &err));
	assert_int_equal(rc, 0);
	rig_pass(&r, 3000);
	assert_int_equal(rig_state(&r, 1), REPL_PRIMARY_ALONE);
	assert_int_equal(rig_state(&r, 0), REPL_OUTDATED);
	assert_true(rig_asked(&r, 0, REPL_DO_SEND_BITMAP));
}

/* An operator's demotion says that its tail may go. */
static void a_demoted_side_follows_whatever_it_wrote(void **state)
{
	rig_init(&r, &CONTINUE);
	rig_make_pair(&r);
	rig_link(&r, false);
	rig_pass(&r, 2 * REPL_SILENCE_MS);
	RIG_EVENT(&r, 0, node_wrote_alone(node_, &out_));
	RIG_EVENT(&r, 0, rc = node_demote(node_, now_, &out_, &err));
	PROMOTE(1, true);
	assert_int_equal(rc, 0);
	RIG_EVENT(&r, 1, node_wrote_alone(node_, &out_));
	rig_link(&r, true);
	assert_int_equal(rig_state(&r, 0), REPL_OUTDATED);
	assert_true(rig_asked(&r, 0, REPL_DO_SEND_BITMAP));
	assert_true(serves(1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_new_pair_becomes_in_sync),
	    cmocka_unit_test(who_holds_stops_within_the_silence_and_goes_on_with_its_peer),
	    cmocka_unit_test(
		the_other_side_of_one_that_holds_is_promoted_without_force_once_promises_are_over),
	    cmocka_unit_test(one_that_continues_excludes_durably_before_it_acknowledges_alone),
	    cmocka_unit_test(the_witness_promotes_who_is_in_sync_when_the_primary_is_dead),
	    cmocka_unit_test(a_partition_leaves_one_primary_the_one_that_reached_the_witness_first),
	    cmocka_unit_test(without_witness_and_peer_a_started_primary_waits_for_an_operator),
	    cmocka_unit_test(after_an_unclean_end_hot_extents_are_compared_before_it_serves),
	    cmocka_unit_test(a_stop_in_peace_needs_no_comparison),
	    cmocka_unit_test(two_that_wrote_alone_are_split_brain_and_stop),
	    cmocka_unit_test(an_operator_resolves_a_split_for_one_side),
	    cmocka_unit_test(a_side_that_gives_up_makes_the_other_one_primary),
	    cmocka_unit_test(giving_up_is_heard_by_a_peer_that_was_away),
	    cmocka_unit_test(a_resolution_reaches_a_peer_that_was_away),
	    cmocka_unit_test(one_that_was_promoted_and_wrote_nothing_gives_way),
	    cmocka_unit_test(the_role_is_handed_over),
	    cmocka_unit_test(a_hand_over_whose_word_was_lost_is_learnt_from_the_lineage),
	    cmocka_unit_test(an_admission_that_is_lost_is_made_again),
	    cmocka_unit_test(an_async_primary_is_alone_and_a_replica_is_promoted_by_force_only),
	    cmocka_unit_test(a_record_that_cannot_be_stored_stops_the_group),
	    cmocka_unit_test(an_uncertain_admission_is_not_acknowledged_over),
	    cmocka_unit_test(a_hand_over_that_nobody_answers_ends_the_lease),
	    cmocka_unit_test(one_in_sync_follows_a_demoted_primary_that_the_witness_never_saw),
	    cmocka_unit_test(what_a_force_let_it_write_is_split_brain_with_a_witness_too),
	    cmocka_unit_test(a_demoted_side_follows_whatever_it_wrote),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
