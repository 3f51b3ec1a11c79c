/* SPDX-License-Identifier: MIT */
/* status.h - io_control's figures as JSON, of a volume and of a datastore. Reads only. */
#ifndef IO_CONTROL_STATUS_H
#define IO_CONTROL_STATUS_H

#include <stddef.h>

#include "sluice/filter.h"

size_t status_volume(struct sluice_filter *f, char *json, size_t size_bytes);
/* Why the volume's I/O waits, if it does. */
void status_figures(struct sluice_filter *f, struct sluice_figures *sum);
size_t status_group(struct sluice_group *host, char *json, size_t size_bytes);

#endif
