/* SPDX-License-Identifier: MIT */
/* Credit: never more under way than was promised, and never so little that nothing can go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "credit.h"

static void promises_have_bounds(void **state)
{
	struct credit_out o;

	assert_false(credit_out_begin(&o, CREDIT_MIN_BYTES - 1));
	assert_false(credit_out_begin(&o, CREDIT_MAX_BYTES + 1));
	assert_true(credit_out_begin(&o, CREDIT_MAX_BYTES));
	assert_false(credit_out_more(&o, 1));
	credit_out_spend(&o, 10);
	assert_false(credit_out_more(&o, UINT64_MAX));
	assert_true(credit_out_more(&o, 10));
}

static void who_sends_without_credit_is_seen(void **state)
{
	struct credit_in in;

	credit_in_begin(&in, CREDIT_MIN_BYTES);
	assert_true(credit_in_take(&in, CREDIT_MIN_BYTES));
	assert_false(credit_in_take(&in, 1));
	assert_int_equal(credit_in_free(&in, 1), 1);
	assert_true(credit_in_take(&in, 1));
	assert_false(credit_in_take(&in, 1));
}

/* Both ends together, frames of any size, freed in any order and late. */
static void both_ends_agree_and_nothing_gets_stuck(void **state)
{
	const uint64_t limit = 4ull << 20;
	uint64_t held[64], held_count = 0, in_hand = 0, sent = 0;
	struct credit_out out;
	struct credit_in in;

	srand(7);
	assert_true(credit_out_begin(&out, limit));
	credit_in_begin(&in, limit);
	for (int i = 0; i < 200000; i++) {
		uint64_t cost =
		    (uint64_t)REPL_FRAME_COST_BYTES + (uint64_t)rand() % (REPL_PAYLOAD_MAX + 1);

		if (held_count < 64 && credit_out_has(&out, cost)) {
			credit_out_spend(&out, cost);
			assert_true(credit_in_take(&in, cost));
			held[held_count++] = cost;
			in_hand += cost;
			sent++;
			assert_true(in_hand <= limit);
		} else if (held_count) {
			uint64_t k = (uint64_t)rand() % held_count;
			uint64_t more = credit_in_free(&in, held[k]);

			in_hand -= held[k];
			held[k] = held[--held_count];
			if (more)
				assert_true(credit_out_more(&out, more));
		}
		/* With nothing in hand the largest frame can go. */
		if (held_count == 0)
			assert_true(credit_out_has(&out, CREDIT_MIN_BYTES));
	}
	assert_true(sent > 50000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(promises_have_bounds),
	    cmocka_unit_test(who_sends_without_credit_is_seen),
	    cmocka_unit_test(both_ends_agree_and_nothing_gets_stuck),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
