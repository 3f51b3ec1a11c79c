# SPDX-License-Identifier: MIT
# Volumes with snapshots on simulated files. The layers are compiled again with small pages, so that a small volume has several and they
# are dropped and loaded, and with the choice of a deliberate fault.
sim_layer_FLAGS := -DLAYER_PAGE_BLOCKS=4 -DLAYER_PAGES_KEPT=2 -DMERGE_CURSOR_PAGES=1 -DSLOT_BITS_AT=1024u

TESTS += sim_layer
sim_layer_SRCS := $(filter-out %/mutation.c,$(wildcard tests/sim/layer/*.c)) tests/sim/memory.c $(layer_SRCS)
sim_layer_INCS := tests/sim/layer tests/sim $(layer_INCS)
sim_layer_CFLAGS := $(sim_layer_FLAGS)
sim_layer_LIBS := backend env common
sim_layer_PKGS := jansson liburing
sim_layer_LDFLAGS := -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free,--wrap=aligned_alloc,--wrap=posix_memalign

PROGS += sim_layer_mutants
sim_layer_mutants_SRCS := $(sim_layer_SRCS)
sim_layer_mutants_INCS := $(sim_layer_INCS)
sim_layer_mutants_CFLAGS := $(sim_layer_FLAGS) -include tests/sim/layer/mutation.h -DLAYER_MUTATION=mutation_now
sim_layer_mutants_LIBS := $(sim_layer_LIBS)
sim_layer_mutants_PKGS := $(sim_layer_PKGS)
sim_layer_mutants_LDFLAGS := $(sim_layer_LDFLAGS)

# For the faults that a script makes for certain, and seeds hardly ever.
PROGS += test_layer_merge_mutants
test_layer_merge_mutants_SRCS := $(test_layer_merge_SRCS) tests/sim/layer/mutation.c $(layer_SRCS)
test_layer_merge_mutants_INCS := tests/sim/layer $(test_layer_merge_INCS)
test_layer_merge_mutants_CFLAGS := -include tests/sim/layer/mutation.h -DLAYER_MUTATION=mutation_now
test_layer_merge_mutants_LIBS := backend env common
test_layer_merge_mutants_PKGS := $(test_layer_merge_PKGS)
