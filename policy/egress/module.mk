# SPDX-License-Identifier: MIT
# sluice-egressd: the one process that connects to the outside, on policyd's behalf.
PROGS += sluice-egressd
sluice-egressd_SRCS := $(wildcard policy/egress/*.c)
sluice-egressd_INCS := policy/egress include common common/ctl common/net
sluice-egressd_LIBS := net ctl common
sluice-egressd_PKGS := jansson libcurl libseccomp libsystemd

TESTS += test_egress_address test_egress_allow
test_egress_address_SRCS := tests/unit/test_egress_address.c policy/egress/address.c
test_egress_address_INCS := policy/egress common
test_egress_address_LIBS := common
test_egress_address_PKGS := cmocka
test_egress_allow_SRCS := tests/unit/test_egress_allow.c policy/egress/allow.c
test_egress_allow_INCS := policy/egress common
test_egress_allow_LIBS := common
test_egress_allow_PKGS := cmocka libcurl jansson
