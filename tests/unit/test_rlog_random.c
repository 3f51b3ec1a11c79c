/* SPDX-License-Identifier: MIT */
/*
 * test_rlog_random.c - random appends, flushes, destages, crashes and reopenings: what log and sink
 * show together is always a prefix of what was appended, with everything in it that was
 * acknowledged.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rlog_rig.h"

#define BLOCKS  16u
#define WRITES  4000u
#define ROUNDS  12u
#define PENDING 64u

struct history {
	struct rig r;
	uint64_t rng;
	uint64_t state[WRITES + 1][BLOCKS]; /* versions after each append */
	uint32_t count;                     /* appends so far */
	uint32_t acked[2];                  /* D1, D2: number of the newest that was acknowledged */
	struct pending {
		struct rig_entry *e;
		uint32_t number;
	} pending[PENDING];
	uint32_t pending_count;
};

static uint64_t below(struct history *h, uint64_t n)
{
	h->rng = h->rng * 6364136223846793005ull + 1442695040888963407ull;
	return (h->rng >> 33) % n;
}

static void collect(struct history *h)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < h->pending_count; i++) {
		struct pending *p = &h->pending[i];

		if (!p->e->is_done) {
			h->pending[kept++] = *p;
			continue;
		}
		assert_int_equal(p->e->e.result, 0);
		for (int level = 0; level <= (p->e->e.is_durable ? 1 : 0); level++)
			if (p->number > h->acked[level])
				h->acked[level] = p->number;
		rig_entry_free(p->e);
	}
	h->pending_count = kept;
}

static void append(struct history *h)
{
	uint8_t kind = below(h, 5) ? SLUICE_RLOG_DATA : SLUICE_RLOG_ZERO;
	uint64_t n = 1 + below(h, below(h, 4) ? 2 : 8), at = below(h, BLOCKS);
	bool is_durable = below(h, 2);

	if (at + n > BLOCKS)
		n = BLOCKS - at;
	if (h->count == WRITES || h->pending_count == PENDING)
		return;
	memcpy(h->state[h->count + 1], h->state[h->count], sizeof(h->state[0]));
	h->count++;
	for (uint64_t b = at; b < at + n; b++)
		h->state[h->count][b] = kind == SLUICE_RLOG_DATA ? h->count : 0;
	h->pending[h->pending_count].number = h->count;
	h->pending[h->pending_count++].e = rig_begin(&h->r, kind, at, n, h->count, is_durable);
}

static uint32_t find_prefix(struct history *h, uint32_t at_least)
{
	uint64_t seen[BLOCKS];

	for (uint64_t b = 0; b < BLOCKS; b++)
		seen[b] = rig_see(&h->r, b);
	for (uint32_t p = h->count + 1; p-- > at_least;) {
		if (memcmp(seen, h->state[p], sizeof(seen)) == 0)
			return p;
	}
	fail_msg("no prefix of %u..%u appends looks like this", at_least, h->count);
	return 0;
}

static void opened(void *ctx, const struct sluice_rlog_opened *how)
{
	assert_int_equal(how->result, 0);
}

static void crash(struct history *h)
{
	bool is_power_cut = below(h, 3);

	collect(h);
	for (uint32_t i = 0; i < h->pending_count; i++)
		rig_entry_free(h->pending[i].e);
	h->pending_count = 0;
	rig_crash(&h->r, is_power_cut);
	h->r.is_opened = false;
	while (below(h, 3) == 0) {
		struct sluice_error err;
		uint64_t steps = below(h, 8);
		bool is_cut = below(h, 2);

		h->r.log = rlog_open_env(&h->r.fe.env, &h->r.cfg, opened, NULL, &err);
		while (steps-- && rig_step(&h->r))
			;
		rig_crash(&h->r, is_cut);
		is_power_cut |= is_cut;
	}
	assert_int_equal(rig_open(&h->r), 0);
	/* What comes after the prefix has never happened; what is there now stays. */
	h->count = find_prefix(h, h->acked[is_power_cut]);
	h->acked[0] = h->acked[1] = h->count;
}

static void round_of(struct history *h)
{
	uint32_t n = (uint32_t)below(h, 60);

	for (uint32_t i = 0; i < n; i++) {
		switch (below(h, 12)) {
		case 0:
			if (below(h, 3) == 0)
				assert_int_not_equal(rig_destage(&h->r, below(h, 2000)), -5);
			break;
		case 1:
			assert_int_equal(rig_flush(&h->r), 0);
			break;
		case 2:
			fake_env_advance(&h->r.fe, below(h, 60000000));
			break;
		case 3:
			rig_run(&h->r);
			break;
		case 4:
		case 5:
		case 6:
			rig_step(&h->r);
			break;
		default:
			append(h);
		}
		collect(h);
		if (h->pending_count == 0)
			find_prefix(h, h->count);
		while (h->pending_count > PENDING / 2) {
			rig_run(&h->r);
			collect(h);
			if (h->pending_count)
				rig_destage(&h->r, below(h, 4000));
			collect(h);
		}
	}
}

static void one_seed(uint64_t seed)
{
	struct history *h = calloc(1, sizeof(*h));

	h->rng = seed;
	rig_init(&h->r, seed, 30 + (uint32_t)(seed % 17));
	h->r.cfg.checkpoint_bytes = seed % 3 == 0 ? 0 : seed % 3 * 600;
	h->r.sink_is_late = seed & 1;
	assert_int_equal(rig_open(&h->r), 0);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		round_of(h);
		if (below(h, 8) == 0) {
			for (uint32_t k = 0; h->pending_count && k < 100; k++) {
				rig_run(&h->r);
				rig_destage(&h->r, 100000);
				collect(h);
			}
			rig_close(&h->r);
			assert_int_equal(rig_open(&h->r), 0);
			assert_int_equal(h->r.how.found, SLUICE_RLOG_CLEAN);
			find_prefix(h, h->count);
		} else {
			crash(h);
		}
	}
	for (uint32_t k = 0; h->pending_count && k < 100; k++) {
		rig_run(&h->r);
		rig_destage(&h->r, 100000);
		collect(h);
	}
	rig_fini(&h->r);
	free(h);
}

static void log_and_sink_are_a_prefix(void **state)
{
	const char *from = getenv("RLOG_SEED"), *count = getenv("RLOG_SEEDS");
	uint64_t first = from ? strtoull(from, NULL, 10) : 1;
	uint64_t seeds = count ? strtoull(count, NULL, 10) : 40;

	for (uint64_t seed = first; seed < first + seeds; seed++) {
		if (count)
			print_message("seed %llu\n", (unsigned long long)seed);
		one_seed(seed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(log_and_sink_are_a_prefix)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
