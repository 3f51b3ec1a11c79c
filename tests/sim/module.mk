# SPDX-License-Identifier: MIT
# The simulator: a test program that links the objects of the product, from the ring client to the backends.
TESTS += sim
sim_SRCS := $(wildcard tests/sim/*.c) tests/tools/cdb.c filterd/supervise.c
# tests/tools before filterd/scsi: both have a cdb.h.
sim_INCS := include common tests/sim tests/tools filterd filterd/env filterd/backend filterd/chain filterd/scsi \
	filterd/volume filterd/ring common/ctl target
sim_LIBS := volume scsi chain backend ring_server ring_client env common
sim_PKGS := jansson
# Memory of killed processes vanishes with the seed: memory.c.
sim_LDFLAGS := -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free,--wrap=aligned_alloc,--wrap=posix_memalign
