/* SPDX-License-Identifier: MIT */
#include "settings.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MIB            (1ull << 20)
#define SIZE_MAX_BYTES (1ull << 44)

static const char *const modes[] = {"write_through", "write_back", "write_around", "read_only",
				    NULL};
static const char *const destages[] = {"ordered", "journaled", NULL};

enum {
	P_MODE,
	P_RAM,
	P_FLASH,
	P_FLASH_READ,
	P_CUTOFF,
	P_SCAN,
	P_PINNED,
	P_DIRTY_MAX,
	P_DESTAGE,
	P_AGE,
	P_COUNT
};

#define BYTES(n, d, text)                                                                          \
	{                                                                                          \
		.name = (n), .type = SLUICE_TYPE_U64, .unit = "bytes", .min = 0,                   \
		.max = SIZE_MAX_BYTES, .def = (d), .help = (text)                                  \
	}
#define FLAG(n, d, text)                                                                           \
	{                                                                                          \
		.name = (n), .type = SLUICE_TYPE_BOOL, .unit = "", .def = (d), .help = (text)      \
	}

const struct sluice_param settings_volume_params[] = {
    [P_MODE] = {.name = "mode",
		.type = SLUICE_TYPE_ENUM,
		.unit = "",
		.choices = modes,
		.def = MODE_WRITE_THROUGH,
		.help = "Where a write goes: datastore and cache, the log on flash, the datastore "
			"with cached copies renewed, or the datastore with cached copies dropped."},
    [P_RAM] = BYTES("ram_bytes", 64 * MIB, "Size of the cache in memory."),
    [P_FLASH] = BYTES("flash_bytes", 0, "Size of the log of write-back."),
    [P_FLASH_READ] = BYTES("flash_read_bytes", 0, "Size of the read cache on flash; 0: none."),
    [P_CUTOFF] = BYTES("sequential_cutoff_bytes", 4 * MIB,
		       "Longer sequential runs are not cached; 0: all are."),
    [P_SCAN] = FLAG("scan_admission", 1,
		    "Blocks of runs that look like a scan are cached only when they come again."),
    [P_PINNED] = FLAG("is_pinned", 0, "Everything that is read is cached, scans too."),
    [P_DIRTY_MAX] = {.name = "dirty_max_pct",
		     .type = SLUICE_TYPE_U64,
		     .unit = "pct",
		     .min = 5,
		     .max = 90,
		     .def = 70,
		     .help = "So much of the log may be dirty before writers wait."},
    [P_DESTAGE] = {.name = "destage",
		   .type = SLUICE_TYPE_ENUM,
		   .unit = "",
		   .choices = destages,
		   .def = 0,
		   .help = "journaled: the datastore alone is a point in time at every moment, at "
			   "twice the writes to it."},
    [P_AGE] = {.name = "destage_age_ms",
	       .type = SLUICE_TYPE_U64,
	       .unit = "ms",
	       .min = 0,
	       .max = 3600000,
	       .def = 5000,
	       .help = "The oldest dirty data waits so long at most for the datastore."},
};
const uint32_t settings_volume_count = P_COUNT;

enum { G_PATH, G_FLASH, G_RAM, G_COUNT };

const struct sluice_param settings_group_params[] = {
    [G_PATH] = {.name = "flash_path",
		.type = SLUICE_TYPE_STRING,
		.unit = "",
		.min = 0,
		.max = 255,
		.def_string = "",
		.help =
		    "Folder for logs and read caches on flash, or a block device for the log of "
		    "one volume; empty: none."},
    [G_FLASH] = BYTES("flash_bytes", 0, "All logs and read caches on flash together."),
    [G_RAM] = BYTES("ram_bytes", 1024 * MIB, "All caches in memory together."),
};
const uint32_t settings_group_count = G_COUNT;

static int refuse(struct sluice_error *err, const char *field, const char *text)
{
	snprintf(err->field, sizeof(err->field), "%s", field);
	snprintf(err->text, sizeof(err->text), "%s", text);
	return -EINVAL;
}

int settings_volume(const union sluice_value *values, struct settings_volume *out,
		    struct sluice_error *err)
{
	*out = (struct settings_volume){
	    .mode = (enum settings_mode)values[P_MODE].u64,
	    .ram_bytes = values[P_RAM].u64,
	    .flash_bytes = values[P_FLASH].u64,
	    .flash_read_bytes = values[P_FLASH_READ].u64,
	    .sequential_cutoff_bytes = values[P_CUTOFF].u64,
	    .has_scan_admission = values[P_SCAN].u64 != 0,
	    .is_pinned = values[P_PINNED].u64 != 0,
	    .dirty_max_pct = (uint32_t)values[P_DIRTY_MAX].u64,
	    .is_journaled = values[P_DESTAGE].u64 != 0,
	    .destage_age_ns = values[P_AGE].u64 * 1000000,
	};
	if (out->mode != MODE_WRITE_BACK || out->flash_bytes >= SETTINGS_LOG_MIN_BYTES)
		return 0;
	snprintf(err->field, sizeof(err->field), "flash_bytes");
	snprintf(err->text, sizeof(err->text),
		 "mode write_back needs a log: flash_bytes is %" PRIu64 ", and at least %" PRIu64
		 " are needed",
		 out->flash_bytes, (uint64_t)SETTINGS_LOG_MIN_BYTES);
	return -EINVAL;
}

int settings_group(const union sluice_value *values, struct settings_group *out,
		   struct sluice_error *err)
{
	const char *path = values[G_PATH].string ? values[G_PATH].string : "";

	*out = (struct settings_group){.flash_bytes = values[G_FLASH].u64,
				       .ram_bytes = values[G_RAM].u64};
	if (path[0] && path[0] != '/')
		return refuse(err, "flash_path",
			      "flash_path has to be an absolute path, or empty for none");
	snprintf(out->flash_path, sizeof(out->flash_path), "%s", path);
	return 0;
}

const char *settings_mode_name(enum settings_mode mode)
{
	return modes[mode];
}
