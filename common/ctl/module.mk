# SPDX-License-Identifier: MIT
# The control protocol: frames, server, client. Of filterd and egressd, whoever speaks it.
LIBS += ctl
ctl_SRCS := $(wildcard common/ctl/*.c)
ctl_INCS := include common common/ctl
ctl_PKGS := jansson

TESTS += test_ctl_server test_parse
test_ctl_server_SRCS := tests/unit/test_ctl_server.c
test_ctl_server_INCS := include common common/ctl
test_ctl_server_LIBS := ctl common
test_ctl_server_PKGS := jansson cmocka
test_parse_SRCS := tests/unit/test_parse.c
test_parse_INCS := common
test_parse_LIBS := common
test_parse_PKGS := cmocka
