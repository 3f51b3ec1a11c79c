/* SPDX-License-Identifier: MIT */
/*
 * zero.h - makes a range read as zeros, in pieces, by the cheapest op that the chain has.
 *
 * WRITE SAME of zeros and the unaligned ends of UNMAP need the same thing.
 * Thread: owner worker.
 */
#ifndef FILTERD_SCSI_ZERO_H
#define FILTERD_SCSI_ZERO_H

#include "task.h"

/* Scratch memory that zero_piece() needs for the range: 0 where the chain has WRITE ZEROES. */
uint32_t zero_buf_bytes(const struct task_state *s, uint64_t bytes);

/* Asks for the first piece of [offset_bytes, offset_bytes + bytes) and returns the piece's length.
 * may_unmap: space may be given back. */
uint64_t zero_piece(struct task_state *s, uint64_t offset_bytes, uint64_t bytes, bool may_unmap,
		    job_step then);

#endif
