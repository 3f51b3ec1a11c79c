# SPDX-License-Identifier: MIT
PROGS += sluice-filterctl
sluice-filterctl_SRCS := $(wildcard filterd/ctl/filterctl*.c)
sluice-filterctl_INCS := include common common/ctl filterd/ctl
sluice-filterctl_LIBS := ctl common
sluice-filterctl_PKGS := jansson
