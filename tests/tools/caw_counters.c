/* SPDX-License-Identifier: MIT */
/*
 * caw_counters.c - counters that many sessions increment with COMPARE AND WRITE.
 *
 *     caw_counters [--sessions N] [--counters N] [--increments N] iscsi://... [iscsi://...]
 *
 * Each session is a process of its own, so that they meet at the target in any order. Every
 * increment that was acknowledged must be in the final sum, and nothing else: an increment too few
 * means a compare and a write that were not one step, one too many means that one was applied
 * twice.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bytes.h"
#include "initiator.h"

#define LIMIT_MS     30000
#define SESSIONS_MAX 32

static int sessions = 4, counters = 4;
static uint64_t increments = 2000;

struct tally {
	uint64_t done, misses, refused;
};

static int read_counter(struct initiator *in, uint64_t lba, uint8_t *block)
{
	struct cdb c = cdb_read16(lba, 1, in->block_bytes, false);
	struct outcome out;

	c.in_buf = block;
	return initiator_simple(in, &c, LIMIT_MS, &out) == SCSI_STATUS_GOOD ? 0 : -1;
}

static int write_zeros(const char *url)
{
	struct initiator in;
	struct outcome out;
	uint8_t *zeros;
	int rc = -1;

	if (initiator_open(&in, url, NULL, LIMIT_MS)) {
		printf("%s: %s\n", url, in.error);
		return -1;
	}
	zeros = calloc((size_t)counters, in.block_bytes);
	if (zeros) {
		struct cdb c = cdb_write16(0, (uint32_t)counters, in.block_bytes, zeros, false);

		rc = initiator_simple(&in, &c, LIMIT_MS, &out) == SCSI_STATUS_GOOD ? 0 : -1;
	}
	free(zeros);
	initiator_logout(&in, LIMIT_MS);
	return rc;
}

/* One increment of a counter whose content is in both[0 .. block_bytes). */
static int increment(struct initiator *in, uint64_t lba, uint8_t *both, unsigned self,
		     struct tally *t)
{
	uint32_t bb = in->block_bytes;
	struct outcome out;
	struct cdb c;

	memcpy(both + bb, both, bb);
	put_be64(both + bb, get_be64(both) + 1);
	put_be32(both + bb + 8, self);
	c = cdb_compare_and_write(lba, 1, bb, both);
	switch (initiator_simple(in, &c, LIMIT_MS, &out)) {
	case SCSI_STATUS_GOOD:
		t->done++;
		memcpy(both, both + bb, bb);
		return 0;
	case SCSI_STATUS_BUSY:
	case SCSI_STATUS_TASK_SET_FULL:
		t->refused++;
		usleep(1000);
		return 0;
	case SCSI_STATUS_CHECK_CONDITION:
		if (out.key == SCSI_SENSE_MISCOMPARE) {
			t->misses++;
			return read_counter(in, lba, both);
		}
		break;
	default:
		break;
	}
	fprintf(stderr, "session %u: COMPARE AND WRITE: status 0x%x %X/%02X/%02X %s\n", self,
		(unsigned)out.status, out.key, out.asc, out.ascq, in->error);
	return -1;
}

static int session_main(const char *url, unsigned self, int out_fd)
{
	char name[64];
	struct initiator in;
	struct tally t = {0};
	uint8_t *both;
	int rc = 0;

	snprintf(name, sizeof(name), "iqn.2025-01.test.sluice:counter%u", self);
	if (initiator_open(&in, url, name, LIMIT_MS)) {
		fprintf(stderr, "session %u: %s\n", self, in.error);
		return 1;
	}
	both = calloc(2, in.block_bytes);
	for (uint64_t i = 0; both && !rc && t.done < increments; i++) {
		uint64_t lba = (i + self) % (uint64_t)counters;
		uint64_t before = t.done;

		rc = read_counter(&in, lba, both);
		while (!rc && t.done == before)
			rc = increment(&in, lba, both, self, &t);
	}
	free(both);
	initiator_logout(&in, LIMIT_MS);
	if (write(out_fd, &t, sizeof(t)) != (ssize_t)sizeof(t))
		return 1;
	return rc ? 1 : 0;
}

static uint64_t final_sum(const char *url)
{
	struct initiator in;
	uint64_t sum = 0;
	uint8_t *block;

	if (initiator_open(&in, url, NULL, LIMIT_MS))
		return UINT64_MAX;
	block = calloc(1, in.block_bytes);
	for (int i = 0; block && i < counters; i++) {
		if (read_counter(&in, (uint64_t)i, block)) {
			sum = UINT64_MAX;
			break;
		}
		sum += get_be64(block);
	}
	free(block);
	initiator_logout(&in, LIMIT_MS);
	return sum;
}

static int run_sessions(char **urls, int url_count, struct tally *total)
{
	int pipe_fds[2], status, rc = 0;
	struct tally t;

	if (pipe(pipe_fds))
		return -1;
	for (int i = 0; i < sessions; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return -1;
		if (pid == 0)
			_exit(session_main(urls[i % url_count], (unsigned)i + 1, pipe_fds[1]));
	}
	close(pipe_fds[1]);
	while (read(pipe_fds[0], &t, sizeof(t)) == (ssize_t)sizeof(t)) {
		total->done += t.done;
		total->misses += t.misses;
		total->refused += t.refused;
	}
	close(pipe_fds[0]);
	for (int i = 0; i < sessions; i++) {
		if (wait(&status) < 0 || status)
			rc = -1;
	}
	return rc;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"sessions", required_argument, NULL, 's'},
						{"counters", required_argument, NULL, 'c'},
						{"increments", required_argument, NULL, 'i'},
						{0}};
	struct tally total = {0};
	uint64_t sum;
	int c, rc;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 's')
			sessions = (int)strtol(optarg, NULL, 10);
		else if (c == 'c')
			counters = (int)strtol(optarg, NULL, 10);
		else if (c == 'i')
			increments = strtoull(optarg, NULL, 10);
		else
			return 2;
	}
	if (optind >= argc || sessions < 1 || sessions > SESSIONS_MAX || counters < 1) {
		fputs("caw_counters [--sessions N] [--counters N] [--increments N] iscsi://...\n",
		      stderr);
		return 2;
	}
	if (write_zeros(argv[optind]))
		return 2;
	rc = run_sessions(argv + optind, argc - optind, &total);
	sum = final_sum(argv[optind]);
	printf("{\"increments\":%" PRIu64 ",\"sum\":%" PRIu64 ",\"misses\":%" PRIu64
	       ",\"refused\":%" PRIu64 "}\n",
	       total.done, sum, total.misses, total.refused);
	return rc || sum != total.done || total.done != increments * (uint64_t)sessions ? 1 : 0;
}
