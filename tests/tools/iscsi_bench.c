/* SPDX-License-Identifier: MIT */
/*
 * iscsi_bench.c - an asynchronous load of one shape; one line of JSON.
 *
 *     iscsi_bench --bytes 4096 --depth 32 [--write-pct 0] [--sequential] [--sessions 1]
 *                 [--seconds 2] [--warm-ms 200] [--region-bytes N] [--flush-every N] iscsi://...
 *
 * --flush-every: after so many writes a SYNCHRONIZE CACHE takes a slot's turn; it is not counted.
 * Latencies are kept in a histogram with 1/16 resolution, so that recording one costs nothing. The
 * client's own CPU time is reported, since client and target share the machine in our benchmarks.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "clock.h"
#include "initiator.h"

#define SESSIONS_MAX 16
#define DEPTH_MAX    256
#define BUCKETS      (64 * 16)
#define LIMIT_MS     10000

struct slot {
	struct bench *bench;
	struct initiator *in;
	struct scsi_task *task;
	uint8_t *buf;
	uint64_t sent_ns;
	bool is_busy, is_flush;
};

struct bench {
	uint32_t bytes;
	int depth, sessions, write_pct, seconds, warm_ms, flush_every;
	bool is_sequential;
	uint64_t region_bytes;
	/* running */
	struct initiator in[SESSIONS_MAX];
	struct slot *slots;
	uint64_t random, next;
	int unflushed;
	bool is_measuring, is_stopping;
	int in_flight;
	uint64_t ended, errors, sum_ns, max_ns;
	uint64_t histogram[BUCKETS];
};

static struct bench bench;

static unsigned bucket_of(uint64_t ns)
{
	unsigned top = ns < 16 ? 3 : 63u - (unsigned)__builtin_clzll(ns);

	return ns < 16 ? (unsigned)ns : (top - 3) * 16 + (unsigned)(ns >> (top - 4) & 15);
}

static double bucket_us(unsigned b)
{
	if (b < 16)
		return b / 1000.0;
	return (double)((16ull + b % 16) << (b / 16 - 1)) / 1000.0;
}

static double percentile_us(const struct bench *b, double p)
{
	uint64_t want = (uint64_t)((double)b->ended * p / 100.0), seen = 0;

	for (unsigned i = 0; i < BUCKETS; i++) {
		seen += b->histogram[i];
		if (seen > want)
			return bucket_us(i);
	}
	return (double)b->max_ns / 1000.0;
}

static uint64_t random_next(struct bench *b)
{
	b->random ^= b->random << 13;
	b->random ^= b->random >> 7;
	b->random ^= b->random << 17;
	return b->random;
}

static void send_one(struct slot *s);

static void on_end(struct iscsi_context *iscsi, int status, void *data, void *priv)
{
	struct slot *s = priv;
	struct bench *b = s->bench;
	uint64_t took_ns = clock_now_ns() - s->sent_ns;

	(void)iscsi;
	(void)data;
	scsi_free_scsi_task(s->task);
	s->is_busy = false;
	b->in_flight--;
	if (status != SCSI_STATUS_GOOD) {
		b->errors++;
		b->is_stopping = true;
		return;
	}
	if (b->is_measuring && !s->is_flush) {
		b->ended++;
		b->sum_ns += took_ns;
		b->histogram[bucket_of(took_ns)]++;
		if (took_ns > b->max_ns)
			b->max_ns = took_ns;
	}
	if (!b->is_stopping)
		send_one(s);
}

static void send_one(struct slot *s)
{
	struct bench *b = s->bench;
	uint64_t places = b->region_bytes / b->bytes;
	uint32_t bb = s->in->block_bytes, n = b->bytes / bb;
	uint64_t place = (b->is_sequential ? b->next++ : random_next(b)) % places;
	bool is_write = (int)(random_next(b) % 100) < b->write_pct;
	struct cdb c;

	s->is_flush = b->flush_every && b->unflushed >= b->flush_every;
	if (s->is_flush) {
		b->unflushed = 0;
		c = cdb_sync_cache16(0, 0);
	} else if (is_write) {
		b->unflushed++;
		c = cdb_write16(place * n, n, bb, s->buf, false);
	} else {
		c = cdb_read16(place * n, n, bb, false);
		c.in_buf = s->buf;
	}
	s->sent_ns = clock_now_ns();
	s->task = initiator_start(s->in, &c, on_end, s);
	if (!s->task) {
		b->errors++;
		b->is_stopping = true;
		return;
	}
	s->is_busy = true;
	b->in_flight++;
}

static void serve_until(struct bench *b, uint64_t end_ns)
{
	struct initiator *in[SESSIONS_MAX];

	for (int i = 0; i < b->sessions; i++)
		in[i] = &b->in[i];
	while (clock_now_ns() < end_ns && !b->errors && (b->in_flight || !b->is_stopping))
		initiator_poll(in, b->sessions, 10);
}

static uint64_t own_cpu_ns(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return ((uint64_t)r.ru_utime.tv_sec + (uint64_t)r.ru_stime.tv_sec) * CLOCK_NS_PER_S +
	       ((uint64_t)r.ru_utime.tv_usec + (uint64_t)r.ru_stime.tv_usec) * CLOCK_NS_PER_US;
}

/* Tells the script when the measured time begins and ends, so that it reads the daemons' CPU times
 * then. */
static void mark(const char *word)
{
	char line[8];

	puts(word);
	fflush(stdout);
	/* The script answers with a line when it has read them; without one at hand, standard input
	 * is empty. */
	if (!fgets(line, sizeof(line), stdin))
		return;
}

static void run(struct bench *b)
{
	uint64_t from_ns, took_ns, cpu_ns;

	for (int i = 0; i < b->sessions * b->depth; i++)
		send_one(&b->slots[i]);
	serve_until(b, clock_now_ns() + (uint64_t)b->warm_ms * CLOCK_NS_PER_MS);
	mark("begin");
	b->is_measuring = true;
	cpu_ns = own_cpu_ns();
	from_ns = clock_now_ns();
	serve_until(b, from_ns + (uint64_t)b->seconds * CLOCK_NS_PER_S);
	took_ns = clock_now_ns() - from_ns;
	cpu_ns = own_cpu_ns() - cpu_ns;
	b->is_measuring = false;
	mark("end");
	b->is_stopping = true;
	serve_until(b, clock_now_ns() + 10 * CLOCK_NS_PER_S);
	printf(
	    "{\"ended\":%" PRIu64 ",\"errors\":%" PRIu64
	    ",\"iops\":%.0f,\"mb_per_s\":%.1f,\"mean_us\":%.1f,"
	    "\"p50_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%.1f,\"max_us\":%.1f,\"client_cpu_us\":%.2f}\n",
	    b->ended, b->errors, (double)b->ended * 1e9 / (double)took_ns,
	    (double)b->ended * b->bytes * 1e3 / (double)took_ns,
	    b->ended ? (double)b->sum_ns / 1e3 / (double)b->ended : 0, percentile_us(b, 50),
	    percentile_us(b, 99), percentile_us(b, 99.9), (double)b->max_ns / 1e3,
	    b->ended ? (double)cpu_ns / 1e3 / (double)b->ended : 0);
}

static int set_up(struct bench *b, const char *url)
{
	b->slots = calloc((size_t)(b->sessions * b->depth), sizeof(*b->slots));
	if (!b->slots)
		return -1;
	for (int i = 0; i < b->sessions; i++) {
		if (initiator_open(&b->in[i], url, NULL, LIMIT_MS)) {
			fprintf(stderr, "iscsi_bench: %s: %s\n", url, b->in[i].error);
			return -1;
		}
	}
	if (!b->region_bytes || b->region_bytes > b->in[0].blocks * b->in[0].block_bytes)
		b->region_bytes = b->in[0].blocks * b->in[0].block_bytes;
	if (b->bytes % b->in[0].block_bytes || b->region_bytes < b->bytes)
		return -1;
	for (int i = 0; i < b->sessions * b->depth; i++) {
		struct slot *s = &b->slots[i];

		s->bench = b;
		s->in = &b->in[i % b->sessions];
		s->buf = aligned_alloc(4096, (b->bytes + 4095u) & ~4095u);
		if (!s->buf)
			return -1;
		memset(s->buf, 0x5a + i, b->bytes);
	}
	return 0;
}

static int parse(struct bench *b, int argc, char **argv)
{
	static const struct option options[] = {
	    {"bytes", 1, NULL, 'b'},       {"depth", 1, NULL, 'd'},
	    {"write-pct", 1, NULL, 'w'},   {"sequential", 0, NULL, 'q'},
	    {"sessions", 1, NULL, 'n'},    {"seconds", 1, NULL, 's'},
	    {"warm-ms", 1, NULL, 'm'},     {"region-bytes", 1, NULL, 'r'},
	    {"flush-every", 1, NULL, 'f'}, {0}};
	int c;

	*b = (struct bench){.bytes = 4096,
			    .depth = 1,
			    .sessions = 1,
			    .seconds = 2,
			    .warm_ms = 200,
			    .random = 0x9e3779b97f4a7c15ull};
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		uint64_t v = optarg ? strtoull(optarg, NULL, 0) : 0;

		switch (c) {
		case 'b':
			b->bytes = (uint32_t)v;
			break;
		case 'd':
			b->depth = (int)v;
			break;
		case 'w':
			b->write_pct = (int)v;
			break;
		case 'q':
			b->is_sequential = true;
			break;
		case 'n':
			b->sessions = (int)v;
			break;
		case 's':
			b->seconds = (int)v;
			break;
		case 'm':
			b->warm_ms = (int)v;
			break;
		case 'r':
			b->region_bytes = v;
			break;
		case 'f':
			b->flush_every = (int)v;
			break;
		default:
			return -1;
		}
	}
	return optind + 1 == argc && b->depth > 0 && b->depth <= DEPTH_MAX && b->sessions > 0 &&
		       b->sessions <= SESSIONS_MAX && b->bytes
		   ? 0
		   : -1;
}

int main(int argc, char **argv)
{
	if (parse(&bench, argc, argv) || set_up(&bench, argv[optind])) {
		fputs(
		    "iscsi_bench --bytes N --depth N [--write-pct N] [--sequential] [--sessions N] [--seconds N] "
		    "[--warm-ms N] [--region-bytes N] [--flush-every N] iscsi://...\n",
		    stderr);
		return 2;
	}
	run(&bench);
	for (int i = 0; i < bench.sessions; i++)
		initiator_close(&bench.in[i]);
	for (int i = 0; i < bench.sessions * bench.depth; i++)
		free(bench.slots[i].buf);
	free(bench.slots);
	return bench.errors ? 1 : 0;
}
