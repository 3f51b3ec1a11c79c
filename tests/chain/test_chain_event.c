/* SPDX-License-Identifier: MIT */
/* Control events: all prepare and then commit, or the prepared ones abort; grow. */
#include "rig.h"

#include <errno.h>
#include <string.h>

static struct rig r;
static struct t_filter *level[3];

static int open_three(void **state)
{
	rig_open(&r);
	level[0] = rig_filter(&r, "A", SLUICE_CLASS_INSPECTION);
	level[1] = rig_filter(&r, "B", SLUICE_CLASS_CACHE);
	level[2] = rig_filter(&r, "C", SLUICE_CLASS_IO_CONTROL);
	for (int i = 0; i < 3; i++)
		rig_attach(&r, level[i]);
	return 0;
}

static int close_three(void **state)
{
	rig_close(&r);
	return 0;
}

static int event(enum sluice_event_kind kind)
{
	char name[] = "snap1";
	struct sluice_event ev = {.kind = kind, .name = name};

	r.result = -EINPROGRESS;
	chain_event(r.c, &ev, rig_control_done, &r);
	name[0] = '\0'; /* the caller's again */
	fake_env_settle(&r.fe);
	return r.result;
}

static int grow(uint64_t to)
{
	r.result = -EINPROGRESS;
	chain_grow(r.c, to, rig_control_done, &r);
	fake_env_settle(&r.fe);
	return r.result;
}

static void all_prepare_in_order_and_then_commit(void **state)
{
	assert_int_equal(event(SLUICE_EVENT_SNAPSHOT), 0);
	rig_expect(&r, "A.prepare B.prepare C.prepare A.commit B.commit C.commit ");
}

static void a_refusal_at_each_position_aborts_those_prepared(void **state)
{
	static const char *const expected[] = {"A.prepare ", "A.prepare B.prepare A.abort ",
					       "A.prepare B.prepare C.prepare B.abort A.abort "};

	for (int i = 0; i < 3; i++) {
		level[i]->prepare_result = -EBUSY;
		assert_int_equal(event(SLUICE_EVENT_CLONE), -EBUSY);
		rig_expect(&r, expected[i]);
		assert_non_null(strstr(r.err.text, "refuses the event 'clone'"));
		assert_non_null(strstr(r.err.text, level[i]->ops.name));
		level[i]->prepare_result = 0;
	}
}

static void filters_without_events_are_left_out(void **state)
{
	level[1]->ops.event = NULL;
	assert_int_equal(event(SLUICE_EVENT_START), 0);
	rig_expect(&r, "A.prepare C.prepare A.commit C.commit ");
}

static void an_event_comes_while_io_runs(void **state)
{
	r.be.is_manual = true;
	rig_go(&r, SLUICE_OP_READ);
	r.log[0] = '\0';
	assert_int_equal(event(SLUICE_EVENT_FLUSH), 0);
	rig_end(&r, SLUICE_OK);
	rig_expect(&r, "A.prepare B.prepare C.prepare A.commit B.commit C.commit C<B<A<!");
	r.be.is_manual = false;
}

static void grow_asks_the_backend_and_then_the_filters(void **state)
{
	assert_int_equal(grow(2 * RIG_SIZE), 0);
	rig_expect(&r, "grow A.prepare B.prepare C.prepare A.commit B.commit C.commit ");
	assert_int_equal(chain_size_bytes(r.c), 2 * RIG_SIZE);
	assert_int_equal(sluice_volume_size_bytes(level[0]->f), 2 * RIG_SIZE);
	assert_int_equal(grow(2 * RIG_SIZE), 0); /* already */
	rig_expect(&r, "");
}

static void a_refused_grow_keeps_the_size_and_may_be_repeated(void **state)
{
	level[2]->prepare_result = -ENOSPC;
	assert_int_equal(grow(2 * RIG_SIZE), -ENOSPC);
	assert_int_equal(chain_size_bytes(r.c), RIG_SIZE);
	level[2]->prepare_result = 0;
	assert_int_equal(grow(2 * RIG_SIZE), 0);
	assert_int_equal(chain_size_bytes(r.c), 2 * RIG_SIZE);
}

static void a_backend_that_cannot_grow_says_why(void **state)
{
	r.be.grow_result = -EFBIG;
	assert_int_equal(grow(2 * RIG_SIZE), -EFBIG);
	rig_expect(&r, "grow ");
	assert_int_equal(chain_size_bytes(r.c), RIG_SIZE);
	assert_string_equal(r.err.field, "size_bytes");
}

static void shrinking_and_odd_sizes_are_refused(void **state)
{
	assert_int_equal(grow(RIG_SIZE - 512), -EINVAL);
	assert_int_equal(grow(RIG_SIZE + 100), -EINVAL);
	rig_expect(&r, "");
}

#define T(name) cmocka_unit_test_setup_teardown(name, open_three, close_three)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    T(all_prepare_in_order_and_then_commit),
	    T(a_refusal_at_each_position_aborts_those_prepared),
	    T(filters_without_events_are_left_out),
	    T(an_event_comes_while_io_runs),
	    T(grow_asks_the_backend_and_then_the_filters),
	    T(a_refused_grow_keeps_the_size_and_may_be_repeated),
	    T(a_backend_that_cannot_grow_says_why),
	    T(shrinking_and_odd_sizes_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
