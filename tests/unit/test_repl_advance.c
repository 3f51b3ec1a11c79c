// SPDX-License-Identifier: MIT
/* When a resync has to begin: also for a replica from which nothing is known to differ. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "group_int.h"

static struct repl_group g;
static uint32_t passes, caught_up, cancelled, pumped;
static enum resync_what asked_for;
static bool has_bits;

/* ---------------------------------------------------------------- what it needs */

void resync_begin(struct repl_group *group, enum resync_what what)
{
	passes++; /* it cannot begin now: it is asked again */
	asked_for = what;
}
void session_caught_up(struct repl_session *s)
{
	caught_up++;
}
bool group_has_bits(const struct repl_group *group, uint32_t kinds)
{
	return has_bits;
}
void sluice_rlog_stats(const struct sluice_rlog *log, struct sluice_rlog_stats *s)
{
	memset(s, 0, sizeof(*s));
}
bool node_is_primary(const struct repl_node *n)
{
	return true;
}
int track_set(struct repl_group *group, enum track track, bool has_pass)
{
	return 0;
}
bool journal_may_begin(const struct repl_group *group)
{
	return true;
}
void journal_empty(struct repl_group *group) {}
void gate_pump(struct repl_group *group) {}
void gate_settle(struct repl_group *group) {}
void gate_check(struct repl_group *group) {}
void direct_exclude(struct repl_group *group, bool may_journal) {}
void group_drop_link(struct repl_group *group, const char *why) {}
void group_refuse(struct repl_group *group, enum sluice_status status) {}
void group_saw_lsn(struct repl_group *group, uint64_t lsn) {}
void resync_cancel(struct repl_group *group)
{
	cancelled++;
	group->resync.what = RESYNC_NONE;
}
void resync_pump(struct repl_group *group)
{
	pumped++;
}
void mark_pump(struct repl_group *group) {}
void mark_forget(struct repl_group *group) {}
void window_kick(struct repl_group *group) {}
void session_hot_compared(struct repl_session *s) {}
void receiver_send_bitmap(struct repl_receiver *r) {}
void receiver_apply_staged(struct repl_receiver *r) {}
void receiver_leads(struct repl_receiver *r) {}
void hot_cool(struct hot *hot) {}
void hot_flush(struct hot *hot, struct hot_flush *fl) {}

static int setup(void **state)
{
	memset(&g, 0, sizeof(g));
	g.node = &g.node_state;
	g.node->record.state = REPL_PRIMARY_ALONE;
	g.node->acks_alone = true;
	g.node->peer.state = REPL_SECONDARY_SYNCING;
	g.track = TRACK_JOURNAL;
	g.journal.is_open = g.is_peer_ready = true;
	passes = caught_up = cancelled = pumped = 0;
	has_bits = false;
	return 0;
}

/* ---------------------------------------------------------------- the tests */

/* It was OUTDATED, its BITMAP was empty, and the first thing that it heard then was a window. */
static void a_replica_that_is_no_point_in_time_is_made_one(void **state)
{
	group_do_resync(&g);
	assert_int_equal(passes, 1);
	group_advance(&g);
	assert_int_equal(passes, 2);
	assert_true(group_needs_pass(&g));
	assert_int_equal(caught_up, 0); /* it would refuse to be admitted */
}

static void who_has_answered_the_end_of_a_pass_is_one_whatever_its_state_says(void **state)
{
	group_do_resync(&g);
	g.resync.is_peer_whole = true;
	group_advance(&g);
	assert_int_equal(passes, 1);
	assert_int_equal(caught_up, 1);
	/* Of another connection that says nothing. */
	group_do_resync(&g);
	assert_int_equal(passes, 2);
	assert_int_equal(caught_up, 1);
}

static void one_that_is_a_point_in_time_needs_no_pass(void **state)
{
	g.node->peer.is_consistent = true;
	group_do_resync(&g);
	assert_int_equal(passes, 0);
	assert_int_equal(caught_up, 1);
}

/* After an unclean start, in a pair: reads of the pass that its connection had cut off were under
 * way, and nobody served ever after. */
static void what_was_hot_is_compared_when_it_can_be(void **state)
{
	g.node->record.state = REPL_PRIMARY_PAIR;
	g.node->acks_alone = false;
	g.track = TRACK_DIRECT;
	g.node->is_comparing = has_bits = true;
	group_do_compare_hot(&g);
	assert_int_equal(passes, 1);
	group_advance(&g);
	assert_int_equal(passes, 2);
	assert_int_equal(asked_for, RESYNC_HOT);
	g.resync.what = RESYNC_HOT;
	group_advance(&g);
	assert_int_equal(passes, 2);
	/* Gone, and to be asked for by the node when it is there again. */
	g.resync.what = RESYNC_NONE;
	g.is_peer_ready = false;
	group_advance(&g);
	g.is_peer_ready = g.node->is_unclean = true;
	group_advance(&g);
	assert_int_equal(passes, 2);
}

static void a_verify_makes_room_for_it(void **state)
{
	g.node->record.state = REPL_PRIMARY_PAIR;
	g.resync.what = RESYNC_VERIFY;
	has_bits = true;
	group_do_compare_hot(&g);
	assert_int_equal(cancelled, 1);
	assert_int_equal(asked_for, RESYNC_HOT);
}

/* Begun in a pause, it has to go on when that is over, and nothing else of a pair looks at it. */
static void a_verify_of_a_pair_goes_on(void **state)
{
	g.node->record.state = REPL_PRIMARY_PAIR;
	g.track = TRACK_DIRECT;
	g.resync.what = RESYNC_VERIFY;
	group_advance(&g);
	assert_int_equal(pumped, 1);
	assert_int_equal(cancelled, 0);
}

/* Initiators wait until the two are equal, which they are not while a pass runs. */
static void who_hands_over_ends_a_verify(void **state)
{
	g.resync.what = RESYNC_VERIFY;
	group_do_drain(&g, true);
	assert_int_equal(cancelled, 1);
	g.resync.what = RESYNC_CATCH_UP;
	group_do_drain(&g, true);
	group_do_drain(&g, false);
	assert_int_equal(cancelled, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(a_replica_that_is_no_point_in_time_is_made_one, setup),
	    cmocka_unit_test_setup(
		who_has_answered_the_end_of_a_pass_is_one_whatever_its_state_says, setup),
	    cmocka_unit_test_setup(one_that_is_a_point_in_time_needs_no_pass, setup),
	    cmocka_unit_test_setup(what_was_hot_is_compared_when_it_can_be, setup),
	    cmocka_unit_test_setup(a_verify_makes_room_for_it, setup),
	    cmocka_unit_test_setup(a_verify_of_a_pair_goes_on, setup),
	    cmocka_unit_test_setup(who_hands_over_ends_a_verify, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
