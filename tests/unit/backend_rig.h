/* SPDX-License-Identifier: MIT */
/*
 * backend_rig.h - a temporary folder, and backend I/O that a test waits for.
 *
 * Works over any env: the rig is told how to make it go on.
 */
#ifndef TESTS_BACKEND_RIG_H
#define TESTS_BACKEND_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include "backend.h"

struct rig_io {
	struct sluice_io io; /* first: end() casts */
	bool is_ended;
	uint32_t end_count;
};

struct rig {
	struct env *env;
	struct backend *backend;
	void (*go_on)(struct rig *r); /* one turn, or one step */
	void *ctx;
};

/* A folder in $TMPDIR, or /var/tmp, which is seldom in RAM. rig_folder_remove() takes its files
 * too. */
char *rig_folder_make(void);
void rig_folder_remove(char *folder);
char *rig_path(const char *folder, const char *name); /* the caller frees it */

/* go_on for env_linux. */
void rig_turn(struct rig *r);

struct rig_io *rig_submit(struct rig *r, enum sluice_op op, uint64_t offset_bytes,
			  uint64_t len_bytes, void *buf, uint16_t flags);
/* Waits, frees x, returns the status. */
enum sluice_status rig_wait(struct rig *r, struct rig_io *x);
enum sluice_status rig_do(struct rig *r, enum sluice_op op, uint64_t offset_bytes,
			  uint64_t len_bytes, void *buf, uint16_t flags);

/* A small fast generator: seed, then numbers. */
static inline uint64_t rig_random(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15ull);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

#endif
