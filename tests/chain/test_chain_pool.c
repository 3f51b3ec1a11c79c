/* SPDX-License-Identifier: MIT */
/* I/Os, their contexts and buffers; and a stack that does not grow with the queue. */
#include "rig.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct rig r;
static struct t_filter *a, *b;

static int open_two(void **state)
{
	rig_open(&r);
	a = rig_filter(&r, "A", SLUICE_CLASS_INSPECTION);
	b = rig_filter(&r, "B", SLUICE_CLASS_COMPRESSION);
	rig_attach(&r, a);
	rig_attach(&r, b);
	return 0;
}

static int close_two(void **state)
{
	rig_close(&r);
	return 0;
}

static void an_empty_pool_says_so_and_fills_again(void **state)
{
	struct sluice_io *io[RIG_IOS];

	for (int i = 0; i < RIG_IOS; i++) {
		io[i] = chain_io_get(r.c);
		assert_non_null(io[i]);
	}
	assert_null(chain_io_get(r.c));
	chain_io_put(r.c, io[7]);
	io[7] = chain_io_get(r.c);
	assert_non_null(io[7]);
	for (int i = 0; i < RIG_IOS; i++)
		chain_io_put(r.c, io[i]);
}

static void an_io_from_the_pool_is_clean_but_keeps_its_backend_context(void **state)
{
	struct sluice_io *io = rig_io(&r, SLUICE_OP_WRITE, 512, 1024);
	uint8_t *bottom = io->bottom;

	io->flags = SLUICE_IO_FUA;
	io->nexus_id = 7;
	assert_int_equal(bottom[0], 0);
	assert_int_equal(bottom[39], 0);
	rig_submit(&r, io);
	chain_io_put(r.c, io);
	assert_ptr_equal(chain_io_get(r.c), io);
	assert_int_equal(io->flags, 0);
	assert_int_equal(io->nexus_id, 0);
	assert_int_equal(io->len_bytes, 0);
	assert_ptr_equal(io->bottom, bottom);
	assert_int_equal(bottom[0], 0x5a); /* the backend's: zeroed once, not for each I/O */
	chain_io_put(r.c, io);
}

/* The rig's filters check that their contexts are zero in submit() and their own in done(). */
static void contexts_are_zeroed_and_apart(void **state)
{
	for (int i = 0; i < 10; i++)
		rig_go(&r, SLUICE_OP_READ);
	assert_int_equal(r.ended, 10);
}

static void an_io_that_waits_survives_a_change_of_filters(void **state)
{
	struct t_filter *c = rig_filter(&r, "C", SLUICE_CLASS_CACHE);
	struct sluice_io *got = rig_io(&r, SLUICE_OP_WRITE, 512, 1024);
	struct sluice_io *waits = rig_io(&r, SLUICE_OP_READ, 4096, 512);

	assert_int_equal(rig_drain(&r), 0);
	rig_submit(&r, waits);
	c->ops.io_ctx_bytes = 1000;
	rig_attach(&r, c); /* while held */
	chain_release(r.c);
	rig_expect(&r, "A.drain- B.drain- A>B>C>=C<B<A<!");
	assert_int_equal(waits->offset_bytes, 4096);
	rig_submit(&r, got);
	rig_expect(&r, "A>B>C>=C<B<A<!");
	chain_io_put(r.c, waits);
	chain_io_put(r.c, got);
}

/* ---------------------------------------------------------------- swapped buffers */

static uint8_t own_buf[4096], io_buf[4096];
static const void *seen_below;

static void swap(struct t_filter *t, struct sluice_io *io)
{
	sluice_io_swap_buf(t->f, io, own_buf);
}

static void look(struct t_filter *t, struct sluice_io *io)
{
	seen_below = io->buf;
}

static void go_with_buf(enum sluice_op op)
{
	struct sluice_io *io = rig_io(&r, op, 0, 4096);

	io->buf = io_buf;
	rig_submit(&r, io);
	assert_ptr_equal(io->buf, io_buf);
	chain_io_put(r.c, io);
}

static void a_swapped_buffer_is_seen_below_and_undone_above(void **state)
{
	struct t_filter *c = rig_filter(&r, "C", SLUICE_CLASS_CACHE);

	rig_attach(&r, c);
	b->on_submit_hook = swap;
	c->on_submit_hook = look;
	go_with_buf(SLUICE_OP_WRITE);
	assert_ptr_equal(seen_below, own_buf);
	b->on_submit = SLUICE_FAIL; /* turned round: undone at once */
	go_with_buf(SLUICE_OP_WRITE);
	b->ops.done = NULL;
	b->on_submit = SLUICE_PASS;
	go_with_buf(SLUICE_OP_WRITE);
}

static void a_deferred_io_is_swapped_before_it_is_resumed(void **state)
{
	struct sluice_io *io = rig_io(&r, SLUICE_OP_WRITE, 0, 4096);
	struct sluice_token *t;

	io->buf = io_buf;
	b->on_submit = SLUICE_DEFER;
	r.be.is_manual = true;
	rig_submit(&r, io);
	t = rig_token(b);
	sluice_io_swap_buf(b->f, sluice_token_io(t), own_buf);
	sluice_resume(t);
	assert_ptr_equal(r.be.pending[0]->buf, own_buf);
	rig_end(&r, SLUICE_OK);
	assert_ptr_equal(io->buf, io_buf);
	chain_io_put(r.c, io);
	r.be.is_manual = false;
	rig_expect_quiet(&r);
}

static void swapping_out_of_turn_is_misuse(void **state)
{
	struct sluice_io *io = rig_io(&r, SLUICE_OP_WRITE, 0, 4096);

	io->buf = io_buf;
	sluice_io_swap_buf(b->f, io, own_buf);
	assert_ptr_equal(io->buf, io_buf);
	rig_expect_report(&r, "filter_misuse", "B");
	a->ops.flags = SLUICE_FILTER_TRANSPARENT; /* may be bypassed before its done() */
	a->on_submit_hook = swap;
	rig_submit(&r, io);
	rig_expect_report(&r, "filter_misuse", "A");
	chain_io_put(r.c, io);
}

/* ---------------------------------------------------------------- buffers */

static void buffers_are_aligned_reused_and_bounded(void **state)
{
	void *one = sluice_buf_get(a->f, 5000);
	void *all[64];
	int n = 0;

	assert_non_null(one);
	assert_int_equal((uintptr_t)one % 4096, 0);
	memset(one, 1, 8192);
	sluice_buf_put(a->f, one, 5000);
	assert_ptr_equal(sluice_buf_get(a->f, 8192), one);
	sluice_buf_put(a->f, one, 8192);
	while (n < 64 && (all[n] = sluice_buf_get(b->f, 1 << 20)) != NULL)
		n++;
	assert_int_equal(n, 32); /* 32 MiB; the idle small one made room */
	while (n > 0)
		sluice_buf_put(b->f, all[--n], 1 << 20);
	assert_non_null(one = sluice_buf_get(b->f, 4096));
	sluice_buf_put(b->f, one, 4096);
	assert_null(sluice_buf_get(b->f, 5 << 20));
}

static void a_detach_with_buffers_kept_is_reported(void **state)
{
	void *kept = sluice_buf_get(a->f, 4096);

	rig_detach(&r, "A");
	free(kept); /* so that only the chain calls it lost */
	assert_string_equal(r.report_kind, "filter_misuse");
	r.report_kind[0] = '\0';
}

/* In a process of its own: it must not live to the end. */
static bool survives(void (*fn)(char *buf))
{
	char *buf = sluice_buf_get(a->f, 4096), *other = sluice_buf_get(a->f, 4096);
	int status = 0;
	pid_t pid;

	assert_true(buf && other);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		signal(SIGABRT, SIG_DFL);
		if (!freopen("/dev/null", "w", stderr))
			_exit(2);
		sluice_buf_put(a->f, buf, 4096);
		fn(buf);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	sluice_buf_put(a->f, buf, 4096);
	sluice_buf_put(a->f, other, 4096);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void put_again(char *buf)
{
	sluice_buf_put(a->f, buf, 4096);
}

static void write_and_get(char *buf)
{
	memset(buf, 1, 4096);
	sluice_buf_get(a->f, 4096);
}

static void get_and_put(char *buf)
{
	sluice_buf_put(a->f, sluice_buf_get(a->f, 4096), 4096);
}

static void a_buffer_put_twice_or_written_to_after_that_stops_the_program(void **state)
{
	assert_true(survives(get_and_put));
	assert_false(survives(put_again));
	assert_false(survives(write_and_get));
}

/* ---------------------------------------------------------------- the stack */

static uint32_t left;
static const char *deepest;

static void submit_next(struct sluice_io *io)
{
	char here;

	if (!deepest || &here < deepest)
		deepest = &here;
	if (left == 0) {
		chain_io_put(r.c, io);
		return;
	}
	left--;
	chain_submit(r.c, io, submit_next, &r);
}

static void run_to_the_end(uint32_t ios, const char **depth)
{
	left = ios;
	deepest = NULL;
	chain_submit(r.c, rig_io(&r, SLUICE_OP_READ, 0, 512), submit_next, &r);
	*depth = deepest;
	r.log[0] = '\0';
}

static void the_stack_is_as_deep_for_many_ios_as_for_few(void **state)
{
	const char *few, *many;

	run_to_the_end(2, &few);
	run_to_the_end(100000, &many);
	assert_ptr_equal(few, many);
}

static void releasing_many_held_ios_does_not_deepen_the_stack(void **state)
{
	const char *few;

	run_to_the_end(2, &few);
	assert_int_equal(rig_drain(&r), 0);
	deepest = NULL;
	left = 100000;
	for (int i = 0; i < RIG_IOS; i++)
		chain_submit(r.c, rig_io(&r, SLUICE_OP_READ, 0, 512), submit_next, &r);
	chain_release(r.c);
	assert_true(deepest > few - 4096);
}

#define T(name) cmocka_unit_test_setup_teardown(name, open_two, close_two)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    T(an_empty_pool_says_so_and_fills_again),
	    T(an_io_from_the_pool_is_clean_but_keeps_its_backend_context),
	    T(contexts_are_zeroed_and_apart),
	    T(an_io_that_waits_survives_a_change_of_filters),
	    T(a_swapped_buffer_is_seen_below_and_undone_above),
	    T(a_deferred_io_is_swapped_before_it_is_resumed),
	    T(swapping_out_of_turn_is_misuse),
	    T(buffers_are_aligned_reused_and_bounded),
	    T(a_detach_with_buffers_kept_is_reported),
	    T(a_buffer_put_twice_or_written_to_after_that_stops_the_program),
	    T(the_stack_is_as_deep_for_many_ios_as_for_few),
	    T(releasing_many_held_ios_does_not_deepen_the_stack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
