/* SPDX-License-Identifier: MIT */
/*
 * memory.h - the memory of simulated processes: an arena that is thrown away when they die, so
 * that a seed costs no walk over what they left, and a leak of the killed is no leak of the
 * simulator; and allocations that fail on demand.
 *
 * The program is linked with --wrap for malloc() and its kin. With AddressSanitizer there is no
 * arena: allocations are real, and whoever kills a process must free what it had.
 *
 * Thread: one.
 */
#ifndef SIM_MEMORY_H
#define SIM_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#ifdef SLUICE_ASAN
#define MEMORY_IS_REAL true
#else
#define MEMORY_IS_REAL false
#endif

void memory_begin(void); /* a process starts: what the last one had is gone */
/* From here on the caller is that process, whose allocations may_fail. */
void memory_on(bool may_fail);
void memory_off(void);
/* The n-th allocation of the process from now fails; 0: none does. */
void memory_fail_at(uint64_t n);
bool memory_has_failed(void); /* since memory_fail_at() */
uint64_t memory_peak_bytes(void);

#endif
