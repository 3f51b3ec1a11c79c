/* SPDX-License-Identifier: MIT */
/*
 * fault.h - when what breaks, and when the run is over.
 *
 * Thread: one.
 */
#ifndef SIM_FAULT_H
#define SIM_FAULT_H

#include "world.h"

struct fault *fault_new(struct world *w);
/* After each event: perhaps something breaks now. */
void fault_step(struct fault *f);
/* All faults have been and are over. */
bool fault_is_over(const struct fault *f);
/* No fault will come any more. */
void fault_stop(struct fault *f);
/* An error answer has a reason in this run. */
bool fault_may_fail_io(const struct fault *f);
/* A ring was accepted: the recovery's time is checked. */
void fault_serving(struct fault *f);

#endif
