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
