# SPDX-License-Identifier: MIT
# Two nodes of replication, link and witness simulated: the engine's objects and the record log.
TESTS += sim_repl
sim_repl_SRCS := $(wildcard tests/sim/repl/*.c) tests/sim/memory.c
sim_repl_INCS := tests/sim/repl tests/sim include common filterd/env filterd/log filterd/filters/replication
sim_repl_LIBS := replication replication_wire log env common
sim_repl_PKGS := liblz4 libzstd libxxhash
sim_repl_LDFLAGS := -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free,--wrap=aligned_alloc,--wrap=posix_memalign

# The same with the engine's files compiled again, so that a run can turn on one of their deliberate faults.
PROGS += sim_repl_mutants
sim_repl_mutants_SRCS := $(sim_repl_SRCS) $(replication_SRCS)
sim_repl_mutants_INCS := $(sim_repl_INCS)
sim_repl_mutants_CFLAGS := -include tests/sim/repl/mutation.h -DREPL_MUTATION=mutation_now
sim_repl_mutants_LIBS := replication_wire log env common
sim_repl_mutants_PKGS := $(sim_repl_PKGS)
sim_repl_mutants_LDFLAGS := $(sim_repl_LDFLAGS)

# The state machine's own tests, with the fault whose number is in the environment.
PROGS += repl_node_mutants repl_node_roles_mutants
repl_node_roles_mutants_SRCS := $(test_repl_node_roles_SRCS) tests/sim/repl/mutation.c
repl_node_roles_mutants_INCS := $(test_repl_node_roles_INCS)
repl_node_roles_mutants_CFLAGS := $(sim_repl_mutants_CFLAGS)
repl_node_roles_mutants_PKGS := $(test_repl_node_roles_PKGS)
repl_node_mutants_SRCS := $(test_repl_node_SRCS) tests/sim/repl/mutation.c
repl_node_mutants_INCS := $(test_repl_node_INCS)
repl_node_mutants_CFLAGS := $(sim_repl_mutants_CFLAGS)
repl_node_mutants_PKGS := $(test_repl_node_PKGS)
