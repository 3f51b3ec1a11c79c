// SPDX-License-Identifier: MIT
/* An operator's word on a split is about what both sides had written then, and gives up nothing
 * else. */
#include <string.h>

#include "node_rig.h"

static struct rig r;
static const struct repl_node_cfg CONTINUE = {.mode = REPL_MODE_SYNC};
static const struct repl_node_cfg WITNESS = {.mode = REPL_MODE_SYNC, .has_witness = true};
static struct sluice_error err;
static int rc;

#define RESOLVE(n, keeps)                                                                          \
	do {                                                                                       \
		RIG_EVENT(&r, n, rc = node_resolve(node_, keeps, now_, &out_, &err));              \
		assert_int_equal(rc, 0);                                                           \
	} while (0)

static bool serves(int n)
{
	return r.side[n].node.is_serving && r.now_ns < node_serve_until_ns(&r.side[n].node);
}

static void split(void)
{
	rig_init(&r, &CONTINUE);
	rig_make_pair(&r);
	rig_link(&r, false);
	rig_pass(&r, 10000);
	RIG_EVENT(&r, 0, node_wrote_alone(node_, &out_));
	RIG_EVENT(&r, 1, rc = node_promote(node_, true, now_, &out_, &err));
	assert_int_equal(rc, 0);
	RIG_EVENT(&r, 1, node_wrote_alone(node_, &out_));
	rig_link(&r, true);
	assert_int_equal(rig_state(&r, 0), REPL_DIVERGED);
	assert_int_equal(rig_state(&r, 1), REPL_DIVERGED);
}

/* While the wire is cut, each is told to keep its own, and both write. */
static void keep_both(void)
{
	split();
	rig_link(&r, false);
	RESOLVE(0, true);
	RESOLVE(1, true);
	assert_true(serves(0) && serves(1));
	RIG_EVENT(&r, 0, node_wrote_alone(node_, &out_));
	RIG_EVENT(&r, 1, node_wrote_alone(node_, &out_));
}

static struct repl_role discard_of(int n)
{
	return (struct repl_role){.what = REPL_ROLE_DISCARD,
				  .about_reign = r.side[n].node.record.split_reign,
				  .term = r.side[n].node.record.term};
}

/* It was sent when the other side had the old reign, and comes when that has another one. */
static void a_word_that_comes_late_does_not_discard_a_newer_reign(void **state)
{
	struct repl_role old;

	keep_both();
	old = discard_of(0);
	rig_link(&r, true);
	assert_int_equal(rig_state(&r, 0), REPL_DIVERGED);
	assert_int_equal(rig_state(&r, 1), REPL_DIVERGED);
	RIG_EVENT(&r, 1, node_role(node_, &old, now_, &out_));
	assert_int_equal(rig_state(&r, 1), REPL_DIVERGED);
	assert_int_equal(rig_state(&r, 0), REPL_DIVERGED);
}

/* One hears of the other's reign and stops, and its own was never heard of before it comes back. */
static void what_was_decided_before_a_reign_is_not_said_about_it(void **state)
{
	const struct repl_node_record *a = &r.side[0].node.record;
	struct repl_reign lineage[REPL_LINEAGE_MAX];
	struct repl_state st;

	keep_both();
	st = (struct repl_state){.state = a->state,
				 .insync = a->insync,
				 .is_consistent = a->is_consistent,
				 .wrote_alone = a->wrote_alone,
				 .lineage_count = a->lineage_count,
				 .term = a->term};
	memcpy(lineage, a->lineage, sizeof(lineage));
	RIG_EVENT(&r, 1, node_peer_state(node_, &st, lineage, now_, &out_));
	assert_int_equal(rig_state(&r, 1), REPL_DIVERGED);
	assert_true(serves(0));
	rig_crash(&r, 1);
	rig_start(&r, 1, REPL_STANDALONE);
	rig_link(&r, true);
	assert_int_equal(rig_state(&r, 0), REPL_DIVERGED);
	assert_int_equal(rig_state(&r, 1), REPL_DIVERGED);
	assert_false(serves(0) || serves(1));
	/* Asked anew, it ends. */
	RESOLVE(1, true);
	assert_int_equal(rig_state(&r, 1), REPL_PRIMARY_ALONE);
	assert_int_equal(rig_state(&r, 0), REPL_OUTDATED);
	assert_true(rig_asked(&r, 0, REPL_DO_SEND_BITMAP));
}

/* A peer of an older version does not say what it is about. */
static void a_word_without_a_reign_is_obeyed(void **state)
{
	struct repl_role old;

	split();
	old = discard_of(0);
	old.about_reign = 0;
	RIG_EVENT(&r, 1, node_role(node_, &old, now_, &out_));
	assert_int_equal(rig_state(&r, 1), REPL_OUTDATED);
}

/* It waits for its witness when it hears that it was not chosen. */
static void a_keep_that_was_overtaken_leaves_nothing_behind(void **state)
{
	struct repl_role word;

	rig_init(&r, &WITNESS);
	rig_make_pair(&r);
	r.is_witness_up = false;
	rig_link(&r, false);
	rig_pass(&r, 12000);
	RIG_EVENT(&r, 0, rc = node_promote(node_, true, now_, &out_, &err));
	RIG_EVENT(&r, 0, node_wrote_alone(node_, &out_));
	rig_crash(&r, 0);
	r.is_witness_up = true;
	rig_pass(&r, 15000);
	assert_true(serves(1));
	RIG_EVENT(&r, 1, node_wrote_alone(node_, &out_));
	rig_start(&r, 0, REPL_STANDALONE);
	rig_pass(&r, 1000);
	r.is_witness_up = false;
	rig_link(&r, true);
	assert_int_equal(rig_state(&r, 1), REPL_DIVERGED);
	RESOLVE(1, true);
	assert_true(r.side[1].node.is_keeping);
	word = discard_of(0);
	word.about_reign = 0;
	word.term = r.side[1].node.record.term;
	RIG_EVENT(&r, 1, node_role(node_, &word, now_, &out_));
	assert_int_equal(rig_state(&r, 1), REPL_OUTDATED);
	assert_false(r.side[1].node.is_keeping);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_word_that_comes_late_does_not_discard_a_newer_reign),
	    cmocka_unit_test(what_was_decided_before_a_reign_is_not_said_about_it),
	    cmocka_unit_test(a_word_without_a_reign_is_obeyed),
	    cmocka_unit_test(a_keep_that_was_overtaken_leaves_nothing_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
