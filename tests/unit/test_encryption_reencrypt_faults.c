/* SPDX-License-Identifier: MIT */
/*
 * test_encryption_reencrypt_faults.c - the N-th I/O of image or sidecar fails, once or for a while,
 * in each of the three walks and when one is found again: nothing is lost, and with
 * "reencrypt_resume" the walk comes to its end.
 *
 * REENCRYPT_STRIDE=1 (make check-unit-long) tries every N. The short form leaves out most,
 * from another begin in each walk; a zone takes nine steps, and a stride that has no divisor in
 * common with that comes by each kind of step.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "reencrypt_rig.h"

#define T(name) cmocka_unit_test(name)

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STRIDE 29
#else
#define STRIDE 11
#endif

static uint32_t stride_wanted(void)
{
	const char *text = getenv("REENCRYPT_STRIDE");
	uint32_t stride = text ? (uint32_t)strtoul(text, NULL, 10) : STRIDE;

	return stride ? stride : 1;
}

static const struct life steps[] = {
    {.seed = 1, .command = "encrypt_in_place", .args = "{\"key_id\":\"a\"}", .keks = "a"},
    {.seed = 2, .command = "rekey_deep", .args = "{\"key_id\":\"b\"}", .keks = "ab"},
    {.seed = 3, .command = "decrypt_in_place", .args = "{\"confirm\":\"v\"}"},
};
static const char *const states[] = {"unlocked", "unlocked", "clear"};

static void push_on(struct world *w)
{
	const char *word;

	for (uint32_t turns = 0; (word = life_word())[0]; turns++) {
		LIFE_CHECK(turns < 20000);
		if (strcmp(word, "broken") == 0)
			life_kill();
		if (strcmp(word, "failed") == 0 || strcmp(word, "paused") == 0)
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
	uint32_t by = fail_count == 1 ? stride_wanted() : 2 * stride_wanted() + 1;
	uint32_t longest = 1;

	world_fill_clear(w, 1);
	for (uint32_t at = 1; at <= longest; at += by) {
		longest = 0;
		for (uint32_t step = 0; step < 3; step++) {
			uint32_t fail_at = at + step * (by / 3);
			uint32_t taken = walk_with_fault(w, (int)step, fail_at, fail_count);

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

/* What it waited for a zone's next try is not what the zone cost those who were there. */
static void go_on_without_rest(struct world *w)
{
	bool was_retried = strcmp(life_word(), "retrying") == 0;
	int64_t done_bytes;

	if (was_retried)
		life_turns_until("running", 0);
	done_bytes = life_done_bytes();
	for (uint32_t turns = 0;
	     was_retried && life_word()[0] && life_done_bytes() < done_bytes + WORLD_ZONE;
	     turns++) {
		LIFE_CHECK(turns < 400);
		life_turn();
	}
	push_on(w);
}

static void a_failure_while_the_walk_is_found_again_harms_nothing(void **state)
{
	for (uint32_t fail_at = 1; fail_at<16; fail_at += stride_wanted()> 1 ? 3 : 1) {
		struct world *w = world_open(512);
		struct life how = steps[0];

		world_fill_clear(w, fail_at % 3);
		how.script = die_half_way;
		how.seed = fail_at;
		assert_int_equal(run_life(w, &how), LIFE_KILLED);
		how = (struct life){
		    .seed = 9, .fail_at = fail_at, .fail_count = 1, .script = go_on_without_rest};
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
	for (uint32_t fail_at = 40; fail_at < 52; fail_at += stride_wanted() / 4 + 1) {
		struct world *w = world_open(512);
		struct life how = steps[0];

		world_fill_clear(w, fail_at % 3);
		how.is_quiet = true;
		how.fail_at = fail_at;
		how.fail_count = 1000000;
		how.script = drains_with_a_zone_that_cannot_be_written;
		assert_int_equal(run_life(w, &how), LIFE_KILLED);
		how = (struct life){.seed = 5, .script = push_on};
		assert_int_equal(run_life(w, &how), LIFE_ENDED);
		assert_string_equal(w->state, "unlocked");
		world_close(w);
	}
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
