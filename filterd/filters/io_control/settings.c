/* SPDX-License-Identifier: MIT */
#include "settings.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define IOPS_MAX        100000000ull
#define BYTES_PER_S_MAX (1ull << 40)

enum {
	VOLUME_SHARES_LEVEL,
	VOLUME_SHARES,
	VOLUME_LIMIT_IOPS,
	VOLUME_LIMIT_UNIT,
	VOLUME_LIMIT_BYTES_PER_S,
	VOLUME_BURST_MS,
	VOLUME_RESERVATION_IOPS,
	VOLUME_COUNT,
};
enum { GROUP_ENABLED, GROUP_THRESHOLD_MODE, GROUP_THRESHOLD_US, GROUP_PEAK_PCT, GROUP_COUNT };

enum { LEVEL_LOW, LEVEL_NORMAL, LEVEL_HIGH, LEVEL_CUSTOM };
static const char *const levels[] = {"low", "normal", "high", "custom", NULL};
static const uint32_t level_shares[] = {
    [LEVEL_LOW] = 500, [LEVEL_NORMAL] = 1000, [LEVEL_HIGH] = 2000};

enum { UNIT_RAW, UNIT_NORMALISED };
static const char *const units[] = {"raw", "normalised", NULL};

enum { MODE_MANUAL, MODE_AUTOMATIC };
static const char *const modes[] = {"manual", "automatic", NULL};

const struct sluice_param settings_volume_params[] = {
    [VOLUME_SHARES_LEVEL] =
	{.name = "shares_level",
	 .type = SLUICE_TYPE_ENUM,
	 .unit = "",
	 .def = LEVEL_NORMAL,
	 .choices = levels,
	 .help = "Part of a congested datastore: low 500, normal 1000, high 2000, or custom."},
    [VOLUME_SHARES] = {.name = "shares",
		       .type = SLUICE_TYPE_U64,
		       .unit = "shares",
		       .min = MCLOCK_SHARES_MIN,
		       .max = MCLOCK_SHARES_MAX,
		       .def = 1000,
		       .help = "Shares at the level custom; otherwise the level's count."},
    [VOLUME_LIMIT_IOPS] = {.name = "limit_iops",
			   .type = SLUICE_TYPE_U64,
			   .unit = "iops",
			   .max = IOPS_MAX,
			   .help = "I/Os a second at most, congested or not; 0: no limit."},
    [VOLUME_LIMIT_UNIT] =
	{.name = "limit_unit",
	 .type = SLUICE_TYPE_ENUM,
	 .unit = "",
	 .def = UNIT_RAW,
	 .choices = units,
	 .help = "What limit_iops counts: raw, requests; normalised, begun units of 32 KiB."},
    [VOLUME_LIMIT_BYTES_PER_S] = {.name = "limit_bytes_per_s",
				  .type = SLUICE_TYPE_U64,
				  .unit = "bytes_per_s",
				  .max = BYTES_PER_S_MAX,
				  .help = "Bytes a second at most, congested or not; 0: no limit."},
    [VOLUME_BURST_MS] = {.name = "burst_ms",
			 .type = SLUICE_TYPE_U64,
			 .unit = "ms",
			 .min = MCLOCK_BURST_MIN_MS,
			 .max = 60000,
			 .def = 50,
			 .help =
			     "So much of the limits may be saved up while idle and spent at once."},
    [VOLUME_RESERVATION_IOPS] =
	{.name = "reservation_iops",
	 .type = SLUICE_TYPE_U64,
	 .unit = "iops",
	 .max = IOPS_MAX,
	 .help = "I/Os a second, in units of 32 KiB, that come before all shares; 0: none."},
};
const uint32_t settings_volume_count = VOLUME_COUNT;

const struct sluice_param settings_group_params[] = {
    [GROUP_ENABLED] =
	{.name = "enabled",
	 .type = SLUICE_TYPE_BOOL,
	 .unit = "",
	 .help = "Whether volumes wait by their shares while the datastore is congested."},
    [GROUP_THRESHOLD_MODE] =
	{.name = "threshold_mode",
	 .type = SLUICE_TYPE_ENUM,
	 .unit = "",
	 .def = MODE_AUTOMATIC,
	 .choices = modes,
	 .help = "Whether the latency that means congestion is learned or is threshold_us."},
    [GROUP_THRESHOLD_US] =
	{.name = "threshold_us",
	 .type = SLUICE_TYPE_U64,
	 .unit = "us",
	 .min = 100,
	 .max = 100000,
	 .def = 30000,
	 .help = "Latency that means congestion; with automatic, until one is learned."},
    [GROUP_PEAK_PCT] =
	{.name = "peak_pct",
	 .type = SLUICE_TYPE_U64,
	 .unit = "pct",
	 .min = 50,
	 .max = 100,
	 .def = 90,
	 .help = "Automatic: the latency at so much of the peak throughput is the threshold."},
};
const uint32_t settings_group_count = GROUP_COUNT;

int settings_volume(const union sluice_value *values, struct mclock_config *out,
		    struct sluice_error *err)
{
	uint64_t level = values[VOLUME_SHARES_LEVEL].u64;

	*out = (struct mclock_config){
	    .shares =
		level == LEVEL_CUSTOM ? (uint32_t)values[VOLUME_SHARES].u64 : level_shares[level],
	    .reservation_iops = values[VOLUME_RESERVATION_IOPS].u64,
	    .limit_iops = values[VOLUME_LIMIT_IOPS].u64,
	    .is_limit_normalised = values[VOLUME_LIMIT_UNIT].u64 == UNIT_NORMALISED,
	    .limit_bytes_per_s = values[VOLUME_LIMIT_BYTES_PER_S].u64,
	    .burst_ms = (uint32_t)values[VOLUME_BURST_MS].u64,
	};
	if (out->is_limit_normalised && out->limit_iops &&
	    out->reservation_iops > out->limit_iops) {
		snprintf(err->field, sizeof(err->field), "reservation_iops");
		snprintf(err->text, sizeof(err->text),
			 "a reservation of %" PRIu64
			 " IOPS is above the volume's own limit of %" PRIu64
			 "; lower the one or raise the other",
			 out->reservation_iops, out->limit_iops);
		return -EINVAL;
	}
	return 0;
}

struct mclock_config settings_initiators(const struct mclock_config *volume)
{
	struct mclock_config cfg = *volume;

	cfg.reservation_iops = capacity_reserve_iops(volume->reservation_iops);
	return cfg;
}

/* A limit is what the initiator bought; the appliance's write-back of it is no part of that. */
struct mclock_config settings_background(const struct mclock_config *volume)
{
	return (struct mclock_config){
	    .shares = volume->shares, .burst_ms = volume->burst_ms, .is_background = true};
}

struct control_config settings_group(const union sluice_value *values)
{
	return (struct control_config){
	    .is_enabled = values[GROUP_ENABLED].u64 != 0,
	    .is_automatic = values[GROUP_THRESHOLD_MODE].u64 == MODE_AUTOMATIC,
	    .threshold_us = (uint32_t)values[GROUP_THRESHOLD_US].u64,
	    .peak_pct = (uint32_t)values[GROUP_PEAK_PCT].u64,
	};
}
