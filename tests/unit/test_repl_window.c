/* SPDX-License-Identifier: MIT */
/*
 * test_repl_window.c - when a window begins: it rests after the last one, for a share of the lag
 * that is aimed at, and not while somebody waits for the log to be empty or it fills up.
 *
 * The log, the link and the rest of the group are this file's; a window "runs" until the test ends
 * it.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "group_int.h"

#define MS 1000000ull

static struct rig {
	struct repl_group g;
	struct repl_node node;
	uint64_t now_ns, timer_ns;
	struct repl_timer *timer;
	struct sluice_rlog_stats stats;
	struct sluice_rlog_destage *running;
	unsigned int windows, overflows;
} R;

/* ---------------------------------------------------------------- what window.c calls */

void sluice_rlog_stats(const struct sluice_rlog *log, struct sluice_rlog_stats *out)
{
	*out = R.stats;
}

void sluice_rlog_destage(struct sluice_rlog *log, const struct sluice_rlog_sink *sink,
			 struct sluice_rlog_destage *d)
{
	assert_null(R.running);
	R.running = d;
	R.windows++;
}

void sluice_rlog_flush(struct sluice_rlog *log, struct sluice_rlog_flush *fl)
{
	fail_msg("all is durable");
}

void sluice_rlog_lookup(const struct sluice_rlog *log, uint64_t block, uint64_t max_blocks,
			struct sluice_rlog_run *run)
{
	fail_msg("no block was sent");
}

uint64_t group_now_ns(const struct repl_group *g)
{
	return R.now_ns;
}

bool group_needs_pass(const struct repl_group *g)
{
	return false;
}

uint64_t gate_complete_lsn(const struct repl_group *g)
{
	return 1;
}

void gate_check(struct repl_group *g)
{
	window_kick(g);
}

void journal_overflow(struct repl_group *g, const char *why)
{
	R.overflows++;
}

bool bulk_may_send(struct repl_group *g, uint64_t payload_bytes)
{
	return true;
}

int bulk_send(struct repl_group *g, struct repl_header *h, const void *payload, size_t bytes)
{
	return 0;
}

void group_protocol_error(struct repl_group *g, const char *why)
{
	fail_msg("%s", why);
}

void bitmap_clear(struct bitmap *b, enum bitmap_kind kind, uint64_t offset_bytes,
		  uint64_t len_bytes)
{
}

void journal_pump(struct repl_group *g) {}

void mark_pump(struct repl_group *g) {}

uint64_t mark_cut_seq(const struct repl_group *g)
{
	return UINT64_MAX;
}

bool mark_is_due(const struct repl_group *g)
{
	return false;
}

void group_stop_step(struct repl_group *g) {}

void resync_pump(struct repl_group *g) {}

void lag_acked(struct repl_group *g) {}

static void timer_set(void *ctx, struct repl_timer *t, uint64_t at_ns)
{
	R.timer = t;
	R.timer_ns = at_ns;
}

/* ---------------------------------------------------------------- the group */

static const struct repl_host_ops OPS = {.timer_set = timer_set};

static void set_up(uint32_t rpo_target_ms)
{
	struct repl_group *g = &R.g;

	memset(&R, 0, sizeof(R));
	R.now_ns = 1000 * MS;
	g->node = &R.node;
	g->host.ops = &OPS;
	g->cfg.rpo_target_ms = rpo_target_ms;
	g->cfg.journal_bytes = 256u << 20;
	g->is_peer_ready = g->may_send = true;
	g->track = TRACK_JOURNAL;
	g->journal.is_open = true;
	assert_int_equal(window_init(g), 0);
}

static void tear_down(void)
{
	free(R.g.window.ranges);
}

static void append(uint64_t blocks)
{
	R.stats.dirty_blocks += blocks;
	R.stats.used_blocks += blocks;
	R.stats.next_seq += 1;
	R.stats.durable_seq = R.stats.next_seq;
	window_appended(&R.g, blocks * LOG_BLOCK_BYTES);
}

/* The window under way ends, and leaves that many blocks in the log. */
static void window_ends(int result, uint64_t left_blocks)
{
	struct sluice_rlog_destage *d = R.running;

	assert_non_null(d);
	R.running = NULL;
	d->result = result;
	R.stats.dirty_blocks = R.stats.used_blocks = left_blocks;
	d->fn(d);
}

static uint64_t rest_ms(void)
{
	assert_non_null(R.timer);
	return (R.timer_ns - R.now_ns) / MS;
}

static void timer_comes(void)
{
	struct repl_timer *t = R.timer;

	R.now_ns = R.timer_ns;
	R.timer = NULL;
	t->fn(t);
}

static void one_window(uint32_t rpo_target_ms)
{
	set_up(rpo_target_ms);
	append(1);
	assert_int_equal(R.windows, 1);
	append(3);
	window_ends(0, 3);
}

/* ---------------------------------------------------------------- cases */

static void the_first_change_goes_at_once(void **state)
{
	set_up(5000);
	append(1);
	assert_int_equal(R.windows, 1);
	tear_down();
}

static void rests_for_a_share_of_the_lag_that_is_aimed_at(void **state)
{
	static const struct {
		uint32_t target_ms, rest_ms;
	} t[] = {{100, 20}, {1000, 50}, {4000, 200}, {5000, 250}, {86400000, 250}};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		one_window(t[i].target_ms);
		assert_int_equal(rest_ms(), t[i].rest_ms);
		append(10); /* merged with what comes until then */
		assert_int_equal(R.windows, 1);
		timer_comes();
		assert_int_equal(R.windows, 2);
		tear_down();
	}
}

static void a_whole_window_does_not_wait(void **state)
{
	one_window(5000);
	append(WINDOW_BYTES / LOG_BLOCK_BYTES - 4);
	assert_int_equal(R.windows, 1);
	append(1);
	assert_int_equal(R.windows, 2);
	window_ends(0, WINDOW_BYTES / LOG_BLOCK_BYTES); /* as much came meanwhile */
	assert_int_equal(R.windows, 3);
	window_ends(0, 0);
	assert_int_equal(R.windows, 3);
	tear_down();
}

static void a_quarter_of_a_small_journal_does_not_wait(void **state)
{
	one_window(5000);
	R.g.cfg.journal_bytes = 1u << 20;
	append((256u << 10) / LOG_BLOCK_BYTES - 4);
	assert_int_equal(R.windows, 1);
	append(1);
	assert_int_equal(R.windows, 2);
	tear_down();
}

static void a_journal_over_a_half_does_not_wait(void **state)
{
	one_window(5000);
	R.g.lag.is_filling = true;
	window_kick(&R.g);
	assert_int_equal(R.windows, 2);
	window_ends(0, 1);
	assert_int_equal(R.windows, 3);
	tear_down();
}

static void who_waits_for_an_empty_log_ends_the_rest(void **state)
{
	for (int i = 0; i < 2; i++) {
		one_window(5000);
		R.g.wants_equal = i == 0;
		R.g.wants_drained = i == 1;
		window_kick(&R.g);
		assert_int_equal(R.windows, 2);
		window_ends(0, 1);
		assert_int_equal(R.windows, 3);
		tear_down();
	}
}

/* It takes turns with windows, and has to come to its own. */
static void a_resync_has_its_turn_between_two_windows(void **state)
{
	one_window(5000);
	timer_comes();
	R.g.resync.what = RESYNC_CATCH_UP;
	R.g.resync.is_begun = true;
	window_ends(0, 10 * WINDOW_BYTES / LOG_BLOCK_BYTES);
	assert_int_equal(R.windows, 2);
	assert_int_equal(rest_ms(), 20);
	append(1);
	assert_int_equal(R.windows, 2);
	timer_comes();
	assert_int_equal(R.windows, 3);
	tear_down();
}

static void more_that_comes_does_not_cut_short_the_wait_after_a_failure(void **state)
{
	set_up(5000);
	append(1);
	window_ends(-ENOTCONN, 1);
	assert_int_equal(rest_ms(), 1000);
	append(2 * WINDOW_BYTES / LOG_BLOCK_BYTES);
	R.g.lag.is_filling = true;
	append(1);
	assert_int_equal(R.windows, 1);
	timer_comes();
	assert_int_equal(R.windows, 2);
	assert_int_equal(R.overflows, 0);
	tear_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_first_change_goes_at_once),
	    cmocka_unit_test(rests_for_a_share_of_the_lag_that_is_aimed_at),
	    cmocka_unit_test(a_whole_window_does_not_wait),
	    cmocka_unit_test(a_quarter_of_a_small_journal_does_not_wait),
	    cmocka_unit_test(a_journal_over_a_half_does_not_wait),
	    cmocka_unit_test(who_waits_for_an_empty_log_ends_the_rest),
	    cmocka_unit_test(a_resync_has_its_turn_between_two_windows),
	    cmocka_unit_test(more_that_comes_does_not_cut_short_the_wait_after_a_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
