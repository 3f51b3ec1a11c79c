/* SPDX-License-Identifier: MIT */
/* What the engine below the chain does in the background (a merge of layers) is scheduled like a
 * filter's own I/O, although the chain does not carry it. */
#include "io_control_rig.h"

#include <errno.h>
#include <string.h>

#define CONGESTED "enabled=true,threshold_mode=manual,threshold_us=5000"

static struct rig r;

/* One I/O at a time on the device of volume 0, each after its turn. */
static struct {
	struct chain_turn turn;
	struct sluice_io io;
	char bottom[1024];
	uint64_t ended;
	bool is_stopping, has_turn, is_idle;
} merge;

static uint8_t data[4096];

static void next(void);

static void merge_ended(struct sluice_io *io)
{
	assert_int_equal(io->status, SLUICE_OK);
	merge.ended++;
	if (merge.has_turn)
		chain_turn_end(r.v[0].c, &merge.turn, true);
	merge.has_turn = false;
	if (merge.is_stopping)
		merge.is_idle = true;
	else
		next();
}

static void go(void)
{
	merge.io = (struct sluice_io){.op = SLUICE_OP_WRITE,
				      .len_bytes = sizeof(data),
				      .buf = data,
				      .bottom = merge.bottom,
				      .end = merge_ended};
	r.v[0].backend->ops->submit(r.v[0].backend, &merge.io);
}

static void granted(struct chain_turn *t)
{
	merge.has_turn = true;
	go();
}

static void next(void)
{
	merge.turn =
	    (struct chain_turn){.is_write = true, .len_bytes = sizeof(data), .fn = granted};
	if (!chain_turn_ask(r.v[0].c, &merge.turn))
		go();
}

static void open_merge(const char *group)
{
	memset(&merge, 0, sizeof(merge));
	rig_open(&r, 4, 2000, 2);
	assert_true(r.v[0].backend->io_ctx_bytes <= sizeof(merge.bottom));
	rig_attach(&r, 0, "");
	rig_attach(&r, 1, "");
	rig_group(&r, group);
	next();
}

static void stop_merge(void)
{
	merge.is_stopping = true;
	while (!merge.is_idle)
		rig_run_ms(&r, 1);
}

static void alone_it_never_waits(void **state)
{
	open_merge(CONGESTED);
	rig_run_ms(&r, 5000);
	assert_in_range(merge.ended, 2450, 2501); /* one at a time, 2 ms each */
	assert_in_range(rig_status(&r, 0, "background.served"), 2400, 2501);
	stop_merge();
	rig_close(&r);
}

static void under_congestion_it_gets_the_background_share_and_initiators_the_rest(void **state)
{
	open_merge(CONGESTED);
	rig_load(&r, 1, 48, SLUICE_OP_READ, 4096);
	rig_run_ms(&r, 3000);
	rig_forget(&r);
	merge.ended = 0;
	rig_run_ms(&r, 10000);
	assert_true(r.v[1].ended > 19400);
	assert_in_range(merge.ended, 150, 400); /* a trickle, and never nothing */
	stop_merge();
	rig_close(&r);
}

static void a_scheduler_that_is_detached_leaves_it_going(void **state)
{
	open_merge(CONGESTED);
	rig_load(&r, 1, 48, SLUICE_OP_READ, 4096);
	rig_run_ms(&r, 3000);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(rig_detach(&r, 0), 0);
		merge.ended = 0;
		rig_run_ms(&r, 1000);
		assert_in_range(merge.ended, 20, 500);
		rig_attach(&r, 0, "");
		assert_int_equal(rig_set(&r, 0, "shares=500"), 0);
		merge.ended = 0;
		rig_run_ms(&r, 3000);
		assert_in_range(merge.ended, 20, 500);
	}
	stop_merge();
	rig_close(&r);
}

static void one_that_waits_is_called_off_at_once(void **state)
{
	uint64_t ended;

	open_merge(CONGESTED);
	rig_load(&r, 1, 48, SLUICE_OP_READ, 4096);
	rig_run_ms(&r, 3000);
	while (merge.has_turn || rig_status(&r, 0, "background.queued") == 0)
		rig_run_ms(&r, 1);
	ended = merge.ended;
	chain_turn_cancel(r.v[0].c, &merge.turn);
	assert_int_equal(rig_status(&r, 0, "background.queued"), 0);
	rig_run_ms(&r, 1000);
	assert_int_equal(merge.ended, ended);
	next(); /* and goes on later */
	rig_run_ms(&r, 1000);
	assert_true(merge.ended > ended);
	stop_merge();
	rig_close(&r);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    T(alone_it_never_waits),
	    T(under_congestion_it_gets_the_background_share_and_initiators_the_rest),
	    T(a_scheduler_that_is_detached_leaves_it_going),
	    T(one_that_waits_is_called_off_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
