/* SPDX-License-Identifier: MIT */
/* status.h - io_control's figures as JSON, of a volume and of a datastore. Reads only. */
#ifndef IO_CONTROL_STATUS_H
#define IO_CONTROL_STATUS_H

#include <stddef.h>

#include "sluice/filter.h"

size_t status_volume(struct sluice_filter *f, char *json, size_t size_bytes);
size_t status_group(struct sluice_group *host, char *json, size_t size_bytes);

#endif
