# SPDX-License-Identifier: MIT
# What the daemons on a network share: libcurl on the event loop, giving up rights after start, and the watchdog.
LIBS += net
net_SRCS := $(wildcard common/net/*.c)
net_INCS := common common/net
net_PKGS := libcurl libseccomp libsystemd
