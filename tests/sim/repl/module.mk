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

# Tests of single files, with the fault whose number is in the environment.
define repl_unit_mutants
PROGS += $(1)_mutants
$(1)_mutants_SRCS := $$(test_$(1)_SRCS) tests/sim/repl/mutation.c
$(1)_mutants_INCS := $$(test_$(1)_INCS)
$(1)_mutants_CFLAGS := $$(sim_repl_mutants_CFLAGS)
$(1)_mutants_LIBS := $$(test_$(1)_LIBS)
$(1)_mutants_PKGS := $$(test_$(1)_PKGS)
endef
$(foreach t,repl_node repl_node_roles repl_journal repl_gate repl_hot repl_advance,$(eval $(call repl_unit_mutants,$(t))))

# The receiver's rig is compiled again, too.
PROGS += repl_receiver_resync_mutants
repl_receiver_resync_mutants_SRCS := tests/unit/test_repl_receiver_resync.c $(receiver_rig_SRCS) tests/sim/repl/mutation.c
repl_receiver_resync_mutants_INCS := $(receiver_rig_INCS)
repl_receiver_resync_mutants_CFLAGS := $(sim_repl_mutants_CFLAGS)
repl_receiver_resync_mutants_LIBS := replication_wire log fake_env common
repl_receiver_resync_mutants_PKGS := $(test_repl_receiver_resync_PKGS)
