/* SPDX-License-Identifier: MIT */
/*
 * volume_rig.h - a volume between a ring that the test plays and a backend that the test controls.
 *
 * The backend ends I/O at once, or keeps it until the test says so; its open can be refused; the
 * client's half of the ring is plain memory.
 */
#ifndef TESTS_VOLUME_RIG_H
#define TESTS_VOLUME_RIG_H

#include "backend.h"
#include "chain.h"
#include "fake_env.h"
#include "ring_server.h"
#include "serve.h"

#define RIG_SIZE_BYTES (1u << 20)
#define RIG_SLOTS      8u
#define RIG_HELD_MAX   64u

struct rig_backend {
	uint8_t data[RIG_SIZE_BYTES];
	int open_result; /* of the next opens */
	int create_result;
	bool is_holding;     /* keep I/O until rig_backend_end() */
	uint8_t fail_status; /* of every I/O, 0: none */
	struct sluice_io *held[RIG_HELD_MAX];
	uint32_t held_count;
	uint32_t opens, closes, creates, submits;
	bool is_open;
	struct backend base;
};

extern struct rig_backend rig_backend; /* what backend_find() gives for any name but "none" */

void rig_backend_reset(void);
void rig_backend_end(void); /* ends all that is held */

/* The client's half of one ring. */
struct rig_ring {
	uint8_t *base;
	struct ring_header *h;
	uint64_t next_seq;
	uint32_t sq_tail;
};

void rig_ring_init(struct rig_ring *r);
void rig_ring_fini(struct rig_ring *r);
struct ring_slot *rig_slot(struct rig_ring *r, uint32_t slot);
uint8_t *rig_data(struct rig_ring *r, uint32_t slot); /* 64 KiB each */
void rig_submit(struct rig_ring *r, uint32_t slot, const uint8_t *cdb, uint32_t cdb_bytes,
		uint32_t out_bytes, uint32_t in_bytes);
void rig_submit_write(struct rig_ring *r, uint32_t slot, uint32_t lba, uint16_t blocks,
		      uint8_t fill);
void rig_submit_read(struct rig_ring *r, uint32_t slot, uint32_t lba, uint16_t blocks);
/* One block: compare with cmp, then write fill. */
void rig_submit_caw(struct rig_ring *r, uint32_t slot, uint32_t lba, uint8_t cmp, uint8_t fill);
unsigned rig_state(struct rig_ring *r, uint32_t slot);
/* DONE slots become FREE; the status. */
uint8_t rig_take(struct rig_ring *r, uint32_t slot);

#endif
