# SPDX-License-Identifier: MIT
# The record log on simulated devices: every crash point that chance finds, all of them for short workloads.
TESTS += sim_log
sim_log_SRCS := $(wildcard tests/sim/log/*.c) tests/sim/memory.c
sim_log_INCS := tests/sim/log tests/sim include common filterd/env filterd/log
sim_log_LIBS := log env common
sim_log_LDFLAGS := -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free,--wrap=aligned_alloc,--wrap=posix_memalign

# The same with the log's files compiled again, so that a run can turn on one of their deliberate faults.
PROGS += sim_log_mutants
sim_log_mutants_SRCS := $(sim_log_SRCS) $(log_SRCS)
sim_log_mutants_INCS := $(sim_log_INCS)
sim_log_mutants_CFLAGS := -include tests/sim/log/mutation.h -DRLOG_MUTATION=mutation_now
sim_log_mutants_LIBS := env common
sim_log_mutants_LDFLAGS := $(sim_log_LDFLAGS)
