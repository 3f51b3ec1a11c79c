# SPDX-License-Identifier: MIT
# sluice-filterd: the watching parent and the serving child. Filters find the SDK's symbols in it.
PROGS += sluice-filterd
sluice-filterd_SRCS := $(wildcard filterd/*.c)
sluice-filterd_INCS := filterd include common filterd/env filterd/backend filterd/chain filterd/plugin filterd/ring \
	filterd/scsi filterd/volume filterd/layer filterd/net filterd/ctl common/ctl
sluice-filterd_LIBS := volume plan ring_server scsi chain peernet plugin log layer backend ctl env common
sluice-filterd_PKGS := jansson libsystemd liburing libssl libcrypto
sluice-filterd_LDFLAGS := -Wl,--dynamic-list=filterd/chain/sdk.symbols
sluice-filterd_LDLIBS := -ldl

TESTS += test_supervise
test_supervise_SRCS := tests/unit/test_supervise.c filterd/supervise.c
test_supervise_INCS := filterd include common
test_supervise_PKGS := cmocka

TESTS += test_run_lock
test_run_lock_SRCS := tests/unit/test_run_lock.c filterd/run_lock.c
test_run_lock_INCS := filterd common
test_run_lock_LIBS := common
test_run_lock_PKGS := cmocka

TESTS += test_ring_listener
test_ring_listener_SRCS := tests/unit/test_ring_listener.c filterd/ring_listener.c
test_ring_listener_INCS := $(sluice-filterd_INCS)
test_ring_listener_LIBS := ring_server common
test_ring_listener_PKGS := cmocka jansson

TESTS += test_manager_save
test_manager_save_SRCS := tests/unit/test_manager_save.c filterd/manager_save.c filterd/errand.c
test_manager_save_INCS := $(sluice-filterd_INCS)
test_manager_save_LIBS := common
test_manager_save_PKGS := cmocka jansson

TESTS += test_space
test_space_SRCS := tests/unit/test_space.c filterd/space.c filterd/usage.c
test_space_INCS := filterd common filterd/env tests/lib
test_space_LIBS := fake_env common
test_space_PKGS := cmocka

TESTS += test_usage
test_usage_SRCS := tests/unit/test_usage.c filterd/usage.c
test_usage_INCS := filterd common
test_usage_LIBS := common
test_usage_PKGS := cmocka

TESTS += test_identity
test_identity_SRCS := tests/unit/test_identity.c filterd/identity.c
test_identity_INCS := filterd common
test_identity_LIBS := common
test_identity_PKGS := cmocka jansson

TESTS += test_keyring
test_keyring_SRCS := tests/unit/test_keyring.c filterd/keyring.c
test_keyring_INCS := filterd common
test_keyring_LIBS := common
test_keyring_PKGS := cmocka
