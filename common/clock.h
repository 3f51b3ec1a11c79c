/* SPDX-License-Identifier: MIT */
/* clock.h - the only door to the system's clocks. Time is monotonic ns unless the name says wall.
 */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stdint.h>

#define CLOCK_NS_PER_US 1000ull
#define CLOCK_NS_PER_MS 1000000ull
#define CLOCK_NS_PER_S  1000000000ull

uint64_t clock_now_ns(void);
uint64_t clock_wall_ms(void);       /* Unix time, for people and records only */
uint32_t clock_local_hour(void);    /* 0 to 23, for schedules only */
uint64_t clock_thread_cpu_ns(void); /* CPU time of the calling thread */

#endif
