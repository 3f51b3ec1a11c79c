# SPDX-License-Identifier: MIT
# plan: what is to be served, as JSON and on disk; filters' records. Needs nothing that serves.
LIBS += plan
plan_SRCS := $(wildcard filterd/volume/plan*.c) filterd/volume/store.c $(wildcard filterd/volume/sidecar*.c)
plan_INCS := include common filterd/env filterd/backend filterd/chain filterd/volume
plan_PKGS := jansson

# volume: rings, logical unit and chain tied together, and a volume's life. The simulator links serve*.
LIBS += volume
volume_SRCS := $(filter-out $(plan_SRCS),$(wildcard filterd/volume/*.c))
volume_INCS := include common filterd/env filterd/backend filterd/chain filterd/plugin filterd/ring filterd/scsi \
	filterd/volume filterd/layer
volume_PKGS := jansson

TESTS += test_ring_set test_volume_plan test_volume_plan_folder test_volume_plan_groups test_volume_serve test_volume_states test_volume_settle \
	test_volume_filters_life test_volume_peers test_volume_snapshot test_sidecar
define volume_plan_test
$(1)_SRCS := tests/unit/$(1).c
$(1)_INCS := $(plan_INCS)
$(1)_LIBS := plan backend env common
$(1)_PKGS := jansson cmocka liburing
endef
$(foreach t,test_volume_plan test_volume_plan_folder test_volume_plan_groups test_sidecar,$(eval $(call volume_plan_test,$(t))))

# A volume between a ring that the test plays and a backend that the test controls.
define volume_rig_test
$(1)_SRCS := tests/unit/$(1).c tests/unit/volume_rig.c $(2)
$(1)_INCS := $(volume_INCS) tests/lib tests/unit
$(1)_LIBS := volume plan ring_server scsi chain plugin layer backend fake_env common
$(1)_PKGS := jansson cmocka
$(1)_LDLIBS := -ldl
endef
$(foreach t,test_ring_set test_volume_serve test_volume_states test_volume_peers,$(eval $(call volume_rig_test,$(t))))
$(foreach t,test_volume_settle test_volume_filters_life test_volume_snapshot,$(eval $(call volume_rig_test,$(t),tests/unit/keeping_rig.c)))
