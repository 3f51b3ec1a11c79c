/* SPDX-License-Identifier: MIT */
/*
 * warming.h - the list of hot blocks beside the volume (warm.h): saved now and then, and read again
 * after a restart, as background I/O.
 *
 * Thread: owner worker; files are read and written on a helper thread, but for the last save.
 */
#ifndef CACHE_WARMING_H
#define CACHE_WARMING_H

#include <stdbool.h>
#include <stdint.h>

#include "ram.h"
#include "sluice/filter.h"
#include "warm.h"

struct volume;

#define WARMING_IOS 2u

struct warming_io {
	struct sluice_own_io own;
	struct ram_fill fill;
	struct volume *v;
	void *buf;
};

struct warming {
	bool is_on;      /* from the load to the last read */
	bool is_working; /* a helper loads or saves */
	bool has_begun;  /* once per life of the filter */
	uint32_t reads;  /* under way */
	uint64_t total_blocks;
	uint64_t saved_ns, saved_fills;
	int result;
	char path[512];
	uint8_t uuid[16];
	uint64_t volume_blocks;
	uint64_t *to_save;
	size_t save_count;
	struct warm_list loading; /* the helper's while it works */
	struct warm_list list;
	struct warm_plan plan;
	struct warming_io ios[WARMING_IOS];
	struct sluice_work work;
	struct sluice_timer timer;
};

void warming_init(struct volume *v);
/* The volume serves; also by command. Does nothing while it is on. */
void warming_begin(struct volume *v);
/* drain ended: goes on. */
void warming_continue(struct volume *v);
/* detach: saves once more. */
void warming_end(struct volume *v);
uint64_t warming_done_blocks(const struct volume *v);

#endif
