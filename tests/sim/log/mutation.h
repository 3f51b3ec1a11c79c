/* SPDX-License-Identifier: MIT */
/*
 * mutation.h - which deliberate fault of rlog_mutate.h is on, by its number there; 0: none. Only
 * sim_log_mutants has any: it compiles the log's files again, with this header in front of each of
 * them, so that one program has all of them.
 */
#ifndef SIM_LOG_MUTATION_H
#define SIM_LOG_MUTATION_H

extern int mutation_now;

#endif
