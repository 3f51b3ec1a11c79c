# SPDX-License-Identifier: MIT
# The pure part: scheduler and controller take the time as an argument and know nothing of the SDK.
# The plug-in, the simulator and the tests link these very objects.
IO_CONTROL := filterd/filters/io_control

LIBS += io_control_core
io_control_core_SRCS := $(wildcard $(patsubst %,$(IO_CONTROL)/%.c,mclock* control latency window threshold external capacity))
io_control_core_INCS := $(IO_CONTROL)

# Their sources stand with the other unit tests.
MCLOCK_TESTS := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_mclock_*.c))
define mclock_test
TESTS += $(1)
$(1)_SRCS := tests/unit/$(1).c tests/unit/mclock_rig.c tests/unit/mclock_model.c
$(1)_INCS := $(IO_CONTROL) tests/unit
$(1)_LIBS := io_control_core
$(1)_PKGS := cmocka
endef
$(foreach t,$(MCLOCK_TESTS),$(eval $(call mclock_test,$(t))))

PROGS += bench_mclock
bench_mclock_SRCS := tests/perf/bench_mclock.c
bench_mclock_INCS := $(IO_CONTROL) common
bench_mclock_LIBS := io_control_core common
bench_mclock_LDLIBS := -ljansson

# The plug-in: the pure part, and what ties it to the SDK.
PLUGINS += filter_io_control
filter_io_control_SRCS    := $(addprefix $(IO_CONTROL)/,io_control.c group.c volume.c settings.c status.c)
filter_io_control_INCS    := include $(IO_CONTROL)
filter_io_control_LIBS    := io_control_core
filter_io_control_LDFLAGS := -Wl,--exclude-libs,ALL
filter_io_control_OUT     := filters/io_control.so

# Many volumes of one datastore under the plug-in itself, on a virtual clock.
define io_control_test
TESTS += $(1)
$(1)_SRCS    := tests/unit/$(1).c tests/unit/io_control_rig.c
$(1)_INCS    := include common filterd/env filterd/backend filterd/chain filterd/plugin tests/lib tests/unit
$(1)_LIBS    := chain plugin backend fake_env common
$(1)_PKGS    := cmocka jansson
$(1)_LDFLAGS := -Wl,--dynamic-list=filterd/chain/sdk.symbols
$(1)_DEPS    := $(B)/filters/io_control.so
endef
$(foreach t,$(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_io_control_*.c)),$(eval $(call io_control_test,$(t))))

PROGS += bench_io_control_hop
bench_io_control_hop_SRCS    := tests/perf/bench_io_control_hop.c
bench_io_control_hop_INCS    := include common filterd/env filterd/backend filterd/chain filterd/plugin tests/lib
bench_io_control_hop_LIBS    := chain plugin fake_env common
bench_io_control_hop_LDFLAGS := -Wl,--dynamic-list=filterd/chain/sdk.symbols
bench_io_control_hop_LDLIBS  := -ljansson
bench_io_control_hop_DEPS    := $(B)/filters/io_control.so
# This one takes the plug-in's files in.
test_io_control_no_memory_INCS := $(IO_CONTROL) $(test_io_control_no_memory_INCS)
test_io_control_no_memory_SRCS += $(addprefix $(IO_CONTROL)/,settings.c status.c)
test_io_control_no_memory_LIBS := io_control_core $(test_io_control_no_memory_LIBS)
