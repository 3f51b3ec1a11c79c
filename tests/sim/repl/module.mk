# SPDX-License-Identifier: MIT
# Two nodes of replication, link and witness simulated: the engine's objects and the record log.
TESTS += sim_repl
sim_repl_SRCS := $(wildcard tests/sim/repl/*.c) tests/sim/memory.c
sim_repl_INCS := tests/sim/repl tests/sim include common filterd/env filterd/log filterd/filters/replication
sim_repl_LIBS := replication replication_wire log env common
sim_repl_PKGS := liblz4 libzstd libxxhash
sim_repl_LDFLAGS := -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free,--wrap=aligned_alloc,--wrap=posix_memalign
