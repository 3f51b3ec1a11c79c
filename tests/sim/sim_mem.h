/* SPDX-License-Identifier: MIT */
/*
 * sim_mem.h - the simulator's memory: everything that is allocated during a seed vanishes at its
 * end.
 *
 * A killed filterd or tgtd frees nothing. So malloc and its family are linked to a bump allocator
 * (--wrap) which is reset between seeds: a leak of the killed is no leak of the simulator, and a
 * seed costs no free(). With AddressSanitizer the real allocator stays, since it finds more.
 *
 * Thread: one.
 */
#ifndef SIM_MEM_H
#define SIM_MEM_H

#include <stddef.h>

/* From now on allocations come from the arena, until sim_mem_end(). */
void sim_mem_begin(void);
void sim_mem_end(void);
/* The most that a seed has used so far. */
size_t sim_mem_peak_bytes(void);

#endif
