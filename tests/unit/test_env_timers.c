/* SPDX-License-Identifier: MIT */
/* test_env_timers.c - timers fire in order of deadline, then of setting; can be moved and
 * cancelled. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "clock.h"
#include "env_linux.h"
#include "timer_heap.h"

#define TIMERS 500

static struct env_timer timers[TIMERS];

static void heap_pops_in_order_of_deadline_then_of_setting(void **state)
{
	struct timer_heap h;
	struct env_timer *t, *last = NULL;
	uint32_t count = 0;

	timer_heap_init(&h);
	for (uint32_t i = 0; i < TIMERS; i++)
		timer_heap_set(&h, &timers[i], i * 7919 % 101);
	assert_int_equal(timer_heap_next_ns(&h), 0);
	assert_null(timer_heap_pop_due_before(&h, 1000, 0));
	while ((t = timer_heap_pop_due(&h, 1000))) {
		assert_false(env_timer_is_set(t));
		if (last)
			assert_true(last->deadline_ns < t->deadline_ns ||
				    (last->deadline_ns == t->deadline_ns && last < t));
		last = t;
		count++;
	}
	assert_int_equal(count, TIMERS);
	assert_int_equal(timer_heap_next_ns(&h), UINT64_MAX);
	timer_heap_fini(&h);
}

static void heap_survives_random_sets_moves_and_cancels(void **state)
{
	struct timer_heap h;
	uint64_t r = 1, now = 0;
	uint32_t set_count = 0;

	timer_heap_init(&h);
	for (int i = 0; i < 100000; i++) {
		struct env_timer *t;

		r = r * 6364136223846793005ull + 1442695040888963407ull;
		t = &timers[(r >> 33) % TIMERS];
		switch ((r >> 20) % 4) {
		case 0:
		case 1:
			set_count += !env_timer_is_set(t);
			timer_heap_set(&h, t, now + (r >> 40) % 1000);
			break;
		case 2:
			set_count -= env_timer_is_set(t);
			timer_heap_cancel(&h, t);
			assert_false(env_timer_is_set(t));
			break;
		default:
			now += 10;
			while ((t = timer_heap_pop_due(&h, now))) {
				assert_true(t->deadline_ns <= now);
				set_count--;
			}
			assert_true(timer_heap_next_ns(&h) > now);
		}
		assert_int_equal(h.count, set_count);
	}
	timer_heap_fini(&h);
	for (uint32_t i = 0; i < TIMERS; i++)
		assert_false(env_timer_is_set(&timers[i]));
}

struct log {
	struct env *env;
	int order[8];
	int count;
};

static struct log fired;

static void on_fire(struct env_timer *t)
{
	fired.order[fired.count++] = (int)(intptr_t)t->ctx;
}

static void on_fire_again(struct env_timer *t)
{
	on_fire(t);
	env_timer_set(fired.env, t, env_now_ns(fired.env)); /* due at once: the next turn's */
}

static void env_fires_timers_not_before_their_time(void **state)
{
	struct env_timer a = {.fn = on_fire, .ctx = (void *)1};
	struct env_timer b = {.fn = on_fire, .ctx = (void *)2};
	struct env_timer c = {.fn = on_fire, .ctx = (void *)3};
	uint64_t start_ns;

	fired = (struct log){0};
	assert_int_equal(env_linux_create(NULL, &fired.env, NULL), 0);
	start_ns = clock_now_ns();
	env_timer_set(fired.env, &a, start_ns + 4 * CLOCK_NS_PER_MS);
	env_timer_set(fired.env, &b, start_ns + 2 * CLOCK_NS_PER_MS);
	env_timer_set(fired.env, &c, start_ns + 3 * CLOCK_NS_PER_MS);
	env_timer_cancel(fired.env, &c);
	env_timer_cancel(fired.env, &c);
	while (fired.count < 2)
		env_linux_turn(fired.env, UINT64_MAX);
	assert_true(clock_now_ns() >= start_ns + 4 * CLOCK_NS_PER_MS);
	assert_int_equal(fired.order[0], 2);
	assert_int_equal(fired.order[1], 1);
	env_linux_destroy(fired.env);
}

static void timer_set_by_a_timer_waits_for_the_next_turn(void **state)
{
	struct env_timer a = {.fn = on_fire_again, .ctx = (void *)1};

	fired = (struct log){0};
	assert_int_equal(env_linux_create(NULL, &fired.env, NULL), 0);
	env_timer_set(fired.env, &a, 0);
	env_linux_turn(fired.env, UINT64_MAX);
	assert_int_equal(fired.count, 1);
	env_linux_turn(fired.env, UINT64_MAX);
	assert_int_equal(fired.count, 2);
	env_timer_cancel(fired.env, &a);
	env_linux_destroy(fired.env);
}

static void heartbeat_goes_on_though_nothing_happens(void **state)
{
	_Atomic uint64_t heartbeat = 0;
	struct env_linux_cfg cfg = {.heartbeat = &heartbeat};
	struct env *e;
	uint64_t start_ns = clock_now_ns();

	assert_int_equal(env_linux_create(&cfg, &e, NULL), 0);
	env_linux_turn(e, UINT64_MAX);
	env_linux_turn(e, UINT64_MAX);
	assert_int_equal(atomic_load(&heartbeat), 2);
	assert_true(clock_now_ns() - start_ns < 2 * CLOCK_NS_PER_S);
	assert_true(env_random_u64(e) != env_random_u64(e));
	env_linux_destroy(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(heap_pops_in_order_of_deadline_then_of_setting),
	    cmocka_unit_test(heap_survives_random_sets_moves_and_cancels),
	    cmocka_unit_test(env_fires_timers_not_before_their_time),
	    cmocka_unit_test(timer_set_by_a_timer_waits_for_the_next_turn),
	    cmocka_unit_test(heartbeat_goes_on_though_nothing_happens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
