/* SPDX-License-Identifier: MIT */
/* status.h - the system's error numbers as I/O statuses, in one table. */
#ifndef BACKEND_STATUS_H
#define BACKEND_STATUS_H

#include "sluice/io.h"

/* result: 0 or -errno. What may pass by itself never becomes SLUICE_ERR_IO, which means a bad
 * medium. */
enum sluice_status status_of(int result);

#endif
