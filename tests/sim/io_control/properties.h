/* SPDX-License-Identifier: MIT */
/*
 * properties.h - random workloads on random devices, one per seed, and what must hold in each:
 *
 *   the device is never idle while a volume without limits waits
 *   every request of such a volume is served within a bound that follows from its shares
 *   no limit lets through more than its burst and one request too much, over any interval
 *   reservations are admitted up to the measured capacity, and those admitted are met
 *   all this before and after ten years of idleness, and however late the clock already is
 *   a drain leaves nothing waiting and nothing in flight
 */
#ifndef SIM_IO_CONTROL_PROPERTIES_H
#define SIM_IO_CONTROL_PROPERTIES_H

#include <stdbool.h>
#include <stdint.h>

/* Seeds first to first + count - 1. Prints those that fail, and how many. */
bool properties_run(uint64_t first, uint64_t count);

#endif
