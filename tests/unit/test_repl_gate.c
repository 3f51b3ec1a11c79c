// SPDX-License-Identifier: MIT
/* A change of a pair that failed on this side: what differs then is found, whenever it comes to
 * differ. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "group_int.h"

static struct repl_group g;
static struct repl_io io;
static struct repl_own *below;
static uint32_t doubts, ended;

/* ---------------------------------------------------------------- what it needs */

bool hot_enter(struct hot *h, struct repl_io *i)
{
	return true;
}
void hot_leave(struct hot *h, struct repl_io *i) {}
bool hot_withdraw(struct hot *h, struct repl_io *i)
{
	return false;
}
void direct_begin(struct repl_io *i) {}
void direct_exclude(struct repl_group *group, bool may_journal) {}
void journal_append(struct repl_io *i) {}
void journal_overflow(struct repl_group *group, const char *why) {}
bool journal_is_empty(const struct repl_group *group)
{
	return true;
}
int track_set(struct repl_group *group, enum track track, bool has_pass)
{
	return 0;
}
void partial_written(struct repl_io *i) {}
void window_kick(struct repl_group *group) {}
void resync_pump(struct repl_group *group) {}
bool mark_is_pending(const struct repl_group *group)
{
	return false;
}
void resync_disturb(struct repl_group *group, uint16_t member, uint64_t offset_bytes,
		    uint64_t len_bytes)
{
}
bool group_has_bits(const struct repl_group *group, uint32_t kinds)
{
	return group->bits[0].set[BITMAP_SUSPECT] > 0;
}
bool group_is_track_right(const struct repl_group *group)
{
	return true;
}
uint64_t group_now_ns(const struct repl_group *group)
{
	return 0;
}
uint64_t node_serve_until_ns(const struct repl_node *n)
{
	return UINT64_MAX;
}
void session_in_doubt(struct repl_session *s)
{
	doubts++;
}
void session_equal(struct repl_session *s) {}
void session_drained(struct repl_session *s) {}
int session_wrote_alone(struct repl_session *s)
{
	return 0;
}

static void own_submit(void *ctx, struct repl_own *o)
{
	below = o;
}
static const struct repl_host_ops ops = {.own_submit = own_submit};

static void has_ended(struct repl_io *i)
{
	ended++;
}

static int setup(void **state)
{
	static char data[4096];

	memset(&g, 0, sizeof(g));
	assert_int_equal(bitmap_init(&g.bits[0], 1 << 20), 0);
	g.host.ops = &ops;
	g.host.member_count = 1;
	g.node = &g.node_state;
	g.node->record.state = REPL_PRIMARY_PAIR;
	g.track = TRACK_DIRECT;
	g.is_serving = true;
	g.record.lsn = 1000;
	doubts = ended = 0;
	below = NULL;
	io = (struct repl_io){.op = SLUICE_OP_WRITE,
			      .offset_bytes = 8192,
			      .len_bytes = 4096,
			      .buf = data,
			      .end = has_ended};
	group_submit(&g, &io);
	assert_non_null(below);
	return 0;
}

static int teardown(void **state)
{
	bitmap_fini(&g.bits[0]);
	return 0;
}

static bool is_suspect(void)
{
	return bitmap_has(&g.bits[0], BITMAP_BIT(BITMAP_SUSPECT), 8192);
}

/* ---------------------------------------------------------------- the tests */

static void its_late_part_at_the_peer_is_in_doubt_again(void **state)
{
	below->status = SLUICE_ERR_IO;
	below->fn(below);
	assert_true(is_suspect());
	assert_int_equal(doubts, 1);
	assert_int_equal(ended, 0);
	/* Compared, and equal: the peer has not got it yet. */
	bitmap_clear_all(&g.bits[0], BITMAP_SUSPECT);
	gate_leg_done(&io, REPL_LEG_PEER, SLUICE_OK);
	assert_true(is_suspect());
	assert_int_equal(doubts, 2);
	assert_int_equal(ended, 1);
	assert_int_equal(io.status, SLUICE_ERR_IO);
}

static void of_a_pair_the_own_part_is_persistent_too(void **state)
{
	assert_true(below->flags & SLUICE_IO_FUA);
	below->status = SLUICE_OK;
	below->fn(below);
	assert_int_equal(ended, 0);
	gate_leg_done(&io, REPL_LEG_PEER, SLUICE_OK);
	assert_int_equal(ended, 1);
	assert_int_equal(io.status, SLUICE_OK);
	assert_false(is_suspect());
	assert_int_equal(doubts, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(its_late_part_at_the_peer_is_in_doubt_again, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(of_a_pair_the_own_part_is_persistent_too, setup,
					    teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
