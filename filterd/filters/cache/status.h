/* SPDX-License-Identifier: MIT */
/*
 * status.h - the figures of one volume's cache.
 *
 * Thread: owner worker.
 */
#ifndef CACHE_STATUS_H
#define CACHE_STATUS_H

#include "sluice/filter.h"

size_t status_volume(struct sluice_filter *f, char *json, size_t size_bytes);
/* Called every second. */
void status_figures(struct sluice_filter *f, struct sluice_figures *sum);

#endif
