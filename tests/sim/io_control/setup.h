/* SPDX-License-Identifier: MIT */
/* setup.h - the datastores and clients that the scenarios have in common. */
#ifndef SIM_IO_CONTROL_SETUP_H
#define SIM_IO_CONTROL_SETUP_H

#include "lab.h"

/* An array of 16 disks that does so many units a second, whatever is in flight beyond 16. */
struct device_spec setup_array(double capacity_iops);
struct control_config setup_manual(uint32_t threshold_us);
/* So many closed-loop clients, 16 KiB reads, normal shares. */
void setup_clients(struct lab_spec *s, uint32_t clients, uint32_t qd);
/* Inits, runs, with or without the filter. */
void setup_run(struct lab *lab, struct lab_spec *s, bool with_control, uint64_t until_ms);

#endif
