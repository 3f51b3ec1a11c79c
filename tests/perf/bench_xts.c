/* SPDX-License-Identifier: MIT */
/*
 * bench_xts.c - what encryption costs an I/O: EVP's own speed on this machine, and the filter's in
 * a chain over a backend that ends I/Os at once. Both in the same run, turn and turn about in
 * slices of half a millisecond, so that whatever else the machine does meets both alike; the
 * medians over all slices, CPU time of the thread.
 *
 *     bench_xts [folder of the filters] [slices]
 *
 * EVP's own: one context, one EVP_*Init_ex2() with the tweak and one EVP_*Update() per sector. What
 * the chain costs without any filter, which each I/O costs anyway, is measured too; the last column
 * leaves it out. Prints a table; passes or fails nothing.
 */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chain.h"
#include "clock.h"
#include "fake_env.h"
#include "parse.h"
#include "plugin.h"

#define SLICES_MAX  100000u
#define SLICE_BYTES (2u << 20)
#define BUF         (256u << 10)

static struct fake_env fe;
static struct chain *chain;
static char folder[] = "/var/tmp/bench-xts-XXXXXX";
static uint8_t *from, *to;
static uint64_t ended;

/* ---------------------------------------------------------------- the surroundings */

static void device_submit(struct backend *b, struct sluice_io *io)
{
	if (io->op == SLUICE_OP_EXTENT) {
		io->extent_bytes = io->len_bytes;
		io->extent_is_hole = 1;
	}
	io->end(io);
}

static const struct backend_ops device_ops = {
    .name = "null", .op_mask = SLUICE_OPS_ALL, .submit = device_submit};
static struct backend device = {.ops = &device_ops, .size_bytes = 1 << 30};

static int sidecar_path(void *ctx, const char *suffix, char *path, size_t size_bytes)
{
	snprintf(path, size_bytes, "%s/%s", folder, suffix);
	return 0;
}

static int key_put(void *ctx, const char *filter, const char *name, const void *key,
		   size_t size_bytes)
{
	return 0;
}

static void check(void *ctx, int result, const struct err *err)
{
	if (result >= 0)
		return;
	fprintf(stderr, "%s\n", err->text);
	exit(1);
}

static void commanded(void *ctx, int result, const char *reply_json, const struct err *err)
{
	check(NULL, result, err);
	*(bool *)ctx = true;
}

static void settle(void)
{
	fake_env_settle(&fe);
	while (fake_env_run_work(&fe))
		fake_env_settle(&fe);
}

static void format(void)
{
	bool is_done = false;
	int fds[2];
	char kek[32] = "a key for a benchmark";

	if (pipe(fds) < 0 || write(fds[1], kek, sizeof(kek)) != (ssize_t)sizeof(kek))
		exit(1);
	chain_command(chain, "encryption", "format", "{}", fds[0], commanded, &is_done);
	while (!is_done)
		settle();
	close(fds[0]);
	close(fds[1]);
}

static void open_chain(uint32_t sector_bytes, const struct sluice_filter_ops *ops)
{
	struct chain_host host = {.sidecar_path = sidecar_path, .key_put = key_put};
	struct chain_cfg cfg = {.env = &fe.env,
				.backend = &device,
				.volume = "bench",
				.block_bytes = sector_bytes,
				.max_ios = 128,
				.host = &host};
	struct chain_filter_cfg filter = {.ops = ops};
	struct err err;

	check(NULL, chain_create(&cfg, &chain, &err), &err);
	if (!ops)
		return;
	chain_attach(chain, &filter, check, NULL);
	settle();
	format();
}

static void close_chain(void)
{
	static const char *const suffixes[] = {"luks", "luksbackup"};

	chain_drain(chain, check, NULL);
	settle();
	chain_detach_all(chain);
	chain_destroy(chain);
	for (int i = 0; i < 2; i++) {
		char path[64];

		sidecar_path(NULL, suffixes[i], path, sizeof(path));
		unlink(path);
	}
}

/* ---------------------------------------------------------------- the two */

static EVP_CIPHER_CTX *context(int is_encryption)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-256-XTS", NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t key[64];

	for (uint32_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(i * 3);
	if (!cipher || !ctx || EVP_CipherInit_ex2(ctx, cipher, key, NULL, is_encryption, NULL) != 1)
		exit(1);
	EVP_CIPHER_free(cipher);
	return ctx;
}

static uint64_t evp_ns(EVP_CIPHER_CTX *ctx, enum sluice_op op, uint32_t sector_bytes,
		       uint32_t len_bytes, uint64_t count)
{
	uint64_t start_ns = clock_thread_cpu_ns(), number = 0;
	uint8_t *out = op == SLUICE_OP_WRITE ? to : from;
	uint8_t tweak[16] = {0};
	int n;

	for (uint64_t i = 0; i < count; i++) {
		for (uint32_t at = 0; at < len_bytes; at += sector_bytes, number++) {
			memcpy(tweak, &number, sizeof(number));
			if (EVP_CipherInit_ex2(ctx, NULL, NULL, tweak, -1, NULL) != 1 ||
			    EVP_CipherUpdate(ctx, out + at, &n, from + at, (int)sector_bytes) != 1)
				exit(1);
		}
	}
	return clock_thread_cpu_ns() - start_ns;
}

static void io_ended(struct sluice_io *io)
{
	ended += io->status == SLUICE_OK;
	chain_io_put(chain, io);
}

static uint64_t filter_ns(enum sluice_op op, uint32_t len_bytes, uint64_t count)
{
	uint64_t start_ns = clock_thread_cpu_ns();

	ended = 0;
	for (uint64_t i = 0; i < count; i++) {
		struct sluice_io *io = chain_io_get(chain);

		io->op = (uint8_t)op;
		io->offset_bytes = i * len_bytes % (1u << 30);
		io->len_bytes = len_bytes;
		io->buf = from;
		chain_submit(chain, io, io_ended, NULL);
	}
	if (ended != count) {
		fprintf(stderr, "%llu of %llu I/Os failed\n", (unsigned long long)(count - ended),
			(unsigned long long)count);
		exit(1);
	}
	return clock_thread_cpu_ns() - start_ns;
}

static int by_size(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static uint64_t median(uint64_t *ns, uint32_t count)
{
	qsort(ns, count, sizeof(*ns), by_size);
	return ns[count / 2];
}

/* Of the chain alone, per I/O. */
static double empty_ns(uint32_t slices)
{
	uint64_t *ns = calloc(slices, sizeof(*ns));
	double one;

	if (!ns)
		exit(1);
	open_chain(4096, NULL);
	for (uint32_t i = 0; i < slices; i++)
		ns[i] = filter_ns(SLUICE_OP_WRITE, 4096, 1000);
	close_chain();
	one = (double)median(ns, slices) / 1000;
	free(ns);
	return one;
}

static void row(enum sluice_op op, uint32_t sector_bytes, uint32_t len_bytes, uint32_t slices,
		double chain_ns)
{
	EVP_CIPHER_CTX *ctx = context(op == SLUICE_OP_WRITE);
	uint64_t *all = calloc(2 * (size_t)slices, sizeof(*all)), count = SLICE_BYTES / len_bytes;
	double evp, filter;

	if (!all)
		exit(1);
	for (uint32_t i = 0; i < 2 * slices; i++) {
		/* who comes second finds the caches as the first has left them: so it changes */
		bool is_evp = ((i + i / 2) & 1) == 0;

		all[is_evp ? i / 2 : slices + i / 2] =
		    is_evp ? evp_ns(ctx, op, sector_bytes, len_bytes, count)
			   : filter_ns(op, len_bytes, count);
	}
	EVP_CIPHER_CTX_free(ctx);
	evp = (double)median(all, slices);
	filter = (double)median(all + slices, slices);
	printf("%6u %8u %-6s %9.2f %9.2f %9.0f %9.1f %12.1f\n", sector_bytes, len_bytes,
	       op == SLUICE_OP_WRITE ? "write" : "read", SLICE_BYTES / evp, SLICE_BYTES / filter,
	       (filter - evp) / (double)count, 100.0 * evp / filter,
	       100.0 * evp / (filter - chain_ns * (double)count));
	free(all);
}

int main(int argc, char **argv)
{
	const struct sluice_filter_ops *ops;
	uint64_t slices = 1000;
	double chain_ns;
	struct err err;

	if (argc > 2)
		check(NULL, parse_u64("slices", argv[2], 1, SLICES_MAX, &slices, &err), &err);
	check(NULL, plugin_load_dir(argc > 1 ? argv[1] : "build/release/filters", &err), &err);
	ops = plugin_find("encryption");
	from = aligned_alloc(4096, BUF);
	to = aligned_alloc(4096, BUF);
	if (!ops || !from || !to || !mkdtemp(folder))
		return 1;
	memset(from, 0x5a, BUF);
	fake_env_init(&fe, 1);
	chain_ns = empty_ns((uint32_t)slices);
	printf("the chain alone: %.0f ns an I/O\n", chain_ns);
	printf("sector      I/O op      EVP GB/s    filter   more ns  %% of EVP  without chain\n");
	for (uint32_t sector_bytes = 512; sector_bytes <= 4096; sector_bytes *= 8) {
		open_chain(sector_bytes, ops);
		for (uint32_t len_bytes = 4096; len_bytes <= BUF; len_bytes *= 64) {
			row(SLUICE_OP_WRITE, sector_bytes, len_bytes, (uint32_t)slices, chain_ns);
			row(SLUICE_OP_READ, sector_bytes, len_bytes, (uint32_t)slices, chain_ns);
		}
		close_chain();
	}
	fake_env_fini(&fe);
	rmdir(folder);
	free(from);
	free(to);
	return 0;
}
