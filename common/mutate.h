/* SPDX-License-Identifier: MIT */
/*
 * mutate.h - one deliberate fault at a time, chosen when compiling, to prove that the tests see it.
 *
 *     if (MUTATE(RING_UNLOCK_EARLY)) ...the wrong thing...
 *
 * A product build has none: MUTATE() is the constant 0. The list below is the mutation gate's list;
 * tests/sim/mutants.sh builds the simulator once with each and expects it to fail.
 */
#ifndef COMMON_MUTATE_H
#define COMMON_MUTATE_H

#ifdef SLUICE_MUTATION
#define MUTATE(name) (SLUICE_MUTATION == MUTATION_##name)
#else
#define MUTATE(name) 0
#endif

enum mutation {
	MUTATION_NONE,
#define M(name, breaks) MUTATION_##name,
#include "mutations.def"
#undef M
};

#endif
