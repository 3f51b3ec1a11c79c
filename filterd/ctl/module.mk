# SPDX-License-Identifier: MIT
LIBS += ctl
ctl_SRCS := filterd/ctl/ctl_frame.c filterd/ctl/ctl_server.c
ctl_INCS := include common filterd/ctl
ctl_PKGS := jansson

PROGS += sluice-filterctl
sluice-filterctl_SRCS := $(wildcard filterd/ctl/filterctl*.c)
sluice-filterctl_INCS := include common filterd/ctl
sluice-filterctl_LIBS := ctl common
sluice-filterctl_PKGS := jansson

TESTS += test_ctl_server test_parse
test_ctl_server_SRCS := tests/unit/test_ctl_server.c
test_ctl_server_INCS := include common filterd/ctl
test_ctl_server_LIBS := ctl common
test_ctl_server_PKGS := jansson cmocka
test_parse_SRCS := tests/unit/test_parse.c
test_parse_INCS := common
test_parse_LIBS := common
test_parse_PKGS := cmocka
