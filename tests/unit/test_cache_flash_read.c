/* SPDX-License-Identifier: MIT */
/*
 * flash_read.h: what comes out is what the block was, or nothing; whatever fails, the tier switches
 * itself off and says so once. The file service is a fake here, whose I/O ends when the test says
 * so.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flash_int.h"
#include "rng.h"

#define RING_BYTES  FLASH_READ_MIN_BYTES
#define RING_BLOCKS (RING_BYTES / 4096u)
#define BLOCKS      6000u
#define REQUESTS    40u
#define RUN_MAX     8u

/* ---------------------------------------------------------------- a file whose I/O waits */

struct sluice_file {
	uint8_t *data;
	struct sluice_file_io *pending[256];
	uint32_t pending_count;
	uint64_t ios, fail_at;
	bool is_open;
};

static struct sluice_file disk;
static uint32_t reports;
static char report_code[64], report_text[512];

struct sluice_file *sluice_file_open(struct sluice_filter *f, const struct sluice_file_cfg *cfg,
				     int *result, struct sluice_error *err)
{
	if (disk.fail_at == UINT64_MAX) {
		(void)snprintf(err->text, sizeof(err->text), "no such folder");
		return NULL;
	}
	assert_int_equal(cfg->size_bytes, RING_BYTES);
	disk.is_open = true;
	return &disk;
}

void sluice_file_close(struct sluice_file *file)
{
	assert_int_equal(file->pending_count, 0);
	file->is_open = false;
}

void sluice_file_submit(struct sluice_file *file, struct sluice_file_io *io)
{
	assert_true(file->is_open && file->pending_count < 256);
	assert_true(io->offset_bytes % 4096 == 0 && (uintptr_t)io->buf % 4096 == 0);
	assert_true(io->len_bytes > 0 && io->offset_bytes + io->len_bytes <= RING_BYTES);
	file->pending[file->pending_count++] = io;
}

void sluice_report(struct sluice_filter *f, const char *code, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(report_text, sizeof(report_text), fmt, args);
	va_end(args);
	(void)snprintf(report_code, sizeof(report_code), "%s", code);
	reports++;
}

static void disk_end(uint32_t i)
{
	struct sluice_file_io *io = disk.pending[i];
	uint8_t *at = disk.data + io->offset_bytes;

	disk.pending[i] = disk.pending[--disk.pending_count];
	io->result = ++disk.ios == disk.fail_at ? -EIO : 0;
	if (io->result == 0 && io->op == SLUICE_FILE_READ)
		memcpy(io->buf, at, io->len_bytes);
	else if (io->op == SLUICE_FILE_WRITE)
		memcpy(at, io->buf, io->result ? io->len_bytes / 2 : io->len_bytes);
	io->fn(io);
}

static void disk_settle(void)
{
	while (disk.pending_count)
		disk_end(0);
}

/* ---------------------------------------------------------------- blocks and requests */

struct request {
	struct flash_read_io io;
	uint64_t values[RUN_MAX]; /* what the blocks were at the submission */
	uint64_t asked;
	bool is_busy;
	uint8_t *buf;
};

struct lab {
	struct flash_read *t;
	uint64_t values[BLOCKS];
	uint64_t next_value;
	struct request requests[REQUESTS];
	struct rng rng;
	uint64_t right, ended;
};

static void make_block(uint8_t *buf, uint64_t value)
{
	for (uint32_t w = 0; w < 512; w++)
		memcpy(buf + w * 8ul, &value, 8);
}

static void request_ended(struct flash_read_io *io)
{
	struct request *q = (struct request *)io;
	struct lab *l = io->ctx;
	uint8_t want[4096];

	assert_true(q->is_busy && io->count <= q->asked);
	q->is_busy = false;
	l->ended++;
	for (uint64_t i = 0; i < io->count; i++) {
		make_block(want, q->values[i]);
		assert_memory_equal(q->buf + i * 4096, want, 4096);
		l->right++;
	}
}

static void lab_begin(struct lab *l, uint64_t seed)
{
	struct sluice_error err = {0};

	memset(l, 0, sizeof(*l));
	rng_seed(&l->rng, seed);
	for (uint64_t i = 0; i < BLOCKS; i++)
		l->values[i] = l->next_value++;
	for (uint32_t i = 0; i < REQUESTS; i++)
		l->requests[i].buf = aligned_alloc(4096, RUN_MAX * 4096ul);
	reports = 0;
	l->t = flash_read_open(NULL, "/flash/v.clean", RING_BYTES, &err);
	assert_non_null(l->t);
}

static void lab_end(struct lab *l)
{
	disk_settle();
	for (uint32_t i = 0; i < REQUESTS; i++) {
		assert_false(l->requests[i].is_busy);
		free(l->requests[i].buf);
	}
	assert_true(flash_read_is_idle(l->t));
	flash_read_close(l->t);
}

static void add(struct lab *l, uint64_t block)
{
	uint8_t data[4096];

	make_block(data, l->values[block]);
	flash_read_add(l->t, block, data);
}

static void ask(struct lab *l, uint64_t block, uint64_t count)
{
	struct request *q = &l->requests[rng_below(&l->rng, REQUESTS)];

	if (q->is_busy)
		return;
	*q = (struct request){.buf = q->buf, .asked = count, .is_busy = true};
	memcpy(q->values, &l->values[block], count * sizeof(*q->values));
	q->io = (struct flash_read_io){
	    .block = block, .count = count, .buf = q->buf, .fn = request_ended, .ctx = l};
	flash_read_submit(l->t, &q->io);
}

static uint64_t a_block(struct lab *l)
{
	return rng_below(&l->rng, rng_pct(&l->rng, 50) ? 400 : BLOCKS - RUN_MAX);
}

static void step(struct lab *l)
{
	uint64_t what = rng_below(&l->rng, 1000), block = a_block(l), count;

	if (what < 400) {
		for (uint64_t i = 0; i < RUN_MAX && (rng_pct(&l->rng, 80) || !i); i++)
			add(l, block + i);
	} else if (what < 650) {
		count = flash_read_has(l->t, block, rng_range(&l->rng, 1, RUN_MAX));
		if (count)
			ask(l, block, count);
	} else if (what < 700) {
		count = rng_range(&l->rng, 1, RUN_MAX);
		flash_read_invalidate(l->t, block, count);
		for (uint64_t i = 0; i < count; i++)
			l->values[block + i] = l->next_value++;
	} else if (what < 701) {
		flash_read_invalidate(l->t, block, 1ull << 50);
		for (uint64_t i = block; i < BLOCKS; i++)
			l->values[i] = l->next_value++;
		assert_int_equal(flash_read_has(l->t, block, 1), 0);
	} else if (disk.pending_count) {
		disk_end((uint32_t)rng_below(&l->rng, disk.pending_count));
	}
}

static void disk_begin(void)
{
	disk = (struct sluice_file){.data = disk.data};
	if (!disk.data)
		disk.data = calloc(1, RING_BYTES);
}

static void what_comes_out_is_what_the_block_was(void **state)
{
	uint64_t right = 0, reinserted = 0, written = 0;

	for (uint64_t seed = 1; seed <= 8; seed++) {
		struct flash_read_figures f;
		static struct lab l;

		disk_begin();
		lab_begin(&l, seed);
		for (uint32_t i = 0; i < 40000; i++)
			step(&l);
		flash_read_figures(l.t, &f);
		assert_false(f.is_off);
		assert_int_equal(f.corrupt, 0);
		assert_int_equal(f.hits, l.right);
		right += l.right;
		reinserted += f.reinserted;
		written += f.written_bytes;
		lab_end(&l);
		assert_int_equal(reports, 0);
	}
	/* Else it has proved nothing: the ring was gone around, and blocks lived longer than once.
	 */
	assert_true(right > 10000 && reinserted > 500 && written > 8 * 2 * (uint64_t)RING_BYTES);
}

static void whichever_io_fails_it_only_switches_itself_off(void **state)
{
	for (uint64_t n = 1; n <= 60; n++) {
		struct flash_read_figures f;
		static struct lab l;

		disk_begin();
		lab_begin(&l, n);
		disk.fail_at = n * n;
		for (uint32_t i = 0; i < 12000; i++)
			step(&l);
		disk_settle();
		flash_read_figures(l.t, &f);
		assert_int_equal(f.is_off, disk.ios >= disk.fail_at);
		assert_int_equal(reports, f.is_off);
		if (f.is_off) {
			assert_string_equal(report_code, "cache_flash_failed");
			assert_non_null(strstr(report_text, "/flash/v.clean"));
			assert_non_null(strstr(report_text, "Input/output error"));
			assert_int_equal(f.used_bytes, 0);
			assert_int_equal(flash_read_has(l.t, 0, BLOCKS), 0);
			ask(&l, 3, 5);
			add(&l, 3);
			assert_int_equal(disk.pending_count, 0);
		}
		lab_end(&l);
	}
}

static void fill_ring(struct lab *l, uint64_t first, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		add(l, first + i);
		disk_settle();
	}
}

static void damage_is_dropped_and_too_much_of_it_ends_the_tier(void **state)
{
	struct flash_read_figures f;
	static struct lab l;

	disk_begin();
	lab_begin(&l, 1);
	fill_ring(&l, 0, 640);
	for (uint32_t i = 0; i < FLASH_READ_CORRUPT_MAX; i++) {
		assert_int_equal(flash_read_has(l.t, i * 8, 1), 1);
		assert_int_equal(reports, 0);
		disk.data[i * 8 * 4096ul + i * 50] ^= 1;
		l.requests[0].is_busy = false;
		ask(&l, i * 8, 4);
		disk_settle();
		assert_int_equal(flash_read_has(l.t, i * 8, 1), 0);
	}
	assert_int_equal(l.right, 0); /* each request began with the damaged block */
	flash_read_figures(l.t, &f);
	assert_int_equal(f.corrupt, FLASH_READ_CORRUPT_MAX);
	assert_true(f.is_off);
	assert_int_equal(reports, 1);
	lab_end(&l);
}

static void it_is_empty_after_every_restart(void **state)
{
	static struct lab l;

	disk_begin();
	lab_begin(&l, 1);
	fill_ring(&l, 0, 1000);
	assert_int_equal(flash_read_has(l.t, 0, 960), 960);
	lab_end(&l);
	lab_begin(&l, 2);
	for (uint64_t block = 0; block < 1000; block++)
		assert_int_equal(flash_read_has(l.t, block, 1), 0);
	lab_end(&l);
}

static void what_was_hit_outlives_the_ring(void **state)
{
	static struct lab l;
	uint64_t kept = 0;

	disk_begin();
	lab_begin(&l, 1);
	fill_ring(&l, 0, 640);
	for (uint64_t block = 0; block < 640; block += 5) {
		l.requests[0].is_busy = false;
		ask(&l, block, 1);
		disk_settle();
	}
	fill_ring(&l, 1000, RING_BLOCKS);
	for (uint64_t block = 0; block < 640; block++) {
		bool is_there = flash_read_has(l.t, block, 1) == 1;

		assert_false(is_there && block % 5);
		kept += is_there;
	}
	assert_int_equal(kept, 128);
	lab_end(&l);
}

static void a_block_costs_at_most_24_bytes(void **state)
{
	struct flash_read_figures f;
	static struct lab l;

	assert_true(sizeof(struct flash_entry) + sizeof(uint32_t) <= FLASH_READ_BYTES_PER_BLOCK);
	disk_begin();
	lab_begin(&l, 1);
	flash_read_figures(l.t, &f);
	assert_in_range(f.metadata_bytes - sizeof(struct flash_read) -
			    FLASH_STAGES * (uint64_t)SEGMENT_BYTES,
			1, RING_BLOCKS * FLASH_READ_BYTES_PER_BLOCK);
	assert_int_equal(f.size_bytes, RING_BYTES);
	lab_end(&l);
}

static void an_open_that_cannot_be_says_why(void **state)
{
	struct sluice_error err = {0};

	assert_null(flash_read_open(NULL, "/flash/v.clean", FLASH_READ_MIN_BYTES - 1, &err));
	assert_non_null(strstr(err.text, "16777215"));
	assert_non_null(strstr(err.text, "16777216"));
	disk_begin();
	disk.fail_at = UINT64_MAX;
	assert_null(flash_read_open(NULL, "/flash/v.clean", RING_BYTES, &err));
	assert_string_equal(err.text, "no such folder");
	flash_read_close(NULL);
}

static int forget_disk(void **state)
{
	free(disk.data);
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_comes_out_is_what_the_block_was),
	    cmocka_unit_test(whichever_io_fails_it_only_switches_itself_off),
	    cmocka_unit_test(damage_is_dropped_and_too_much_of_it_ends_the_tier),
	    cmocka_unit_test(it_is_empty_after_every_restart),
	    cmocka_unit_test(what_was_hit_outlives_the_ring),
	    cmocka_unit_test(a_block_costs_at_most_24_bytes),
	    cmocka_unit_test(an_open_that_cannot_be_says_why),
	};

	return cmocka_run_group_tests(tests, NULL, forget_disk);
}
