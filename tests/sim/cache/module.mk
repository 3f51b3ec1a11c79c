# SPDX-License-Identifier: MIT
# The read side of the cache filter: its tests, its benchmark, and the simulator that compares evictions.
# What the tests link are the plug-in's own files. flash_read's test brings a file service of its own.
CACHE := filterd/filters/cache
LIBS += cache_read
cache_read_SRCS := $(wildcard $(patsubst %,$(CACHE)/%.c,s3fifo* ram ram_size seq warm warm_file crc))
cache_read_INCS := include $(CACHE)

define cache_read_test
TESTS += $(1)
$(1)_SRCS := tests/unit/$(1).c
$(1)_INCS := include $(CACHE) tests/unit tests/sim
$(1)_LIBS := cache_read
$(1)_PKGS := cmocka
endef
$(foreach t,s3fifo ram seq warm,$(eval $(call cache_read_test,test_cache_$(t))))
test_cache_s3fifo_SRCS += tests/unit/s3fifo_model.c

TESTS += test_cache_flash_read
test_cache_flash_read_SRCS := tests/unit/test_cache_flash_read.c $(wildcard $(CACHE)/flash_*.c)
test_cache_flash_read_INCS := include $(CACHE) tests/sim
test_cache_flash_read_LIBS := cache_read
test_cache_flash_read_PKGS := cmocka

# Traces through S3-FIFO itself and through LRU, ARC and LIRS, which stand here for comparison alone.
TESTS += sim_cache
sim_cache_SRCS := $(wildcard tests/sim/cache/*.c)
sim_cache_INCS := tests/sim/cache tests/sim $(CACHE)
sim_cache_LIBS := cache_read
sim_cache_LDLIBS := -lm

PROGS += bench_cache
bench_cache_SRCS := tests/perf/bench_cache.c
bench_cache_INCS := include $(CACHE) tests/sim common
bench_cache_LIBS := cache_read common
bench_cache_LDLIBS := -ljansson
