/* SPDX-License-Identifier: MIT */
/*
 * mutation.h - which deliberate fault of repl_mutate.h is on, by its number there; 0: none. Only
 * sim_repl_mutants and repl_node_mutants have any: they compile the engine's files again, with this
 * header in front. $MUTATION is the number, unless an option says another one.
 */
#ifndef SIM_REPL_MUTATION_H
#define SIM_REPL_MUTATION_H

extern int mutation_now;

#endif
