// SPDX-License-Identifier: MIT
/* The journal is emptied for one reason or two, and what is appended afterwards stays in it; when
 * it is given up, the gap is told once, however often it fills again before that is over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "group_int.h"

static struct repl_group g;
static struct sluice_rlog_flush *drops[4]; /* under way */
static uint32_t drop_count, begun, told;
static bool record_fails;

/* ---------------------------------------------------------------- what it needs */

void sluice_rlog_drop(struct sluice_rlog *log, struct sluice_rlog_flush *fl)
{
	drops[drop_count++] = fl;
}
void sluice_rlog_stats(const struct sluice_rlog *log, struct sluice_rlog_stats *s)
{
	memset(s, 0, sizeof(*s));
}
void sluice_rlog_append(struct sluice_rlog *log, struct sluice_rlog_entry *e)
{
	fail();
}
void sluice_rlog_refuse_waiting(struct sluice_rlog *log) {}
void sluice_rlog_on_want_space(struct sluice_rlog *log, void (*fn)(void *ctx), void *ctx) {}
void gate_leg_done(struct repl_io *io, uint8_t leg, enum sluice_status status) {}
void window_kick(struct repl_group *group) {}
void window_appended(struct repl_group *group, uint64_t bytes) {}
void mark_give_up(struct repl_group *group, const char *why) {}
void partial_begin(struct repl_io *io) {}
void lag_gap(struct repl_group *group, bool is_on)
{
	group->lag.gap_since_ms = is_on;
}
bool group_has_bits(const struct repl_group *group, uint32_t kinds)
{
	return false;
}

static int record_put(void *ctx, const char *key, const void *data, size_t size_bytes)
{
	return record_fails ? -5 : 0;
}
static void report(void *ctx, const char *code, const char *text)
{
	told += strcmp(code, "replication_gap") == 0;
}
static const struct repl_host_ops ops = {.record_put = record_put, .report = report};

static void has_begun(struct repl_group *group)
{
	begun++;
}

static void drop_ends(void)
{
	struct sluice_rlog_flush *fl = drops[0];

	assert_true(drop_count > 0);
	memmove(drops, drops + 1, --drop_count * sizeof(drops[0]));
	fl->result = 0;
	fl->fn(fl);
}

static int setup(void **state)
{
	static int log;

	memset(&g, 0, sizeof(g));
	g.host.ops = &ops;
	g.node = &g.node_state;
	g.node->record.state = REPL_PRIMARY_ALONE;
	g.track = TRACK_JOURNAL;
	g.journal.is_open = true;
	g.journal.log = (struct sluice_rlog *)&log;
	drop_count = begun = told = 0;
	record_fails = false;
	return 0;
}

/* ---------------------------------------------------------------- the tests */

static void a_second_reason_that_comes_meanwhile_empties_it_once_more(void **state)
{
	assert_true(journal_begin(&g, has_begun));
	assert_int_equal(drop_count, 1);
	journal_empty(&g);
	assert_int_equal(drop_count, 1); /* one at a time */
	drop_ends();
	/* What is appended now would go with the second time. */
	assert_int_equal(begun, 0);
	assert_int_equal(g.track, TRACK_BITMAP);
	assert_int_equal(drop_count, 1);
	drop_ends();
	assert_int_equal(begun, 1);
	assert_int_equal(g.track, TRACK_JOURNAL);
	assert_int_equal(drop_count, 0);
	assert_false(g.journal.wants_empty || g.journal.is_emptying);
}

static void a_window_under_way_ends_before_it_is_emptied(void **state)
{
	g.window.is_running = true;
	assert_true(journal_begin(&g, has_begun));
	assert_int_equal(drop_count, 0);
	assert_false(journal_may_begin(&g));
	g.window.is_running = false;
	journal_pump(&g);
	assert_int_equal(drop_count, 1);
	assert_false(journal_may_begin(&g));
	drop_ends();
	assert_true(journal_may_begin(&g));
	assert_int_equal(begun, 1);
}

static void it_is_not_emptied_under_changes_when_the_track_could_not_be_noted(void **state)
{
	record_fails = true;
	assert_false(journal_begin(&g, has_begun));
	assert_int_equal(drop_count, 0);
	assert_int_equal(g.track, TRACK_JOURNAL);
}

static void of_a_pair_nothing_goes_to_it_when_it_has_been_emptied(void **state)
{
	assert_true(journal_begin(&g, has_begun));
	g.node->record.state = REPL_PRIMARY_PAIR;
	drop_ends();
	assert_int_equal(begun, 1);
	assert_int_equal(g.track, TRACK_BITMAP); /* until it serves: then to its peer */
}

/* ---------------------------------------------------------------- given up */

static void overflows(const char *why)
{
	g.track = TRACK_JOURNAL; /* its resync had begun, and the journal with it */
	journal_overflow(&g, why);
	assert_int_equal(g.track, TRACK_BITMAP);
	assert_int_not_equal(g.lag.gap_since_ms, 0);
}

static void one_gap_is_told_once(void **state)
{
	overflows("full");
	assert_int_equal(told, 1);
	overflows("full");
	overflows("full");
	assert_int_equal(told, 1);
}

static void another_reason_is_told(void **state)
{
	overflows("full");
	overflows("damaged");
	assert_int_equal(told, 2);
	overflows("damaged");
	assert_int_equal(told, 2);
}

static void the_next_gap_is_told(void **state)
{
	overflows("full");
	lag_gap(&g, false);
	overflows("full");
	assert_int_equal(told, 2);
}

static void without_a_journal_there_is_none_to_give_up(void **state)
{
	g.track = TRACK_DIRECT;
	journal_overflow(&g, "full");
	assert_int_equal(told, 0);
	assert_int_equal(g.track, TRACK_DIRECT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(a_second_reason_that_comes_meanwhile_empties_it_once_more,
				   setup),
	    cmocka_unit_test_setup(a_window_under_way_ends_before_it_is_emptied, setup),
	    cmocka_unit_test_setup(
		it_is_not_emptied_under_changes_when_the_track_could_not_be_noted, setup),
	    cmocka_unit_test_setup(of_a_pair_nothing_goes_to_it_when_it_has_been_emptied, setup),
	    cmocka_unit_test_setup(one_gap_is_told_once, setup),
	    cmocka_unit_test_setup(another_reason_is_told, setup),
	    cmocka_unit_test_setup(the_next_gap_is_told, setup),
	    cmocka_unit_test_setup(without_a_journal_there_is_none_to_give_up, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
