/* SPDX-License-Identifier: MIT */
/* A filter's own I/O: below itself only, through a drain, waiting while held, out of its own quota.
 */
#include "rig.h"

#include <errno.h>
#include <string.h>

static struct rig r;
static struct t_filter *a, *b, *c;
static uint32_t fn_count;

static int open_three(void **state)
{
	fn_count = 0;
	rig_open_with(&r, 8, SLUICE_OPS_ALL);
	a = rig_filter(&r, "A", SLUICE_CLASS_INSPECTION);
	b = rig_filter(&r, "B", SLUICE_CLASS_CACHE);
	c = rig_filter(&r, "C", SLUICE_CLASS_IO_CONTROL);
	rig_attach(&r, a);
	rig_attach(&r, b);
	rig_attach(&r, c);
	return 0;
}

static int close_three(void **state)
{
	r.be.is_manual = false;
	rig_close(&r);
	return 0;
}

static void own_ended(struct sluice_own_io *own)
{
	rig_log(own->ctx, "own! ");
	fn_count++;
}

static struct sluice_own_io own_io(enum sluice_op op, uint64_t offset_bytes, uint64_t len_bytes)
{
	return (struct sluice_own_io){.op = (uint8_t)op,
				      .offset_bytes = offset_bytes,
				      .len_bytes = len_bytes,
				      .fn = own_ended,
				      .ctx = &r};
}

static void it_enters_below_and_ends_there(void **state)
{
	struct t_filter *const filters[] = {a, b, c};
	static const char *const expected[] = {"B>C>=C<B<own! ", "C>=C<own! ", "=own! "};

	for (int i = 0; i < 3; i++) {
		struct sluice_own_io own = own_io(SLUICE_OP_WRITE, 4096, 4096);

		assert_int_equal(sluice_own_submit(filters[i]->f, &own), 0);
		rig_expect(&r, expected[i]);
		assert_int_equal(own.status, SLUICE_OK);
	}
}

static void check_flags(struct t_filter *t, struct sluice_io *io)
{
	assert_true(io->flags & SLUICE_IO_OWN);
	assert_true(io->flags & SLUICE_IO_FUA);
	assert_int_equal(io->nexus_id, 0);
	assert_int_equal(io->offset_bytes, 8192);
	io->extent_bytes = 99;
	io->extent_is_hole = 1;
}

static void its_fields_go_down_and_its_result_comes_back(void **state)
{
	struct sluice_own_io own = own_io(SLUICE_OP_EXTENT, 8192, 4096);

	own.flags = SLUICE_IO_FUA;
	c->on_submit_hook = check_flags;
	r.be.status = SLUICE_ERR_CORRUPT;
	assert_int_equal(sluice_own_submit(b->f, &own), 0);
	assert_int_equal(own.status, SLUICE_ERR_CORRUPT);
	assert_int_equal(own.extent_bytes, 99);
	assert_int_equal(own.extent_is_hole, 1);
}

static struct sluice_own_io hook_own;
static void submit_own(struct t_filter *t, struct sluice_io *io)
{
	assert_int_equal(sluice_own_submit(t->f, &hook_own), 0);
	assert_int_equal(fn_count, 0); /* not before the filter has returned */
}

static void inside_a_submit_its_end_comes_later(void **state)
{
	hook_own = own_io(SLUICE_OP_READ, 0, 4096);
	b->on_submit_hook = submit_own;
	rig_go(&r, SLUICE_OP_READ);
	rig_expect(&r, "A>B>C>=C<B<A<!C>=C<own! ");
}

static void a_drain_waits_for_it_and_lets_it_pass(void **state)
{
	struct sluice_own_io one = own_io(SLUICE_OP_WRITE, 0, 4096), two = one;

	r.be.is_manual = true;
	assert_int_equal(sluice_own_submit(b->f, &one), 0);
	assert_int_equal(rig_drain(&r), -EINPROGRESS);
	assert_int_equal(sluice_own_submit(b->f, &two), 0);
	assert_int_equal(r.be.pending_count, 2);
	rig_end(&r, SLUICE_OK);
	fake_env_settle(&r.fe);
	assert_int_equal(r.result, -EINPROGRESS);
	rig_end(&r, SLUICE_OK);
	fake_env_settle(&r.fe);
	assert_int_equal(r.result, 0);
	chain_release(r.c);
}

static void while_held_it_waits(void **state)
{
	struct sluice_own_io one = own_io(SLUICE_OP_WRITE, 0, 4096), two = one;

	assert_int_equal(rig_drain(&r), 0);
	assert_int_equal(sluice_own_submit(b->f, &one), 0);
	assert_int_equal(sluice_own_submit(b->f, &two), 0);
	assert_int_equal(fn_count, 0);
	chain_release(r.c);
	assert_int_equal(fn_count, 2);
}

static void what_waits_when_the_filter_goes_ends_as_aborted(void **state)
{
	struct sluice_own_io own = own_io(SLUICE_OP_WRITE, 0, 4096);

	assert_int_equal(rig_drain(&r), 0);
	assert_int_equal(sluice_own_submit(b->f, &own), 0);
	r.log[0] = '\0';
	assert_int_equal(rig_detach(&r, "B"), 0);
	rig_expect(&r, "own! B.detach ");
	assert_int_equal(own.status, SLUICE_ERR_ABORTED);
	chain_release(r.c);
}

static void its_quota_is_apart_from_the_initiators(void **state)
{
	static struct sluice_own_io owns[17];
	struct sluice_io *io[8];

	r.be.is_manual = true;
	for (int i = 0; i < 8; i++) {
		io[i] = rig_io(&r, SLUICE_OP_READ, 0, 512);
		rig_submit(&r, io[i]);
	}
	assert_null(chain_io_get(r.c));
	for (int i = 0; i < 16; i++) {
		owns[i] = own_io(SLUICE_OP_WRITE, 0, 512);
		assert_int_equal(sluice_own_submit(b->f, &owns[i]), 0);
	}
	owns[16] = own_io(SLUICE_OP_WRITE, 0, 512);
	assert_int_equal(sluice_own_submit(b->f, &owns[16]), -ENOMEM);
	while (r.be.pending_count > 0)
		rig_end(&r, SLUICE_OK);
	assert_int_equal(sluice_own_submit(b->f, &owns[16]), 0);
	rig_end(&r, SLUICE_OK);
	assert_int_equal(fn_count, 17);
	for (int i = 0; i < 8; i++)
		chain_io_put(r.c, io[i]);
}

static void what_is_wrong_is_refused(void **state)
{
	struct sluice_own_io own = own_io(SLUICE_OP_UNMAP, 0, 4096);

	assert_int_equal(rig_detach(&r, "C"), 0);
	c->ops.op_mask = SLUICE_OPS_ALL & ~SLUICE_OP_BIT(SLUICE_OP_UNMAP);
	rig_attach(&r, c);
	assert_int_equal(sluice_own_submit(b->f, &own), -EOPNOTSUPP);
	assert_int_equal(sluice_own_submit(c->f, &own), 0); /* below C there is only the backend */
	own.op = 77;
	assert_int_equal(sluice_own_submit(b->f, &own), -EOPNOTSUPP);
	own = own_io(SLUICE_OP_READ, RIG_SIZE, 512);
	assert_int_equal(sluice_own_submit(b->f, &own), -EINVAL);
	own = own_io(SLUICE_OP_READ, UINT64_MAX - 511, 1024);
	assert_int_equal(sluice_own_submit(b->f, &own), -EINVAL);
	own = own_io(SLUICE_OP_READ, 100, 512);
	assert_int_equal(sluice_own_submit(b->f, &own), -EINVAL);
	own = own_io(SLUICE_OP_READ, 0, 0);
	assert_int_equal(sluice_own_submit(b->f, &own), -EINVAL);
	assert_int_equal(fn_count, 1);
}

static void a_lower_filter_may_defer_it(void **state)
{
	struct sluice_own_io own = own_io(SLUICE_OP_WRITE, 0, 4096);

	c->on_submit = SLUICE_DEFER;
	assert_int_equal(sluice_own_submit(b->f, &own), 0);
	rig_expect(&r, "C>");
	sluice_resume(rig_token(c));
	rig_expect(&r, "=C<own! ");
}

#define T(name) cmocka_unit_test_setup_teardown(name, open_three, close_three)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    T(it_enters_below_and_ends_there),
	    T(its_fields_go_down_and_its_result_comes_back),
	    T(inside_a_submit_its_end_comes_later),
	    T(a_drain_waits_for_it_and_lets_it_pass),
	    T(while_held_it_waits),
	    T(what_waits_when_the_filter_goes_ends_as_aborted),
	    T(its_quota_is_apart_from_the_initiators),
	    T(what_is_wrong_is_refused),
	    T(a_lower_filter_may_defer_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
