/* SPDX-License-Identifier: MIT */
/*
 * bench_mclock.c - what the I/O control scheduler costs a request, in CPU time, by the number of
 * volumes.
 *
 *   pass      a request that may go at once: mclock_pass()
 *   queued    a request that waits its turn: mclock_push() and mclock_pop()
 *
 * "plain" volumes have shares alone; "all set" ones also a reservation and both limits, which are
 * high enough never to hold a request (else there would be nothing to measure). The best of five
 * rounds, since other load on the machine only ever adds. Nothing passes or fails by a time.
 */
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "mclock.h"

#define REQUESTS   1000000u
#define ROUNDS     5u
#define DEPTH      4u
#define STEP_NS    400u /* between requests, so 2.5 million a second */
#define CLIENT_MAX 1000u

struct bench {
	struct mclock *m;
	struct mclock_client *clients[CLIENT_MAX];
	struct mclock_request *requests;
	uint32_t *order; /* which client is next: random, so that no predictor learns it */
	uint32_t count;
	uint64_t now_ns;
};

static void *get(size_t bytes)
{
	void *p = calloc(1, bytes);

	if (!p)
		abort();
	return p;
}

static void begin(struct bench *b, uint32_t count, bool is_all_set)
{
	*b = (struct bench){.m = get(mclock_bytes(count)), .count = count, .now_ns = 1};
	mclock_init(b->m, count, b->now_ns);
	for (uint32_t i = 0; i < count; i++) {
		struct mclock_config cfg = {.shares = 500u << (i % 3), .burst_ms = 1000};

		if (is_all_set) {
			cfg.reservation_iops = 100000 / count;
			cfg.limit_iops = 100000000;
			cfg.limit_bytes_per_s = 900000000000;
		}
		b->clients[i] = get(mclock_client_bytes());
		if (mclock_add(b->m, b->clients[i], &cfg, b->now_ns) < 0)
			abort();
	}
	b->requests = get(sizeof(*b->requests) * count * DEPTH);
	b->order = get(sizeof(*b->order) * REQUESTS);
	for (uint32_t i = 0; i < REQUESTS; i++)
		b->order[i] = (uint32_t)(((i * 0x9e3779b97f4a7c15ull) >> 32) * count >> 32);
}

static void end(struct bench *b)
{
	for (uint32_t i = 0; i < b->count; i++)
		free(b->clients[i]);
	free(b->requests);
	free(b->order);
	free(b->m);
}

static uint64_t pass_ns(struct bench *b)
{
	uint64_t from_ns = clock_thread_cpu_ns(), held = 0;

	for (uint32_t i = 0; i < REQUESTS; i++) {
		b->now_ns += STEP_NS;
		held += !mclock_pass(b->m, b->clients[b->order[i]], 4096, b->now_ns, true, true);
	}
	if (held > 0)
		printf("%lu requests were held\n", (unsigned long)held);
	return clock_thread_cpu_ns() - from_ns;
}

static uint64_t queued_ns(struct bench *b)
{
	uint64_t from_ns = clock_thread_cpu_ns();
	enum mclock_why why;

	for (uint32_t i = 0; i < REQUESTS; i++) {
		struct mclock_request *q;
		struct mclock_client *c;

		b->now_ns += STEP_NS;
		q = mclock_pop(b->m, b->now_ns, true, true, &why);
		if (!q)
			abort();
		/* Whose it was: the pool is laid out by client. */
		c = b->clients[(size_t)(q - b->requests) / DEPTH];
		mclock_push(b->m, c, q, b->now_ns);
	}
	return clock_thread_cpu_ns() - from_ns;
}

static void run(uint32_t count, bool is_all_set)
{
	uint64_t pass = UINT64_MAX, queued = UINT64_MAX;
	struct bench b;

	begin(&b, count, is_all_set);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		uint64_t ns = pass_ns(&b);

		pass = ns < pass ? ns : pass;
	}
	for (uint32_t i = 0; i < count * DEPTH; i++) {
		b.requests[i].len_bytes = 4096u << (i % 8);
		mclock_push(b.m, b.clients[i / DEPTH], &b.requests[i], b.now_ns);
	}
	for (uint32_t i = 0; i < ROUNDS; i++) {
		uint64_t ns = queued_ns(&b);

		queued = ns < queued ? ns : queued;
	}
	printf("%8u  %-8s %8.1f %8.1f\n", count, is_all_set ? "all set" : "plain",
	       (double)pass / REQUESTS, (double)queued / REQUESTS);
	end(&b);
}

int main(void)
{
	static const uint32_t counts[] = {1, 10, 100, 1000};

	printf("%8s  %-8s %8s %8s\n", "volumes", "settings", "pass ns", "queue ns");
	for (uint32_t s = 0; s < 2; s++) {
		for (uint32_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
			run(counts[i], s == 1);
	}
	return 0;
}
