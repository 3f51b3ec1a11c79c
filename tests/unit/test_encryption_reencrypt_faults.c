/* SPDX-License-Identifier: MIT */
/*
 * test_encryption_reencrypt_faults.c - the N-th I/O of image or sidecar fails, for every N, once or
 * for a while, in each of the three walks and when one is found again: nothing is lost, and with
 * "reencrypt_resume" the walk comes to its end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <string.h>

#include <cmocka.h>

#include "reencrypt_rig.h"

#define T(name) cmocka_unit_test(name)

static const struct life steps[] = {
    {.seed = 1, .command = "encrypt_in_place", .args = "{\"key_id\":\"a\"}", .keks = "a"},
    {.seed = 2, .command = "rekey_deep", .args = "{\"key_id\":\"b\"}", .keks = "ab"},
    {.seed = 3, .command = "decrypt_in_place", .args = "{\"confirm\":\"v\"}"},
};
static const char *const states[] = {"unlocked", "unlocked", "clear"};

static void push_on(struct world *w)
{
	for (uint32_t turns = 0; life_word()[0]; turns++) {
		LIFE_CHECK(turns < 20000);
		if (strcmp(life_word(), "broken") == 0)
			life_kill();
		if (strcmp(life_word(), "failed") == 0 || strcmp(life_word(), "paused") == 0)
			LIFE_CHECK(life_command("reencrypt_resume", NULL, NULL) == 0);
		life_turn();
	}
}

static bool is_done(const struct world *w, int step)
{
	return !world_has(w, "reencrypt") && strcmp(w->state, states[step]) == 0 &&
	       strstr(w->kinds, "reencrypt_done");
}

/* How many steps it took with the fault. */
static uint32_t walk_with_fault(struct world *w, int step, uint32_t fail_at, uint32_t fail_count)
{
	struct life how = steps[step];
	uint32_t steps_taken;

	how.fail_at = fail_at;
	how.fail_count = fail_count;
	how.is_quiet = true;
	how.script = push_on;
	assert_int_not_equal(run_life(w, &how), LIFE_WRONG);
	steps_taken = w->steps;
	how.fail_at = 0;
	for (int i = 0; i < 3 && !is_done(w, step); i++) {
		how.command = world_has(w, "reencrypt") ? NULL : steps[step].command;
		assert_int_not_equal(run_life(w, &how), LIFE_WRONG);
	}
	assert_true(is_done(w, step));
	return steps_taken;
}

static void sweep(uint32_t fail_count)
{
	struct world *w = world_open(512);
	uint32_t longest = 1;

	world_fill_clear(w, 1);
	for (uint32_t fail_at = 1; fail_at <= longest; fail_at += 1 + fail_count / 2) {
		longest = 0;
		for (int step = 0; step < 3; step++) {
			uint32_t taken = walk_with_fault(w, step, fail_at, fail_count);

			longest = taken > longest ? taken : longest;
		}
	}
	assert_true(longest > 100);
	world_close(w);
}

static void one_failure_anywhere_harms_nothing(void **state)
{
	sweep(1);
}

static void failures_for_a_while_harm_nothing(void **state)
{
	sweep(5);
}

static void die_half_way(struct world *w)
{
	life_turns_until("running", WORLD_BYTES / 2);
	life_kill();
}

static void a_failure_while_the_walk_is_found_again_harms_nothing(void **state)
{
	for (uint32_t fail_at = 1; fail_at < 16; fail_at++) {
		struct world *w = world_open(512);
		struct life how = steps[0];

		world_fill_clear(w, fail_at % 3);
		how.script = die_half_way;
		how.seed = fail_at;
		assert_int_equal(run_life(w, &how), LIFE_KILLED);
		how = (struct life){
		    .seed = 9, .fail_at = fail_at, .fail_count = 1, .script = push_on};
		assert_int_not_equal(run_life(w, &how), LIFE_WRONG);
		how.fail_at = 0;
		assert_int_equal(run_life(w, &how), LIFE_ENDED);
		assert_string_equal(w->state, "unlocked");
		assert_int_equal(world_clear_sectors(w), 0);
		world_close(w);
	}
}

static void drains_with_a_zone_that_cannot_be_written(struct world *w)
{
	life_turns_until("retrying", 0);
	LIFE_CHECK(life_detach() == -EBUSY);
	life_turns_until("retrying", 0);
	life_kill();
}

static void a_zone_that_cannot_be_written_holds_no_drain(void **state)
{
	uint32_t tried = 0;

	for (uint32_t fail_at = 40; fail_at < 52; fail_at++) {
		struct world *w = world_open(512);
		struct life how = steps[0];

		world_fill_clear(w, fail_at % 3);
		how.is_quiet = true;
		how.fail_at = fail_at;
		how.fail_count = 1000000;
		how.script = drains_with_a_zone_that_cannot_be_written;
		assert_int_equal(run_life(w, &how), LIFE_KILLED);
		tried++;
		how = (struct life){.seed = 5, .script = push_on};
		assert_int_equal(run_life(w, &how), LIFE_ENDED);
		assert_string_equal(w->state, "unlocked");
		world_close(w);
	}
	assert_int_equal(tried, 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(one_failure_anywhere_harms_nothing),
	    T(failures_for_a_while_harm_nothing),
	    T(a_zone_that_cannot_be_written_holds_no_drain),
	    T(a_failure_while_the_walk_is_found_again_harms_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
