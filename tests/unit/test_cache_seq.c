/* SPDX-License-Identifier: MIT */
/* seq.h: runs are seen, several at once and out of order; random I/O is not taken for one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rng.h"
#include "seq.h"

#define KIB    1024ull
#define MIB    (KIB * KIB)
#define CUTOFF (4 * MIB)

static void a_run_becomes_a_stream_at_the_cutoff(void **state)
{
	struct seq s;

	seq_init(&s, CUTOFF);
	for (uint64_t at = 0; at < 10 * MIB; at += 64 * KIB) {
		uint64_t run = at + 64 * KIB;
		enum seq_kind want = run >= CUTOFF          ? SEQ_STREAM
				     : run >= SEQ_RUN_BYTES ? SEQ_RUN
							    : SEQ_RANDOM;

		assert_int_equal(seq_note(&s, 5 * MIB + at, 64 * KIB), want);
	}
	assert_int_equal(seq_note(&s, 900 * MIB, 4 * KIB), SEQ_RANDOM);
}

static void sixty_runs_at_once_among_each_other(void **state)
{
	struct seq s;

	seq_init(&s, CUTOFF);
	for (uint64_t at = 0; at < 5 * MIB; at += 64 * KIB)
		for (uint64_t run = 0; run < 60; run++) {
			enum seq_kind kind = seq_note(&s, run * 1000 * MIB + at, 64 * KIB);

			assert_int_equal(kind == SEQ_STREAM, at + 64 * KIB >= CUTOFF);
		}
}

/* With 32 in flight, commands come a little out of order. */
static void a_shuffled_run_is_still_one(void **state)
{
	uint64_t order[8], streams = 0, total = 0;
	struct rng rng;
	struct seq s;

	seq_init(&s, CUTOFF);
	rng_seed(&rng, 3);
	for (uint64_t base = 0; base < 64 * MIB; base += 8 * 64 * KIB) {
		for (uint32_t i = 0; i < 8; i++)
			order[i] = i;
		for (uint32_t i = 0; i < 4; i++) {
			uint32_t a = (uint32_t)rng_below(&rng, 7);
			uint64_t kept = order[a];

			order[a] = order[a + 1];
			order[a + 1] = kept;
		}
		for (uint32_t i = 0; i < 8; i++, total++)
			streams += seq_note(&s, base + order[i] * 64 * KIB, 64 * KIB) == SEQ_STREAM;
	}
	assert_true(streams > total * 60 / 100);
}

static void random_io_is_never_sequential(void **state)
{
	static const uint64_t spans[] = {MIB / 4, 2 * MIB, 8 * MIB, 64 * MIB, 1000 * MIB};
	struct rng rng;
	struct seq s;

	rng_seed(&rng, 4);
	for (uint32_t i = 0; i < sizeof(spans) / sizeof(*spans); i++) {
		uint64_t runs = 0;

		seq_init(&s, CUTOFF);
		for (uint32_t n = 0; n < 200000; n++) {
			uint64_t at = rng_below(&rng, spans[i] / (4 * KIB)) * 4 * KIB;
			enum seq_kind kind = seq_note(&s, at, 4 * KIB);

			assert_int_not_equal(kind, SEQ_STREAM);
			runs += kind == SEQ_RUN;
		}
		assert_in_range(runs, 0, 200000 / 100);
	}
}

static void random_io_does_not_end_a_run(void **state)
{
	struct rng rng;
	struct seq s;

	seq_init(&s, CUTOFF);
	rng_seed(&rng, 6);
	for (uint64_t at = 0; at < 8 * MIB; at += 128 * KIB) {
		enum seq_kind kind = seq_note(&s, at, 128 * KIB);

		assert_int_equal(kind == SEQ_STREAM, at + 128 * KIB >= CUTOFF);
		for (uint32_t i = 0; i < 40; i++)
			seq_note(&s, rng_range(&rng, 100, 100000) * MIB, 8 * KIB);
	}
}

static void off_means_never(void **state)
{
	struct seq s;

	seq_init(&s, 0);
	for (uint64_t at = 0; at < 16 * MIB; at += MIB)
		assert_int_equal(seq_note(&s, at, MIB), SEQ_RANDOM);
	seq_set_cutoff(&s, CUTOFF);
	assert_int_equal(seq_note(&s, 0, 8 * MIB), SEQ_STREAM);
}

static void the_ends_of_the_address_space_do_no_harm(void **state)
{
	struct seq s;

	seq_init(&s, CUTOFF);
	for (uint32_t i = 0; i < 100; i++) {
		seq_note(&s, UINT64_MAX - 4095 - i * 4096ull, 4096);
		seq_note(&s, 0, 4096);
	}
	seq_init(&s, UINT64_MAX);
	for (uint32_t i = 0; i < 10; i++)
		assert_int_not_equal(seq_note(&s, i * (1ull << 60), 1ull << 60), SEQ_STREAM);
}

static void admission_follows_from_the_kind(void **state)
{
	assert_int_equal(seq_admission(SEQ_RANDOM, true, false), CACHE_ADMIT);
	assert_int_equal(seq_admission(SEQ_RUN, true, false), CACHE_ADMIT_SEEN);
	assert_int_equal(seq_admission(SEQ_RUN, false, false), CACHE_ADMIT);
	assert_int_equal(seq_admission(SEQ_STREAM, false, false), CACHE_REFRESH);
	assert_int_equal(seq_admission(SEQ_STREAM, true, false), CACHE_REFRESH);
	assert_int_equal(seq_admission(SEQ_STREAM, true, true), CACHE_ADMIT);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_run_becomes_a_stream_at_the_cutoff),
	    cmocka_unit_test(sixty_runs_at_once_among_each_other),
	    cmocka_unit_test(a_shuffled_run_is_still_one),
	    cmocka_unit_test(random_io_is_never_sequential),
	    cmocka_unit_test(random_io_does_not_end_a_run),
	    cmocka_unit_test(off_means_never),
	    cmocka_unit_test(the_ends_of_the_address_space_do_no_harm),
	    cmocka_unit_test(admission_follows_from_the_kind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
