/* SPDX-License-Identifier: MIT */
/* Filters come, go and change under I/O; a refusal leaves everything as it was. Default deny of
 * ops. */
#include "rig.h"

#include <errno.h>
#include <string.h>

static struct rig r;
static struct t_filter *a, *b;

static int open_two(void **state)
{
	rig_open(&r);
	a = rig_filter(&r, "A", SLUICE_CLASS_INSPECTION);
	b = rig_filter(&r, "B", SLUICE_CLASS_CACHE);
	rig_attach(&r, a);
	rig_attach(&r, b);
	return 0;
}

static int close_two(void **state)
{
	r.be.is_manual = false;
	rig_close(&r);
	return 0;
}

static void try_cfg(struct t_filter *t, const char *name, const char *value,
		    void (*change)(struct chain *c, const struct chain_filter_cfg *cfg,
				   chain_done_fn fn, void *ctx))
{
	const char *names[] = {name}, *values[] = {value};
	struct chain_filter_cfg cfg = {
	    .ops = &t->ops, .names = names, .values = values, .value_count = 1};

	r.result = -EINPROGRESS;
	change(r.c, &cfg, rig_control_done, &r);
	/* What the caller gave is not looked at later. */
	names[0] = values[0] = NULL;
	fake_env_settle(&r.fe);
}

static void attach_and_detach_under_io(void **state)
{
	struct t_filter *c = rig_filter(&r, "C", SLUICE_CLASS_REPLICATION);

	r.be.is_manual = true;
	rig_go(&r, SLUICE_OP_READ);
	assert_int_equal(rig_try_attach(&r, c, ON_FAILURE_HOLD), -EINPROGRESS);
	rig_go(&r, SLUICE_OP_WRITE); /* waits, and then passes the new one */
	r.log[0] = '\0';
	rig_end(&r, SLUICE_OK);
	fake_env_settle(&r.fe);
	assert_int_equal(r.result, 0);
	rig_expect(&r, "B<A<!C.attach A.drain- B.drain- A>C>B>=");
	assert_int_equal(rig_detach(&r, "C"), -EINPROGRESS);
	rig_go(&r, SLUICE_OP_WRITE);
	r.log[0] = '\0';
	rig_end(&r, SLUICE_OK);
	fake_env_settle(&r.fe);
	assert_int_equal(r.result, 0);
	rig_expect(&r, "B<C<A<!C.detach A.drain- B.drain- A>B>=");
	rig_end(&r, SLUICE_OK);
}

static void a_second_filter_of_a_class_is_refused_and_both_are_named(void **state)
{
	struct t_filter *c = rig_filter(&r, "C", SLUICE_CLASS_CACHE);

	assert_int_equal(rig_try_attach(&r, c, ON_FAILURE_HOLD), -EEXIST);
	assert_non_null(strstr(r.err.text, "'C'"));
	assert_non_null(strstr(r.err.text, "'B'"));
	assert_string_equal(r.err.field, "class");
}

static void a_wrong_position_is_refused(void **state)
{
	struct t_filter *c = rig_filter(&r, "C", SLUICE_CLASS_REPLICATION);
	struct chain_filter_cfg cfg = {.ops = &c->ops, .position = 150};

	chain_attach(r.c, &cfg, rig_control_done, &r);
	fake_env_settle(&r.fe);
	assert_int_equal(r.result, -EINVAL);
	assert_string_equal(r.err.field, "position");
}

static void a_filter_that_refuses_to_attach_changes_nothing(void **state)
{
	struct t_filter *c = rig_filter(&r, "C", SLUICE_CLASS_REPLICATION);

	c->attach_result = -ENODEV;
	c->ops.io_ctx_bytes = 4096;
	assert_int_equal(rig_try_attach(&r, c, ON_FAILURE_HOLD), -ENODEV);
	assert_string_equal(r.err.field, "size_bytes");
	assert_string_equal(r.err.text, "filter 'C' refuses attach: it does not want to");
	r.log[0] = '\0';
	rig_go(&r, SLUICE_OP_READ);
	rig_expect(&r, "A>B>=B<A<!");
	c->attach_result = 0;
	assert_int_equal(rig_try_attach(&r, c, ON_FAILURE_HOLD), 0);
}

static void detaching_what_is_not_there_is_refused(void **state)
{
	assert_int_equal(rig_detach(&r, "nobody"), -ENOENT);
	assert_string_equal(r.err.text, "volume 'vol1' has no filter 'nobody'");
}

static void values_come_from_the_table(void **state)
{
	char text[32];

	assert_int_equal(b->values[0].u64, 4096);
	assert_string_equal(b->values[1].string, "none");
	try_cfg(b, "size_bytes", "64K", chain_reconfigure);
	assert_int_equal(r.result, 0);
	assert_int_equal(b->values[0].u64, 65536);
	chain_filter_value(r.c, 1, 0, text, sizeof(text));
	assert_string_equal(text, "65536");
	try_cfg(b, "mode", "back", chain_reconfigure);
	assert_string_equal(b->values[1].string, "back");
	assert_int_equal(b->values[0].u64, 4096); /* not named: its default */
}

static void bad_values_are_refused_by_name_before_anything_is_drained(void **state)
{
	r.log[0] = '\0';
	try_cfg(b, "size_bytes", "2M", chain_reconfigure);
	assert_int_equal(r.result, -ERANGE);
	assert_string_equal(r.err.field, "size_bytes");
	try_cfg(b, "mode", "much_too_long", chain_reconfigure);
	assert_int_equal(r.result, -ERANGE);
	try_cfg(b, "colour", "red", chain_reconfigure);
	assert_int_equal(r.result, -EINVAL);
	assert_string_equal(r.err.text,
			    "filter 'B' has no parameter 'colour'; it has size_bytes, mode");
	rig_expect(&r, "");
	assert_int_equal(b->values[0].u64, 4096);
}

static void reconfigure_prepares_and_commits_drained(void **state)
{
	r.be.is_manual = true;
	rig_go(&r, SLUICE_OP_READ);
	r.log[0] = '\0';
	try_cfg(b, "size_bytes", "512", chain_reconfigure);
	rig_expect(&r, "A.drain+ B.drain+ ");
	rig_end(&r, SLUICE_OK);
	fake_env_settle(&r.fe);
	rig_expect(&r, "B<A<!B.re-prepare B.re-commit A.drain- B.drain- ");
	assert_int_equal(b->values[0].u64, 512);
}

static void a_refused_reconfiguration_leaves_the_old_values(void **state)
{
	b->reconfigure_result = -EBUSY;
	r.log[0] = '\0';
	try_cfg(b, "size_bytes", "512", chain_reconfigure);
	assert_int_equal(r.result, -EBUSY);
	rig_expect(&r, "A.drain+ B.drain+ B.re-prepare A.drain- B.drain- ");
	assert_int_equal(b->values[0].u64, 4096);
	assert_non_null(strstr(r.err.text, "filter 'B' refuses the new values"));
}

static void without_reconfigure_the_new_one_is_attached_before_the_old_one_goes(void **state)
{
	b->ops.reconfigure = NULL;
	r.log[0] = '\0';
	try_cfg(b, "size_bytes", "512", chain_reconfigure);
	assert_int_equal(r.result, 0);
	rig_expect(&r, "A.drain+ B.drain+ B.attach B.detach A.drain- ");
	assert_int_equal(b->values[0].u64, 512);
	rig_go(&r, SLUICE_OP_READ);
	rig_expect(&r, "A>B>=B<A<!");
	b->attach_result = -ENOSPC;
	try_cfg(b, "size_bytes", "1024", chain_reconfigure);
	assert_int_equal(r.result, -ENOSPC);
	assert_int_equal(b->values[0].u64, 512);
	rig_go(&r, SLUICE_OP_READ);
	rig_expect(&r, "A.drain+ B.drain+ A.drain- B.drain- A>B>=B<A<!");
}

/* ---------------------------------------------------------------- default deny */

static void an_op_that_one_filter_does_not_declare_is_refused(void **state)
{
	struct t_filter *c = rig_filter(&r, "C", SLUICE_CLASS_IO_CONTROL);

	assert_int_equal(chain_op_mask(r.c), SLUICE_OPS_ALL);
	c->ops.op_mask = SLUICE_OPS_ALL & ~SLUICE_OP_BIT(SLUICE_OP_WRITE_ZEROES);
	rig_attach(&r, c);
	assert_int_equal(chain_op_mask(r.c), c->ops.op_mask);
	rig_go(&r, SLUICE_OP_WRITE_ZEROES);
	rig_expect(&r, "!"); /* nobody sees it */
	assert_int_equal(r.last_status, SLUICE_ERR_UNSUPPORTED);
	rig_go(&r, SLUICE_OP_UNMAP);
	rig_expect(&r, "A>B>C>=C<B<A<!");
	assert_int_equal(rig_detach(&r, "C"), 0);
	r.log[0] = '\0';
	assert_int_equal(chain_op_mask(r.c), SLUICE_OPS_ALL);
	rig_go(&r, SLUICE_OP_WRITE_ZEROES);
	rig_expect(&r, "A>B>=B<A<!");
}

static void an_op_that_does_not_exist_is_refused(void **state)
{
	rig_go(&r, (enum sluice_op)SLUICE_OP_COUNT);
	assert_int_equal(r.last_status, SLUICE_ERR_UNSUPPORTED);
	rig_go(&r, (enum sluice_op)200);
	assert_int_equal(r.last_status, SLUICE_ERR_UNSUPPORTED);
	rig_expect(&r, "!!");
}

static void an_op_that_the_backend_lacks_is_refused(void **state)
{
	struct rig other;

	rig_open_with(&other, 4, SLUICE_OP_BIT(SLUICE_OP_READ) | SLUICE_OP_BIT(SLUICE_OP_WRITE));
	assert_int_equal(chain_op_mask(other.c), 3);
	rig_go(&other, SLUICE_OP_UNMAP);
	rig_expect(&other, "!");
	assert_int_equal(other.last_status, SLUICE_ERR_UNSUPPORTED);
	rig_close(&other);
}

#define T(name) cmocka_unit_test_setup_teardown(name, open_two, close_two)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    T(attach_and_detach_under_io),
	    T(a_second_filter_of_a_class_is_refused_and_both_are_named),
	    T(a_wrong_position_is_refused),
	    T(a_filter_that_refuses_to_attach_changes_nothing),
	    T(detaching_what_is_not_there_is_refused),
	    T(values_come_from_the_table),
	    T(bad_values_are_refused_by_name_before_anything_is_drained),
	    T(reconfigure_prepares_and_commits_drained),
	    T(a_refused_reconfiguration_leaves_the_old_values),
	    T(without_reconfigure_the_new_one_is_attached_before_the_old_one_goes),
	    T(an_op_that_one_filter_does_not_declare_is_refused),
	    T(an_op_that_does_not_exist_is_refused),
	    T(an_op_that_the_backend_lacks_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
