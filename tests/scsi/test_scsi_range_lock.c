/* SPDX-License-Identifier: MIT */
/* test_scsi_range_lock.c - FIFO among overlapping, shared and exclusive; against a slow but obvious
 * model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "range_lock.h"

static void test_readers_share_and_writers_wait(void **state)
{
	struct range_locks s;
	struct range_lock a = {0}, b = {0}, w = {0}, late = {0};

	range_locks_init(&s);
	assert_true(range_lock(&s, &a, 0, 10, false));
	assert_true(range_lock(&s, &b, 5, 15, false));
	assert_false(range_lock(&s, &w, 9, 11, true));
	assert_false(
	    range_lock(&s, &late, 10, 11, false)); /* does not overtake the waiting writer */
	assert_null(range_unlock(&s, &a));
	assert_ptr_equal(range_unlock(&s, &b), &w);
	assert_null(w.next_granted);
	assert_ptr_equal(range_unlock(&s, &w), &late);
	assert_null(range_unlock(&s, &late));
}

static void test_disjoint_writers_do_not_meet(void **state)
{
	struct range_locks s;
	struct range_lock a = {0}, b = {0};

	range_locks_init(&s);
	assert_true(range_lock(&s, &a, 0, 10, true));
	assert_true(range_lock(&s, &b, 10, 20, true));
	assert_null(range_unlock(&s, &a));
	assert_null(range_unlock(&s, &b));
}

static void test_one_release_grants_several_in_order_of_arrival(void **state)
{
	struct range_locks s;
	struct range_lock w = {0}, r[3];

	memset(r, 0, sizeof(r));
	range_locks_init(&s);
	assert_true(range_lock(&s, &w, 0, 100, true));
	for (int i = 0; i < 3; i++)
		assert_false(range_lock(&s, &r[i], 0, 100, false));
	assert_ptr_equal(range_unlock(&s, &w), &r[0]);
	assert_ptr_equal(r[0].next_granted, &r[1]);
	assert_ptr_equal(r[1].next_granted, &r[2]);
	assert_null(r[2].next_granted);
	for (int i = 0; i < 3; i++)
		assert_null(range_unlock(&s, &r[i]));
}

static void test_a_waiter_that_leaves_lets_the_next_one_in(void **state)
{
	struct range_locks s;
	struct range_lock r = {0}, w = {0}, next = {0};

	range_locks_init(&s);
	assert_true(range_lock(&s, &r, 0, 10, false));
	assert_false(range_lock(&s, &w, 0, 10, true));
	assert_false(range_lock(&s, &next, 0, 10, false));
	assert_ptr_equal(range_unlock(&s, &w), &next);
	range_unlock(&s, &r);
	range_unlock(&s, &next);
	assert_int_equal(s.waiting, 0);
	assert_int_equal(s.exclusive, 0);
}

static void test_a_moved_lock_holds_its_place(void **state)
{
	struct range_locks s;
	struct range_lock a = {0}, moved, w = {0};

	range_locks_init(&s);
	assert_true(range_lock(&s, &a, 0, 10, true));
	assert_false(range_lock(&s, &w, 0, 10, true));
	range_lock_move(&moved, &a);
	memset(&a, 0xcc, sizeof(a));
	assert_ptr_equal(range_unlock(&s, &moved), &w);
	range_unlock(&s, &w);
}

/* The model: a lock is held iff no earlier one that is in conflicts with it. */
#define LOCKS 40

struct model {
	struct range_lock lock;
	bool is_in, is_held;
	uint64_t arrival;
};

static bool may_hold(const struct model *m, const struct model *x)
{
	for (int i = 0; i < LOCKS; i++) {
		const struct model *y = &m[i];

		if (y->is_in && y->arrival < x->arrival &&
		    (y->lock.is_exclusive || x->lock.is_exclusive) &&
		    y->lock.start_bytes < x->lock.end_bytes &&
		    x->lock.start_bytes < y->lock.end_bytes)
			return false;
	}
	return true;
}

static void test_random_use_agrees_with_the_model(void **state)
{
	static struct model m[LOCKS];
	struct range_locks s;
	uint64_t arrival = 0;

	range_locks_init(&s);
	srand(1);
	for (int step = 0; step < 200000; step++) {
		struct model *x = &m[rand() % LOCKS];

		if (!x->is_in) {
			uint64_t start = (uint64_t)rand() % 64;

			x->is_in = true;
			x->arrival = ++arrival;
			x->is_held = range_lock(&s, &x->lock, start,
						start + 1 + (uint64_t)rand() % 8, rand() % 2);
		} else {
			struct range_lock *g = range_unlock(&s, &x->lock);
			uint64_t last = 0;

			x->is_in = x->is_held = false;
			for (; g; g = g->next_granted) {
				struct model *y = list_entry(g, struct model, lock);

				assert_true(y->is_in && !y->is_held && y->arrival > last);
				y->is_held = true;
				last = y->arrival;
			}
		}
		for (int i = 0; i < LOCKS; i++)
			assert_true(!m[i].is_in || m[i].is_held == may_hold(m, &m[i]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_readers_share_and_writers_wait),
	    cmocka_unit_test(test_disjoint_writers_do_not_meet),
	    cmocka_unit_test(test_one_release_grants_several_in_order_of_arrival),
	    cmocka_unit_test(test_a_waiter_that_leaves_lets_the_next_one_in),
	    cmocka_unit_test(test_a_moved_lock_holds_its_place),
	    cmocka_unit_test(test_random_use_agrees_with_the_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
