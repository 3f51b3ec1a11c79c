# SPDX-License-Identifier: MIT
LIBS += env
env_SRCS := $(wildcard filterd/env/*.c)
env_INCS := common filterd/env
env_PKGS := liburing

env_TESTS := test_env_timers test_env_posts test_env_io test_env_open test_env_watch test_fd
TESTS += $(env_TESTS)
define env_test
$(1)_SRCS := tests/unit/$(1).c tests/unit/backend_rig.c
$(1)_INCS := include common filterd/env filterd/backend tests/unit
$(1)_LIBS := env common
$(1)_PKGS := cmocka liburing jansson
endef
$(foreach t,$(env_TESTS),$(eval $(call env_test,$(t))))
