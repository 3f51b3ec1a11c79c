/* SPDX-License-Identifier: MIT */
/*
 * sim_filters.h - filters that pass, defer and finish by chance, on the way down and up: what a
 * chain of real ones does to the order of things.
 */
#ifndef SIM_FILTERS_H
#define SIM_FILTERS_H

#include "sluice/filter.h"

#define SIM_FILTERS 3u
extern const struct sluice_filter_ops sim_filters[SIM_FILTERS]; /* in class order */

#endif
