/* SPDX-License-Identifier: MIT */
/*
 * Everything at once, from a seed: I/O, deferrals both ways, aborts, drains, filters that come and
 * go, a slow backend. Whatever the order, each I/O ends exactly once, and afterwards the pool and
 * the books are full.
 */
#include "rig.h"

#include <errno.h>
#include <string.h>

#define SEEDS 2000
#define STEPS 400

static struct rig r;
static struct t_filter *filters[4];
static uint32_t submitted, ended, changes, changes_done;
static struct sluice_io *live[RIG_IOS];
static uint32_t live_count;
static uint64_t total_ios, total_changes;

static uint32_t pick(uint32_t n)
{
	return (uint32_t)(env_random_u64(&r.fe.env) % n);
}

static void io_ended(struct sluice_io *io)
{
	uint32_t at = 0;

	while (at < live_count && live[at] != io)
		at++;
	assert_true(at < live_count); /* it was under way: not ended before */
	live[at] = live[--live_count];
	ended++;
	chain_io_put(r.c, io);
	r.log[0] = '\0';
}

static void do_submit(void)
{
	struct sluice_io *io = chain_io_get(r.c);

	if (!io)
		return;
	io->op = (uint8_t)pick(SLUICE_OP_COUNT);
	io->len_bytes = 4096;
	live[live_count++] = io;
	submitted++;
	chain_submit(r.c, io, io_ended, &r);
}

static void do_finish(struct t_filter *t)
{
	struct sluice_token *token;

	if (t->token_count == 0)
		return;
	token = rig_token(t);
	switch (pick(4)) {
	case 0:
		sluice_complete(token);
		break;
	case 1:
		sluice_fail(token, SLUICE_ERR_BUSY);
		break;
	default:
		sluice_resume(token);
		break;
	}
	if (pick(10) == 0)
		sluice_resume(token); /* twice: harmless */
}

static void changed(void *ctx, int result, const struct err *err)
{
	changes_done++;
	if (ctx && result == 0)
		chain_release(r.c);
}

static void do_change(void)
{
	struct t_filter *t = filters[pick(4)];
	struct chain_filter_cfg cfg = {.ops = &t->ops, .on_failure = ON_FAILURE_HOLD};

	changes++;
	switch (pick(4)) {
	case 0:
		chain_attach(r.c, &cfg, changed, NULL);
		break;
	case 1:
		chain_detach(r.c, t->ops.name, changed, NULL);
		break;
	case 2:
		chain_reconfigure(r.c, &cfg, changed, NULL);
		break;
	default:
		chain_drain(r.c, changed, &r); /* a drain's ctx: release it */
		break;
	}
}

static void do_mood(struct t_filter *t)
{
	static const enum sluice_verdict down[] = {SLUICE_PASS, SLUICE_PASS, SLUICE_DEFER,
						   SLUICE_COMPLETE, SLUICE_FAIL};
	static const enum sluice_verdict up[] = {SLUICE_PASS, SLUICE_PASS, SLUICE_DEFER,
						 SLUICE_FAIL};

	t->on_submit = down[pick(5)];
	t->on_done = up[pick(4)];
	t->lie = pick(8) == 0 ? LIE_RESUME_INSIDE : LIE_NONE;
}

static void step(void)
{
	switch (pick(12)) {
	case 0:
	case 1:
	case 2:
	case 3:
		do_submit();
		break;
	case 4:
	case 5:
		do_finish(filters[pick(4)]);
		break;
	case 6:
	case 7:
		if (r.be.pending_count > 0)
			rig_end(&r, pick(8) ? SLUICE_OK : SLUICE_ERR_IO);
		break;
	case 8:
		do_mood(filters[pick(4)]);
		break;
	case 9:
		if (live_count > 0)
			chain_abort(r.c, live[pick(live_count)]);
		break;
	case 10:
		if (pick(4) == 0)
			do_change();
		r.be.is_manual = pick(3) != 0;
		break;
	default:
		fake_env_settle(&r.fe);
		if (pick(8) == 0)
			fake_env_advance(&r.fe, 100 * MS);
		break;
	}
	r.log[0] = '\0';
}

static void finish_everything(void)
{
	r.be.is_manual = false;
	for (int i = 0; i < 4; i++)
		filters[i]->on_submit = filters[i]->on_done = SLUICE_PASS;
	while (live_count > 0 || changes_done < changes) {
		for (int i = 0; i < 4; i++) {
			while (filters[i]->token_count > 0)
				sluice_resume(rig_token(filters[i]));
		}
		while (r.be.pending_count > 0)
			rig_end(&r, SLUICE_OK);
		fake_env_settle(&r.fe);
		fake_env_advance(&r.fe, 1000 * MS);
		r.log[0] = '\0';
	}
}

static void run_seed(uint64_t seed)
{
	static const enum sluice_class classes[] = {SLUICE_CLASS_INSPECTION,
						    SLUICE_CLASS_REPLICATION, SLUICE_CLASS_CACHE,
						    SLUICE_CLASS_IO_CONTROL};
	static const char *const names[] = {"A", "B", "C", "D"};

	rig_open(&r);
	r.fe.random_state = seed;
	submitted = ended = changes = changes_done = live_count = 0;
	for (int i = 0; i < 4; i++) {
		filters[i] = rig_filter(&r, names[i], classes[i]);
		filters[i]->resumes_on_drain = pick(2);
		if (pick(2))
			filters[i]->ops.reconfigure = NULL;
		filters[i]->ops.io_ctx_bytes = pick(200);
	}
	for (int i = 0; i < STEPS; i++)
		step();
	finish_everything();
	if (ended != submitted || chain_in_flight(r.c) != 0)
		fail_msg("seed %llu: %u of %u I/Os ended", (unsigned long long)seed, ended,
			 submitted);
	total_ios += ended;
	total_changes += changes;
	rig_close(&r);
}

static void every_io_ends_exactly_once(void **state)
{
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		run_seed(seed);
	print_message("%llu I/Os, %llu changes\n", (unsigned long long)total_ios,
		      (unsigned long long)total_changes);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_io_ends_exactly_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
