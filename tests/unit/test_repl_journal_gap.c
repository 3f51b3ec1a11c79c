/* SPDX-License-Identifier: MIT */
/*
 * test_repl_journal_gap.c - a journal that is given up: the gap is told once, however often the
 * journal fills again before it is over. The log and the rest of the group are this file's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "group_int.h"

static struct repl_group G;
static unsigned int told;

/* ---------------------------------------------------------------- what journal.c calls */

void sluice_rlog_stats(const struct sluice_rlog *log, struct sluice_rlog_stats *out)
{
	*out = (struct sluice_rlog_stats){0};
}

void sluice_rlog_append(struct sluice_rlog *log, struct sluice_rlog_entry *e) {}

void sluice_rlog_drop(struct sluice_rlog *log, struct sluice_rlog_flush *fl) {}

void sluice_rlog_refuse_waiting(struct sluice_rlog *log) {}

void sluice_rlog_on_want_space(struct sluice_rlog *log, void (*fn)(void *ctx), void *ctx) {}

bool group_has_bits(const struct repl_group *g, uint32_t kinds)
{
	return false;
}

void gate_leg_done(struct repl_io *io, uint8_t leg, enum sluice_status status) {}

void window_kick(struct repl_group *g) {}

void window_appended(struct repl_group *g, uint64_t bytes) {}

void mark_give_up(struct repl_group *g, const char *why) {}

void partial_begin(struct repl_io *io) {}

void lag_gap(struct repl_group *g, bool is_on)
{
	g->lag.gap_since_ms = is_on;
}

static int record_put(void *ctx, const char *key, const void *data, size_t bytes)
{
	return 0;
}

static void report(void *ctx, const char *code, const char *text)
{
	assert_string_equal(code, "replication_gap");
	told++;
}

/* ---------------------------------------------------------------- cases */

static const struct repl_host_ops OPS = {.record_put = record_put, .report = report};

static int set_up(void **state)
{
	memset(&G, 0, sizeof(G));
	told = 0;
	G.host.ops = &OPS;
	return 0;
}

static void overflows(const char *why)
{
	G.track = TRACK_JOURNAL; /* its resync had begun, and the journal with it */
	journal_overflow(&G, why);
	assert_int_equal(G.track, TRACK_BITMAP);
	assert_int_not_equal(G.lag.gap_since_ms, 0);
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
	lag_gap(&G, false);
	overflows("full");
	assert_int_equal(told, 2);
}

static void without_a_journal_there_is_none_to_give_up(void **state)
{
	G.track = TRACK_DIRECT;
	journal_overflow(&G, "full");
	assert_int_equal(told, 0);
	assert_int_equal(G.track, TRACK_DIRECT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(one_gap_is_told_once, set_up),
	    cmocka_unit_test_setup(another_reason_is_told, set_up),
	    cmocka_unit_test_setup(the_next_gap_is_told, set_up),
	    cmocka_unit_test_setup(without_a_journal_there_is_none_to_give_up, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
