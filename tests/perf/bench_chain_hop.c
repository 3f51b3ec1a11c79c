/* SPDX-License-Identifier: MIT */
/*
 * bench_chain_hop.c - what one filter costs: ns per I/O through 0 to 8 passthru filters above a
 * backend that ends every I/O at once.
 *
 *     bench_chain_hop [folder of the filters] [I/Os per round]
 *
 * CPU time of the thread, the least of several rounds. Prints a table; passes or fails nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chain.h"
#include "clock.h"
#include "fake_env.h"
#include "parse.h"
#include "plugin.h"

#define ROUNDS 7

static const char *const names[] = {
    "passthru",       "passthru_replication",   "passthru_compression",  "passthru_encryption",
    "passthru_cache", "passthru_data_provider", "passthru_data_capture", "passthru_io_control"};
#define NAMES (sizeof(names) / sizeof(names[0]))

static void end_at_once(struct backend *b, struct sluice_io *io)
{
	io->end(io);
}

static const struct backend_ops null_ops = {
    .name = "null", .op_mask = SLUICE_OPS_ALL, .submit = end_at_once};

static uint64_t ended;

static void io_ended(struct sluice_io *io)
{
	ended++;
	chain_io_put(chain_io_owner(io), io);
}

static uint64_t round_ns(struct chain *c, uint64_t ios)
{
	uint64_t start_ns = clock_thread_cpu_ns();

	for (uint64_t i = 0; i < ios; i++) {
		struct sluice_io *io = chain_io_get(c);

		io->op = SLUICE_OP_READ;
		io->offset_bytes = i % 1024 * 4096;
		io->len_bytes = 4096;
		chain_submit(c, io, io_ended, c);
	}
	return clock_thread_cpu_ns() - start_ns;
}

static double best_ns(struct chain *c, uint64_t ios)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < ROUNDS; i++) {
		uint64_t ns = round_ns(c, ios);

		if (ns < best)
			best = ns;
	}
	return (double)best / (double)ios;
}

static void attached(void *ctx, int result, const struct err *err)
{
	if (result < 0)
		fprintf(stderr, "%s\n", err->text);
	*(int *)ctx = result;
}

static int attach(struct chain *c, struct fake_env *fe, const char *name)
{
	struct chain_filter_cfg cfg = {.ops = plugin_find(name)};
	int result = -1;

	if (!cfg.ops) {
		fprintf(stderr, "the filter '%s' is not there\n", name);
		return -1;
	}
	chain_attach(c, &cfg, attached, &result);
	fake_env_settle(fe);
	return result;
}

static int measure(struct chain *c, struct fake_env *fe, uint64_t ios)
{
	double base_ns = 0, ns = 0;

	printf("%-8s %12s %14s\n", "filters", "ns per I/O", "ns per filter");
	for (size_t n = 0; n <= NAMES; n++) {
		if (n > 0 && attach(c, fe, names[n - 1]) < 0)
			return 1;
		ns = best_ns(c, ios);
		if (n == 0)
			base_ns = ns;
		printf("%-8zu %12.1f %14.1f\n", n, ns, n ? (ns - base_ns) / (double)n : 0.0);
	}
	return 0;
}

static void load(const char *program, const char *folder)
{
	char path[4096];
	const char *slash = strrchr(program, '/');
	struct err err;

	if (folder)
		snprintf(path, sizeof(path), "%s", folder);
	else
		snprintf(path, sizeof(path), "%.*s/../filters", slash ? (int)(slash - program) : 1,
			 slash ? program : ".");
	if (plugin_load_dir(path, &err) < 0)
		fprintf(stderr, "%s\n", err.text);
}

int main(int argc, char **argv)
{
	static struct fake_env fe;
	static char blame[64];
	struct backend be = {.ops = &null_ops, .size_bytes = 1 << 30};
	struct chain_host host = {.ctx = NULL};
	struct chain_cfg cfg = {.env = &fe.env,
				.backend = &be,
				.volume = "bench",
				.block_bytes = 512,
				.max_ios = 128,
				.host = &host,
				.blame = blame};
	uint64_t ios = 1000000;
	struct chain *c;
	struct err err;
	int r;

	if (argc > 2 && parse_u64("I/Os", argv[2], 1, 1000000000, &ios, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return 2;
	}
	load(argv[0], argc > 1 ? argv[1] : NULL);
	fake_env_init(&fe, 1);
	if (chain_create(&cfg, &c, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	r = measure(c, &fe, ios);
	chain_detach_all(c);
	chain_destroy(c);
	fake_env_fini(&fe);
	return r;
}
