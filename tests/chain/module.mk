# SPDX-License-Identifier: MIT
# Tests of the chain, of the plug-ins that ship with it, and of what belongs to both.
CHAIN_TEST_INCS := include common filterd/env filterd/backend filterd/chain filterd/plugin tests/lib tests/chain
CHAIN_TESTS := $(patsubst tests/chain/%.c,%,$(wildcard tests/chain/test_*.c))
CHAIN_PLUGINS := $(addprefix $(B)/filters/,passthru.so passthru_cache.so passthru_io_control.so trace.so delay.so \
	inject.so inject_data_capture.so)

define chain_test
TESTS += $(1)
$(1)_SRCS    := tests/chain/$(1).c tests/chain/rig.c $(if $(findstring _group,$(1)),tests/chain/group_rig.c)
$(1)_INCS    := $(CHAIN_TEST_INCS)
$(1)_LIBS    := chain plugin fake_env common
$(1)_PKGS    := cmocka
$(1)_LDFLAGS := -Wl,--dynamic-list=filterd/chain/sdk.symbols
$(1)_LDLIBS  := -ljansson
$(1)_DEPS    := $(CHAIN_PLUGINS)
endef
$(foreach t,$(CHAIN_TESTS),$(eval $(call chain_test,$(t))))

PROGS += bench_chain_hop
bench_chain_hop_SRCS    := tests/perf/bench_chain_hop.c
bench_chain_hop_INCS    := $(CHAIN_TEST_INCS)
bench_chain_hop_LIBS    := chain plugin fake_env common
bench_chain_hop_LDFLAGS := -Wl,--dynamic-list=filterd/chain/sdk.symbols
bench_chain_hop_LDLIBS  := -ljansson
bench_chain_hop_DEPS    := $(patsubst %,$(B)/filters/passthru%.so,$(addprefix _,$(PASSTHRU_CLASSES))) $(B)/filters/passthru.so

# Their sources stand with the other unit tests.
TESTS += test_hist test_plugin_check test_plugin_load
test_hist_SRCS := tests/unit/test_hist.c
test_hist_INCS := common
test_hist_LIBS := common
test_hist_PKGS := cmocka
test_hist_LDLIBS := -ljansson

test_plugin_check_SRCS := tests/unit/test_plugin_check.c
test_plugin_check_INCS := $(CHAIN_TEST_INCS)
test_plugin_check_LIBS := plugin common
test_plugin_check_PKGS := cmocka
test_plugin_check_LDLIBS := -ljansson

# Needs the chain's sluice_*(): filters are bound completely when loaded.
test_plugin_load_SRCS := tests/unit/test_plugin_load.c tests/chain/rig.c
test_plugin_load_INCS := $(CHAIN_TEST_INCS)
test_plugin_load_LIBS := chain plugin fake_env common
test_plugin_load_PKGS := cmocka
test_plugin_load_LDFLAGS := -Wl,--dynamic-list=filterd/chain/sdk.symbols
test_plugin_load_LDLIBS := -ljansson
test_plugin_load_DEPS := $(CHAIN_PLUGINS) $(patsubst %,$(B)/tests/bad/%.so,abi entry symbol null)

# A filter with a group, for test_chain_group_plugin and the integration tests.
PLUGINS += group_probe
group_probe_SRCS := tests/lib/group_probe.c
group_probe_INCS := include
group_probe_OUT  := tests/plugins/group_probe.so
test_chain_group_plugin_DEPS += $(B)/tests/plugins/group_probe.so

# $(1) name, $(2) its fault
define bad_plugin
PLUGINS += bad_plugin_$(1)
bad_plugin_$(1)_SRCS   := tests/unit/bad_plugin.c
bad_plugin_$(1)_INCS   := include
bad_plugin_$(1)_OUT    := tests/bad/$(1).so
bad_plugin_$(1)_CFLAGS := $(2)
endef
$(eval $(call bad_plugin,abi,-DBAD_ABI=5 -DBAD_ENTRY=0 -DBAD_SYMBOL=0 -DBAD_NULL=0))
$(eval $(call bad_plugin,entry,-DBAD_ABI=0 -DBAD_ENTRY=1 -DBAD_SYMBOL=0 -DBAD_NULL=0))
$(eval $(call bad_plugin,symbol,-DBAD_ABI=0 -DBAD_ENTRY=0 -DBAD_SYMBOL=1 -DBAD_NULL=0))
$(eval $(call bad_plugin,null,-DBAD_ABI=0 -DBAD_ENTRY=0 -DBAD_SYMBOL=0 -DBAD_NULL=1))

# A filter that settles and takes commands, for the integration tests.
PLUGINS += settle_probe
settle_probe_SRCS := tests/lib/settle_probe.c
settle_probe_INCS := include
settle_probe_OUT  := tests/plugins/settle_probe.so
test_plugin_load_DEPS += $(B)/tests/plugins/settle_probe.so # built with the tests

# Holds what the appliance does in the background, and stands before a filter to let its events fail; for the integration tests.
PLUGINS += turn_probe fault_wrap
turn_probe_SRCS := tests/lib/turn_probe.c
turn_probe_INCS := include
turn_probe_OUT  := tests/plugins/turn_probe.so
fault_wrap_SRCS := tests/lib/fault_wrap.c
fault_wrap_INCS := include
fault_wrap_OUT  := tests/plugins/fault_wrap.so
test_plugin_load_DEPS += $(B)/tests/plugins/turn_probe.so $(B)/tests/plugins/fault_wrap.so # built with the tests
