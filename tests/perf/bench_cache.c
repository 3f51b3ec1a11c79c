/* SPDX-License-Identifier: MIT */
/*
 * bench_cache.c - what the cache's read side costs, in CPU time, by the size of the cache.
 *
 *   find      a hit in S3-FIFO alone
 *   put       a miss in S3-FIFO alone: ghost, eviction, insertion
 *   seq       the sequential detector, for random I/O
 *   read      a hit of the RAM tier, with the copy of its 4 KiB
 *   fill      a miss of it: begin, end, the copy
 *   write     a write that it holds: begin, end, the copy
 *   crc       CRC32C of 4 KiB, as the flash tier has it at each read
 *
 * The best of five rounds, since other load on the machine only ever adds. Nothing passes or fails
 * by a time.
 */
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "crc.h"
#include "ram.h"
#include "rng.h"
#include "s3fifo.h"
#include "seq.h"

#define STEPS  400000u
#define ROUNDS 5u

struct bench {
	struct s3fifo *s3fifo;
	struct ram *ram;
	struct seq seq;
	uint32_t slots;
	uint32_t *keys; /* random, of what is cached */
	uint64_t fresh; /* never cached so far */
	uint8_t buf[RAM_BLOCK_BYTES];
};

static void find(struct bench *b, uint32_t i)
{
	if (s3fifo_find(b->s3fifo, b->keys[i]) == S3FIFO_NO_SLOT)
		abort();
}

static void put(struct bench *b, uint32_t i)
{
	struct s3fifo_put out;

	s3fifo_put(b->s3fifo, b->fresh++, &out);
}

static void seq(struct bench *b, uint32_t i)
{
	(void)seq_note(&b->seq, b->keys[i] * 1048576ull, 4096);
}

static void ram_hit(struct bench *b, uint32_t i)
{
	if (ram_read(b->ram, b->keys[i], 1, b->buf) != 1)
		abort();
}

static void ram_fill(struct bench *b, uint32_t i)
{
	struct ram_fill t;

	ram_fill_begin(b->ram, &t, b->fresh++, 1);
	(void)ram_fill_end(b->ram, &t, b->buf, CACHE_ADMIT);
}

static void ram_overwrite(struct bench *b, uint32_t i)
{
	struct ram_write t;

	ram_write_begin(b->ram, &t, b->keys[i], 1);
	ram_write_end(b->ram, &t, b->buf, b->keys[i], 1, CACHE_ADMIT);
}

static void crc(struct bench *b, uint32_t i)
{
	b->buf[0] ^= (uint8_t)cache_crc32c(0, b->buf, sizeof(b->buf));
}

static double best_ns(struct bench *b, void (*step)(struct bench *b, uint32_t i))
{
	uint64_t best = UINT64_MAX;

	for (uint32_t round = 0; round < ROUNDS; round++) {
		uint64_t begin = clock_thread_cpu_ns(), took;

		for (uint32_t i = 0; i < STEPS; i++)
			step(b, i);
		took = clock_thread_cpu_ns() - begin;
		best = took < best ? took : best;
	}
	return (double)best / STEPS;
}

static void fill_both(struct bench *b, uint32_t slots)
{
	struct ram_cfg cfg = {.size_bytes = (uint64_t)slots * RAM_BLOCK_BYTES};
	struct rng rng;

	b->slots = slots;
	b->s3fifo = s3fifo_create(slots);
	b->keys = calloc(STEPS, sizeof(*b->keys));
	if (!b->s3fifo || !b->keys || ram_create(&cfg, &b->ram) < 0)
		abort();
	seq_init(&b->seq, 4u << 20);
	rng_seed(&rng, 1);
	for (b->fresh = 0; b->fresh < slots;) {
		uint32_t i = (uint32_t)b->fresh;

		ram_fill(b, i);
		b->fresh--;
		put(b, i);
	}
	for (uint32_t i = 0; i < STEPS; i++)
		b->keys[i] = (uint32_t)rng_below(&rng, slots);
}

static void run(uint64_t size_mib)
{
	static struct bench b;
	struct ram_figures f;

	fill_both(&b, (uint32_t)(size_mib * 256));
	printf("| %llu MiB |", (unsigned long long)size_mib);
	printf(" %.0f |", best_ns(&b, find));
	printf(" %.0f |", best_ns(&b, seq));
	printf(" %.0f |", best_ns(&b, ram_hit));
	printf(" %.0f |", best_ns(&b, ram_overwrite));
	/* From here on what is cached changes. */
	printf(" %.0f |", best_ns(&b, put));
	printf(" %.0f |", best_ns(&b, ram_fill));
	printf(" %.0f |", best_ns(&b, crc));
	ram_figures(b.ram, &f);
	printf(" %.1f | %.1f |\n", (double)s3fifo_metadata_bytes(b.s3fifo) / b.slots,
	       (double)f.metadata_bytes / b.slots);
	ram_destroy(b.ram);
	s3fifo_destroy(b.s3fifo);
	free(b.keys);
}

int main(void)
{
	printf("Nanoseconds of CPU time; bytes of metadata per block of S3-FIFO and of all the RAM "
	       "tier.\n\n");
	printf("| cache | find | seq | read | write | put | fill | crc | S3-FIFO B | all B |\n");
	printf("|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n");
	run(64);
	run(256);
	return 0;
}
