/* SPDX-License-Identifier: MIT */
/*
 * settings.h - the parameters of io_control: the two tables, and what their values mean to the
 * scheduler and the controller. Pure.
 */
#ifndef IO_CONTROL_SETTINGS_H
#define IO_CONTROL_SETTINGS_H

#include "control.h"
#include "mclock.h"
#include "sluice/filter.h"

extern const struct sluice_param settings_volume_params[];
extern const uint32_t settings_volume_count;
extern const struct sluice_param settings_group_params[];
extern const uint32_t settings_group_count;

/* Of the volume's own initiators. Errors: -EINVAL values that contradict each other, err filled. */
int settings_volume(const union sluice_value *values, struct mclock_config *out,
		    struct sluice_error *err);
/* What the scheduler is told of a volume: as it is, but a little more of the reservation, so that
 * each single second has all of it (capacity.h). */
struct mclock_config settings_initiators(const struct mclock_config *volume);
/* Of what the appliance itself does to the volume: it takes what others leave, without limits. */
struct mclock_config settings_background(const struct mclock_config *volume);
struct control_config settings_group(const union sluice_value *values);

#endif
