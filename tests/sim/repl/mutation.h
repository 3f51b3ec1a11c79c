/* SPDX-License-Identifier: MIT */
/*
 * mutation.h - which deliberate fault of repl_mutate.h is on, by its number there; 0: none. Only
 * sim_repl_mutants has any: it compiles the engine's files again, with this header in front.
 */
#ifndef SIM_REPL_MUTATION_H
#define SIM_REPL_MUTATION_H

extern int mutation_now;

#endif
