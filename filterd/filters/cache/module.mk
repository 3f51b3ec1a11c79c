# SPDX-License-Identifier: MIT
# The plug-in, and its tests in a real chain. The read tiers' own tests and their simulator are in
# tests/sim/cache.
PLUGINS += filter_cache
filter_cache_SRCS    := $(wildcard filterd/filters/cache/*.c)
filter_cache_INCS    := include filterd/filters/cache
filter_cache_OUT     := filters/cache.so

define cache_test
TESTS += $(1)
$(1)_SRCS    := tests/unit/$(1).c tests/unit/cache_rig.c tests/unit/cache_rig_io.c
$(1)_INCS    := include common filterd/env filterd/backend filterd/chain filterd/plugin tests/unit
$(1)_LIBS    := chain log plugin backend env common
$(1)_PKGS    := cmocka jansson liburing
$(1)_LDFLAGS := -Wl,--dynamic-list=filterd/chain/sdk.symbols
$(1)_DEPS    := $(B)/filters/cache.so
endef
$(foreach t,$(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_cache_filter_*.c)),$(eval $(call cache_test,$(t))))
# Its allocator takes the place of the plug-in's.
test_cache_filter_no_memory_LDFLAGS += -Wl,--export-dynamic-symbol=malloc -Wl,--export-dynamic-symbol=calloc \
	-Wl,--export-dynamic-symbol=aligned_alloc
