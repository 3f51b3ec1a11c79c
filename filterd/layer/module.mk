# SPDX-License-Identifier: MIT
# Volumes with snapshots. It sees include/sluice, common, env and backend.
LIBS += layer
layer_SRCS := $(wildcard filterd/layer/*.c)
layer_INCS := include common filterd/env filterd/backend filterd/layer
layer_PKGS := jansson

layer_TESTS := test_layer_merge test_layer_pace test_layer_repair test_layer_turns
TESTS += $(layer_TESTS)
define layer_test
$(1)_SRCS := tests/unit/$(1).c tests/unit/layer_rig.c tests/unit/layer_rig_faults.c tests/unit/backend_rig.c
$(1)_INCS := $(layer_INCS) tests/unit
$(1)_LIBS := layer backend env common
$(1)_PKGS := cmocka liburing jansson
endef
$(foreach t,$(layer_TESTS),$(eval $(call layer_test,$(t))))
