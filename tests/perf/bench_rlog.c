/* SPDX-License-Identifier: MIT */
/*
 * bench_rlog.c - the record log alone, on a real file: appends, recovery of what is dirty, memory.
 *
 *     bench_rlog [--smoke] [folder [dirty GiB]]
 *
 * Writes a log a quarter larger (default: 1 GiB dirty; --smoke: 64 MiB). Never passes or fails.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "env_linux.h"
#include "rlog_open.h"

#define BLOCK            4096u
#define DEPTH            32u
#define SECONDS          2u
#define READ_OPS         20000u
#define CHECKPOINT_BYTES (512ull << 20)

static struct env *env;
static struct sluice_rlog *rlog;
static struct sluice_rlog_opened opened;
static bool is_opened, is_closed;
static uint8_t *data;
static uint64_t acks, rng = 1, blocks_span;

static uint64_t below(uint64_t n)
{
	rng = rng * 6364136223846793005ull + 1442695040888963407ull;
	return (rng >> 20) % n;
}

static double since_s(uint64_t from_ns)
{
	return (double)(clock_now_ns() - from_ns) / 1e9;
}

static void on_opened(void *ctx, const struct sluice_rlog_opened *how)
{
	opened = *how;
	is_opened = true;
}

static void on_closed(void *ctx)
{
	is_closed = true;
}

static int open_log(const char *path, uint64_t bytes, uint64_t checkpoint_bytes)
{
	struct sluice_rlog_cfg cfg = {.path = path,
				      .size_bytes = bytes,
				      .block_bytes = BLOCK,
				      .checkpoint_bytes = checkpoint_bytes,
				      .may_create = true};
	struct sluice_error err = {0};

	is_opened = false;
	rlog = rlog_open_env(env, &cfg, on_opened, NULL, &err);
	if (!rlog) {
		fprintf(stderr, "%s\n", err.text);
		return -EINVAL;
	}
	while (!is_opened)
		env_linux_turn(env, ENV_LINUX_TURN_MAX_NS);
	if (opened.result)
		fprintf(stderr, "%s\n", opened.err.text);
	return opened.result;
}

/* ---------------------------------------------------------------- appends */

static struct sluice_rlog_entry entries[DEPTH];
static bool is_ended[DEPTH];

static void on_appended(struct sluice_rlog_entry *e)
{
	acks++;
	is_ended[e - entries] = true;
}

static void append(uint32_t i, uint64_t block, uint32_t count, bool is_durable)
{
	is_ended[i] = false;
	entries[i] = (struct sluice_rlog_entry){.kind = SLUICE_RLOG_DATA,
						.is_durable = is_durable,
						.block = block,
						.block_count = count,
						.buf = data + (uint64_t)i * 64 * BLOCK,
						.fn = on_appended};
	sluice_rlog_append(rlog, &entries[i]);
}

static void sink_submit(void *ctx, struct sluice_rlog_sink_io *io)
{
	io->result = 0;
	io->fn(io);
}

static void on_destaged(struct sluice_rlog_destage *d)
{
	*(bool *)d->ctx = true;
}

static void drop_all(void)
{
	struct sluice_rlog_sink sink = {.submit = sink_submit, .max_ios = 32};
	struct sluice_rlog_stats s;

	do {
		bool is_done = false;
		struct sluice_rlog_destage d = {
		    .max_bytes = 4u << 20, .fn = on_destaged, .ctx = &is_done};

		sluice_rlog_destage(rlog, &sink, &d);
		while (!is_done)
			env_linux_turn(env, ENV_LINUX_TURN_MAX_NS);
		sluice_rlog_stats(rlog, &s);
	} while (s.dirty_blocks);
}

static void line_append(const char *name, uint32_t count, uint32_t depth, bool is_durable,
			uint64_t max_blocks)
{
	uint64_t start_ns = clock_now_ns(), cpu_ns = clock_thread_cpu_ns(), begun = 0;
	struct sluice_rlog_stats before, after;
	double span_s;

	sluice_rlog_stats(rlog, &before);
	acks = 0;
	for (uint32_t i = 0; i < depth; i++, begun++)
		append(i, below(blocks_span), count, is_durable);
	while (acks < begun) {
		bool is_over = since_s(start_ns) > SECONDS || begun * count > max_blocks;

		env_linux_turn(env, ENV_LINUX_TURN_MAX_NS);
		for (uint32_t i = 0; i < depth && !is_over; i++) {
			if (!is_ended[i])
				continue;
			append(i, below(blocks_span), count, is_durable);
			begun++;
		}
	}
	span_s = since_s(start_ns);
	cpu_ns = clock_thread_cpu_ns() - cpu_ns;
	sluice_rlog_stats(rlog, &after);
	printf(
	    "%-34s %9.0f IOPS %8.1f MB/s  %5.2f us worker/IO  %5.1f entries/record  %6.0f flushes/s\n",
	    name, (double)acks / span_s, (double)acks * count * BLOCK / span_s / 1e6,
	    (double)cpu_ns / 1e3 / (double)acks,
	    (double)acks / (double)(after.records - before.records),
	    (double)(after.flushes - before.flushes) / span_s);
	fflush(stdout);
	drop_all();
}

/* ---------------------------------------------------------------- reads and recovery */

static struct sluice_rlog_read reads[DEPTH];
static uint32_t reads_under_way;
static uint64_t reads_done, reads_failed;

static void on_read(struct sluice_rlog_read *r)
{
	reads_under_way--;
	reads_done++;
	reads_failed += r->result != 0;
	r->fn = NULL;
}

static void read_random(uint64_t count)
{
	uint64_t start_ns = clock_now_ns();

	while (reads_done < count) {
		for (uint32_t i = 0; i < DEPTH; i++) {
			struct sluice_rlog_run run;
			uint64_t block = below(blocks_span);

			if (reads[i].fn)
				continue;
			sluice_rlog_lookup(rlog, block, 1, &run);
			if (run.what != SLUICE_RLOG_HAS_DATA)
				continue;
			reads[i] = (struct sluice_rlog_read){.block = block,
							     .block_count = 1,
							     .buf = data + (uint64_t)i * BLOCK,
							     .fn = on_read};
			reads_under_way++;
			sluice_rlog_read(rlog, &reads[i]);
		}
		env_linux_turn(env, 0);
	}
	while (reads_under_way)
		env_linux_turn(env, ENV_LINUX_TURN_MAX_NS);
	printf("%-34s %9.0f IOPS, %llu failed\n", "read back 4 KiB, depth 32",
	       (double)reads_done / since_s(start_ns), (unsigned long long)reads_failed);
}

static void fill_dirty(uint64_t dirty_blocks)
{
	uint64_t start_ns = clock_now_ns(), at = 0, begun = 0;

	acks = 0;
	for (uint32_t i = 0; i < DEPTH; i++)
		is_ended[i] = true;
	while (at < dirty_blocks || acks < begun) {
		for (uint32_t i = 0; i < DEPTH && at < dirty_blocks; i++) {
			if (!is_ended[i])
				continue;
			append(i, at, 64, false);
			at += 64;
			begun++;
		}
		env_linux_turn(env, ENV_LINUX_TURN_MAX_NS);
	}
	printf("%-34s %9.1f MB/s\n", "fill, 256 KiB, depth 32",
	       (double)dirty_blocks * BLOCK / since_s(start_ns) / 1e6);
}

static void recover(const char *path, uint64_t size)
{
	struct sluice_rlog_stats s;
	uint64_t start_ns = clock_now_ns();

	if (open_log(path, size, CHECKPOINT_BYTES))
		return;
	sluice_rlog_stats(rlog, &s);
	printf("%-34s %9.3f s for %.2f GiB dirty; map: %.1f bytes per block of the log, %.1f per "
	       "dirty block\n",
	       "recovery", since_s(start_ns), (double)s.dirty_blocks * BLOCK / (1u << 30),
	       (double)s.map_bytes / (double)s.capacity_blocks,
	       (double)s.map_bytes / (double)s.dirty_blocks);
}

static bool make_env(void)
{
	struct err err = {0};

	if (env_linux_create(NULL, &env, &err) == 0)
		return true;
	fprintf(stderr, "%s\n", err.text);
	return false;
}

/* In a process of its own, which ends without closing anything. */
static int appends(const char *path, uint64_t size, uint64_t dirty_blocks)
{
	uint64_t start_ns = clock_now_ns();

	if (!make_env() || open_log(path, size, CHECKPOINT_BYTES))
		return 1;
	printf("%-34s %9.1f MB/s\n", "new log", (double)size / since_s(start_ns) / 1e6);
	line_append("append 4 KiB D1, depth 32", 1, 32, false, blocks_span / 2);
	line_append("append 4 KiB D2, depth 1", 1, 1, true, blocks_span / 2);
	line_append("append 4 KiB D2, depth 32", 1, 32, true, blocks_span / 2);
	line_append("append 64 KiB D2, depth 32", 16, 32, true, blocks_span / 2);
	line_append("append 256 KiB D1, depth 8", 64, 8, false, blocks_span / 2);
	fill_dirty(dirty_blocks);
	return 0;
}

static int bench(const char *path, uint64_t dirty_bytes)
{
	uint64_t size = dirty_bytes + dirty_bytes / 4;
	int status = 1;
	pid_t child;

	blocks_span = dirty_bytes / BLOCK;
	fflush(stdout);
	child = fork();
	if (child == 0) {
		int rc = appends(path, size, dirty_bytes / BLOCK);

		fflush(stdout);
		_exit(rc);
	}
	if (waitpid(child, &status, 0) < 0 || status || !make_env())
		return 1;
	recover(path, size);
	read_random(READ_OPS);
	drop_all();
	sluice_rlog_close(rlog, on_closed, NULL);
	while (!is_closed)
		env_linux_turn(env, ENV_LINUX_TURN_MAX_NS);
	env_linux_destroy(env);
	return 0;
}

int main(int argc, char **argv)
{
	bool is_smoke = argc > 1 && strcmp(argv[1], "--smoke") == 0;
	const char *folder = argc > 1 + is_smoke ? argv[1 + is_smoke] : "/var/tmp";
	uint64_t dirty = is_smoke ? 64ull << 20 : 1ull << 30;
	char path[4096];
	int rc;

	if (argc > 2 + is_smoke)
		dirty = strtoull(argv[2 + is_smoke], NULL, 10) << 30;
	snprintf(path, sizeof(path), "%s/bench-rlog-%d.log", folder, (int)getpid());
	data = aligned_alloc(4096, (size_t)DEPTH * 64 * BLOCK);
	for (size_t i = 0; i < (size_t)DEPTH * 64 * BLOCK; i++)
		data[i] = (uint8_t)below(256);
	rc = bench(path, dirty);
	unlink(path);
	return rc;
}
