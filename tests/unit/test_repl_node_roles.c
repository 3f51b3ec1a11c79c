// SPDX-License-Identifier: MIT
/* A role on its way from one side to the other: nobody has it twice, and somebody has it in the
 * end. */
#include <errno.h>

#include "node_rig.h"

static struct rig r;
static const struct repl_node_cfg HOLD = {.mode = REPL_MODE_SYNC, .holds_when_peer_is_lost = true};
static const struct repl_node_cfg CONTINUE = {.mode = REPL_MODE_SYNC};
static struct sluice_error err;
static int rc;

#define PROMOTE(n, force) RIG_EVENT(&r, n, rc = node_promote(node_, force, now_, &out_, &err))

static void pair_of(const struct repl_node_cfg *cfg)
{
	rig_init(&r, cfg);
	rig_make_pair(&r);
	rig_pass(&r, 1000);
}

static void hand_over(void)
{
	RIG_EVENT(&r, 0, rc = node_handover(node_, now_, &out_, &err));
	assert_int_equal(rc, 0);
	RIG_EVENT(&r, 0, node_drained(node_, head_, now_, &out_));
	assert_int_equal(rig_state(&r, 0), REPL_SECONDARY_INSYNC);
}

/* Else both would wait for the other one to lead. */
static void a_primary_does_not_yield_to_one_that_was_promoted_and_demoted_meanwhile(void **state)
{
	pair_of(&HOLD);
	rig_link(&r, false);
	rig_pass(&r, 10000);
	PROMOTE(1, true);
	RIG_EVENT(&r, 1, rc = node_demote(node_, now_, &out_, &err));
	rig_link(&r, true);
	assert_int_equal(rig_state(&r, 0), REPL_PRIMARY_ALONE);
	assert_true(rig_asked(&r, 1, REPL_DO_SEND_BITMAP));
	assert_true(r.side[0].node.is_serving);
}

static void one_that_was_demoted_keeps_what_it_wrote_from_an_older_primary(void **state)
{
	pair_of(&HOLD);
	rig_link(&r, false);
	rig_pass(&r, 10000);
	PROMOTE(1, false);
	RIG_EVENT(&r, 1, node_wrote_alone(node_, &out_));
	RIG_EVENT(&r, 1, rc = node_demote(node_, now_, &out_, &err));
	rig_link(&r, true);
	assert_false(rig_asked(&r, 1, REPL_DO_SEND_BITMAP));
	assert_int_equal(rig_state(&r, 0), REPL_OUTDATED);
	rig_pass(&r, 10000);
	PROMOTE(1, false);
	assert_int_equal(rc, 0);
	assert_true(r.side[1].node.is_serving);
}

/* Both are in sync, and neither knows of the other one: one of them needs force. */
static void who_gave_the_role_away_takes_it_back_only_in_contact_with_the_peer(void **state)
{
	pair_of(&HOLD);
	r.is_linked = false; /* the word does not arrive */
	hand_over();
	assert_true(r.side[0].durable.is_given);
	rig_pass(&r, 10000);
	rig_crash(&r, 0);
	rig_start(&r, 0, REPL_STANDALONE);
	rig_pass(&r, 10000);
	PROMOTE(0, false);
	assert_int_equal(rc, -EPERM);
	PROMOTE(1, false);
	assert_int_equal(rc, 0);
	assert_int_equal(rig_state(&r, 1), REPL_PRIMARY_ALONE);
	rig_link(&r, true);
	assert_false(r.side[0].durable.is_given);
}

static void a_role_that_has_gone_on_while_it_was_being_taken_is_not_taken(void **state)
{
	pair_of(&CONTINUE);
	r.holds_applied = true;
	hand_over();
	assert_true(r.side[1].node.is_taking);
	rig_pass(&r, 10000);
	r.holds_applied = false;
	PROMOTE(0, false);
	assert_int_equal(rc, 0);
	assert_int_equal(rig_state(&r, 0), REPL_PRIMARY_ALONE);
	RIG_EVENT(&r, 1, node_applied(node_, head_, now_, &out_));
	assert_int_equal(rig_state(&r, 1), REPL_SECONDARY_SYNCING);
	assert_true(r.side[0].node.is_serving);
}

static void a_pair_that_was_handed_over_begins_without_marks(void **state)
{
	pair_of(&CONTINUE);
	hand_over();
	assert_int_equal(rig_state(&r, 1), REPL_PRIMARY_PAIR);
	assert_true(rig_asked(&r, 0, REPL_DO_FORGET));
	assert_true(rig_asked(&r, 1, REPL_DO_FORGET));
}

/* A cache that loses its content with the power is not clean because nobody writes. */
static void a_stop_is_clean_when_all_has_landed_where_it_stays(void **state)
{
	struct repl_node_cfg cfg = CONTINUE;

	for (int i = 0; i < 4; i++) {
		cfg.is_volatile = i == 1;
		pair_of(&cfg);
		RIG_EVENT(&r, 0, node_stop(node_, &out_));
		assert_false(r.side[0].durable.is_clean);
		if (i < 3)
			RIG_EVENT(&r, 0, node_stopped(node_, i != 2, &out_));
		assert_int_equal(r.side[0].durable.is_clean, i == 0);
	}
}

/* The witness has granted it and its answer is lost; what is asked for next goes beyond what the
 * peer knows by then. Without the reign what this side writes would be of one that the peer has. */
static void a_reign_whose_answer_was_lost_begins(void **state)
{
	static const struct repl_node_cfg WITNESS = {.mode = REPL_MODE_SYNC, .has_witness = true};
	const struct repl_node_record *record = &r.side[0].node.record;

	rig_init(&r, &WITNESS);
	rig_start(&r, 0, REPL_PRIMARY_ALONE);
	rig_start(&r, 1, REPL_SECONDARY_SYNCING);
	rig_pass(&r, 300);
	rig_link(&r, true);
	RIG_EVENT(&r, 1, node_resync_began(node_, true, now_, &out_));
	rig_link(&r, false);
	RIG_EVENT(&r, 0, node_peer_lost(node_, head_, now_, &out_));
	assert_true(r.side[0].is_calling);
	r.reg = r.side[0].call.wanted;
	r.is_witness_up = false;
	rig_pass(&r, 100);
	assert_int_equal(record->lineage_count, 1);
	rig_forget(&r);
	r.side[1].node.record.term = r.reg.term;
	rig_link(&r, true);
	r.is_witness_up = true;
	rig_pass(&r, 2000);
	assert_int_equal(record->lineage_count, 2);
	assert_int_equal(record->lineage[1].term, record->term);
	assert_int_equal(record->term, r.reg.term);
	assert_true(rig_asked(&r, 0, REPL_DO_RESYNC));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		a_primary_does_not_yield_to_one_that_was_promoted_and_demoted_meanwhile),
	    cmocka_unit_test(one_that_was_demoted_keeps_what_it_wrote_from_an_older_primary),
	    cmocka_unit_test(who_gave_the_role_away_takes_it_back_only_in_contact_with_the_peer),
	    cmocka_unit_test(a_role_that_has_gone_on_while_it_was_being_taken_is_not_taken),
	    cmocka_unit_test(a_pair_that_was_handed_over_begins_without_marks),
	    cmocka_unit_test(a_stop_is_clean_when_all_has_landed_where_it_stays),
	    cmocka_unit_test(a_reign_whose_answer_was_lost_begins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
