/* SPDX-License-Identifier: MIT */
/*
 * bench_backend.c - IOPS and CPU time per I/O of a backend alone: 4 KiB random, queue depth 32.
 *
 *     bench_backend [folder [seconds per line]]
 *
 * CPU is that of the whole process (worker, pool and io_uring's kernel threads). Never passes or
 * fails.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "backend.h"
#include "clock.h"
#include "env_linux.h"

#define DEPTH      32u
#define IO_BYTES   4096u
#define FILE_BYTES (256ull << 20)

struct slot {
	struct sluice_io io; /* first */
	struct slot *next;
};

static struct env *env;
static struct backend *backend;
static struct slot slots[DEPTH];
static struct slot *ended;
static uint8_t *arena;
static uint64_t ios, errors, random_state;
static uint32_t in_flight;

static uint64_t process_cpu_ns(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * CLOCK_NS_PER_S +
	       (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * CLOCK_NS_PER_US;
}

static void on_end(struct sluice_io *io)
{
	struct slot *s = (struct slot *)io;

	ios++;
	in_flight--;
	errors += io->status != SLUICE_OK;
	s->next = ended;
	ended = s;
}

static void submit(struct slot *s, enum sluice_op op)
{
	random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
	s->io.op = (uint8_t)op;
	s->io.offset_bytes = (random_state >> 20) % (FILE_BYTES / IO_BYTES) * IO_BYTES;
	s->io.len_bytes = IO_BYTES;
	s->io.buf = arena + (size_t)(s - slots) * IO_BYTES;
	s->io.end = on_end;
	in_flight++;
	backend->ops->submit(backend, &s->io);
}

static void line(const char *name, enum sluice_op op, uint64_t seconds)
{
	uint64_t start_ns = clock_now_ns(), end_ns = start_ns + seconds * CLOCK_NS_PER_S;
	uint64_t cpu_ns = process_cpu_ns(), worker_ns = clock_thread_cpu_ns();
	double span_s;

	ios = errors = 0;
	ended = NULL;
	for (uint32_t i = 0; i < DEPTH; i++)
		submit(&slots[i], op);
	while (ios == 0 || clock_now_ns() < end_ns) {
		struct slot *s;

		env_linux_turn(env, ended ? 0 : ENV_LINUX_TURN_MAX_NS);
		/* A backend in RAM ends inside submit(): one round per turn, or it would never
		 * return. */
		for (s = ended, ended = NULL; s;) {
			struct slot *next = s->next;

			submit(s, op);
			s = next;
		}
	}
	span_s = (double)(clock_now_ns() - start_ns) / 1e9;
	cpu_ns = process_cpu_ns() - cpu_ns;
	worker_ns = clock_thread_cpu_ns() - worker_ns;
	printf("%-34s %-5s %9.0f IOPS  %6.2f us CPU/IO  %6.2f us worker/IO%s\n", name,
	       op == SLUICE_OP_READ ? "read" : "write", (double)ios / span_s,
	       (double)cpu_ns / 1e3 / (double)ios, (double)worker_ns / 1e3 / (double)ios,
	       errors ? "  ERRORS" : "");
	fflush(stdout);
	while (in_flight > 0)
		env_linux_turn(env, ENV_LINUX_TURN_MAX_NS);
}

static int variant(const char *path, const char *kind, bool is_uring_off, bool is_buffered,
		   enum write_cache write_cache, uint64_t seconds)
{
	struct env_linux_cfg env_cfg = {.is_uring_off = is_uring_off};
	struct backend_cfg cfg = {.path = path,
				  .size_bytes = FILE_BYTES,
				  .block_bytes = 512,
				  .write_cache = write_cache,
				  .is_buffered = is_buffered};
	const struct backend_ops *ops = backend_find(kind);
	struct err err = {0};
	char name[96];
	int rc = env_linux_create(&env_cfg, &env, &err);

	rc = rc ? rc : ops->open(env, &cfg, &backend, &err);
	if (rc) {
		fprintf(stderr, "%s\n", err.text);
		return rc;
	}
	for (uint32_t i = 0; i < DEPTH; i++)
		slots[i].io.bottom = calloc(1, backend->io_ctx_bytes);
	env->ops->memory_register(env, arena, (uint64_t)DEPTH * IO_BYTES);
	snprintf(name, sizeof(name), "%s %s %s %s", kind, is_uring_off ? "pool" : "io_uring",
		 is_buffered ? "buffered" : "direct",
		 write_cache == WRITE_CACHE_DURABLE ? "durable" : "volatile");
	line(name, SLUICE_OP_READ, seconds);
	line(name, SLUICE_OP_WRITE, seconds);
	for (uint32_t i = 0; i < DEPTH; i++)
		free(slots[i].io.bottom);
	ops->close(backend);
	env_linux_destroy(env);
	return 0;
}

/* Written once from end to end, or reads would be of holes and writes would allocate. */
static int fill(const char *path)
{
	FILE *f = fopen(path, "w");
	size_t n = 0;

	for (uint64_t at = 0; f && at < FILE_BYTES; at += (uint64_t)DEPTH * IO_BYTES)
		n += fwrite(arena, IO_BYTES, DEPTH, f);
	if (!f || fflush(f) || fsync(fileno(f)) || n != FILE_BYTES / IO_BYTES) {
		fprintf(stderr, "cannot write %s: %s\n", path, strerror(errno));
		return 1;
	}
	return fclose(f);
}

int main(int argc, char **argv)
{
	const char *folder = argc > 1 ? argv[1] : "/var/tmp";
	uint64_t seconds = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	char *path = NULL;
	int rc;

	if (posix_memalign((void **)&arena, 4096, (size_t)DEPTH * IO_BYTES) ||
	    asprintf(&path, "%s/bench_backend.%d", folder, (int)getpid()) < 0)
		return 1;
	memset(arena, 0x5a, (size_t)DEPTH * IO_BYTES);
	rc = fill(path);
	for (int i = 0; rc == 0 && i < 8; i++)
		rc = variant(path, "dir", i & 4, i & 2,
			     i & 1 ? WRITE_CACHE_DURABLE : WRITE_CACHE_VOLATILE, seconds);
	if (rc == 0)
		rc = variant(path, "mem", false, false, WRITE_CACHE_VOLATILE, seconds);
	unlink(path);
	free(path);
	free(arena);
	return rc != 0;
}
