# SPDX-License-Identifier: MIT
LIBS += backend
backend_SRCS := $(wildcard filterd/backend/*.c)
backend_INCS := include common filterd/env filterd/backend

backend_TESTS := test_backend_commit test_backend_model test_backend_faults test_backend_open test_backend_block
TESTS += $(backend_TESTS)
define backend_test
$(1)_SRCS := tests/unit/$(1).c tests/unit/backend_rig.c tests/unit/backend_model.c tests/unit/fake_disk.c
$(1)_INCS := include common filterd/env filterd/backend tests/unit
$(1)_LIBS := backend env common
$(1)_PKGS := cmocka liburing jansson
endef
$(foreach t,$(backend_TESTS),$(eval $(call backend_test,$(t))))

TESTS += test_backend_mem_full
test_backend_mem_full_SRCS := tests/unit/test_backend_mem_full.c
test_backend_mem_full_INCS := $(backend_INCS)
test_backend_mem_full_LIBS := backend env common
test_backend_mem_full_PKGS := cmocka liburing

TESTS += test_backend_slow
test_backend_slow_SRCS := tests/unit/test_backend_slow.c
test_backend_slow_INCS := $(backend_INCS) tests/lib
test_backend_slow_LIBS := backend fake_env common
test_backend_slow_PKGS := cmocka jansson

PROGS += bench_backend
bench_backend_SRCS := tests/perf/bench_backend.c
bench_backend_INCS := include common filterd/env filterd/backend
bench_backend_LIBS := backend env common
bench_backend_PKGS := liburing jansson
