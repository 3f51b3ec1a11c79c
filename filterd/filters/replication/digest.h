/* SPDX-License-Identifier: MIT */
/*
 * digest.h - XXH3-128 of blocks, by which two sides find what differs without sending it.
 *
 * A block of zeros has a digest of zeros, so that a hole is not read to be compared. Two different
 * blocks have the same digest once in 2^128 by chance; nobody but the two appliances themselves
 * chooses what is compared with what.
 *
 * Thread: digest_block() any; a job: the group's worker.
 */
#ifndef REPLICATION_DIGEST_H
#define REPLICATION_DIGEST_H

#include <stdbool.h>
#include <stdint.h>

#include "host.h"
#include "wire/repl.h"

#define DIGEST_ASK_MAX_BYTES (16u << 20) /* one DIGEST_ASK's range at most */
#define DIGEST_CHUNK_BYTES   (256u << 10)

struct digest_sum {
	uint8_t b[REPL_DIGEST_SUM_BYTES];
};

void digest_block(const void *data, uint64_t len_bytes, struct digest_sum *sum);
bool digest_is_zero(const struct digest_sum *sum);
/* Of blocks in a range, the last one maybe short. */
uint32_t digest_count(uint64_t len_bytes, uint32_t block_bytes);

/* The digests of a range of a local volume. The caller owns it until fn. */
struct digest_job {
	/* Set by the caller. The range fits DIGEST_ASK_MAX_BYTES. */
	const struct repl_host *host;
	uint16_t member;
	uint16_t flags; /* of its reads: SLUICE_IO_URGENT */
	uint32_t block_bytes;
	uint64_t offset_bytes, len_bytes;
	struct digest_sum *sums; /* room for digest_count() */
	/* What lies over the volume at that place (a stage): changes the bytes that were read, then
	 * calls digest_covered(); is_hole: buf was not read and is all zeros. NULL: nothing does.
	 */
	void (*cover)(struct digest_job *j, uint64_t offset_bytes, uint64_t len_bytes, void *buf);
	void (*fn)(struct digest_job *j);
	void *ctx;
	/* Result: enum sluice_status. */
	uint8_t status;
	/* digest.c's */
	uint64_t done_bytes, chunk_bytes, buf_bytes;
	void *buf;
	struct repl_own own;
	struct repl_timer retry;
};

/* fn exactly once, never before return. */
void digest_submit(struct digest_job *j);
void digest_covered(struct digest_job *j, bool is_ok);

#endif
