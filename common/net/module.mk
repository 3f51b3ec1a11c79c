# SPDX-License-Identifier: MIT
# What the daemons on a network share: libcurl on the event loop, and giving up rights after start.
LIBS += net
net_SRCS := $(wildcard common/net/*.c)
net_INCS := common common/net
net_PKGS := libcurl libseccomp
