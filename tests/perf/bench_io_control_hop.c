/* SPDX-License-Identifier: MIT */
/*
 * bench_io_control_hop.c - what io_control costs an I/O: ns through the chain with and without it,
 * for 1 to 1,000 volumes of one datastore, over a backend that ends I/Os at once.
 *
 *     bench_io_control_hop [folder of the filters] [I/Os per round]
 *
 *   idle       attached, nothing set: every I/O passes below the threshold
 *   limited    limits and a reservation that are never reached: three tags more
 *   throttled  the window is full: every I/O is held, queued, popped and resumed; so the backend
 *              ends I/Os later, in their order, in both columns
 *
 * CPU time of the thread, the least of several rounds. Prints a table; passes or fails nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chain.h"
#include "clock.h"
#include "fake_env.h"
#include "groups.h"
#include "parse.h"
#include "plugin.h"

#define ROUNDS      7
#define VOLUMES_MAX 1000u
#define QUEUE       65536u

struct vol {
	struct chain *c;
	uint32_t under_way;
};

static struct fake_env fe;
static struct groups *groups;
static struct vol volumes[VOLUMES_MAX];
static uint32_t count;
static const struct sluice_filter_ops *ops;
static struct sluice_io *at_device[QUEUE];
static uint32_t device_head, device_tail;
static bool is_deferred;
static uint64_t ended;

/* ---------------------------------------------------------------- the device */

static void device_submit(struct backend *b, struct sluice_io *io)
{
	if (is_deferred)
		at_device[device_head++ % QUEUE] = io;
	else
		io->end(io);
}

static const struct backend_ops device_ops = {
    .name = "null", .op_mask = SLUICE_OPS_ALL, .submit = device_submit};
static struct backend device = {.ops = &device_ops, .size_bytes = 1 << 30};

/* ---------------------------------------------------------------- the load */

static void io_ended(struct sluice_io *io)
{
	struct vol *v = chain_io_owner(io);

	ended++;
	v->under_way--;
	chain_io_put(v->c, io);
}

static void send(struct vol *v)
{
	struct sluice_io *io = chain_io_get(v->c);

	io->op = SLUICE_OP_READ;
	io->offset_bytes = ended % 1024 * 4096;
	io->len_bytes = 4096;
	v->under_way++;
	chain_submit(v->c, io, io_ended, v);
}

/* 20 us apart: 50,000 a second on the virtual clock. */
static uint64_t round_direct_ns(uint64_t ios)
{
	uint64_t start_ns = clock_thread_cpu_ns();

	for (uint64_t i = 0; i < ios; i++) {
		fe.now_ns += 20000;
		send(&volumes[i % count]);
	}
	return clock_thread_cpu_ns() - start_ns;
}

/* Each volume keeps some under way; the device ends the oldest, 20 us after the one before. */
static uint64_t round_queued_ns(uint64_t ios)
{
	uint64_t start_ns = clock_thread_cpu_ns(), next = 0;

	for (uint64_t i = 0; i < ios; i++) {
		struct sluice_io *io = at_device[device_tail++ % QUEUE];

		fe.now_ns += 20000;
		io->end(io);
		send(&volumes[next++ % count]);
	}
	return clock_thread_cpu_ns() - start_ns;
}

static double best_ns(uint64_t ios)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < ROUNDS; i++) {
		uint64_t ns = is_deferred ? round_queued_ns(ios) : round_direct_ns(ios);

		best = ns < best ? ns : best;
		fake_env_advance(&fe, 1); /* the period's tick, if it is due */
	}
	return (double)best / (double)ios;
}

/* ---------------------------------------------------------------- scenes */

static void check(void *ctx, int result, const struct err *err)
{
	if (result < 0) {
		fprintf(stderr, "%s\n", err->text);
		exit(1);
	}
}

static void open_volumes(uint32_t n)
{
	struct groups_cfg gcfg = {.env = &fe.env, .datastore = "bench"};
	struct chain_host host = {.ctx = NULL};
	struct err err;

	count = n;
	check(NULL, groups_create(&gcfg, &groups, &err), &err);
	for (uint32_t i = 0; i < n; i++) {
		struct chain_cfg cfg = {.env = &fe.env,
					.groups = groups,
					.backend = &device,
					.volume = "bench",
					.block_bytes = 512,
					.max_ios = 128,
					.host = &host};

		volumes[i].under_way = 0;
		check(NULL, chain_create(&cfg, &volumes[i].c, &err), &err);
	}
}

static void close_volumes(void)
{
	for (; device_tail != device_head; device_tail++) {
		fe.now_ns += 20000;
		at_device[device_tail % QUEUE]->end(at_device[device_tail % QUEUE]);
	}
	for (uint32_t i = 0; i < count; i++) {
		chain_drain(volumes[i].c, check, NULL);
		fake_env_settle(&fe);
		for (; device_tail != device_head; device_tail++)
			at_device[device_tail % QUEUE]->end(at_device[device_tail % QUEUE]);
		fake_env_settle(&fe);
		chain_detach_all(volumes[i].c);
		chain_destroy(volumes[i].c);
	}
	groups_free(groups);
	fake_env_settle(&fe);
}

static void attach_all(const char *const *names, const char *const *values, uint32_t n)
{
	struct chain_filter_cfg cfg = {
	    .ops = ops, .names = names, .values = values, .value_count = n};

	for (uint32_t i = 0; i < count; i++) {
		chain_attach(volumes[i].c, &cfg, check, NULL);
		fake_env_settle(&fe);
	}
}

/* A threshold of 100 us, and a device that takes many times that. */
static void congest(void)
{
	static const char *const names[] = {"enabled", "threshold_mode", "threshold_us"};
	static const char *const values[] = {"true", "manual", "100"};
	struct err err;

	check(NULL, groups_prepare(groups, ops, names, values, 3, &err), &err);
	groups_commit(groups, ops);
}

static void fill(void)
{
	uint32_t each = count >= 100 ? 8 : 64;

	for (uint32_t i = 0; i < count * each; i++)
		send(&volumes[i % count]);
	for (int i = 0; i < 50; i++) {
		fake_env_advance(&fe, 20000000);
		round_queued_ns(100);
	}
}

static double scene(uint32_t n, const char *what, uint64_t ios)
{
	static const char *const names[] = {"limit_iops", "limit_bytes_per_s", "reservation_iops"};
	static const char *const values[] = {"10000000", "1000000000000", "1"};
	double ns;

	is_deferred = strstr(what, "queued") || strstr(what, "throttled");
	open_volumes(n);
	if (strcmp(what, "idle") == 0 || strcmp(what, "throttled") == 0)
		attach_all(NULL, NULL, 0);
	if (strcmp(what, "limited") == 0)
		attach_all(names, values, 3);
	if (strcmp(what, "throttled") == 0)
		congest();
	if (is_deferred)
		fill();
	ns = best_ns(ios);
	close_volumes();
	return ns;
}

static int load(const char *program, const char *folder)
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
	ops = plugin_find("io_control");
	return ops ? 0 : -1;
}

int main(int argc, char **argv)
{
	static const uint32_t counts[] = {1, 10, 100, 1000};
	uint64_t ios = 500000;
	struct err err;

	if (argc > 2 && parse_u64("I/Os", argv[2], 1, 1000000000, &ios, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return 2;
	}
	if (load(argv[0], argc > 1 ? argv[1] : NULL) < 0)
		return 1;
	fake_env_init(&fe, 1);
	printf("added ns per I/O\n%-8s %10s %10s %10s %14s\n", "volumes", "none (ns)", "idle",
	       "limited", "throttled");
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		double none = scene(counts[i], "none", ios);
		double idle = scene(counts[i], "idle", ios) - none;
		double limited = scene(counts[i], "limited", ios) - none;
		double queued = scene(counts[i], "queued", ios);

		printf("%-8u %10.1f %10.1f %10.1f %14.1f\n", counts[i], none, idle, limited,
		       scene(counts[i], "throttled", ios) - queued);
	}
	fake_env_fini(&fe);
	return 0;
}
