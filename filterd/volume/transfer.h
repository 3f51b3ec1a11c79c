/* SPDX-License-Identifier: MIT */
/*
 * transfer.h - a volume's whole content to or from a descriptor, through its chain: import, export,
 * and clone, which is an export into an import.
 *
 *   export:  EXTENT --hole--> skip (a file) or zeros (a stream)
 *                   --data--> READ 1 MiB --> write to the descriptor --> next
 *   import:  read 1 MiB from the descriptor --> WRITE what is not zero, WRITE_ZEROES what is -->
 * next end of input --> WRITE_ZEROES the rest --> FLUSH
 *
 * One piece at a time. A regular file is read and written on a helper thread; a pipe or socket
 * never blocks: where it has nothing, a timer looks again.
 *
 * The volume serves, has no ring and gets none while this lasts (volume.h: REQUEST_TRANSFER), so no
 * command can come between.
 *
 * Thread: owner worker; the atomic members any.
 */
#ifndef FILTERD_TRANSFER_H
#define FILTERD_TRANSFER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "chain.h"
#include "env.h"
#include "err.h"

#define TRANSFER_PIECE_BYTES (1u << 20)
#define TRANSFER_ZERO_BYTES  65536u /* shorter runs of zeros are written like data */

enum transfer_direction { TRANSFER_IMPORT, TRANSFER_EXPORT };

struct transfer {
	/* set by who starts it */
	enum transfer_direction direction;
	int fd;       /* its owner closes it after done() */
	bool is_file; /* regular */
	uint64_t
	    expected_bytes; /* import: an input that ends elsewhere is an error; 0: any length */
	_Atomic bool must_cancel;    /* any thread; seen within 100 ms */
	_Atomic uint64_t done_bytes; /* of the volume's size */
	void (*done)(struct transfer *t, int result, const struct err *err); /* once */
	void *ctx;

	/* ours */
	struct env *env;
	struct chain *chain;
	const char *volume;
	uint32_t block_bytes;
	uint64_t size_bytes, offset_bytes;
	uint64_t extent_end_bytes; /* export: where what we know of ends */
	bool is_hole;
	bool is_at_end; /* import: nothing more will come */
	uint8_t *buf;
	uint32_t buf_len, buf_at;
	struct env_work work;
	int64_t work_result; /* helper, between run() and done() */
	struct env_timer timer;
	uint32_t wait_ms;
	void (*next)(struct transfer *t); /* after the timer */
};

/* done() exactly once, possibly before return. volume and chain outlive it. */
void transfer_start(struct transfer *t, struct env *env, struct chain *chain, const char *volume,
		    uint32_t block_bytes);

#endif
