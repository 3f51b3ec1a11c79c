# SPDX-License-Identifier: MIT
# sluice-filterd: the watching parent and the serving child. Filters find the SDK's symbols in it.
PROGS += sluice-filterd
sluice-filterd_SRCS := $(wildcard filterd/*.c)
sluice-filterd_INCS := filterd include common filterd/env filterd/backend filterd/chain filterd/plugin filterd/ring \
	filterd/scsi filterd/volume filterd/ctl
sluice-filterd_LIBS := volume ring_server scsi chain plugin backend ctl env common
sluice-filterd_PKGS := jansson libsystemd liburing
sluice-filterd_LDFLAGS := -Wl,--dynamic-list=filterd/chain/sdk.symbols
sluice-filterd_LDLIBS := -ldl

TESTS += test_supervise
test_supervise_SRCS := tests/unit/test_supervise.c filterd/supervise.c
test_supervise_INCS := filterd include common
test_supervise_PKGS := cmocka
