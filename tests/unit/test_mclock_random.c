/* SPDX-License-Identifier: MIT */
/*
 * Random workloads beside a model of the promises: every request comes out exactly once and in its
 * client's order, nothing that may go is held, no limit is exceeded in any span, nobody waits
 * beyond the bound, reconfigured and cancelled at any moment, on a clock that stands, jumps and
 * goes back.
 *
 * A failure prints its seed; "test_mclock_random SEED" repeats it alone.
 */
#include "mclock_model.h"
#include "mclock_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef SLUICE_TSAN
#define SEEDS 1000u /* one thread: there is little to find */
#else
#define SEEDS 20000u
#endif
#define STEPS      250u
#define LONG_STEPS 5000u /* of each 16th seed */

static uint64_t seed;

struct run {
	struct rig *r;
	struct model model;
	bool is_queued[MODEL_CLIENTS][RIG_DEPTH];
	uint32_t fifo[MODEL_CLIENTS][RIG_DEPTH], queued[MODEL_CLIENTS]; /* indices, oldest first */
	uint64_t lengths[RIG_CLIENTS][RIG_DEPTH];
};

#define CHECK(ok, text)                                                                            \
	do {                                                                                       \
		if (!(ok)) {                                                                       \
			print_error("seed %llu: %s\n", (unsigned long long)seed, text);            \
			fail();                                                                    \
		}                                                                                  \
	} while (0)

static uint64_t below(struct run *t, uint64_t n)
{
	return rig_below(&t->r->random, n);
}

/* A number of any size up to n: each order of magnitude as likely. */
static uint64_t up_to(struct run *t, uint64_t n)
{
	uint64_t bits = 1;

	while (bits < 63 && n >> bits)
		bits++;
	return rig_random(&t->r->random) % ((1ull << below(t, bits)) + 1) % n + 1;
}

static struct mclock_config any_config(struct run *t)
{
	struct mclock_config cfg = {
	    .shares =
		(uint32_t)(MCLOCK_SHARES_MIN + below(t, MCLOCK_SHARES_MAX - MCLOCK_SHARES_MIN + 1)),
	    .is_limit_normalised = below(t, 2),
	    .is_background = below(t, 5) == 0,
	};

	if (below(t, 3) == 0)
		cfg.reservation_iops = up_to(t, 100000);
	if (below(t, 3) == 0)
		cfg.limit_iops = up_to(t, 1000000);
	if (below(t, 3) == 0)
		cfg.limit_bytes_per_s = 1000 * up_to(t, 10000000);
	if (below(t, 2) == 0)
		cfg.burst_ms = (uint32_t)below(t, 3000);
	return cfg;
}

/* ------------------------------------------------------------------ what came out */

static void served(struct run *t, uint32_t client, uint64_t len_bytes, bool is_reserved,
		   bool is_counted)
{
	const char *broken = model_served(&t->model, client, len_bytes, is_reserved, is_counted);

	CHECK(!broken, broken);
}

static bool pop(struct run *t, bool has_room, bool is_throttling)
{
	enum mclock_why why;
	struct rig_request *q;
	uint32_t c, at;

	model_time(&t->model, t->r->now_ns);
	model_note_waiting(&t->model);
	q = rig_pop(t->r, has_room, is_throttling, &why);
	if (!q) {
		CHECK(why == MCLOCK_NONE, "nothing came, with a reason");
		for (c = 0; c < t->model.count; c++) {
			bool may_go = t->queued[c] > 0 && model_is_open(&t->model, c, false);

			CHECK(!may_go || (is_throttling && !has_room),
			      "a request that may go was held");
			CHECK(!may_go || !model_is_reserved(&t->model, c, false),
			      "a reservation was held");
		}
		return false;
	}
	c = q->client;
	at = (uint32_t)(q - t->r->requests[c]);
	CHECK(at < RIG_DEPTH && t->is_queued[c][at], "a request came out that was not queued");
	CHECK(t->fifo[c][0] == at, "a client's order was changed");
	CHECK(q->q.len_bytes == t->lengths[c][at], "a request changed");
	CHECK(why == MCLOCK_BY_RESERVATION || has_room || !is_throttling, "it went without room");
	t->is_queued[c][at] = false;
	memmove(t->fifo[c], t->fifo[c] + 1, --t->queued[c] * sizeof(t->fifo[c][0]));
	t->model.clients[c].queued--;
	served(t, c, q->q.len_bytes, why == MCLOCK_BY_RESERVATION,
	       is_throttling && why == MCLOCK_BY_SHARE);
	return true;
}

/* After everything that may go went: the scheduler knows when the next may. */
static void check_next(struct run *t)
{
	uint64_t next_ns = mclock_next_ns(t->r->m, t->r->now_ns);

	if (mclock_queued(t->r->m) == 0) {
		CHECK(next_ns == UINT64_MAX, "there is a next, and nothing is queued");
		return;
	}
	CHECK(next_ns != UINT64_MAX, "requests are held and nobody says for how long");
	CHECK(next_ns > t->model.now_ns, "the next may go now and did not");
	if (next_ns > t->model.now_ns + 3600 * SEC)
		return;
	t->r->now_ns = next_ns;
	CHECK(pop(t, true, true), "the time came and nothing may go");
}

/* ------------------------------------------------------------------ what happens */

static void push(struct run *t, uint32_t c)
{
	uint32_t at = (uint32_t)below(t, RIG_DEPTH);

	if (t->is_queued[c][at])
		return;
	t->lengths[c][at] = below(t, 20) ? rig_mixed_length(&t->r->random) : below(t, 33ull << 20);
	t->is_queued[c][at] = true;
	t->fifo[c][t->queued[c]++] = at;
	model_time(&t->model, t->r->now_ns);
	t->model.clients[c].queued++;
	rig_push(t->r, &t->r->requests[c][at], t->lengths[c][at]);
}

static void cancel(struct run *t, uint32_t c)
{
	uint32_t i, at;

	if (t->queued[c] == 0)
		return;
	i = (uint32_t)below(t, t->queued[c]);
	at = t->fifo[c][i];
	model_time(&t->model, t->r->now_ns);
	mclock_cancel(t->r->m, &t->r->requests[c][at].q, t->r->now_ns);
	t->is_queued[c][at] = false;
	memmove(t->fifo[c] + i, t->fifo[c] + i + 1, (--t->queued[c] - i) * sizeof(at));
	t->model.clients[c].queued--;
}

static void pass(struct run *t, uint32_t c, bool has_room, bool is_throttling)
{
	uint64_t len_bytes = rig_mixed_length(&t->r->random);
	uint64_t before;

	if (t->queued[c] > 0)
		return;
	model_time(&t->model, t->r->now_ns);
	model_note_waiting(&t->model);
	before = rig_figures(t->r, c).served_by_reservation;
	if (mclock_pass(t->r->m, t->r->clients[c], len_bytes, t->r->now_ns, has_room,
			is_throttling)) {
		bool is_reserved = rig_figures(t->r, c).served_by_reservation > before;

		CHECK(is_reserved || has_room || !is_throttling, "it passed without room");
		served(t, c, len_bytes, is_reserved, is_throttling && !is_reserved);
	} else {
		CHECK(is_throttling || !model_is_open(&t->model, c, false),
		      "it may go and did not pass");
	}
}

static void reconfigure(struct run *t, uint32_t c)
{
	struct mclock_config cfg = any_config(t);

	model_time(&t->model, t->r->now_ns);
	mclock_configure(t->r->m, t->r->clients[c], &cfg, t->r->now_ns);
	model_configure(&t->model, c, &cfg);
}

static void move_time(struct run *t)
{
	switch (below(t, 8)) {
	case 0:
		t->r->now_ns += below(t, 200 * MS);
		break;
	case 1:
		if (below(t, 10) == 0)
			t->r->now_ns += 3600 * SEC;
		break;
	case 2:
		if (below(t, 10) == 0)
			t->r->now_ns -= below(t, 5 * MS);
		break;
	case 3:
		break;
	default:
		t->r->now_ns += below(t, MS);
	}
}

static void check_count(const struct run *t)
{
	uint32_t queued = 0;

	for (uint32_t c = 0; c < t->model.count; c++)
		queued += t->queued[c];
	CHECK(mclock_queued(t->r->m) == queued, "the count of what is queued is wrong");
}

static void step(struct run *t)
{
	uint32_t c = (uint32_t)below(t, t->model.count);
	bool has_room = below(t, 4) > 0, is_throttling = below(t, 4) > 0;

	switch (below(t, 16)) {
	case 0:
		cancel(t, c);
		break;
	case 1:
		if (below(t, 4) == 0)
			reconfigure(t, c);
		break;
	case 2:
	case 3:
		pass(t, c, has_room, is_throttling);
		break;
	case 4:
		while (pop(t, true, true))
			continue;
		check_next(t);
		break;
	case 5:
	case 6:
	case 7:
	case 8:
		pop(t, has_room, is_throttling);
		break;
	case 9:
	case 10:
		move_time(t);
		break;
	default:
		push(t, c);
	}
	check_count(t);
}

/* Without limits everything comes out at once. */
static void drain(struct run *t)
{
	struct mclock_config cfg = {.shares = 1000};

	for (uint32_t c = 0; c < t->model.count; c++) {
		model_time(&t->model, t->r->now_ns);
		mclock_configure(t->r->m, t->r->clients[c], &cfg, t->r->now_ns);
		model_configure(&t->model, c, &cfg);
	}
	while (pop(t, false, false))
		continue;
	for (uint32_t c = 0; c < t->model.count; c++) {
		CHECK(t->queued[c] == 0, "a request was lost");
		mclock_remove(t->r->m, t->r->clients[c]);
	}
	CHECK(mclock_reserved_iops(t->r->m) == 0, "the sum of reservations is wrong");
}

static void run_seed(struct run *t)
{
	uint64_t start_ns;

	*t = (struct run){0};
	t->r = rig_new(seed, 0);
	start_ns =
	    rig_below(&t->r->random, 100ull * 365 * 86400) * SEC; /* in a hundred years too */
	rig_free(t->r);
	t->r = rig_new(seed, start_ns);
	t->model.now_ns = start_ns;
	t->model.count = (uint32_t)(1 + below(t, MODEL_CLIENTS));
	for (uint32_t c = 0; c < t->model.count; c++) {
		struct mclock_config cfg = any_config(t);

		rig_add(t->r, cfg);
		model_time(&t->model, start_ns);
		model_configure(&t->model, c, &cfg);
	}
	for (uint32_t i = 0; i < (seed % 16 ? STEPS : LONG_STEPS); i++)
		step(t);
	drain(t);
	rig_free(t->r);
}

static uint64_t first = 1, count = SEEDS;

static void promises_hold_over_random_workloads(void **state)
{
	static struct run t;

	for (seed = first; seed < first + count; seed++)
		run_seed(&t);
	print_message("mclock: seeds %llu to %llu passed\n", (unsigned long long)first,
		      (unsigned long long)(first + count - 1));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(promises_hold_over_random_workloads)};

	if (argc > 1) {
		first = strtoull(argv[1], NULL, 10);
		count = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
