/* SPDX-License-Identifier: MIT */
/*
 * device.h - a simulated disk of a few kilobytes: what reads see, what a power cut leaves, and the
 * writes in between.
 *
 *     write --> cache[]  and  pending: writes that no flush has covered, oldest first
 *     flush --> pending up to the mark taken when the flush was submitted --> stable[]
 *     power cut: any sectors of any pending writes, in any order --> stable[]; cache[] = stable[]
 *
 * A power cut is also made from a list of choices, one for each sector that is in doubt, so that
 * all of them can be tried (device_doubts_*).
 *
 * Thread: one. Nothing is allocated.
 */
#ifndef SIM_LOG_DEVICE_H
#define SIM_LOG_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "env.h"
#include "rng.h"

#define DEVICE_BYTES_MAX    32768u
#define DEVICE_PENDING_MAX  256u
#define DEVICE_DATA_MAX     65536u
#define DEVICE_DOUBTS_MAX   512u
#define DEVICE_VERSIONS_MAX 8u

struct device_write {
	uint32_t offset_bytes, len_bytes, data_at;
};

struct device {
	struct env_file file; /* first */
	const char *name;
	uint32_t sector_bytes;
	bool exists, is_existence_stable, is_open;
	bool has_forgotten;      /* a flush failed: reads see what a power cut takes away */
	uint64_t forgotten_from; /* the first such write */
	/* Writes are numbered from 1; those up to flushed are stable. */
	uint64_t written, flushed;
	uint32_t pending_first, pending_count; /* numbers flushed + 1 .. written */
	struct device_write pending[DEVICE_PENDING_MAX];
	uint32_t data_used;
	uint8_t data[DEVICE_DATA_MAX] __attribute__((aligned(64)));
	uint8_t stable[DEVICE_BYTES_MAX] __attribute__((aligned(64)));
	uint8_t cache[DEVICE_BYTES_MAX] __attribute__((aligned(64)));
};

/* An empty place: nothing exists there. */
void device_init(struct device *d, const char *name, uint32_t sector_bytes);
void device_create(struct device *d, uint64_t size_bytes);
void device_copy(struct device *to, const struct device *from);

void device_write(struct device *d, uint64_t offset_bytes, const void *buf, uint64_t len_bytes);
/* It is stable at once; others of its time are not. */
void device_write_durable(struct device *d, uint64_t offset_bytes, const void *buf,
			  uint64_t len_bytes);
/* Only some of its sectors, drawn; what a write does that fails or that a dying process left. */
void device_write_torn(struct device *d, struct rng *r, uint64_t offset_bytes, const void *buf,
		       uint64_t len_bytes);
void device_read(const struct device *d, uint64_t offset_bytes, void *buf, uint64_t len_bytes);
/* Makes writes 1 .. mark stable. */
void device_flush(struct device *d, uint64_t mark);
/* A flush that failed: of what it covered some sectors are stable, the rest is forgotten while
 * reads still see it. */
void device_flush_failed(struct device *d, struct rng *r, uint64_t mark);
void device_power_cut(struct device *d, struct rng *r);
void device_flip_bit(struct device *d, uint64_t bit);

/* ---------------------------------------------------------------- every power cut */

struct device_doubt {
	uint32_t sector;
	uint8_t count; /* of different contents, the stable one too */
	const uint8_t *versions[DEVICE_VERSIONS_MAX];
};

struct device_doubts {
	uint32_t count;
	uint64_t combinations; /* UINT64_MAX: more than that */
	struct device_doubt doubts[DEVICE_DOUBTS_MAX];
};

void device_doubts_find(const struct device *d, struct device_doubts *out);
/* The power cut that is number n of all combinations; to was copied from d. */
void device_doubts_apply(struct device *to, const struct device_doubts *doubts, uint64_t n);

#endif
