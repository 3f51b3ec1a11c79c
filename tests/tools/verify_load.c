/* SPDX-License-Identifier: MIT */
/*
 * verify_load.c - load that knows what every block may hold, and checks it.
 *
 *     verify_load [option...] iscsi://... [iscsi://...]
 *
 * Every block that is written carries a magic number, the volume's id, its LBA, a generation and a
 * checksum. Reads under load and a final pass over all blocks tell lost, stale, torn and
 * misdirected blocks. The last line of output is one JSON object; the exit status is 0 only without
 * a violation and without an error at the initiator. SIGTERM ends the load and starts the final
 * pass.
 */
#include "load.h"

#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"

static volatile sig_atomic_t is_asked_to_stop;

static void on_signal(int sig)
{
	(void)sig;
	is_asked_to_stop = 1;
}

static const char usage[] =
    "verify_load [option...] iscsi://... [iscsi://...]   (sessions are spread over the URLs)\n"
    "  --seconds N --ops N          when to stop (else at SIGTERM)\n"
    "  --sessions N --depth N       sessions, and commands in flight in each\n"
    "  --lba N --blocks N           the region\n"
    "  --volume-id N --seed N\n"
    "  --mix WORD=WEIGHT,...        read write caw caw_miss unmap write_same sync\n"
    "  --zero                       the region is known to hold zeros\n"
    "  --survive-reconnect          a lost connection is made again; what was unanswered is unknown\n"
    "  --forbid-busy --forbid-attention\n"
    "  --max-stall-ms N             a longer time (times $PATIENCE) without any answer is a failure\n"
    "  --limit-ms N                 a command not answered for so long is hung (60000)\n"
    "  --progress FILE              keeps the number of ended commands there\n";

static int parse_mix(struct load_options *o, char *text)
{
	char *save = NULL;

	memset(o->weight, 0, sizeof(o->weight));
	for (char *item = strtok_r(text, ",", &save); item; item = strtok_r(NULL, ",", &save)) {
		char *eq = strchr(item, '=');
		int k = 0;

		if (!eq)
			return -1;
		*eq = 0;
		while (k < OP_KINDS && strcmp(op_words[k], item) != 0)
			k++;
		if (k == OP_KINDS)
			return -1;
		o->weight[k] = (unsigned)strtoul(eq + 1, NULL, 10);
	}
	return 0;
}

enum {
	O_SECONDS = 1,
	O_OPS,
	O_SESSIONS,
	O_DEPTH,
	O_LBA,
	O_BLOCKS,
	O_VOLUME,
	O_SEED,
	O_MIX,
	O_ZERO,
	O_RECONNECT,
	O_NO_BUSY,
	O_NO_UA,
	O_STALL,
	O_LIMIT,
	O_PROGRESS
};

static const struct option options[] = {{"seconds", 1, NULL, O_SECONDS},
					{"ops", 1, NULL, O_OPS},
					{"sessions", 1, NULL, O_SESSIONS},
					{"depth", 1, NULL, O_DEPTH},
					{"lba", 1, NULL, O_LBA},
					{"blocks", 1, NULL, O_BLOCKS},
					{"volume-id", 1, NULL, O_VOLUME},
					{"seed", 1, NULL, O_SEED},
					{"mix", 1, NULL, O_MIX},
					{"zero", 0, NULL, O_ZERO},
					{"survive-reconnect", 0, NULL, O_RECONNECT},
					{"forbid-busy", 0, NULL, O_NO_BUSY},
					{"forbid-attention", 0, NULL, O_NO_UA},
					{"max-stall-ms", 1, NULL, O_STALL},
					{"limit-ms", 1, NULL, O_LIMIT},
					{"progress", 1, NULL, O_PROGRESS},
					{0}};

/* How many times longer than on a machine of its own a thing may take; the harness says it. */
static int patience(void)
{
	const char *text = getenv("PATIENCE");
	long times = text ? strtol(text, NULL, 10) : 1;

	return times >= 1 && times <= 100 ? (int)times : 1;
}

static int parse_option(struct load_options *o, int c, char *arg)
{
	uint64_t v = arg ? strtoull(arg, NULL, 0) : 0;

	switch (c) {
	case O_SECONDS:
		o->seconds = (int)v;
		break;
	case O_OPS:
		o->max_ops = v;
		break;
	case O_SESSIONS:
		o->sessions = (int)v;
		break;
	case O_DEPTH:
		o->depth = (int)v;
		break;
	case O_LBA:
		o->first_lba = v;
		break;
	case O_BLOCKS:
		o->blocks = (uint32_t)v;
		break;
	case O_VOLUME:
		o->volume_id = v;
		break;
	case O_SEED:
		o->seed = v;
		break;
	case O_MIX:
		return parse_mix(o, arg);
	case O_ZERO:
		o->starts_zero = true;
		break;
	case O_RECONNECT:
		o->survives_reconnect = true;
		break;
	case O_NO_BUSY:
		o->forbids_busy = true;
		break;
	case O_NO_UA:
		o->forbids_attention = true;
		break;
	case O_STALL:
		o->max_stall_ms = (int)v * patience();
		break;
	case O_LIMIT:
		o->limit_ms = (int)v;
		break;
	case O_PROGRESS:
		o->progress = arg;
		break;
	default:
		return -1;
	}
	return 0;
}

static int parse(struct load_options *o, int argc, char **argv)
{
	int c;

	*o = (struct load_options){.sessions = 1,
				   .depth = 32,
				   .seed = 1,
				   .volume_id = 1,
				   .limit_ms = 60000,
				   .weight = {45, 40, 4, 1, 3, 4, 3}};
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (parse_option(o, c, optarg))
			return -1;
	}
	while (optind < argc && o->url_count < LOAD_SESSIONS_MAX)
		o->urls[o->url_count++] = argv[optind++];
	if (!o->url_count || o->sessions < 1 || o->sessions > LOAD_SESSIONS_MAX || o->depth < 1)
		return -1;
	if (o->sessions < o->url_count)
		o->sessions = o->url_count;
	return 0;
}

static int open_all(struct load *l)
{
	const struct load_options *o = &l->opt;

	for (int i = 0; i < o->sessions; i++) {
		struct session *s = &l->sessions[i];

		if (load_session_open(l, s, o->urls[i % o->url_count])) {
			fprintf(stderr, "verify_load: %s: %s\n", o->urls[i % o->url_count],
				s->in.error);
			return -1;
		}
	}
	if (!l->opt.blocks)
		l->opt.blocks = (32u << 20) / l->sessions[0].in.block_bytes;
	if (l->opt.blocks > l->sessions[0].in.blocks - o->first_lba)
		l->opt.blocks = (uint32_t)(l->sessions[0].in.blocks - o->first_lba);
	l->now = 1;
	l->next_gen = 1;
	l->random = (o->seed + 1) * 0x9e3779b97f4a7c15ull;
	return load_map_init(&l->map, l->opt.blocks, l->sessions[0].in.block_bytes, o->first_lba,
			     o->volume_id, o->starts_zero ? CONTENT_ZERO : CONTENT_ANY);
}

static void show_progress(const struct load *l, int fd)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%" PRIu64 "\n", l->fig.ops);

	if (fd >= 0 && pwrite(fd, text, (size_t)n, 0) < 0)
		return;
}

static bool is_time_over(const struct load *l, uint64_t end_ns)
{
	return is_asked_to_stop || l->is_stopping || (end_ns && clock_now_ns() > end_ns) ||
	       (l->opt.max_ops && l->fig.ops >= l->opt.max_ops);
}

static void turn(struct load *l)
{
	struct initiator *in[LOAD_SESSIONS_MAX];

	for (int i = 0; i < l->opt.sessions; i++) {
		in[i] = &l->sessions[i].in;
		load_session_fill(l, &l->sessions[i]);
	}
	initiator_poll(in, l->opt.sessions, 10);
	for (int i = 0; i < l->opt.sessions; i++)
		load_session_care(l, &l->sessions[i]);
}

static void run(struct load *l)
{
	uint64_t end_ns =
	    l->opt.seconds ? clock_now_ns() + (uint64_t)l->opt.seconds * CLOCK_NS_PER_S : 0;
	uint64_t tell_ns = 0;
	int fd = l->opt.progress
		     ? open(l->opt.progress, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)
		     : -1;

	while (!is_time_over(l, end_ns)) {
		turn(l);
		if (clock_now_ns() > tell_ns) {
			show_progress(l, fd);
			tell_ns = clock_now_ns() + 20 * CLOCK_NS_PER_MS;
		}
	}
	l->is_stopping = true;
	while (l->in_flight)
		turn(l);
	show_progress(l, fd);
	if (fd >= 0)
		close(fd);
}

/* Reads everything once more, with nothing else in flight. */
static int final_pass(struct load *l)
{
	struct initiator *in = &l->sessions[0].in;
	uint32_t bb = l->map.block_bytes, step = LOAD_IO_MAX_BYTES / bb;
	uint8_t *buf = malloc(LOAD_IO_MAX_BYTES);
	char why[600];
	int rc = 0;

	for (uint32_t at = 0; buf && at < l->map.count && !rc; at += step) {
		uint32_t n = l->map.count - at < step ? l->map.count - at : step;
		struct cdb cdb = cdb_read16(l->map.first_lba + at, n, bb, false);
		uint64_t start = ++l->now, now;
		struct outcome out;

		cdb.in_buf = buf;
		rc = initiator_simple(in, &cdb, l->opt.limit_ms, &out);
		now = ++l->now;
		for (uint32_t i = 0; !rc && i < n; i++) {
			enum finding f = load_map_judge(&l->map, buf + (size_t)i * bb, at + i,
							start, now, true, why, sizeof(why));

			if (f)
				load_count_finding(l, f, why);
		}
	}
	free(buf);
	if (rc) {
		l->fig.errors++;
		load_complain(l, "the final pass could not read: %s", in->error);
	}
	return rc;
}

static bool report(const struct load *l, double seconds)
{
	const struct load_figures *f = &l->fig;
	uint64_t stall_ms = f->max_stall_ns / CLOCK_NS_PER_MS;
	uint64_t violations = f->torn + f->stale + f->lost + f->misdirected + f->false_match;
	bool ok = !violations && !f->errors && !(l->opt.forbids_busy && f->busy) &&
		  !(l->opt.forbids_attention && f->attentions) &&
		  !(l->opt.max_stall_ms && stall_ms > (uint64_t)l->opt.max_stall_ms) && f->ops;

	printf("{\"ok\":%s,\"ops\":%" PRIu64, ok ? "true" : "false", f->ops);
	for (int k = 0; k < OP_KINDS; k++)
		printf(",\"%s\":%" PRIu64, op_words[k], f->by_kind[k]);
	printf(",\"violations\":%" PRIu64 ",\"torn\":%" PRIu64 ",\"stale\":%" PRIu64
	       ",\"lost\":%" PRIu64 ",\"misdirected\":%" PRIu64 ",\"false_match\":%" PRIu64,
	       violations, f->torn, f->stale, f->lost, f->misdirected, f->false_match);
	printf(",\"errors\":%" PRIu64 ",\"busy\":%" PRIu64 ",\"unit_attentions\":%" PRIu64
	       ",\"reconnects\":%" PRIu64 ",\"unknown\":%" PRIu64,
	       f->errors, f->busy, f->attentions, f->reconnects, f->unknown);
	printf(",\"max_stall_ms\":%" PRIu64 ",\"max_latency_ms\":%" PRIu64
	       ",\"seconds\":%.1f,\"iops\":%.0f,"
	       "\"mb_per_s\":%.1f}\n",
	       stall_ms, (uint64_t)(f->max_latency_ns / CLOCK_NS_PER_MS), seconds,
	       (double)f->ops / seconds, (double)f->bytes / seconds / 1e6);
	return ok;
}

int main(int argc, char **argv)
{
	static struct load l;
	struct sigaction sa = {.sa_handler = on_signal};
	uint64_t from_ns;
	double seconds;
	bool ok;

	if (parse(&l.opt, argc, argv)) {
		fputs(usage, stderr);
		return 2;
	}
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (open_all(&l))
		return 2;
	from_ns = clock_now_ns();
	run(&l);
	seconds = (double)(clock_now_ns() - from_ns) / 1e9;
	final_pass(&l);
	ok = report(&l, seconds);
	for (int i = 0; i < l.opt.sessions; i++)
		load_session_close(&l.sessions[i]);
	load_map_free(&l.map);
	return ok ? 0 : 1;
}
