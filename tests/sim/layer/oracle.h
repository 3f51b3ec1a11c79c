/* SPDX-License-Identifier: MIT */
/*
 * oracle.h - what a volume and its snapshots may hold: per sector a version, or several while it is
 * not known which. Pure but for the failure that it reports. Thread: one.
 */
#ifndef SIM_LAYER_ORACLE_H
#define SIM_LAYER_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

#define ORACLE_SECTORS   160u
#define ORACLE_VERSIONS  64u /* unflushed ones of one sector; a seed has fewer */
#define ORACLE_SNAPSHOTS 12u
#define UNKNOWN          UINT32_MAX
#define SECTOR           512u

struct image {
	uint32_t sectors;              /* the rest is not there */
	uint32_t live[ORACLE_SECTORS]; /* what reads must see, or UNKNOWN */
	/* The last change failed: what reads see may be gone with the process, if no flush came. */
	bool is_loose[ORACLE_SECTORS];
	/* What a power cut may leave; live is one of them. */
	uint8_t count[ORACLE_SECTORS];
	uint32_t may[ORACLE_SECTORS][ORACLE_VERSIONS];
};

void image_init(struct image *m, uint32_t sectors);
void image_grow(struct image *m, uint32_t sectors);
void image_begin(struct image *m, uint32_t sector, uint32_t version); /* a change is submitted */
void image_end(struct image *m, uint32_t sector, uint32_t version, bool is_ok, bool is_durable);
void image_flushed(struct image *m);
void image_closed(struct image *m);                   /* before it is read again */
void image_crash(struct image *m, bool is_power_cut); /* the same */
/* data is the whole image as read. NULL, or what is wrong; settles what was unknown if is_settling.
 */
const char *image_check(struct image *m, const uint8_t *data, bool is_settling,
			bool is_after_power_cut);
void oracle_fill(uint8_t *data, uint32_t sector, uint32_t version);

#endif
