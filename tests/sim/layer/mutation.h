/* SPDX-License-Identifier: MIT */
/* mutation.h - which deliberate fault of layer_mutate.h is on, by its number there; 0: none. */
#ifndef SIM_LAYER_MUTATION_H
#define SIM_LAYER_MUTATION_H

extern int mutation_now;

#endif
