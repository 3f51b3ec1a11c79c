/* SPDX-License-Identifier: MIT */
/*
 * settings.h - the cache's parameters, of a volume and of a datastore: the tables, and the structs
 * that the code reads.
 *
 * Thread: owner worker; the tables are const.
 */
#ifndef CACHE_SETTINGS_H
#define CACHE_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "sluice/filter.h"

#define SETTINGS_LOG_MIN_BYTES (16ull << 20) /* a log that holds the largest write twice */

/* In the order of the parameter's choices. */
enum settings_mode { MODE_WRITE_THROUGH, MODE_WRITE_BACK, MODE_WRITE_AROUND, MODE_READ_ONLY };

struct settings_volume {
	enum settings_mode mode;
	uint64_t ram_bytes;
	uint64_t flash_bytes;      /* of the log */
	uint64_t flash_read_bytes; /* of the clean tier */
	uint64_t sequential_cutoff_bytes;
	bool has_scan_admission;
	bool is_pinned;
	uint32_t dirty_max_pct;
	bool is_journaled;
	uint64_t destage_age_ns;
};

struct settings_group {
	char flash_path[256]; /* "": none */
	uint64_t flash_bytes;
	uint64_t ram_bytes;
};

extern const struct sluice_param settings_volume_params[];
extern const uint32_t settings_volume_count;
extern const struct sluice_param settings_group_params[];
extern const uint32_t settings_group_count;

/* -EINVAL: values that do not go together; err says which. */
int settings_volume(const union sluice_value *values, struct settings_volume *out,
		    struct sluice_error *err);
int settings_group(const union sluice_value *values, struct settings_group *out,
		   struct sluice_error *err);

const char *settings_mode_name(enum settings_mode mode);

#endif
